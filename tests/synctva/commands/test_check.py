"""`synctva check` on the example tables and on wrong ones."""

from pathlib import Path

from synctva import SyncTVACollator, SyncTVAConfig
from synctva.commands import check
from synctva.datasets_scripts import load_table
from synctva.modeling_synctva.objective import IGNORE_INDEX

EXAMPLES = Path(__file__).parents[3] / "examples"
TABLES = [EXAMPLES / "data" / "conversations.csv", EXAMPLES / "data" / "conversations.jsonl"]


def test_the_example_tables_are_the_same_data(capsys, tmp_path):
    printed, loaded = [], []
    for path in TABLES:
        assert check.main([str(path)]) == 0
        printed.append(capsys.readouterr().out)
        splits = load_table(path, cache_dir=tmp_path)
        loaded.append({name: rows[:] for name, rows in splits.items()})
    assert printed[0] == printed[1]
    assert loaded[0] == loaded[1]


def test_the_summary_has_the_numbers_of_the_loaded_table(capsys, tmp_path):
    check.main([str(TABLES[0]), "--seed", "2"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    splits = load_table(TABLES[0], seed=2, cache_dir=tmp_path)
    for name, rows in splits.items():
        masks = [mask for row in rows["modality_mask"] for mask in row]
        masked = [sum(not mask[m] for mask in masks) for m in (0, 2)]
        assert [name, *map(str, [len(rows), len(masks), *masked])] in lines
    for index, label in enumerate(splits["train"].features["labels"].feature.names):
        counts = [sum(row.count(index) for row in rows["labels"]) for rows in splits.values()]
        assert [label, *map(str, counts)] in lines
    assert ["audio:", "3", "features"] in lines
    assert lines[-1] == ["no", "mistakes"]


def test_every_mistake_is_printed(capsys, tmp_path):
    path = tmp_path / "own.csv"
    rows = [f"d{d},1,ann,Hello.,bored,loud" for d in range(30)]
    header = "dialogue_id,utterance_id,speaker,text,emotion,audio_f0"
    path.write_text("\n".join([header, *rows]))
    assert check.main([str(path), "--label_names", "calm", "glad"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 61
    assert lines[-1] == "mistakes: 60"
    assert f"{path}, line 31, column 'emotion' = 'bored': expected one of " in lines[-2]


def test_a_missing_table_is_named(capsys, tmp_path):
    assert check.main([str(tmp_path / "gone.csv")]) == 1
    assert "gone.csv" in capsys.readouterr().out


def test_an_utterance_without_a_label_is_only_context(capsys, tmp_path):
    path = tmp_path / "own.csv"
    header = "dialogue_id,utterance_id,speaker,text,emotion"
    rows = [f"d{d},{u},ann,Hello.,{'glad' if u else ''}" for d in range(5) for u in range(2)]
    path.write_text("\n".join([header, *rows]))
    assert check.main([str(path)]) == 0
    assert "(none)" in capsys.readouterr().out
    data = load_table(path, cache_dir=tmp_path)
    batch = SyncTVACollator(SyncTVAConfig())(data["train"].select_columns(["texts", "labels"]))
    assert batch["labels"].tolist() == [[IGNORE_INDEX, 0]] * len(data["train"])
    path.write_text("\n".join([header, *(row.replace("glad", "") for row in rows)]))
    assert check.main([str(path)]) == 1
    assert "has no label in the training set" in capsys.readouterr().out
