"""The examples end to end, on few conversations."""

import csv
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from datasets import DatasetDict
from transformers import BertModel

from synctva import SyncTVAForEmotionRecognition
from synctva.commands import calibrate, evaluate, finetune, predict, prepare, train
from synctva.features.feature_sets import load_feature_set, write_feature_set
from synctva.plots import CALIBRATION_PLOTS
from synctva.results import read_results
from tests.support.media_files import clip
from tests.support.pickle_forms import in_order, toy_members, write_pickle
from tests.support.toy import toy_dataset

TOY = "hidden_size=16,intermediate_size=16,num_attention_heads=2,num_hidden_layers=1,value_rank=2"
QUICK = ["--num_train_epochs", "1", "--config_overrides", TOY, "--use_cpu", "--report_to", "none"]


def numbers(text):
    """The lines of the results table that name Sync-TVA's scores."""
    return re.findall(r"^Sync-TVA .*$", text, re.MULTILINE)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples") / "synctva-simulated"
    train.main(["--max_train_conversations", "40", "--output_dir", str(folder), *QUICK])
    return folder


def test_train_leaves_a_model_folder(simulated, capsys):
    names = {path.name for path in simulated.iterdir()}
    assert {"config.json", "model.safetensors", "processor_config.json", "README.md"} <= names
    assert not [name for name in names if name.startswith("checkpoint-")]
    results = read_results(simulated)
    assert results["dataset"] == "simulated"
    assert results["bayes_optimal"].keys() == results["test"].keys() == results["dev"].keys()
    assert {"no_context", "text_only", "visual_only", "audio_only"} <= results["yardsticks"].keys()
    assert results["strength_auc"].keys() == {"text", "visual", "audio"}
    assert results["of_optimum"] == pytest.approx(
        results["test"]["accuracy"] / results["bayes_optimal"]["accuracy"]
    )
    card = (simulated / "README.md").read_text()
    assert f"{results['test']['accuracy']:.4f}" in card


def test_evaluate_prints_the_same_numbers(simulated, capsys, tmp_path):
    evaluate.main(["--model", str(simulated), "--use_cpu", "--output_dir", str(tmp_path)])
    again, before = read_results(tmp_path), read_results(simulated)
    for key in ("dev", "test", "majority", "bayes_optimal", "strength_auc"):
        by_class, other = (part.pop("per_class_f1", {}) for part in (again[key], before[key]))
        assert by_class == pytest.approx(other), key
        assert again[key] == pytest.approx(before[key], rel=1e-6), key
    printed = numbers(capsys.readouterr().out)
    assert len(printed) == 2
    assert f"{before['test']['weighted_f1']:.4f}" in printed[1]


def test_train_calibrates_and_calibrate_does_so_again(simulated, tmp_path, capsys):
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
    with pytest.raises(SystemExit, match=r"has no results.json: expected a folder of"):
        calibrate.main(["--model", str(tmp_path)])


def test_predict_reads_features_from_a_file(simulated, tmp_path, capsys):
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


def test_predict_reads_clips(tmp_path, capsys):
    turn, mute = tmp_path / "turn.wav", tmp_path / "mute.mp4"
    turn.write_bytes(clip("wav", None, "pcm_s16le"))
    mute.write_bytes(clip("mp4", "libx264", None))
    predict.main(["--clips", str(turn), str(mute), "--json"])
    answers = json.loads(capsys.readouterr().out)
    assert [answer["modalities"] for answer in answers] == [["audio"], []]
    predict.main(["--clips", str(turn)])
    assert str(turn) in capsys.readouterr().out


def test_features_are_prepared_once_and_streamed(tmp_path, capsys):
    features, model = str(tmp_path / "features"), str(tmp_path / "model")
    simulator = ["--dataset", "simulated", "--max_train_conversations", "40"]
    prepare.main([*simulator, "--output", features])
    assert "train: 40 conversations" in capsys.readouterr().out
    options = ["--dataset", "features", "--data_dir", features, "--output_dir", model]
    train.main([*options, "--streaming", *QUICK])
    printed = capsys.readouterr().out
    assert read_results(model)["train_conversations"] == 40
    evaluate.main(["--model", model, "--data_dir", features, "--use_cpu"])
    assert numbers(capsys.readouterr().out) == numbers(printed)
    with pytest.raises(FileExistsError, match="expected a new or an empty folder"):
        prepare.main([*simulator, "--output", features])
    with pytest.raises(SystemExit, match="--streaming: expected --dataset features"):
        train.main(["--streaming", "--output_dir", str(tmp_path / "other")])


