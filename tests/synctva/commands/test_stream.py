"""`synctva stream`, compared with the pipeline on the whole conversation."""

import io
import json
from pathlib import Path

import pytest
import torch
from transformers import pipeline

from synctva.commands.stream import main
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import toy_config

ROOT = Path(__file__).parents[3]
CONVERSATION = [
    {"text": "hello", "speaker": "ann"},
    "no way !",
    {"speaker": "bo"},
    {"audio_features": [0.5, 1.0], "text": "good day", "speaker": "ann"},
    {"text": " ", "speaker": "bo"},
    {"text": "bad day", "speaker": "bo"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, toy_encoder_spec):
    """A causal model."""
    folder = tmp_path_factory.mktemp("causal")
    windows = ("future_window", "cross_future_window", "fusion_future_window")
    past_only = dict.fromkeys((*windows, "text_context_future"), 0)
    torch.manual_seed(0)
    config = toy_config(text_dim=16, audio_dim=2, causal=True, **past_only)
    SyncTVAForEmotionRecognition(config).save_pretrained(folder)
    SyncTVAProcessor(16, None, 2, text_encoder=toy_encoder_spec).save_pretrained(folder)
    return folder


def as_lines(conversation):
    return "".join(f"{json.dumps(utterance)}\n" for utterance in conversation)


def test_lines_get_the_answers_of_the_whole_conversation(folder, tmp_path, capsys, monkeypatch):
    expected = pipeline("emotion-recognition", model=str(folder))(CONVERSATION, top_k=None)
    file = tmp_path / "talk.jsonl"
    file.write_text(as_lines(CONVERSATION))
    main(["--model", str(folder), "--file", str(file)])
    whole = capsys.readouterr().out
    answers = [json.loads(line) for line in whole.splitlines()]
    for number, (answer, other) in enumerate(zip(answers, expected, strict=True)):
        assert answer.pop("utterance") == number
        assert answer.keys() == other.keys() - {"speaker", "text", "cautions", "precision"}
        for name in ("label", "modalities"):
            assert answer[name] == other[name]
        for name in ("score", "scores", "strengths"):
            assert answer[name] == pytest.approx(other[name], abs=1e-5)

    state = tmp_path / "talk.safetensors"
    for part in (CONVERSATION[:2], CONVERSATION[2:]):
        monkeypatch.setattr("sys.stdin", io.StringIO(as_lines(part)))
        main(["--model", str(folder), "--state", str(state)])
    assert capsys.readouterr().out == whole
    assert set(tmp_path.iterdir()) == {file, state}  # no temporary file


def test_a_bad_line_is_answered_with_the_error(folder, capsys, monkeypatch):
    good = as_lines(CONVERSATION[:2]).splitlines()
    bad = ["{", "7", '{"smell": 1}', '{"audio_features": [1]}', '{"audio": "none.wav"}']
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([good[0], "", *bad, good[1]])))
    main(["--model", str(folder)])
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in answer for answer in answers] == [False, *[True] * len(bad), False]
    assert [answer["utterance"] for answer in answers] == [0, *[1] * len(bad), 1]
    main_line = answers[-1]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(good)))
    main(["--model", str(folder)])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == main_line


def test_a_model_that_looks_ahead_is_refused():
    with pytest.raises(ValueError, match="causal = False"):
        main(["--model", str(ROOT / "synctva-meld")])


def test_a_damaged_state_is_refused(folder, tmp_path):
    state = tmp_path / "talk.safetensors"
    state.write_bytes(b"\x80\x04N.")
    with pytest.raises(
        ValueError, match=r"talk\.safetensors: .*: expected a file that --state has"
    ):
        main(["--model", str(folder), "--state", str(state)])
