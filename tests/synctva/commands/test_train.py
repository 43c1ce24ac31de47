"""`synctva train` end to end on few conversations, its options, and what it refuses."""

import re

import pytest
from datasets import DatasetDict
from transformers import BertModel

from synctva import SyncTVAForEmotionRecognition
from synctva.commands import evaluate, predict, prepare, program, train
from synctva.features.feature_sets import write_feature_set
from synctva.files import only_run
from synctva.results import read_results
from synctva.trainer.recipes import RECIPES, recipe_of
from tests.support.corpora import write_csv
from tests.support.quick_training import QUICK
from tests.support.toy import toy_dataset


def scores(text):
    """Return the lines of a results table that have Sync-TVA's scores."""
    return re.findall(r"^Sync-TVA .*$", text, re.MULTILINE)


def test_leaves_a_model_folder(simulated):
    names = {path.name for path in simulated.iterdir()}
    assert {"config.json", "model.safetensors", "processor_config.json", "README.md"} <= names
    assert not [name for name in names if name.startswith("checkpoint-")]
    results = read_results(simulated)
    assert results["dataset"] == "simulated"
    counts = {"support", "confusion_matrix"}  # of the data and of the model's own answers
    assert results["test"].keys() == results["dev"].keys()
    assert results["bayes_optimal"].keys() == results["test"].keys() - counts
    assert {"no_context", "text_only", "visual_only", "audio_only"} <= results["yardsticks"].keys()
    assert results["strength_auc"].keys() == {"text", "visual", "audio"}
    assert results["of_optimum"] == pytest.approx(
        results["test"]["accuracy"] / results["bayes_optimal"]["accuracy"]
    )
    card = (simulated / "README.md").read_text()
    assert f"{results['test']['accuracy']:.4f}" in card


def test_a_feature_set_is_read_while_training(tmp_path, capsys):
    features, model = str(tmp_path / "features"), str(tmp_path / "model")
    simulator = ["--dataset", "simulated", "--max_train_conversations", "40"]
    prepare.main([*simulator, "--output", features])
    assert "train: 40 conversations" in capsys.readouterr().out
    options = ["--dataset", "features", "--data_dir", features, "--output_dir", model]
    train.main([*options, "--streaming", *QUICK])
    printed = capsys.readouterr().out
    assert read_results(model)["train_conversations"] == 40
    evaluate.main(["--model", model, "--data_dir", features, "--use_cpu"])
    assert scores(capsys.readouterr().out) == scores(printed)


def test_own_table_with_text(table, toy_text, tmp_path, capsys):
    folder = tmp_path / "model"
    options = ["--dataset", "table", "--data_dir", str(table), "--output_dir", str(folder)]
    train.main([*options, *QUICK])
    printed = capsys.readouterr().out
    use = f"Use it: {program()} predict"
    assert printed.strip().splitlines()[-1].startswith(use)
    assert read_results(folder)["modalities"] == ["text", "audio"]
    evaluate.main(["--model", str(folder), "--data_dir", str(table), "--use_cpu"])
    assert scores(capsys.readouterr().out) == scores(printed)
    predict.main(["--model", str(folder), "--text", "good day", "no"])
    answered = capsys.readouterr().out.splitlines()
    assert [line.split()[0] in ("glad", "calm") for line in answered] == [True, True]

    features, streamed = str(tmp_path / "features"), str(tmp_path / "streamed")
    prepare.main(["--dataset", "table", "--data_dir", str(table), "--output", features])
    capsys.readouterr()
    prepared = ["--dataset", "features", "--data_dir", features, "--output_dir", streamed]
    train.main([*prepared, "--streaming", *QUICK])
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith(use)
    predict.main(["--model", streamed, "--text", "good day", "no"])
    assert len(capsys.readouterr().out.splitlines()) == 2

    control = [*options[:-1], str(tmp_path / "control"), "--modalities", "text", *QUICK]
    train.main(control)
    assert read_results(tmp_path / "control")["modalities"] == ["text"]


