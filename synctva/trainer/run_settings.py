"""What the scores of a run depend on, so that one with other settings does not continue it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.preparation import PreparedTraining

_NOT_COMPARED = (
    "output_dir", "resume_from", "run_name", "report_to", "log", "hub_", "push_to", "disable_tqdm",
)  # fmt: skip
"""How the names of those arguments begin that do not change a score."""


def run_settings(
    prepared: PreparedTraining, arguments: SyncTVATrainingArguments, **others: Any
) -> dict[str, Any]:
    """Return the arguments, the model's config and a checksum of the data, as in a JSON file.

    Args:
        prepared, arguments: of the run.
        others: further settings.
    """
    digest = hashlib.sha256()
    for name, split in prepared.data.items():
        digest.update(f"{name} {' '.join(split.column_names)}".encode())
        for row in split.select_columns(["dialogue_id", "utterance_ids", "labels"]):
            digest.update(json.dumps(row).encode())
    settings = {
        **arguments.to_dict(),
        **prepared.model.config.to_dict(),
        "model": prepared.model.name_or_path,
        "trained_parameters": prepared.model.num_parameters(only_trainable=True),
        "data": digest.hexdigest(),
        **others,
    }
    compared = {n: value for n, value in settings.items() if not n.startswith(_NOT_COMPARED)}
    return json.loads(json.dumps(compared, default=str))


def refuse_other_settings(
    folder: str | os.PathLike, earlier: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Check that what a folder has was made with these settings.

    Raises:
        ValueError: it was not; the message names the first that differs.
    """
    for name, value in settings.items():
        if earlier.get(name) != value:
            raise ValueError(
                f"{folder} is of another run: {name} = {earlier.get(name)}: expected {value}; "
                "choose another output_dir, or start anew with --overwrite_output_dir"
            )


__all__ = ["refuse_other_settings", "run_settings"]
