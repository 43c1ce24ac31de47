"""Cross-validation and search."""

from __future__ import annotations

from pathlib import Path

from datasets import DatasetDict

from synctva import PreparedTraining, SyncTVAProcessor, cross_validate
from synctva.cross_validation.folds import make_folds
from synctva.trainer.arguments import SyncTVATrainingArguments
from tests.support.toy import WIDTHS, toy_dataset, toy_model

from . import said, situation


@situation("there are more folds than conversations")
def more_folds_than_conversations(folder: Path) -> str:
    return said(lambda: make_folds(toy_dataset(4), folds=10))


@situation("a session is left out, and the data has none")
def no_sessions(folder: Path) -> str:
    return said(lambda: make_folds(toy_dataset(4), leave_one_out="session"))


@situation("a speaker is left out who takes part in every conversation")
def speaker_everywhere(folder: Path) -> str:
    data = toy_dataset(4)
    names = [["ann", *row[1:]] for row in data["speakers"]]
    data = data.remove_columns("speakers").add_column("speakers", names)
    return said(lambda: make_folds(data, leave_one_out="speaker"))


def _cross_validate(folder: Path, **options) -> str:
    data = DatasetDict(train=toy_dataset(8))
    prepared = PreparedTraining(data, SyncTVAProcessor(*WIDTHS.values()), toy_model(), {})
    arguments = SyncTVATrainingArguments(str(folder), use_cpu=True, report_to="none", **options)
    return said(lambda: cross_validate(prepared, arguments, folds=2))


@situation("a cross-validation is to be written into the folder of a model")
def folder_of_a_model(folder: Path) -> str:
    (folder / "config.json").write_text("{}")
    return _cross_validate(folder)


@situation("a cross-validation is to be pushed to the Hub")
def pushed_folds(folder: Path) -> str:
    return _cross_validate(folder, push_to_hub=True)