def test_a_text_backbone_is_trained_end_to_end(table, tmp_path, capsys, toy_encoder_folder):
    folder = tmp_path / "model"
    options = ["--dataset", "table", "--data_dir", str(table), "--output_dir", str(folder)]
    small = ["--per_device_train_batch_size", "2"]  # the first step of a warm-up changes nothing
    train.main([*options, "--text_backbone", str(toy_encoder_folder), *QUICK, *small])
    printed = capsys.readouterr().out
    # The table's loudness is a modality beside the tokens.
    assert read_results(folder)["modalities"] == ["text", "audio"]
    assert "table, seed 0, text, audio, selected on dev\n" in printed
    evaluate.main(["--model", str(folder), "--data_dir", str(table), "--use_cpu"])
    assert scores(capsys.readouterr().out) == scores(printed)
    predict.main(["--model", str(folder), "--text", "good day", "no"])
    assert len(capsys.readouterr().out.splitlines()) == 2
    trained = SyncTVAForEmotionRecognition.from_pretrained(folder).synctva.text_backbone.encoder
    published = BertModel.from_pretrained(toy_encoder_folder)
    for (name, one), other in zip(trained.named_parameters(), published.parameters(), strict=True):
        if "layer.0.attention" in name and "weight" in name:
            change = (one - other).abs().max()
            assert 0 < change < 1e-2, name  # trained, starting from the published weights


def test_an_option_overrides_the_recipe():
    script, training = train.parse_arguments(["--dataset", "meld", "--seed", "4"])
    assert training.output_dir == "runs/meld-seed4"
    assert training.seed == 4
    recipe = RECIPES["meld"].training
    assert training.learning_rate == recipe["learning_rate"]
    _, training = train.parse_arguments(["--dataset", "meld", "--learning_rate", "0.25"])
    assert training.learning_rate == 0.25
    script, training = train.parse_arguments([])
    assert (script.dataset, training.output_dir) == ("simulated", "synctva-simulated")
    assert script.modalities == ["text", "visual", "audio"]


@pytest.mark.parametrize(
    ("source", "recipe"), [("meld", "meld"), ("iemocap", "iemocap"), ("Toy", "features")]
)
def test_a_feature_set_is_trained_by_the_recipe_of_its_source(tmp_path, source, recipe):
    folder = tmp_path / "features"
    data = DatasetDict({"train": toy_dataset(3, 0)})
    encoders = dict.fromkeys(("text", "visual", "audio"), "toy")
    write_feature_set(data, folder, encoders=encoders, source=source)
    options = ["--dataset", "features", "--data_dir", str(folder)]
    _, training = train.parse_arguments(options)
    expected = RECIPES[recipe].training
    assert expected.items() <= vars(training).items()
    assert recipe_of("features", folder) is RECIPES[recipe]
    _, training = train.parse_arguments([*options[:2], "--data_dir", str(tmp_path / "none")])
    assert RECIPES["features"].training.items() <= vars(training).items()


def test_an_unfinished_run_is_not_overwritten(tmp_path):
    checkpoint = tmp_path / "checkpoint-3"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text('{"global_step": 3}')
    with pytest.raises(SystemExit, match="--resume_from_checkpoint last"):
        train.checkpoint_to_resume(train.parse_arguments(["--output_dir", str(tmp_path)])[1])
    options = ["--output_dir", str(tmp_path), "--resume_from_checkpoint", "last"]
    assert train.checkpoint_to_resume(train.parse_arguments(options)[1]) == str(checkpoint)
    anew = train.parse_arguments(["--output_dir", str(tmp_path), "--overwrite_output_dir"])
    assert train.checkpoint_to_resume(anew[1], anew[0].overwrite_output_dir) is None
    options[1] = str(tmp_path / "other")
    assert train.checkpoint_to_resume(train.parse_arguments(options)[1]) is None


