"""Names of features: a model that knows them is given them in its own order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import DatasetDict, Features, List, Value
from transformers.utils import logging

from synctva.audio.encoder import AudioEncoder
from synctva.datasets_scripts.table.features import unprefixed

logger = logging.get_logger(__name__)


def schema_feature_names(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of a feature set's features, by modality, where they are known."""
    names = {}
    for modality, known in schema["modalities"].items():
        if known.get("names"):
            names[modality] = list(known["names"])
        elif modality == "audio" and known.get("spec"):
            names[modality] = list(AudioEncoder.from_spec(known["spec"]).names)
    return names


def with_features_of(
    data: DatasetDict, modality: str, own: Sequence[str], wanted: Sequence[str]
) -> DatasetDict:
    """Return a data set with the features of a modality in the order in which a model reads them.

    Args:
        own: names of the features, in the data set's order.
        wanted: names of the features that the model reads; the others are not read.

    Raises:
        ValueError: the data set lacks one of them.
    """
    place = {unprefixed(name, modality): index for index, name in enumerate(own)}
    missing = next((name for name in wanted if unprefixed(name, modality) not in place), None)
    if missing is not None:
        raise ValueError(
            f"the data lacks the {modality} feature {missing!r}, which the model reads: "
            f"expected {', '.join(wanted)}; it has {', '.join(own)}"
        )
    order = [place[unprefixed(name, modality)] for name in wanted]
    unread = [name for index, name in enumerate(own) if index not in order]
    if unread:
        logger.warning(f"{', '.join(unread)}: {modality} features that the model does not read")
    if order == list(range(len(own))):
        return data
    column = f"{modality}_features"
    return DatasetDict(
        {
            split: rows.map(
                lambda row: {column: np.asarray(row[column])[:, order]},
                features=Features(
                    {**rows.features, column: List(List(Value("float32"), length=len(order)))}
                ),
                keep_in_memory=True,
                load_from_cache_file=False,
                desc="Features by name",
            )
            for split, rows in data.items()
        }
    )


__all__ = ["schema_feature_names", "with_features_of"]
