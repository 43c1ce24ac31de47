"""`synctva predict` from features, clips and text."""

import json
import re

from synctva.commands import predict
from tests.support.media_files import clip


def test_features_from_a_file(simulated, tmp_path, capsys):
    conversation = [
        {"speaker": "Ann", "text_features": [0.1] * 24},
        {"speaker": "Bo", "audio_features": [0.2] * 12, "visual_features": [0.0] * 16},
    ]
    file = tmp_path / "conversation.json"
    file.write_text(json.dumps(conversation))
    predict.main(["--model", str(simulated), "--file", str(file), "--json"])
    answers = json.loads(capsys.readouterr().out)
    assert [answer["modalities"] for answer in answers] == [["text"], ["visual", "audio"]]
    assert len(answers[0]["scores"]) == 7
    file.write_text(json.dumps([conversation, conversation[:1]]))
    predict.main(["--model", str(simulated), "--file", str(file)])
    lines = capsys.readouterr().out.split("\n\n")
    assert len(lines[0].splitlines()) == 2
    assert answers[0]["label"] in lines[0]

    file.write_text(json.dumps(conversation))
    options = ["--model", str(simulated), "--file", str(file), "--prediction_set", "0.9"]
    predict.main([*options, "--abstain_below", "1"])
    assert re.fullmatch(r"(\(unsure\) +0\.\d{3}  \{.*\}.*\n){2}", capsys.readouterr().out)
    predict.main([*options, "--no-calibrate", "--json"])
    uncalibrated = json.loads(capsys.readouterr().out)
    assert [a["label"] for a in uncalibrated] == [a["label"] for a in answers]
    assert [a["score"] for a in uncalibrated] != [a["score"] for a in answers]
    assert uncalibrated[0]["label"] in uncalibrated[0]["prediction_set"]


def test_clips(tmp_path, capsys):
    turn, mute = tmp_path / "turn.wav", tmp_path / "mute.mp4"
    turn.write_bytes(clip("wav", None, "pcm_s16le"))
    mute.write_bytes(clip("mp4", "libx264", None))
    predict.main(["--clips", str(turn), str(mute), "--json"])
    answers = json.loads(capsys.readouterr().out)
    assert [answer["modalities"] for answer in answers] == [["audio"], []]
    predict.main(["--clips", str(turn)])
    assert str(turn) in capsys.readouterr().out