@pytest.mark.parametrize("options", [[], ["--resume_from_checkpoint", "last"]])
def test_a_finished_run_is_not_overwritten_unless_asked(options, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    _, training = train.parse_arguments(["--output_dir", str(tmp_path), *options])
    with pytest.raises(SystemExit, match=r"there is a trained model.*--overwrite_output_dir"):
        train.checkpoint_to_resume(training)
    assert train.checkpoint_to_resume(training, overwrite=True) is None


def test_processes_that_are_not_connected_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(
        type(train.parse_arguments(["--output_dir", str(tmp_path)])[1]), "world_size", 1
    )
    with pytest.raises(SystemExit, match="2 processes were launched"):
        train.main(["--output_dir", str(tmp_path)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "meld"], "data_dir is missing"),
        (["--modalities", "smell"], "modalities"),
    ],
)
def test_a_bad_option_is_named(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train.main([*options, "--output_dir", str(tmp_path), *QUICK])


def test_only_a_feature_set_can_be_streamed(tmp_path):
    with pytest.raises(SystemExit, match="--streaming: expected --dataset features"):
        train.main(["--streaming", "--output_dir", str(tmp_path)])


def test_the_folder_of_another_run_is_refused(tmp_path):
    folder = tmp_path / "run"
    with only_run(folder), pytest.raises(RuntimeError, match="being written by another run"):
        train.main(["--output_dir", str(folder), "--use_cpu"])
    assert not folder.exists()


HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]


def sentences(count, start=0):
    """Return rows of conversations of three utterances."""
    return [
        [f"d{d}", t, "ann", f"{word} {d}", "glad" if word == "good" else "calm"]
        for d in range(start, start + count)
        for t, word in enumerate(("good", "bad", "day"))
    ]


def refused_before_embedding(data, match, tmp_path, monkeypatch, *options):
    """Assert that training on a table stops before a text is embedded."""
    monkeypatch.setattr("synctva.trainer.recipes.add_text_features", None)
    with pytest.raises(ValueError, match=match):
        train.main(
            ["--dataset", "table", "--data_dir", str(data), "--output_dir", str(tmp_path / "none"),
             *QUICK, *options]
        )  # fmt: skip


def test_a_folder_in_the_naming_of_datasets(toy_text, tmp_path, monkeypatch, caplog):
    data = tmp_path / "data"
    data.mkdir()
    for index, name in enumerate(("train", "validation", "test", "old")):
        write_csv(data / f"{name}.csv", HEADER, sentences(8, 8 * index))
    options = ["--dataset", "table", "--data_dir", str(data), "--output_dir", str(tmp_path / "m")]
    train.main([*options, *QUICK])
    results = read_results(tmp_path / "m")
    assert results["dev"]["n"] == results["test"]["n"] == 24
    assert f"{data}: not read: old.csv; only files named" in caplog.text
    evaluate.main(["--model", str(tmp_path / "m"), "--data_dir", str(data), "--use_cpu"])
    assert "of train not evaluated" not in caplog.text
    (data / "validation.csv").unlink()
    missing = r"splits of the data = \['train', 'test'\]: expected train and dev; dev can be"
    refused_before_embedding(data, missing, tmp_path, monkeypatch)


