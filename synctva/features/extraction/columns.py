"""Put extracted vectors into columns of the conversations, and fill undefined measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetDict, Features, List, Value
from transformers.utils import logging

from synctva.audio.encoder import AudioEncoder
from synctva.features.extraction.media import Extracted, Spec
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.video.encoder import VisualEncoder

logger = logging.get_logger(__name__)


@dataclass(frozen=True)
class Skipped:
    """A file that could not be read, so that its utterance lacks a modality."""

    split: str
    conversation: str
    utterance: str
    file: str
    modality: str
    reason: str


def results_by_split(
    work: pa.Table, results: Mapping[str, Extracted]
) -> dict[str, list[Extracted]]:
    """Return the results of each split, in the order of its conversations.

    Raises:
        ValueError: a conversation has no result.
    """
    splits: dict[str, list[Extracted]] = {}
    for row in work.select(["split", "dialogue_id", "key"]).to_pylist():
        if row["key"] not in results:
            raise ValueError(
                f"{row['split']}, conversation {row['dialogue_id']!r} has no result: expected one "
                "for each conversation"
            )
        splits.setdefault(row["split"], []).append(results[row["key"]])
    return splits


def skipped_files(data: DatasetDict, results: Mapping[str, Sequence[Extracted]]) -> list[Skipped]:
    """Return the files that could not be read, in the order of the conversations."""
    skipped = []
    for split, extracted in results.items():
        columns = data[split].select_columns(["dialogue_id", "utterance_ids", "media_paths"])
        for row, result in zip(columns, extracted, strict=True):
            for item in result.skipped:
                position = item["utterance"]
                names = (row["utterance_ids"][position], row["media_paths"][position])
                skipped.append(
                    Skipped(split, row["dialogue_id"], *names, item["modality"], item["reason"])
                )
    return skipped


def with_extracted(
    data: DatasetDict,
    results: Mapping[str, Sequence[Extracted]],
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
) -> tuple[DatasetDict, dict[str, dict[str, Any]]]:
    """Replace the features of conversations by the extracted ones.

    Args:
        data: splits with the columns of `synctva.datasets_scripts.schema`.
        results: by split, one for each conversation.
        audio_encoder, visual_encoder: specs of the encoders that made them; None: masked.

    Returns:
        The splits, and the spec of each modality that is present, as a processor needs it. A
        modality that no training utterance has is masked: a model could not learn from it.
    """
    specs: dict[str, dict[str, Any]] = {}
    learned = results.get("train", [item for split in results.values() for item in split])
    if visual_encoder is not None and _present(learned, "visual"):
        visual = VisualEncoder.from_spec(visual_encoder)
        specs["visual"] = {**visual.spec, "width": visual.width}
    if audio_encoder is not None and _present(learned, "audio"):
        audio = AudioEncoder.from_spec(audio_encoder)
        fill = audio.spec["fill"]
        if fill is None:
            fill = _means(_present(learned, "audio"), audio.names)
        known = {"width": audio.width, "sample_rate": audio.sample_rate, "fill": list(fill)}
        specs["audio"] = {**audio.spec, **known}
    splits = {
        split: _split_with_extracted(conversations, results[split], specs)
        for split, conversations in data.items()
    }
    return DatasetDict(splits), specs


def _present(results: Sequence[Extracted], modality: str) -> list[np.ndarray]:
    return [
        vector
        for result in results
        for vector in result.vectors.get(modality, [])
        if vector is not None
    ]


def _means(vectors: list[np.ndarray], names: Sequence[str]) -> list[float]:
    """Return the mean of each measure over the utterances that define it."""
    values = np.stack(vectors).astype(np.float64)  # (T, D)
    counts = (~np.isnan(values)).sum(axis=0)
    undefined = [name for name, count in zip(names, counts, strict=True) if not count]
    if undefined:
        # Any constant does: the same value in the whole training set teaches a model nothing.
        logger.warning(
            f"No training utterance has a value of {', '.join(undefined)}: using 0 instead"
        )
    return (np.nansum(values, axis=0) / np.maximum(counts, 1)).tolist()


def _split_with_extracted(
    conversations: Dataset,
    results: Sequence[Extracted],
    specs: Mapping[str, Mapping[str, Any]],
) -> Dataset:
    own = [f"{name}_features" for name in ("visual", "audio")]
    conversations = conversations.remove_columns(
        [column for column in own if column in conversations.column_names]
    )
    features = {
        f"{name}_features": List(List(Value("float32"), length=spec["width"]))
        for name, spec in specs.items()
    }

    def add(row: dict[str, Any], index: int) -> dict[str, Any]:
        mask = np.zeros((len(row["modality_mask"]), len(MODALITIES)), dtype=bool)  # (N, 3)
        mask[:, 0] = np.array(row["modality_mask"])[:, 0]
        added: dict[str, Any] = {"modality_mask": mask}
        for name, spec in specs.items():
            rows = np.zeros((len(mask), spec["width"]), dtype=np.float32)  # (N, D)
            for position, vector in enumerate(results[index].vectors[name]):
                if vector is None:
                    continue
                mask[position, MODALITIES.index(name)] = True
                if spec.get("fill") is not None:
                    # The same as the encoder does to raw sound, bit for bit.
                    vector = np.where(np.isnan(vector), spec["fill"], vector)
                rows[position] = vector
            added[f"{name}_features"] = rows
        return added

    return conversations.map(
        add,
        with_indices=True,
        features=Features({**conversations.features, **features}),
        # Cheap to compute again, whereas a cache key would need a hash of all results.
        keep_in_memory=True,
        load_from_cache_file=False,
        desc="Columns",
    )


__all__ = ["Skipped", "results_by_split", "skipped_files", "with_extracted"]
