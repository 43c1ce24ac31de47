"""A table of your own"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synctva.commands import train
from synctva.datasets_scripts import load_table
from synctva.trainer.preparation import build_config
from synctva.trainer.recipes import load_conversations
from tests.support.corpora import write_csv

from . import said, shipped, situation

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]


def rows(labels: Sequence[object] = ("calm", "glad"), count: int = 4) -> list[list[object]]:
    """Conversations of two utterances."""
    return [
        [f"d{d}", t, "Ann", f"Number {d}.", labels[(2 * d + t) % len(labels)]]
        for d in range(count)
        for t in range(2)
    ]


def _loading(folder: Path, table: list[list[object]], *columns: str, **options) -> str:
    path = write_csv(folder / "own.csv", [*HEADER, *columns], table)
    return said(lambda: load_table(path, cache_dir=folder / "cache", **options))


@situation("a folder has tables that are not read")
def unread_file(folder: Path) -> str:
    for index, name in enumerate(("train", "validation", "more")):
        renamed = [[f"{index}{row[0]}", *row[1:]] for row in rows()]
        write_csv(folder / f"{name}.csv", HEADER, renamed)
    return said(lambda: load_table(folder, cache_dir=folder / "cache"))


@situation("a table has no dev, and `synctva train` gets it")
def no_dev(folder: Path) -> str:
    data = folder / "data"
    data.mkdir()
    write_csv(data / "train.csv", HEADER, rows())
    options = ["--dataset", "table", "--data_dir", str(data), "--output_dir", str(folder / "m")]
    return said(lambda: train.main([*options, "--use_cpu", "--report_to", "none"]))


@situation("rows are out of order")
def out_of_order(folder: Path) -> str:
    table = [[*row, 2 - row[1]] for row in rows()]
    return _loading(folder, table, "start")


@situation("labels differ only in case or space")
def spelling(folder: Path) -> str:
    return _loading(folder, rows(("Glad", "glad", "calm"), 6))


@situation("a cell has several labels")
def several_labels(folder: Path) -> str:
    return _loading(folder, [*rows(), ["d9", 0, "Ann", "Oh!", "calm;glad"]])


@situation("the labels are a measure, such as a valence")
def a_measure(folder: Path) -> str:
    return _loading(folder, rows([round(0.1 * step - 0.75, 2) for step in range(16)], 8))


@situation("a table has no column of that name")
def renamed_column(folder: Path) -> str:
    path = write_csv(folder / "own.csv", ["scene", "said", "mood"], [["d1", "Hello.", "glad"]])
    return said(lambda: load_table(path, label="mood", columns={"text": "said"}))


@situation("`--columns` names a column that is not there")
def missing_column(folder: Path) -> str:
    return _loading(folder, rows(), columns={"text": "words"})


@situation("`--columns` has a name of ours that does not exist")
def wrong_name(folder: Path) -> str:
    return _loading(folder, rows(), columns={"words": "text"})


@situation("a table has no speakers")
def nobody_speaks(folder: Path) -> str:
    table = [[*row[:2], *row[3:]] for row in rows()]
    path = write_csv(folder / "own.csv", [*HEADER[:2], *HEADER[3:]], table)
    return said(lambda: load_table(path, cache_dir=folder / "cache"))


@situation("another column than `emotion` is the label")
def another_label(folder: Path) -> str:
    return _loading(folder, [[*row, row[4]] for row in rows()], "mood", label="mood")


@situation("a table is a list of files with labels")
def list_of_files(folder: Path) -> str:
    for index in range(20):
        (folder / f"{index}.wav").touch()
    files = [[f"{index}.wav", ("calm", "glad")[index % 2]] for index in range(20)]
    path = write_csv(folder / "files.csv", ["path", "label"], files)
    return said(lambda: load_table(path, cache_dir=folder / "cache"))


@situation("a column means nothing here")
def unread_column(folder: Path) -> str:
    return _loading(folder, [[*row, "B."] for row in rows()], "annotator")


@situation("a table lacks a feature that the model was trained on")
def lacking_feature(folder: Path) -> str:
    table = [[*row, 1] for row in rows()]
    names = {"audio": ["audio_pitch", "audio_energy"]}
    return _loading(folder, table, "audio_pitch", feature_names=names)


@situation("a table names clips, and nothing extracts their features")
def unread_clips(folder: Path) -> str:
    (folder / "a.wav").touch()
    table = [[*row[:3], "", row[4], "a.wav"] for row in rows()]
    path = write_csv(folder / "own.csv", [*HEADER, "media_path"], table)
    return said(lambda: load_conversations("table", path))


@situation("a table names clips by absolute paths")
def absolute_paths(folder: Path) -> str:
    table = [[*row, ""] for row in rows()]
    table[0][-1] = "/clips/a.wav"
    return _loading(folder, table, "media_path")


@situation("`--data_dir` is given without `--dataset`")
def without_dataset(folder: Path) -> str:
    return said(lambda: load_conversations("simulated", folder))


@situation("a model with weights is given as `--config`")
def weights_of_a_config(folder: Path) -> str:
    path = write_csv(folder / "own.csv", HEADER, rows())
    data = load_table(path, cache_dir=folder / "cache")
    source = Path(shipped().model.name_or_path)
    return said(lambda: build_config(source, data)).replace(str(source), "synctva-meld")
