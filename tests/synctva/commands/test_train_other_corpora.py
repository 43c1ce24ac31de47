"""`synctva train` on corpora of other forms: named columns, MMSA, lists of files, text alone."""

import json

import pytest

from synctva.commands import evaluate, extract, finetune, train
from synctva.datasets_scripts.corpora.labelled_text import dailydialog, emorynlp
from synctva.results import read_results
from tests.support.corpora import write_csv
from tests.support.media_conversations import wav
from tests.support.quick_training import QUICK


@pytest.fixture(autouse=True)
def toy(toy_text):
    """Embed texts with the toy encoder."""


def test_the_columns_of_a_training_are_those_of_its_evaluation(tmp_path, capsys):
    header = ["scene", "who", "said", "emotion", "bright", "split"]
    rows = [
        [f"{split}{d}", "ann", word, "x", str(word != "bad"), split]
        for split, count in (("train", 8), ("dev", 3), ("test", 3))
        for d in range(count)
        for word in ("good", "bad", "day")
    ]
    table, model = write_csv(tmp_path / "own.csv", header, rows), tmp_path / "model"
    data = ["--dataset", "table", "--data_dir", str(table)]
    names = ["--columns", "dialogue_id=scene,speaker=who,text=said", "--label", "bright"]
    train.main([*data, *names, "--output_dir", str(model), *QUICK])
    results = read_results(model)
    assert results["test"]["support"] == {"False": 3, "True": 6}
    options = ["--model", str(model), "--use_cpu", "--json"]
    capsys.readouterr()
    evaluate.main([*options, "--data_dir", str(table)])
    again = json.loads(capsys.readouterr().out)["test"]
    assert again["weighted_f1"] == pytest.approx(results["test"]["weighted_f1"])
    other = [[row[0], row[2], row[4]] for row in rows]
    path = write_csv(tmp_path / "other.csv", ["dialogue_id", "text", "mood"], other)
    evaluate.main([*options, "--data_dir", str(path), "--columns", "text=text", "--label", "mood"])
    assert json.loads(capsys.readouterr().out)["test"]["n"] == len(rows)


def test_finetune_reads_the_columns_too(tmp_path, deep_encoder_folder, monkeypatch):
    rows = [[f"{split}{d}", "Hi.", d % 2, split] for split in ("train", "dev") for d in range(3)]
    table = write_csv(tmp_path / "own.csv", ["scene", "said", "mood", "split"], rows)
    options = [
        "--dataset",
        "table",
        "--data_dir",
        str(table),
        "--encoder",
        str(deep_encoder_folder),
    ]
    options += ["--output_dir", str(tmp_path / "run"), "--label", "mood"]
    read = []
    monkeypatch.setattr(finetune, "Finetuner", lambda encoder, data, *_, **__: read.append(data))
    with pytest.raises(AttributeError):  # there is no tuner
        finetune.main([*options, "--columns", "dialogue_id=scene,text=said"])
    assert read[0]["train"]["texts"][:] == [["Hi."]] * 3
    assert read[0]["train"].features["labels"].feature.names == ["0", "1"]
    with pytest.raises(SystemExit, match="--label = mood: expected emotion, with --annotators"):
        finetune.main([*options, "--annotators", "0.5", "--dataset", "meld"])


@pytest.mark.parametrize(
    "dataset", ["emorynlp", pytest.param("dailydialog", marks=pytest.mark.slow)]
)
def test_text_alone(dataset, tmp_path, capsys):
    labels = {"emorynlp": emorynlp, "dailydialog": dailydialog}[dataset].LABELS
    for split, name in (("train", "train"), ("dev", "valid"), ("test", "test")):
        header = [
            "Utterance",
            "Speaker",
            "Emotion",
            "Scene_ID",
            "Utterance_ID",
            "Season",
            "Episode",
        ]
        rows = [["good day", "['Ann Lee']", label, 1, i, 1, 1] for i, label in enumerate(labels)]
        write_csv(tmp_path / f"emorynlp_{split}_final.csv", header, rows)
        turns = [{"speaker": "A", "utterance": "bad day", "emotion": label} for label in labels]
        (tmp_path / f"dailydialog_{name}.json").write_text(json.dumps({"tr_1": [turns]}))
    model = str(tmp_path / "model")
    options = ["--dataset", dataset, "--data_dir", str(tmp_path)]
    train.main([*options, "--output_dir", model, *QUICK])
    results = read_results(model)
    assert results["modalities"] == ["text"] and results["test"]["n"] == len(labels)
    assert list(results["test"]["per_class_f1"]) == list(labels)
    capsys.readouterr()
    evaluate.main(["--model", model, "--data_dir", str(tmp_path), "--use_cpu", "--json"])
    again = json.loads(capsys.readouterr().out)
    assert again["test"]["n"] == len(labels)


@pytest.mark.slow
def test_a_list_of_files_with_labels(tmp_path):
    """Each file is a conversation of its own, of which only the sound is there."""
    rows = [[f"{i}.wav", ("calm", "glad")[i % 2]] for i in range(20)]
    for name, _ in rows:
        (tmp_path / name).write_bytes(wav())
    table, features = write_csv(tmp_path / "files.csv", ["path", "label"], rows), tmp_path / "made"
    options = ["--dataset", "table", "--data_dir", str(table), "--output", str(features)]
    extract.main([*options, "--audio", "prosody", "--no-visual", "--no-text"])
    model = str(tmp_path / "model")
    train.main(
        ["--dataset", "features", "--data_dir", str(features), "--output_dir", model, *QUICK]
    )
    results = read_results(model)
    assert results["modalities"] == ["audio"]
    assert results["train_conversations"] == 16 and results["test"]["n"] == 2


@pytest.mark.slow
def test_mmsa(tmp_path):
    header = ["video_id", "clip_id", "text", "label", "label_T", "label_A", "label_V"]
    rows = [
        [f"v{v}", clip, word, 0.5, "", "", "", annotation, mode]
        for v, mode in enumerate(["train"] * 6 + ["valid", "test"])
        for clip, (word, annotation) in enumerate((("good", "Positive"), ("bad", "Negative")))
    ]
    write_csv(tmp_path / "label.csv", [*header, "annotation", "mode"], rows)
    model = str(tmp_path / "model")
    options = ["--dataset", "table", "--data_dir", str(tmp_path), "--output_dir", model]
    train.main([*options, *QUICK])
    assert read_results(model)["test"]["support"] == {"Negative": 1, "Positive": 1}