def test_clips_that_nobody_extracts_are_named(toy_text, tmp_path, caplog, monkeypatch):
    (tmp_path / "a.wav").touch()
    rows = [[*row, "a.wav"] for row in sentences(6)]
    table = write_csv(tmp_path / "own.csv", [*HEADER, "media_path"], rows)
    options = ["--dataset", "table", "--data_dir", str(table), *QUICK, "--output_dir"]
    train.main([*options, str(tmp_path / "all")])
    assert "18 files in media_path not read for visual and audio features" in caplog.text
    caplog.clear()
    train.main([*options, str(tmp_path / "text"), "--modalities", "text"])
    assert "media_path" not in caplog.text
    silent = [[*row[:3], "", *row[4:]] for row in rows]
    write_csv(table, [*HEADER, "media_path"], silent)
    nothing = "no utterance of train has anything that is read: .* `synctva extract`"
    refused_before_embedding(table, nothing, tmp_path, monkeypatch)
    absolute = [[*row[:5], str(tmp_path / "a.wav")] for row in rows]
    write_csv(table, [*HEADER, "media_path"], absolute)
    refused_before_embedding(table, "leads out of the table's folder", tmp_path, monkeypatch)
    monkeypatch.undo()
    monkeypatch.setattr("synctva.trainer.recipes.MINILM_SPEC", toy_text)
    monkeypatch.setattr("synctva.trainer.preparation.MINILM_SPEC", toy_text)
    train.main([*options, str(tmp_path / "absolute"), "--allow_absolute_paths"])
    train.main([*options, str(tmp_path / "m"), "--media_root", str(tmp_path)])
    written = [path for path in (tmp_path / "m").rglob("*.*") if path.suffix in (".json", ".md")]
    texts = [path.read_text() for path in written]
    assert len(texts) > 3
    assert not any("a.wav" in text for text in texts)


def test_the_weights_of_a_config_are_said_not_to_be_used(table, toy_text, tmp_path, caplog):
    folder = str(tmp_path / "model")
    options = ["--dataset", "table", "--data_dir", str(table), *QUICK]
    train.main([*options, "--output_dir", folder])
    assert "its weights" not in caplog.text
    assert "weights of this model" not in caplog.text
    train.main([*options, "--output_dir", str(tmp_path / "other"), "--config", folder])
    assert f"config = {folder}: only the config is read, and the weights" in caplog.text


def test_texts_of_a_backbone_and_features_of_them_are_not_both_read(
    table, tmp_path, caplog, toy_encoder_folder
):
    rows = [[*row, 1, 2] for row in sentences(10)]
    both = write_csv(tmp_path / "both.csv", [*HEADER, "text_a", "text_b"], rows)
    options = ["--dataset", "table", "--data_dir", str(both), "--output_dir", str(tmp_path / "m")]
    train.main([*options, *QUICK, "--text_backbone", str(toy_encoder_folder)])
    assert "text_features are not read, because an encoder reads the texts" in caplog.text


def test_a_folder_given_to_the_simulator_is_refused(table, tmp_path):
    with pytest.raises(ValueError, match=r"own.csv: expected none, because the simulator draws"):
        train.main(["--data_dir", str(table), "--output_dir", str(tmp_path / "m"), *QUICK])
    paths = ["--dataset", "meld", "--data_dir", str(table.parent), "--media_root", str(tmp_path)]
    with pytest.raises(ValueError, match="media_root is set: expected a table, not"):
        train.main([*paths, "--output_dir", str(tmp_path / "m"), *QUICK])


class FromCheckpoint:
    """A model trained on the table of the fixture, and another table to train it on."""

    def __init__(self, table, folder):
        self.folder, self.parent = folder, folder / "parent"
        options = ["--dataset", "table", "--data_dir", str(table), "--output_dir"]
        train.main([*options, str(self.parent), *QUICK])
        voiced = [[*row, index] for index, row in enumerate(sentences(12))]
        header = [*HEADER, "audio_loudness"]
        self.same = write_csv(folder / "same.csv", header, voiced)
        other = [[*row[:4], "sad", 1] if "day" in row[3] else row for row in voiced]
        self.other = write_csv(folder / "other.csv", header, other)

    def train(self, data, name, *options):
        quick = ["--num_train_epochs", "1", "--use_cpu", "--report_to", "none"]
        output = ["--output_dir", str(self.folder / name), "--model", str(self.parent)]
        train.main(["--dataset", "table", "--data_dir", str(data), *output, *quick, *options])
        return SyncTVAForEmotionRecognition.from_pretrained(self.folder / name)


