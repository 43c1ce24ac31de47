"""`synctva evaluate` on a trained folder."""

import re

import numpy as np
import pytest
from transformers import pipeline

from synctva import SyncTVAProcessor
from synctva.commands import evaluate, prepare, train
from synctva.results import read_results
from tests.support.corpora import write_csv
from tests.support.quick_training import QUICK

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]
NAMES = ["audio_pitch", "audio_energy"]


def voices(count, seed, names=NAMES, labels=("calm", "glad", "cross")):
    """Return rows without texts whose labels two measures of the voice tell."""
    draw = np.random.default_rng(seed)
    rows = []
    for d in range(count):
        for t in range(3):
            label = int(draw.integers(len(labels)))
            values = {"audio_pitch": label, "audio_energy": -2 * label, "audio_other": 9}
            cells = [round(values[name] + 0.05 * draw.normal(), 3) for name in names]
            rows.append([f"{seed}-{d}", t, "ann", "", labels[label], *cells])
    return rows


@pytest.fixture(scope="module")
def by_voice(tmp_path_factory):
    """A model trained on two named measures, with the scores of a held-out table."""
    folder = tmp_path_factory.mktemp("voice")
    own = write_csv(folder / "own.csv", [*HEADER, *NAMES], voices(60, 0))
    options = ["--dataset", "table", "--data_dir", str(own), "--output_dir", str(folder / "model")]
    train.main([*options, *QUICK, "--num_train_epochs", "4"])
    return folder / "model"


def scores_of(model, data, tmp_path, *options):
    evaluate.main(
        ["--model", str(model), "--data_dir", str(data), "--use_cpu", "--output_dir",
         str(tmp_path / "scores"), *options]
    )  # fmt: skip
    return read_results(tmp_path / "scores")


def test_columns_of_features_are_matched_by_name(by_voice, tmp_path, caplog):
    assert SyncTVAProcessor.from_pretrained(by_voice).audio_features == NAMES
    assert read_results(by_voice)["feature_names"] == {"audio": NAMES}
    same = write_csv(tmp_path / "same.csv", [*HEADER, *NAMES], voices(20, 5))
    expected = scores_of(by_voice, same, tmp_path)["test"]
    assert expected["n"] == 60
    assert expected["accuracy"] > 0.9
    for form in (["audio_energy", "audio_pitch"], ["audio_energy", "audio_other", "audio_pitch"]):
        order = [form.index(name) for name in NAMES]
        rows = [[*row[:5], *[9] * len(form)] for row in voices(20, 5)]
        for row, values in zip(rows, voices(20, 5), strict=True):
            for place, value in zip(order, values[5:], strict=True):
                row[5 + place] = value
        turned = write_csv(tmp_path / "turned.csv", [*HEADER, *form], rows)
        assert scores_of(by_voice, turned, tmp_path)["test"] == expected
    assert "audio_other: not read, because the model reads only the audio features" in caplog.text


def test_a_missing_feature_is_refused_by_name(by_voice, tmp_path):
    names = ["audio_pitch", "audio_loudness"]
    rows = [[*row[:5], 1, 2] for row in voices(4, 5)]
    table = write_csv(tmp_path / "other.csv", [*HEADER, *names], rows)
    with pytest.raises(ValueError, match="lacks the feature column 'audio_energy' of the model"):
        scores_of(by_voice, table, tmp_path)


def test_named_features_go_to_the_pipeline(by_voice):
    recognise = pipeline("emotion-recognition", model=str(by_voice))
    values = {"audio_pitch": 2.0, "audio_energy": -4.0}
    turned = {"energy": -4.0, "pitch": 2.0}
    answers = [
        recognise([{"audio_features": features}]) for features in (values, turned, [2.0, -4.0])
    ]
    assert answers[0] == answers[1] == answers[2]
    for wrong in ({"pitch": 2.0}, {**values, "other": 1}, {**values, "pitch": 1}):
        with pytest.raises(ValueError, match=r"expected exactly \['audio_energy', 'audio_pitch'"):
            recognise([{"audio_features": wrong}])


