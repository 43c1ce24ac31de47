"""`synctva explain` on a toy checkpoint."""

import json
import math

import pytest
import torch
from transformers import pipeline

from synctva import SYNCTVA_MELD, SyncTVAForEmotionRecognition, SyncTVAProcessor
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


def test_the_last_utterance_is_minus_one(options, capsys):
    for number in ("1", "-1"):
        main([*options, "--utterance", number, "--json"])
        if number == "1":
            last = capsys.readouterr().out
    assert capsys.readouterr().out == last


def test_a_transcript_is_read(options, tmp_path, capsys):
    file = tmp_path / "talk.srt"
    file.write_text("1\n00:00:00,000 --> 00:00:01,000\nAnn: I won!\n", encoding="utf-8")
    main(["--file", str(file), "--utterance", "0", "--json"])
    explanation = json.loads(capsys.readouterr().out)
    recognise = pipeline("emotion-recognition", model=SYNCTVA_MELD)
    assert explanation["shapley"] == recognise.explain(["I won!"], 0)["shapley"]
    score = recognise(["I won!"])[0]["score"]  # the same probability as that of predict
    assert math.exp(explanation["log_probabilities"][0]["log_probability"]) == pytest.approx(score)


def test_cautions_are_printed(options, tmp_path, capsys):
    file = tmp_path / "voice.json"
    measures = [[0.0] * WIDTHS["text"], None]
    utterances = [{"text_features": measure, "speaker": "Ann"} for measure in measures]
    file.write_text(json.dumps(utterances))
    main([*options[:2], "--file", str(file), "--utterance", "1"])
    assert "nothing of the utterance was read" in capsys.readouterr().out


def test_several_conversations_are_refused(options, tmp_path):
    file = tmp_path / "two.json"
    file.write_text('[["Hi!"], ["Oh no."]]')
    with pytest.raises(SystemExit, match=r"two\.json has 2 conversations: expected one"):
        main([*options[:2], "--file", str(file), "--utterance", "0"])


def test_a_missing_utterance_is_named(options):
    with pytest.raises(SystemExit, match="utterance = 2: expected 0 to 1"):
        main([*options, "--utterance", "2"])
