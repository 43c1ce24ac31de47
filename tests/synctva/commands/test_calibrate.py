"""`synctva calibrate` on a trained folder."""

import json
import shutil

import pytest

from synctva import SyncTVAForEmotionRecognition
from synctva.commands import calibrate
from synctva.plots import CALIBRATION_PLOTS
from synctva.results import read_results


def test_does_again_what_training_did(simulated, tmp_path, capsys):
    folder = tmp_path / "model"
    shutil.copytree(simulated, folder)
    trained = read_results(simulated)
    config = SyncTVAForEmotionRecognition.from_pretrained(simulated).config
    assert trained["calibration"]["temperature"] == config.calibration_temperature != 1
    uncalibrated = json.loads((folder / "config.json").read_text())
    del uncalibrated["calibration_temperature"], uncalibrated["conformal_thresholds"]
    (folder / "config.json").write_text(json.dumps(uncalibrated))
    for name in CALIBRATION_PLOTS:
        (folder / name).unlink()

    calibrate.main(["--model", str(folder), "--use_cpu"])
    assert "prediction sets for 90%: " in capsys.readouterr().out
    again = read_results(folder)
    fitted = again.pop("calibration")
    assert fitted.pop("command") == f"synctva calibrate --model {folder.name} --use_cpu"
    assert fitted.keys() - {"commit"} == trained["calibration"].keys()
    assert fitted["temperature"] == pytest.approx(config.calibration_temperature, rel=1e-4)
    assert again == {key: trained[key] for key in again}
    written = SyncTVAForEmotionRecognition.from_pretrained(folder).config
    assert written.conformal_thresholds == pytest.approx(config.conformal_thresholds, abs=1e-4)
    for name in CALIBRATION_PLOTS:
        assert (folder / name).is_file()
    assert (folder / "model.safetensors").read_bytes() == (
        simulated / "model.safetensors"
    ).read_bytes()
    assert (folder / "README.md").read_text().count("## Calibration") == 1


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"has no results.json: expected a folder that"):
        calibrate.main(["--model", str(tmp_path)])
