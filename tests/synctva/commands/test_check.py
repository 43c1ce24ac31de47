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


def test_what_is_probably_not_meant_is_a_warning(capsys, tmp_path):
    header = "dialogue_id,utterance_id,speaker,text,emotion,media_path"
    rows = [
        f"d{d},{u},ann,Said {'again' if u else d}.,{'glad' if u else 'Glad'},a.wav"
        for d in range(5)
        for u in (1, 0)
    ]
    path = tmp_path / "train.csv"
    path.write_text("\n".join([header, *rows]))
    (tmp_path / "a.wav").touch()
    (tmp_path / "test.csv").write_text("\n".join([header, *rows]).replace("d", "e", 1))
    (tmp_path / "test.csv").write_text("\n".join([header, "e,1,ann,Said again!,glad,"]))
    assert check.main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "no mistakes"
    warnings = [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]
    assert len(warnings) == 6
    for warning, words in zip(
        warnings,
        (
            "in 5 of 5 conversations the numbers in utterance_id run backwards",
            "classes of their own: 'Glad' (5), 'glad' (6)",
            "1 of 1 utterances of test also stand in train, 0 of them with",
            "1 of 1 speakers of test are in train too: 'ann'",
            "there is no dev, which `synctva train` needs",
            "10 files in media_path, which `synctva extract` reads",
        ),
        strict=True,
    ):
        assert words in warning


def test_columns_and_label_may_have_other_names(capsys, tmp_path):
    path = tmp_path / "own.csv"
    rows = [f"d{d},Said {d}.,{'glad' if d else 'calm'},{d % 2}" for d in range(4)]
    path.write_text("\n".join(["scene,said,emotion,bright", *rows]))
    columns = "dialogue_id=scene, text=said"
    assert check.main([str(path), "--columns", columns, "--label", "bright"]) == 0
    printed = capsys.readouterr().out
    assert "warning: no column 'speaker': each conversation has one speaker" in printed
    assert "own.csv: columns that are not read: 'emotion'" in printed
    classes = [line.split() for line in printed.splitlines()][6:8]
    assert [name for name, *_ in classes] == ["0", "1"]
    assert [sum(map(int, counts)) for _, *counts in classes] == [2, 2]
    assert check.main([str(path)]) == 1
    assert "lacks the column 'dialogue_id', it has scene, said," in capsys.readouterr().out
    for wrong, message in (
        ("dialogue_id", "--columns = dialogue_id: expected our name of a column = its name in"),
        (
            "text=said,text=scene",
            "expected our name of a column = its name in the table, each once",
        ),
        ("words=said", "columns = words=said: expected one of dialogue_id, utterance_id, speaker"),
        ("text=said,speaker=said", "columns: text and speaker = said: expected a column for each"),
    ):
        assert check.main([str(path), "--columns", wrong]) == 1
        assert message in capsys.readouterr().out


def test_clips_may_lie_elsewhere_if_the_user_says_where(capsys, tmp_path):
    clips, path = tmp_path / "clips", tmp_path / "data" / "own.csv"
    clips.mkdir(), path.parent.mkdir()
    (clips / "a.wav").touch()
    header = "dialogue_id,utterance_id,speaker,text,emotion,media_path"
    path.write_text("\n".join([header, *(f"d{d},0,ann,{d},glad,{clips}/a.wav" for d in range(4))]))
    assert check.main([str(path)]) == 1
    assert "mistakes: 4" in capsys.readouterr().out
    for options in (["--media_root", str(clips)], ["--allow_absolute_paths"]):
        assert check.main([str(path), *options]) == 0
    assert check.main([str(path), "--media_root", str(tmp_path / "gone")]) == 1
    assert "media_root = " in capsys.readouterr().out
