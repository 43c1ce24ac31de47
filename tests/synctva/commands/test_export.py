"""`synctva export`; the export itself is tested in tests/synctva/export/."""

import pytest

from synctva import SyncTVAForEmotionRecognition, SyncTVAProcessor
from synctva.commands import export
from tests.support.toy import WIDTHS, toy_config, toy_model


@pytest.fixture
def folder(tmp_path):
    """A model folder."""
    toy_model(num_hidden_layers=1).save_pretrained(tmp_path / "model")
    widths = {f"{name}_dim": width for name, width in WIDTHS.items()}
    SyncTVAProcessor(**widths).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_model_that_reads_tokens_is_refused(folder, toy_encoder_folder, tmp_path):
    config = toy_config(text_backbone=str(toy_encoder_folder), text_dim=16)
    SyncTVAForEmotionRecognition(config).save_pretrained(folder)
    output = tmp_path / "model.onnx"
    with pytest.raises(SystemExit, match=r"text_backbone|expected 2\.13"):
        export.main(["--model", str(folder), "--output", str(output)])
    assert not output.exists()


@pytest.mark.parametrize("difference", [1e-3, float("nan")])
def test_a_file_that_differs_is_an_error(folder, tmp_path, monkeypatch, difference):
    output = tmp_path / "model.onnx"
    output.write_bytes(b"")
    monkeypatch.setattr(export, "export_onnx", lambda model, path, processor: path)
    monkeypatch.setattr(export, "largest_difference", lambda *_: difference)
    with pytest.raises(SystemExit, match=r"expected at most 0\.0001"):
        export.main(["--model", str(folder), "--output", str(output)])


@pytest.mark.slow
def test_both_files_are_written_and_compared(folder, tmp_path, capsys):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    output = tmp_path / "model.onnx"
    export.main(["--model", str(folder), "--output", str(output), "--quantize"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{output}: ")
    assert lines[1].startswith(f"{tmp_path / 'model-int8.onnx'}: ")
    assert len(lines) == 2