@pytest.fixture
def from_checkpoint(table, toy_text, tmp_path, monkeypatch):
    prepared = FromCheckpoint(table, tmp_path)
    # From here on, texts must be embedded by the checkpoint's own encoder.
    for module in ("recipes", "preparation"):
        absent = {"name": "absent", "width": 1}
        monkeypatch.setattr(f"synctva.trainer.{module}.MINILM_SPEC", absent)
    return prepared


def test_training_starts_from_a_checkpoint(from_checkpoint, capsys):
    parent = SyncTVAForEmotionRecognition.from_pretrained(from_checkpoint.parent)
    model = from_checkpoint.train(from_checkpoint.same, "child", "--learning_rate", "0")
    for name, weight in parent.state_dict().items():
        assert name == "class_prior" or model.state_dict()[name].equal(weight), name
    child = from_checkpoint.folder / "child"
    written = (from_checkpoint.parent / "processor_config.json").read_text()
    assert (child / "processor_config.json").read_text() == written
    parent_facts = {"name": "parent", "on_hub": False, "frozen": "none", "statistics": "kept"}
    assert read_results(child)["parent"] == parent_facts
    card = (child / "README.md").read_text()
    assert "- Started from `parent`, whose terms" in card and "base_model" not in card
    printed = scores(capsys.readouterr().out)
    evaluate.main(["--model", str(child), "--data_dir", str(from_checkpoint.same), "--use_cpu"])
    assert scores(capsys.readouterr().out) == printed[-2:]


def test_only_the_heads_are_trained_for_other_labels(from_checkpoint):
    parent = SyncTVAForEmotionRecognition.from_pretrained(from_checkpoint.parent).state_dict()
    options = ["--freeze", "all-but-heads", "--refit_statistics", "--learning_rate", "0.1"]
    options += ["--per_device_train_batch_size", "2"]  # the first step of a warm-up changes nothing
    model = from_checkpoint.train(from_checkpoint.other, "child", *options)
    assert model.config.label_names == ["calm", "glad", "sad"]
    moved = {n for n, w in model.state_dict().items() if not w.equal(parent[n])}
    heads = ("class_prior", "classifier", "context_classifier", "synctva.modality_heads")
    statistics = {n for n in moved if n.endswith((".mean", ".deviation"))}
    assert all(name.startswith(heads) for name in moved - statistics)
    assert statistics and "classifier.1.weight" in moved
    facts = read_results(from_checkpoint.folder / "child")["parent"]
    assert (facts["frozen"], facts["statistics"]) == ("all-but-heads", "refitted")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--config", "meld"],
            "config = meld: expected none, because model = .*parent has its own",
        ),
        (["--text_backbone", "bert"], "text_backbone = bert: expected none"),
        (["--config_overrides", "hidden_size=32"], "expected fields that leave the weights"),
        (["--modalities", "visual"], "the model takes no visual: expected some of"),
    ],
)
def test_what_contradicts_a_checkpoint_is_refused(from_checkpoint, options, message):
    with pytest.raises(ValueError, match=message):
        from_checkpoint.train(from_checkpoint.same, "child", *options)


def test_a_stream_is_not_matched_with_a_checkpoint(tmp_path):
    options = ["--dataset", "features", "--streaming", "--model", "synctva-meld"]
    with pytest.raises(SystemExit, match="--streaming: expected no --model"):
        train.main([*options, "--output_dir", str(tmp_path)])


def test_columns_that_a_checkpoint_does_not_read_are_refused(from_checkpoint, tmp_path):
    rows = [[*row, 1] for row in sentences(12)]
    pitched = write_csv(tmp_path / "pitched.csv", [*HEADER, "audio_pitch"], rows)
    lacking = "the data lacks the audio feature .*loudness.*; modalities without audio leave them"
    with pytest.raises(ValueError, match=lacking):
        from_checkpoint.train(pitched, "child")
    model = from_checkpoint.train(pitched, "child", "--modalities", "text")
    assert model.config.audio_dim == 1
