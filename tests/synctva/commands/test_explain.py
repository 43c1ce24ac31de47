"""`synctva explain` on a toy checkpoint."""

import json

import pytest
import torch

from synctva import SyncTVAForEmotionRecognition, SyncTVAProcessor
from synctva.commands.explain import main
from tests.support.toy import WIDTHS, toy_config


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    SyncTVAForEmotionRecognition(toy_config()).save_pretrained(folder)
    widths = {f"{name}_dim": width for name, width in WIDTHS.items()}
    SyncTVAProcessor(**widths).save_pretrained(folder)
    conversation = [
        {"speaker": "Ann", "text_features": [0.1] * WIDTHS["text"]},
        {
            "speaker": "Bo",
            "audio_features": [0.2] * WIDTHS["audio"],
            "visual_features": [0.0] * WIDTHS["visual"],
        },
    ]
    file = folder / "conversation.json"
    file.write_text(json.dumps(conversation))
    return ["--model", str(folder), "--file", str(file)]


def test_prints_a_table_and_saves_plots(options, tmp_path, capsys):
    plots = tmp_path / "new" / "plots"
    main([*options, "--utterance", "1", "--edges", "3", "--plots", str(plots)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("utterance 1: ")
    assert [line.split()[0] for line in lines[3:6]] == ["text", "visual", "audio"]
    assert lines[3].endswith("missing")
    assert len(lines) == 8 + 3
    assert {path.name for path in plots.iterdir()} == {"shapley.png", "attention.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots.iterdir())


def test_prints_json(options, capsys):
    main([*options, "--utterance", "0", "--label", "cross", "--json"])
    explanation = json.loads(capsys.readouterr().out)
    assert explanation["label"] == "cross"
    assert explanation["shapley"].keys() == WIDTHS.keys()


def test_a_missing_utterance_is_named(options):
    with pytest.raises(SystemExit, match="utterance = 2: expected 0 to 1"):
        main([*options, "--utterance", "2"])