def test_a_fine_tuned_encoder_makes_the_features(
    table, tmp_path, capsys, monkeypatch, deep_encoder_folder, toy_encoder_spec
):
    run, model = tmp_path / "run", str(tmp_path / "model")
    options = [
        "--dataset",
        "table",
        "--data_dir",
        str(table),
        "--encoder",
        str(deep_encoder_folder),
    ]
    quick = ["--num_train_epochs", "1", "--frozen_layers", "1", "--report_to", "none"]
    folders = ["--output_dir", str(run), "--cache_dir", str(tmp_path / "cache")]
    finetune.main([*options, *quick, *folders, "--folds", "2"])
    assert "dev: accuracy" in capsys.readouterr().out
    assert "cross-fitted in 2 folds" in (run / "features/README.md").read_text()
    train.main(["--dataset", "features", "--data_dir", str(run / "features"),
                "--output_dir", model, *QUICK])  # fmt: skip
    predict.main(["--model", model, "--text", "good", "day"])
    assert len(capsys.readouterr().out.splitlines()) > 2

    both, encoder = tmp_path / "both", str(run / "encoder")
    corpus = ["--dataset", "table", "--data_dir", str(table), "--output"]
    monkeypatch.setattr(prepare, "MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    prepare.main([*corpus, str(both), "--text_encoders", encoder, "default"])
    joined, own = load_feature_set(both)["train"][0], load_feature_set(run / "features")["dev"][0]
    widths = len(own["text_features"][0]), toy_encoder_spec["width"]
    assert len(joined["text_features"][0]) == sum(widths)
    prepare.main([*corpus, str(tmp_path / "one"), "--text_encoders", encoder])
    again = load_feature_set(tmp_path / "one")["dev"][0]
    np.testing.assert_allclose(again["text_features"], own["text_features"], rtol=1e-5, atol=1e-5)
    layers = ["--text_encoders", encoder, "--text_layers", "0", "1"]
    prepare.main([*corpus, str(tmp_path / "two"), *layers])
    two = load_feature_set(tmp_path / "two")["dev"][0]
    assert len(two["text_features"][0]) == 2 * widths[0]
    # Features that were made in folds stand as they are, which no encoder would make again.
    beside = ["--text_encoders", str(run / "features"), "default"]
    prepare.main([*corpus, str(tmp_path / "beside"), *beside])
    folds = load_feature_set(run / "features")["train"][0]["text_features"]
    taken = load_feature_set(tmp_path / "beside")["train"][0]["text_features"]
    assert [vector[: widths[0]] for vector in taken] == folds
    assert "cross-fitted in 2 folds and" in (tmp_path / "beside/README.md").read_text()
    silent = load_feature_set(run / "features").remove_columns("text_features")
    write_feature_set(silent, tmp_path / "silent", encoders={"audio": "as given"}, source="table")
    with pytest.raises(ValueError, match="silent: the feature set has no text features"):
        prepare.main([*corpus, str(tmp_path / "no"), "--text_encoders", str(tmp_path / "silent")])
    with pytest.raises(FileNotFoundError, match="expected a fine-tuned encoder"):
        prepare.main([*corpus, str(tmp_path / "no"), "--text_encoders", str(table.parent)])
    with pytest.raises(SystemExit, match="--folds 1: expected 0, or at least 2"):
        finetune.main([*options, *quick, *folders, "--folds", "1"])
    # Hours before they would be written.
    monkeypatch.setattr(finetune, "Finetuner", None)
    with pytest.raises(FileExistsError, match="features is there already"):
        finetune.main([*options, *quick, *folders])


def test_a_feature_pickle_becomes_a_feature_set(tmp_path, capsys):
    path, features = tmp_path / "features.pkl", tmp_path / "features"
    form = "dialoguernn-iemocap"
    write_pickle(path, in_order(form, toy_members(form)))
    prepare.main(["--pickle", str(path), "--output", str(features)])
    assert "test: " in capsys.readouterr().out
    assert load_feature_set(features)["train"][0]["text_features"]


@pytest.fixture
def table(tmp_path):
    """A CSV of one's own, with text and one measure of the voice."""
    path = tmp_path / "own.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["dialogue_id", "utterance_id", "speaker", "text", "emotion", "split", "audio_loudness"]
        )
        for split, count in (("train", 12), ("dev", 4), ("test", 4)):
            for d in range(count):
                for t, word in enumerate(("good", "bad", "day")):
                    emotion = "glad" if word == "good" else "calm"
                    name = f"{split}{d}"
                    writer.writerow([name, f"{name}_{t}", "ann", word, emotion, split, d + t])
    return path


