"""What can be read is answered, whatever stands beside it."""

from pathlib import Path

import pytest
from transformers import pipeline

from synctva import SYNCTVA_MELD
from synctva.answering import answer_each, failures
from tests.support.media_files import clip


@pytest.fixture(scope="module")
def recognise():
    return pipeline("emotion-recognition", model=SYNCTVA_MELD)


@pytest.fixture(autouse=True)
def clips(tmp_path, monkeypatch):
    """Two sounds, a video without sound, and files that cannot be read."""
    monkeypatch.chdir(tmp_path)
    for name in ("one.wav", "two.wav"):
        Path(name).write_bytes(clip("wav", None, "pcm_s16le"))
    Path("mute.mp4").write_bytes(clip("mp4", "libx264", None))
    Path("broken.wav").write_bytes(b"RIFF")
    Path("empty.mp4").touch()


BROKEN = {
    "damaged": {"audio": "broken.wav"},
    "empty": {"video": "empty.mp4"},
    "missing": {"audio": "nowhere.wav"},
    "folder": {"video": "."},
    "after its end": {"audio": "one.wav", "start": 50.0, "end": 60.0},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_the_others_are_answered_as_if_it_were_silent(broken, recognise):
    one, two = {"audio": "one.wav"}, {"video": "two.wav", "speaker": "Ann"}
    (found,) = answer_each(recognise, [[one, broken, two]])
    silent = recognise([one, {"text": ""}, two])
    assert (found[0], found[2]) == (silent[0], silent[2])
    assert found[1].keys() == {"error"}
    assert failures([found]) == [f"conversation 0, utterance 1: {found[1]['error']}"]
    with pytest.raises(ValueError, match=r"^conversation 0, utterance 1: ") as error:
        list(answer_each(recognise, [[one, broken, two]], strict=True))
    assert str(error.value).endswith(found[1]["error"])


def test_a_text_beside_an_unreadable_recording_is_read(recognise):
    (found,) = answer_each(recognise, [[{"text": "I won!", "audio": "broken.wav"}, "Great!"]])
    alone = recognise(["I won!", "Great!"])
    assert [a["label"] for a in found] == [a["label"] for a in alone]
    assert "broken.wav: cannot be read" in found[0]["cautions"][-1]
    assert found[1] == alone[1]
    assert failures([found]) == []


def test_the_wrong_recording_beside_texts_is_said(recognise, caplog):
    late = [
        {"text": "I won!", "audio": "one.wav", "start": 50.0 + t, "end": 51.0 + t} for t in (0, 2)
    ]
    list(answer_each(recognise, [["Hi!", *late]]))
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "conversation 0, utterance 1 and 1 more: only the text is read, because of the recording: "
        "one.wav: start = 50.0 s: expected less than"
    )


def test_what_can_be_read_gets_the_answers_of_the_pipeline(recognise):
    conversation = [
        {"video": "mute.mp4", "text": "Oh no.", "start": "0.1", "end": 0.5},
        ("Bo", "Why?"),
        {"audio": "one.wav", "start": 0.2},
        "Hm.",
        {"video": "mute.mp4"},
    ]
    several = [conversation, conversation[:2]]
    chosen = {"top_k": None, "calibrate": False, "prediction_set": 0.8}
    assert list(answer_each(recognise, several, **chosen)) == recognise(several, **chosen)


WRONG = {
    "unknown field": [{"smell": 1}],
    "wrong type": [{"text": 1.5}, "Hi!"],
    "wrong width": ["Hi!", {"audio_features": [1.0, 2.0]}],
    "nothing": [{"text": " "}],
    "only unreadable": [{"audio": "broken.wav"}, {"audio": "nowhere.wav"}],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_conversation_that_cannot_be_read_does_not_stop_the_others(wrong, recognise):
    found = list(answer_each(recognise, [["Hi!"], wrong, ["Oh no."]]))
    assert [found[0], found[2]] == recognise([["Hi!"], ["Oh no."]], batch_size=1)
    assert [answer.keys() for answer in found[1]] == [{"error"}] * len(wrong)
    lines = failures(found)
    assert lines and all(line.startswith("conversation 1") for line in lines)
    with pytest.raises(ValueError, match=r"^conversation 1"):
        list(answer_each(recognise, [["Hi!"], wrong, ["Oh no."]], strict=True))


def test_wrong_parameters_concern_all(recognise):
    with pytest.raises(ValueError, match="prediction_set = 2"):
        list(answer_each(recognise, [["Hi!"]], prediction_set=2))
    with pytest.raises(TypeError, match="unknown arguments"):
        list(answer_each(recognise, [["Hi!"]], coverage=0.9))
