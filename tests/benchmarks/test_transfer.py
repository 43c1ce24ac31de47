"""What starting from a checkpoint is worth: the runs, and what is made of them."""

from itertools import product

import numpy as np
import pytest
from datasets import DatasetDict

from benchmarks import transfer
from benchmarks.accuracy.answers import Truth, labelled_answers
from benchmarks.accuracy.records import read_records
from benchmarks.transfer import CHECKPOINT, NOTHING, RATE, Setting
from synctva import MODALITIES, SyncTVAProcessor
from synctva.trainer.recipes import RECIPES
from tests.support.toy import WIDTHS, toy_dataset, toy_model

TRUTH = Truth(np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 1]))


@pytest.fixture
def data():
    splits = {"train": 12, "dev": 3, "test": 4}
    return DatasetDict({name: toy_dataset(n, seed=n) for name, n in splits.items()})


def kept(setting, right):
    """A run on `TRUTH` that answers everything rightly, or wrongly."""
    answers = (TRUTH.labels if right else (TRUTH.labels + 1) % 3).reshape(2, 3)
    split = {"weighted_f1": float(right)}
    packed = " ".join("".join(map(str, row)) for row in answers)
    return {
        "dataset": "toy",
        "model": "synctva",
        **setting._asdict(),
        "conversations": round(108 * setting.share),
        "answers": {"dev": packed, "test": packed},
        "dev": split,
        "test": split,
    }


def all_kept():
    return [kept(s, s.start == CHECKPOINT or s.share == 1) for s in transfer.settings()]


def test_both_starts_have_every_share_and_seed():
    settings = list(transfer.settings())
    assert len(settings) == len(set(settings))
    starts = [
        {s._replace(start="") for s in settings if s.start == start} for start in transfer.STARTS
    ]
    assert starts[0] == starts[1]
    assert {(s.share, s.seed) for s in settings} == set(
        product((0.05, 0.1, 0.25, 0.5, 1.0), range(5))
    )
    assert not {s.seed for s in settings} & {s.seed for s in transfer.trials()}


def test_a_larger_share_has_the_conversations_of_a_smaller_one(data):
    named = DatasetDict({n: d.add_column("name", list(range(len(d)))) for n, d in data.items()})
    names = [set(transfer.draw(named, share, 1)["train"]["name"]) for share in (0.25, 0.5, 1.0)]
    assert [len(these) for these in names] == [3, 6, 12]
    assert names[0] < names[1] < names[2]
    assert names[0] != set(transfer.draw(named, 0.25, 2)["train"]["name"])
    drawn = transfer.draw(named, 0.25, 1)
    assert drawn["dev"] is named["dev"] and drawn["test"] is named["test"]


def test_table_says_what_the_checkpoint_gains():
    found = transfer.curves(all_kept(), MODALITIES)
    few, *_, every = transfer.table(found, {"test": TRUTH}).splitlines()[2:]
    assert few.startswith("| 5 (5%) | 100.0 ± 0.0 | 0.0 ± 0.0 | 100.0 ± 0.0 | 0.0 ± 0.0 | +100.0 [")
    assert few.endswith("| 5 of 5 |")
    assert every == (
        "| 108 (100%) | 100.0 ± 0.0 | 100.0 ± 0.0 | 100.0 ± 0.0 | 100.0 ± 0.0 "
        "| +0.0 [+0.0, +0.0] | 0 of 5 |"
    )


def test_plot_has_the_means():
    axes = transfer.plot(transfer.curves(all_kept(), MODALITIES)).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["from nothing"].get_ydata().tolist() == [0, 0, 0, 0, 100]
    assert lines["from synctva-meld"].get_ydata().tolist() == [100] * 5
    assert lines["from nothing"].get_xdata().tolist() == [5, 11, 27, 54, 108]


def test_runs_that_are_missing_are_made(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(RECIPES["iemocap"].training, "num_train_epochs", 2)
    monkeypatch.setattr(transfer, "CHECKPOINT", str(tmp_path / "parent"))
    toy_model().save_pretrained(tmp_path / "parent")
    SyncTVAProcessor(*WIDTHS.values()).save_pretrained(tmp_path / "parent")
    starts = (transfer.CHECKPOINT, NOTHING)
    wanted = [Setting("text", 0.5, 0, start, RATE) for start in starts]
    for name, value in {
        "STARTS": starts,
        "SHARES": (0.5,),
        "settings": lambda modalities: iter(wanted),
        "load": lambda folder: data,
        "read_truth": lambda *arguments: {"test": truth_of(data["test"])},
    }.items():
        monkeypatch.setattr(transfer, name, value)
    file = tmp_path / "runs.jsonl"
    options = ["--data_dir", "data", "--results", str(file), "--modalities", "text"]
    options += ["--figure", str(tmp_path / "figure.png")]
    transfer.main(options)
    records = read_records(file)
    assert {Setting.of(record) for record in records} == set(wanted)
    for record in records:
        assert (record["conversations"], record["steps"]) == (6, 4)
        assert record["best_step"] in (2, 4)
        assert len(labelled_answers([record], "test", truth_of(data["test"]))[0]) > 0
    assert capsys.readouterr().out.count(" dev ") == 2
    monkeypatch.delattr(transfer, "run")
    transfer.main(options)  # nothing is missing


def truth_of(split):
    lengths = [len(row) for row in split["labels"]]
    labels = np.concatenate([np.asarray(row) for row in split["labels"]])
    return Truth(labels, np.repeat(np.arange(len(lengths)), lengths))
