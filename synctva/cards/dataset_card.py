"""The card of a feature set: content, encoders of the features, what is out of scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData

from synctva.cards.model_card import OUT_OF_SCOPE


def dataset_card(schema: Mapping[str, Any]) -> DatasetCard:
    """Return the card of a feature set, from the content of its `feature_set.json`."""
    data = DatasetCardData(
        license="other",
        task_categories=["other"],
        tags=["synctva", "emotion-recognition", "conversation", "features"],
        pretty_name=f"{schema['source']}: features",
        size_categories=_size_category(sum(s["utterances"] for s in schema["splits"].values())),
        configs=[
            {
                "config_name": "default",
                "data_files": [
                    {"split": split, "path": f"data/{split}-*.parquet"}
                    for split in schema["splits"]
                ],
            }
        ],
    )
    body = "\n\n".join(
        [
            f"# {schema['source']}: features",
            "Each row is a conversation; lists have one entry per utterance, in order. The columns "
            "are those of `synctva.datasets_scripts.schema`. The terms of the source also apply to "
            "features made from it.",
            f"## Features\n\n{_modalities(schema)}",
            f"## Splits\n\n{_splits(schema)}",
            "## How to use\n\n"
            "```python\n"
            "from datasets import load_dataset\n\n"
            'data = load_dataset("<this repository or folder>")\n'
            'data["train"][0]["text_features"]\n'
            "```\n\n"
            "`feature_set.json` contains the label order, the encoders and the SHA-256 of each "
            "file; `synctva.load_feature_set(folder)` checks them.",
            f"## Out of scope\n\n{OUT_OF_SCOPE}",
        ]
    )
    return DatasetCard(f"---\n{data.to_yaml()}\n---\n\n{body}\n")


def _modalities(schema: Mapping[str, Any]) -> str:
    lines = ["| modality | width | encoder |", "| --- | --- | --- |"]
    lines += [
        f"| {name} | {modality['width']} | {modality['encoder']} |"
        for name, modality in schema["modalities"].items()
    ]
    return "\n".join(lines)


def _splits(schema: Mapping[str, Any]) -> str:
    labels = schema["label_names"]
    lines = [
        f"| split | conversations | utterances | {' | '.join(labels)} |",
        f"| --- | --- | --- |{' --- |' * len(labels)}",
    ]
    for name, split in schema["splits"].items():
        counts = " | ".join(f"{split['label_counts'][label]:,}" for label in labels)
        lines.append(
            f"| {name} | {split['conversations']:,} | {split['utterances']:,} | {counts} |"
        )
    return "\n".join(lines)


def _size_category(utterances: int) -> str:
    """Return the Hub's name for a size."""
    bounds = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
    for bound, name in bounds:
        if utterances < bound:
            return name
    return "1M<n<10M" if utterances < 10**7 else "n>10M"


__all__ = ["dataset_card"]
