"""`synctva calibrate` on a trained folder."""

import csv
import json
import shutil

import pytest
import torch
from datasets import DatasetDict
from transformers import pipeline

from synctva import MODALITIES, SyncTVAForEmotionRecognition, SyncTVAProcessor, write_feature_set
from synctva.commands import calibrate, evaluate, train
from synctva.plots import CALIBRATION_PLOTS
from synctva.results import read_results, write_results
from synctva.trainer.recipes import load_conversations
from tests.support.quick_training import QUICK
from tests.support.toy import toy_config


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


def test_a_folder_without_results_needs_a_data_set(tmp_path):
    with pytest.raises(SystemExit, match=r"has no results.json: expected --dataset"):
        calibrate.main(["--model", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"--model = nowhere: expected a local model folder"):
        calibrate.main(["--model", "nowhere"])


@pytest.fixture
def undivided(tmp_path):
    """A table of twelve conversations, with labels that no model can guess."""
    path = tmp_path / "dev.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["dialogue_id", "utterance_id", "speaker", "text", "emotion", "audio_pitch"]
        )
        for d in range(12):
            for t, word in enumerate(("good", "bad", "day", "no")):
                emotion = ("calm", "glad", "cross")[(d * 5 + t * 7) % 3]
                writer.writerow([d, f"{d}_{t}", "ann", word, emotion, d + t])
    return path


@pytest.fixture
def fine_tuned(tmp_path, toy_text):
    """A model saved in Python, without results.json."""
    folder = tmp_path / "fine-tuned"
    torch.manual_seed(0)
    model = SyncTVAForEmotionRecognition(toy_config(text_dim=16, audio_dim=1))
    model.save_pretrained(folder)
    processor = SyncTVAProcessor(text_dim=16, audio_dim=1, text_encoder=toy_text)
    processor.save_pretrained(folder)
    return folder


def test_a_model_saved_in_python_is_calibrated(fine_tuned, undivided, capsys):
    before = (fine_tuned / "model.safetensors").read_bytes()
    options = ["--dataset", "table", "--data_dir", str(undivided), "--use_cpu"]
    calibrate.main(["--model", str(fine_tuned), *options])
    config = SyncTVAForEmotionRecognition.from_pretrained(fine_tuned).config
    assert config.calibration_temperature != 1 and len(config.conformal_thresholds) == 99
    assert f"temperature {config.calibration_temperature:.3f}; the data has no split test" in (
        capsys.readouterr().out
    )
    assert (fine_tuned / "model.safetensors").read_bytes() == before
    assert not {"results.json", "README.md"} & {path.name for path in fine_tuned.iterdir()}
    recognise = pipeline("emotion-recognition", model=str(fine_tuned))
    assert recognise(["good day"], prediction_set=0.8)[0]["prediction_set"]


def test_too_little_data_stops_with_the_counts_and_changes_nothing(fine_tuned, table, undivided):
    before = (fine_tuned / "config.json").read_bytes()
    lines = undivided.read_text().splitlines(keepends=True)
    undivided.write_text("".join(lines[: 1 + 4 * 9]))
    options = ["--dataset", "table", "--data_dir", str(undivided), "--use_cpu"]
    with pytest.raises(
        ValueError, match=r"errors = \d+ in 36 labelled utterances, conversations = 9"
    ):
        calibrate.main(["--model", str(fine_tuned), *options])
    assert (fine_tuned / "config.json").read_bytes() == before


def test_data_without_dev_is_named(fine_tuned, undivided):
    undivided.rename(undivided.with_name("test.csv"))
    options = ["--dataset", "table", "--data_dir", str(undivided.parent), "--use_cpu"]
    with pytest.raises(ValueError, match="dev"):
        calibrate.main(["--model", str(fine_tuned), *options])


def test_a_new_calibration_without_a_test_split_replaces_the_old_one(simulated, tmp_path, capsys):
    folder = tmp_path / "model"
    shutil.copytree(simulated, folder)
    features = tmp_path / "features"
    dev = load_conversations("simulated", max_train_conversations=1)["dev"]
    write_feature_set(
        DatasetDict({"dev": dev}),
        features,
        encoders=dict.fromkeys(MODALITIES, "drawn"),
        source="simulated",
    )
    options = ["--dataset", "features", "--data_dir", str(features), "--use_cpu"]
    calibrate.main(["--model", str(folder), *options])
    assert "the data has no split test" in capsys.readouterr().out
    assert "calibration" in read_results(simulated)
    assert "calibration" not in read_results(folder)
    measured = (folder / "README.md").read_text().partition("## Calibration")[2]
    assert "It was not measured on a test split.\n\n## How" in measured
    assert not {path.name for path in folder.iterdir()} & set(CALIBRATION_PLOTS)


def test_a_text_backbone_is_calibrated(tmp_path, undivided, toy_encoder_folder, capsys):
    folder = tmp_path / "model"
    options = ["--dataset", "table", "--data_dir", str(undivided), "--output_dir", str(folder)]
    # Of twelve conversations drawn into splits, dev has too few to calibrate on.
    train.main([*options, "--text_backbone", str(toy_encoder_folder), *QUICK])
    assert not SyncTVAForEmotionRecognition.from_pretrained(folder).config.is_calibrated
    assert "calibration" not in read_results(folder)
    other = undivided.with_name("other.csv")
    other.write_text(undivided.read_text() + "\n")  # not the file of the training
    calibrate.main(["--model", str(folder), "--data_dir", str(other), "--use_cpu"])
    assert "calibrated with temperature" in capsys.readouterr().out
    assert SyncTVAForEmotionRecognition.from_pretrained(folder).config.is_calibrated
    # Of results of older versions, where the modalities of such a model were left out:
    write_results(folder, read_results(folder) | {"modalities": []})
    calibrate.main(["--model", str(folder), "--data_dir", str(other), "--use_cpu"])
    evaluate.main(["--model", str(folder), "--data_dir", str(other), "--use_cpu"])
    assert "table, seed 0, text, audio, selected on dev" in capsys.readouterr().out


def test_a_text_backbone_without_its_tokenizer_is_named(tmp_path, undivided, toy_encoder_folder):
    config = toy_config(text_backbone=str(toy_encoder_folder), text_dim=16, audio_dim=1)
    SyncTVAForEmotionRecognition(config).save_pretrained(tmp_path / "model")
    options = ["--dataset", "table", "--data_dir", str(undivided), "--use_cpu"]
    for command in (calibrate, evaluate):
        with pytest.raises(ValueError, match=r"tokenizer = None: expected that of .*toy_encoder"):
            command.main(["--model", str(tmp_path / "model"), *options])
