"""`synctva extract`: a model trained on extracted features also reads the clips."""

import csv
import json

import numpy as np
import pytest
from transformers import AutoProcessor

from synctva.commands import evaluate, extract, predict, train
from synctva.features.feature_sets import load_feature_set, read_schema
from tests.support.media_conversations import HISS, VOICE, face_clip, wav, write_clips
from tests.support.quick_training import QUICK
from tests.support.release_trees import write_meld_recordings


@pytest.fixture(autouse=True)
def toy_text(toy_encoder_spec, monkeypatch, tmp_path):
    monkeypatch.setattr(extract, "MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def table(tmp_path):
    """A table with clips: videos of faces with sound, and sound only."""
    for name in ("happy", "sad"):
        (tmp_path / f"{name}.mp4").write_bytes(face_clip(name))
    (tmp_path / "voice.wav").write_bytes(wav())
    with (tmp_path / "own.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["dialogue_id", "utterance_id", "speaker", "text", "emotion", "split", "media_path"]
        )
        for split in ("train", "dev", "test"):
            turns = (("good", "happy.mp4"), ("", "sad.mp4"), ("day", "voice.wav"))
            for t, (text, clip) in enumerate(turns):
                emotion = "glad" if "happy" in clip else "calm"
                writer.writerow([split, t, "ann", text, emotion, split, clip])
    return tmp_path / "own.csv"


def test_a_model_trained_on_extracted_features_reads_raw_clips(table, tmp_path, capsys):
    features, model = str(tmp_path / "features"), str(tmp_path / "model")
    options = ["--dataset", "table", "--data_dir", str(table), "--output", features]
    extract.main(options)
    printed = capsys.readouterr().out
    assert printed.splitlines()[3:7] == [
        f"text: 6 of 9 utterances ({read_schema(features)['modalities']['text']['encoder']})",
        "visual: 6 of 9 utterances (face-api-expressions, version 1.7.15)",
        "audio: 9 of 9 utterances (prosody+mfcc, version 1)",
        "skipped: 0",
    ]
    command = printed.splitlines()[-1]
    assert command.startswith("Train on it: ")
    train.main([*command.split()[5:], "--output_dir", model, *QUICK])
    capsys.readouterr()

    row = load_feature_set(features, keep_in_memory=True)["test"][0]
    clips = [str(tmp_path / name) for name in ("happy.mp4", "sad.mp4", "voice.wav")]
    turns = [
        {"text": text, "speaker": "ann", "video": path}
        for text, path in zip(row["texts"], clips, strict=True)
    ]
    batch = AutoProcessor.from_pretrained(model)([turns])
    assert batch["modality_mask"][0].tolist() == row["modality_mask"]
    for name, tolerance in (("text", 1e-6), ("visual", 1e-5), ("audio", 0)):
        made, kept = batch[f"{name}_features"][0], row[f"{name}_features"]
        np.testing.assert_allclose(made, np.float32(kept), rtol=0, atol=tolerance, err_msg=name)

    # For other clips, the encoders of this model fill gaps with the means of its training data.
    other = str(tmp_path / "other")
    write_clips(tmp_path / "clips")
    clips = ["--dataset", "clips", "--data_dir", str(tmp_path / "clips"), "--output", other]
    extract.main([*clips, "--model", model, "--no-visual", "--no-text"])
    assert "Read it: synctva.load_feature_set" in capsys.readouterr().out
    one, two = (read_schema(folder)["modalities"] for folder in (features, other))
    assert two == {"audio": one["audio"]}


def test_clips_elsewhere_need_an_option_and_their_paths_stay_here(tmp_path):
    clips, features = tmp_path / "clips", tmp_path / "features"
    clips.mkdir()
    (clips / "a.wav").write_bytes(wav())
    (clips / "broken.wav").write_bytes(b"RIFF")
    header = "dialogue_id,utterance_id,speaker,text,emotion,split,media_path"
    rows = [f"train,{i},ann,good,glad,train,{clips / n}" for i, n in enumerate(("a", "broken"))]
    table = tmp_path / "own.csv"
    table.write_text("\n".join([header, *(f"{row}.wav" for row in rows)]))
    options = ["--dataset", "table", "--data_dir", str(table), "--output", str(features)]
    options += ["--no-visual", "--no-text", "--audio", "prosody"]
    with pytest.raises(ValueError, match=r"leads out of the table's folder: .* --media_root"):
        extract.main(options)
    extract.main([*options, "--media_root", str(clips)])
    schema = read_schema(features)
    assert load_feature_set(features, keep_in_memory=True)["train"][0]["modality_mask"] == [
        [True, False, True], [True, False, False]
    ]  # fmt: skip
    for name in (*schema["files"], "README.md", "feature_set.json"):
        assert str(tmp_path).encode() not in (features / name).read_bytes(), name
    assert str(clips) in (features / "skipped.csv").read_text()  # which is not uploaded
    with pytest.raises(ValueError, match="media_root is set: expected a table, not 'clips'"):
        extract.main(["--dataset", "clips", *options[2:-1], "prosody", "--media_root", str(clips)])


@pytest.mark.slow
def test_one_command_trains_on_the_recordings_of_meld(tmp_path, capsys, caplog, monkeypatch):
    """`synctva train --extract` on generated clips in the layout of MELD.Raw, with its oddities."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # no processes, which start slowly
    turns = [("I passed", "joy"), ("My dog died", "sadness")]
    clips = {
        "joy": face_clip("happy"),
        "sadness": face_clip("sad", VOICE[:, ::-1].copy()),
        "other": face_clip("angry", HISS),
    }
    root = write_meld_recordings(tmp_path / "MELD.Raw", turns, clips)
    features, model = tmp_path / "features", tmp_path / "model"
    command = ["--dataset", "meld", "--data_dir", str(root), "--extract", str(features)]
    train.main([*command, "--output_dir", str(model), *QUICK])

    data = load_feature_set(features, keep_in_memory=True)
    masks = {
        split: {
            name: mask
            for row in rows
            for name, mask in zip(row["utterance_ids"], row["modality_mask"], strict=True)
        }
        for split, rows in data.items()
    }
    without = {
        split: sorted(name for name, mask in own.items() if mask != [True, True, True])
        for split, own in masks.items()
    }
    assert without == {
        "train": ["dia125_utt3", *(f"dia125_utt{i}" for i in range(4, 9)), "dia1_utt0"],
        "dev": ["dia110_utt7"],
        "test": [],
    }
    assert masks["train"]["dia1_utt0"] == [True, False, False]
    with (features / "skipped.csv").open(newline="") as file:
        skipped = list(csv.DictReader(file))
    assert {(row["utterance"], row["modality"]) for row in skipped} == {
        ("dia1_utt0", "audio"),
        ("dia1_utt0", "visual"),
    }
    # The clip that was cut again is read: it has the face and the voice of a joyful clip.
    joyful, recut = data["train"][0], data["test"][0]
    for modality in ("visual", "audio"):
        column = f"{modality}_features"
        np.testing.assert_array_equal(recut[column][0], joyful[column][0])
    processor = AutoProcessor.from_pretrained(model)
    assert all(processor.widths.values()) and processor.text_encoder and processor.audio_encoder

    errors = capsys.readouterr().err
    assert "audio: 15 of 23 utterances" in errors and "skipped: 2" in errors
    evaluate.main(["--model", str(model), "--data_dir", str(features), "--use_cpu", "--json"])
    assert json.loads(capsys.readouterr().out)["test"]["n"] == 4
    folder = root / "test" / "output_repeated_splits_test"
    predict.main(["--model", str(model), "--clips", str(folder / "dia1_utt0.mp4"), "--json"])
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["modalities"] == ["visual", "audio"]

    train.main([*command, "--output_dir", str(tmp_path / "again"), "--seed", "1", *QUICK])
    assert (
        "are used, with the labels neutral, surprise, fear, sadness, joy, disgust, anger; --da"
        in (caplog.text)
    )
    other = ["--dataset", "table", "--data_dir", str(root), "--extract", str(features)]
    with pytest.raises(ValueError, match="there are features of meld: expected those of table, or"):
        train.main([*other, "--output_dir", str(tmp_path / "other"), *QUICK])