def test_names_travel_with_a_feature_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folders = {}
    for name, names in (("one", NAMES), ("two", NAMES[::-1]), ("three", NAMES[:1])):
        rows = [[*r[:5], *([r[5], r[6]] if names[0] == NAMES[0] else [r[6], r[5]])]
                for r in voices(30, 0)]  # fmt: skip
        rows = [row[: 5 + len(names)] for row in rows]
        table = write_csv(tmp_path / f"{name}.csv", [*HEADER, *names], rows)
        folders[name] = str(tmp_path / name)
        corpus = ["--dataset", "table", "--data_dir", str(table), "--output", folders[name]]
        prepare.main(corpus)
    model = str(tmp_path / "model")
    options = ["--dataset", "features", "--data_dir", folders["one"], "--output_dir", model]
    train.main([*options, *QUICK])
    assert SyncTVAProcessor.from_pretrained(model).audio_features == NAMES
    one, two = (scores_of(model, folders[name], tmp_path) for name in ("one", "two"))
    assert one["test"] == two["test"]
    with pytest.raises(ValueError, match="the data lacks the audio feature 'audio_energy'"):
        scores_of(model, folders["three"], tmp_path)


def test_a_file_without_splits_is_all_test_unless_it_is_that_of_the_training(by_voice, tmp_path):
    held_out = write_csv(tmp_path / "held_out.csv", [*HEADER, *NAMES], voices(20, 9))
    results = scores_of(by_voice, held_out, tmp_path)
    assert results["test"]["n"] == 60
    assert "dev" not in results
    own = by_voice.parent / "own.csv"
    again, before = scores_of(by_voice, own, tmp_path), read_results(by_voice)
    assert again["dev"]["n"] == again["test"]["n"] == 18
    assert again["test"]["weighted_f1"] == pytest.approx(before["test"]["weighted_f1"])


def test_what_the_model_does_not_take_is_named(by_voice, tmp_path, caplog):
    header = [*HEADER, *NAMES, "visual_smile", "split"]
    rows = [[*row, 1, "train" if t < 3 else "dev"] for t, row in enumerate(voices(20, 9))]
    table = write_csv(tmp_path / "more.csv", header, rows)
    scores_of(by_voice, table, tmp_path)
    assert "visual_features are not read: the model takes only audio" in caplog.text
    assert "3 utterances of train not evaluated" in caplog.text
    only = write_csv(tmp_path / "only.csv", header, [[*row[:-1], "train"] for row in rows])
    with pytest.raises(SystemExit, match="expected dev or test"):
        scores_of(by_voice, only, tmp_path)
    with pytest.raises(SystemExit, match=r"--modalities = \['visual'\]: expected some of"):
        scores_of(by_voice, table, tmp_path, "--modalities", "visual")
    bare = write_csv(tmp_path / "bare.csv", HEADER, [row[:5] for row in voices(4, 9)])
    with pytest.raises(ValueError, match="no utterance of test has anything that is read"):
        scores_of(by_voice, bare, tmp_path)


def test_a_model_that_knows_no_names_says_that_columns_go_by_position(by_voice, tmp_path, caplog):
    processor = SyncTVAProcessor.from_pretrained(by_voice)
    config = (by_voice / "processor_config.json").read_text()
    try:
        processor.audio_features = None
        processor.save_pretrained(by_voice)
        table = write_csv(tmp_path / "same.csv", [*HEADER, *NAMES], voices(4, 5))
        assert scores_of(by_voice, table, tmp_path)["test"]["n"] == 12
    finally:
        (by_voice / "processor_config.json").write_text(config)
    assert "does not know the names of its audio features" in caplog.text


def test_prints_the_scores_of_the_training(simulated, capsys, tmp_path):
    evaluate.main(["--model", str(simulated), "--use_cpu", "--output_dir", str(tmp_path)])
    again, before = read_results(tmp_path), read_results(simulated)
    for key in ("dev", "test", "majority", "bayes_optimal", "strength_auc"):
        for nested in ("per_class_f1", "support", "confusion_matrix"):
            found, other = (part.pop(nested, {}) for part in (again[key], before[key]))
            assert found == (pytest.approx(other) if nested == "per_class_f1" else other), key
        assert again[key] == pytest.approx(before[key], rel=1e-6), key
    printed = re.findall(r"^Sync-TVA .*$", capsys.readouterr().out, re.MULTILINE)
    assert len(printed) == 2
    assert f"{before['test']['weighted_f1']:.4f}" in printed[1]


def test_a_folder_without_results_needs_a_data_set(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"has no results.json: expected --dataset"):
        evaluate.main(["--model", str(tmp_path)])