def test_own_table_with_text(table, tmp_path, capsys, monkeypatch, toy_encoder_spec):
    monkeypatch.setattr("synctva.trainer.recipes.MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "model"
    options = ["--dataset", "table", "--data_dir", str(table), "--output_dir", str(folder)]
    train.main([*options, *QUICK])
    printed = capsys.readouterr().out
    assert printed.strip().splitlines()[-1].startswith("Use it: synctva predict")
    assert read_results(folder)["modalities"] == ["text", "audio"]
    evaluate.main(["--model", str(folder), "--data_dir", str(table), "--use_cpu"])
    assert numbers(capsys.readouterr().out) == numbers(printed)
    predict.main(["--model", str(folder), "--text", "good day", "no"])
    answered = capsys.readouterr().out.splitlines()
    assert [line.split()[0] in ("glad", "calm") for line in answered] == [True, True]

    features, streamed = str(tmp_path / "features"), str(tmp_path / "streamed")
    prepare.main(["--dataset", "table", "--data_dir", str(table), "--output", features])
    capsys.readouterr()
    prepared = ["--dataset", "features", "--data_dir", features, "--output_dir", streamed]
    train.main([*prepared, "--streaming", *QUICK])
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith("Use it: synctva predict")
    predict.main(["--model", streamed, "--text", "good day", "no"])
    assert len(capsys.readouterr().out.splitlines()) == 2

    control = [*options[:-1], str(tmp_path / "control"), "--modalities", "text", *QUICK]
    train.main(control)
    assert read_results(tmp_path / "control")["modalities"] == ["text"]


def test_the_users_option_beats_the_recipe():
    script, training = train.parse_arguments(["--dataset", "meld", "--seed", "4"])
    assert training.output_dir == "runs/meld-seed4"
    assert training.seed == 4
    recipe = train.RECIPES["meld"].training
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
    expected = train.RECIPES[recipe].training
    assert expected.items() <= vars(training).items()
    assert train.recipe_of("features", folder) is train.RECIPES[recipe]
    _, training = train.parse_arguments([*options[:2], "--data_dir", str(tmp_path / "none")])
    assert train.RECIPES["features"].training.items() <= vars(training).items()


def test_an_unfinished_run_is_not_written_over(tmp_path):
    checkpoint = tmp_path / "checkpoint-3"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text('{"global_step": 3}')
    with pytest.raises(SystemExit, match="--resume_from_checkpoint last"):
        train.checkpoint_to_resume(train.parse_arguments(["--output_dir", str(tmp_path)])[1])
    options = ["--output_dir", str(tmp_path), "--resume_from_checkpoint", "last"]
    assert train.checkpoint_to_resume(train.parse_arguments(options)[1]) == str(checkpoint)
    options[1] = str(tmp_path / "other")
    assert train.checkpoint_to_resume(train.parse_arguments(options)[1]) is None


def test_processes_that_do_not_know_of_each_other_are_refused(tmp_path, monkeypatch):
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
def test_what_is_missing_is_named(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train.main([*options, "--output_dir", str(tmp_path), *QUICK])


def test_evaluate_wants_a_data_set_where_none_is_recorded(tmp_path):
    with pytest.raises(SystemExit, match="--dataset"):
        evaluate.main(["--model", str(tmp_path)])


def test_text_backbone_is_trained_end_to_end(table, tmp_path, capsys, toy_encoder_folder):
    folder = tmp_path / "model"
    options = ["--dataset", "table", "--data_dir", str(table), "--output_dir", str(folder)]
    small = ["--per_device_train_batch_size", "2"]  # the first step of a warm-up moves nothing
    train.main([*options, "--text_backbone", str(toy_encoder_folder), *QUICK, *small])
    printed = capsys.readouterr().out
    evaluate.main(["--model", str(folder), "--data_dir", str(table), "--use_cpu"])
    assert numbers(capsys.readouterr().out) == numbers(printed)
    predict.main(["--model", str(folder), "--text", "good day", "no"])
    assert len(capsys.readouterr().out.splitlines()) == 2
    trained = SyncTVAForEmotionRecognition.from_pretrained(folder).synctva.text_backbone.encoder
    published = BertModel.from_pretrained(toy_encoder_folder)
    for (name, one), other in zip(trained.named_parameters(), published.parameters(), strict=True):
        if "layer.0.attention" in name and "weight" in name:
            change = (one - other).abs().max()
            assert 0 < change < 1e-2, name  # trained, from the published weights on


def test_training_into_the_folder_of_another_run_is_refused(tmp_path):
    folder = tmp_path / "run"
    held = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from synctva.files import only_run\n"
            f"with only_run({str(folder)!r}): print('held', flush=True); sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with held:
        assert held.stdout.readline() == b"held\n"
        with pytest.raises(RuntimeError, match="being written by another run"):
            train.main(["--output_dir", str(folder), "--use_cpu"])
        held.stdin.close()
    assert not folder.exists()
