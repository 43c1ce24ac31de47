"""Recipes: the defaults of `synctva train` for each data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from transformers.utils import logging

from synctva.audio.encoder import PROSODY_SPEC, AudioEncoder
from synctva.datasets_scripts.corpora.iemocap import load_iemocap
from synctva.datasets_scripts.corpora.labelled_text import load_dailydialog, load_emorynlp
from synctva.datasets_scripts.corpora.meld import load_meld
from synctva.datasets_scripts.corpora.simulated import load_simulated
from synctva.datasets_scripts.table.loading import (
    check_table_options,
    load_table,
    table_feature_names,
)
from synctva.datasets_scripts.table.splits import find_files
from synctva.features.feature_names import schema_feature_names
from synctva.features.feature_sets import SCHEMA_FILE, load_feature_set, read_schema
from synctva.features.text import add_text_features
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.modeling_synctva.text_weights import file_sha256
from synctva.trainer.statistics import feature_statistics
from synctva.trainer.unread import check_read, count_entries, require_splits

logger = logging.get_logger(__name__)


@dataclass(frozen=True)
class Recipe:
    """A data set's model configuration and training arguments.

    Attributes:
        preset: folder of `configuration/presets/` with the model's config.
        training: fields of `SyncTVATrainingArguments`, for a new model and from a checkpoint. (A
            lower learning rate for the latter was no better on dev, see docs/training.md.)
        embeds_text: whether text features come from the frozen text encoder.
        audio_encoder: spec of the encoder of raw sound, if the data's own audio features were made
            by it.
        train_conversations: number of training conversations that the simulator draws.
    """

    preset: str
    training: Mapping[str, Any] = field(default_factory=dict)
    embeds_text: bool = True
    audio_encoder: Mapping[str, Any] | None = None
    train_conversations: int | None = None


# Found on dev and on folds of the training set, see docs/history.md.
_FROZEN_TEXT: dict[str, Any] = {
    "learning_rate": 2e-3,
    "lr_scheduler_type": "linear",
    "label_smoothing_factor": 0.1,
    "modality_dropout": 0.1,
    "ema_decay": 0.99,
}

_MELD: dict[str, Any] = {
    **_FROZEN_TEXT,
    "num_train_epochs": 8,
    "per_device_train_batch_size": 16,
    "weight_decay": 1.0,
    # Without weights, fear and disgust (2-3% each) are never predicted.
    "loss": "class_weighted",
}

RECIPES = {
    "simulated": Recipe(
        preset="simulated",
        embeds_text=False,
        train_conversations=6_000,
        training={
            "num_train_epochs": 3,
            "per_device_train_batch_size": 16,
            "learning_rate": 2e-3,
            # Less noisy than F1 on a dev split of 114 conversations, and bounded by the optimum.
            "metric_for_best_model": "nll",
            "greater_is_better": False,
        },
    ),
    "meld": Recipe(
        preset="meld",
        audio_encoder=PROSODY_SPEC,
        training=_MELD,
    ),
    "iemocap": Recipe(
        preset="iemocap",
        audio_encoder=PROSODY_SPEC,
        training={**_FROZEN_TEXT, "num_train_epochs": 16, "per_device_train_batch_size": 4},
    ),
    # Nothing was tuned on these two: they have MELD's settings.
    "emorynlp": Recipe(preset="meld", training=_MELD),
    "dailydialog": Recipe(preset="meld", training=_MELD),
    "table": Recipe(
        preset="meld",
        training={**_FROZEN_TEXT, "num_train_epochs": 10, "per_device_train_batch_size": 16},
    ),
    "features": Recipe(
        preset="meld",
        embeds_text=False,
        training={**_FROZEN_TEXT, "num_train_epochs": 10, "per_device_train_batch_size": 16},
    ),
}
"""The recipe of each data set."""


def recipe_of(dataset: str, data_dir: str | Path | None = None) -> Recipe:
    """Return a data set's recipe; for a feature set, that of the data set it was made from.

    Args:
        dataset: one of `RECIPES`.
        data_dir: folder of a feature set. A missing folder is reported when it is loaded.
    """
    if dataset == "features" and data_dir is not None and (Path(data_dir) / SCHEMA_FILE).is_file():
        return RECIPES.get(str(read_schema(data_dir).get("source")), RECIPES[dataset])
    return RECIPES[dataset]


def load_conversations(
    dataset: str,
    data_dir: str | Path | None = None,
    *,
    modalities: Sequence[str] = MODALITIES,
    embed_text: bool = True,
    text_encoder: Mapping[str, Any] | None = None,
    takes: Sequence[str] = MODALITIES,
    **options: Any,
) -> DatasetDict:
    """Load the splits of a data set with the features of these modalities, ready for the trainer.

    What the data has and nothing reads is logged as a warning.

    Args:
        dataset, data_dir: see `load_splits`.
        modalities: modalities to keep; the others' features are dropped, which masks them.
        embed_text: add text features; False for a text backbone, which reads tokens.
        text_encoder: spec of the encoder that adds them; default: the recipe's.
        takes: modalities that the model takes. Features of others are dropped too, but with a
            warning.
        options: further arguments of `load_splits`.

    Raises:
        ValueError: see `load_splits` and `keep_modalities`.
        FileNotFoundError: a file of the data set is missing.
    """
    check_modality_names(modalities)
    data = load_splits(dataset, data_dir, takes=takes, **options)
    spec = text_encoder or (MINILM_SPEC if RECIPES[dataset].embeds_text else None)
    spec = spec if embed_text else None
    data = keep_modalities(
        data, modalities, takes, reads_texts=spec is not None, reads_tokens=not embed_text
    )
    return embed_texts(data, spec) if "text" in modalities and "text" in takes else data


def load_splits(
    dataset: str,
    data_dir: str | Path | None = None,
    *,
    seed: int = 0,
    max_train_conversations: int | None = None,
    label_names: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    required: Sequence[str] = (),
    takes: Sequence[str] = MODALITIES,
    feature_names: Mapping[str, Sequence[str]] | None = None,
    undivided: str | None = None,
    columns: Mapping[str, str] | None = None,
    label: str | None = None,
    media_root: str | Path | None = None,
    allow_absolute_paths: bool = False,
) -> DatasetDict:
    """Load the splits of a data set with all features that it has.

    Args:
        dataset: one of `RECIPES`.
        data_dir: folder or file of the data; the simulator needs none.
        seed: of the simulator's training split.
        max_train_conversations: keep only the first conversations of the training split.
        label_names: of a table; default: those of its training split, sorted.
        splits: splits of a feature set to load; default: all.
        required: splits without which the caller can do nothing.
        takes: modalities that the model takes.
        feature_names: names of the features that the model reads, by modality. Those of a table and
            of a feature set are matched by name.
        undivided, columns, label, media_root, allow_absolute_paths: of a table, see `load_table`.
            The label may also be "sentiment", of MELD.

    Raises:
        ValueError: the data set is unknown; data_dir is missing, or given to the simulator; the
            data lacks a required split or a feature that the model reads; or an option of tables is
            set for other data.
        FileNotFoundError: a file of the data set is missing.
    """
    if dataset not in RECIPES:
        raise ValueError(f"dataset = {dataset!r}: expected one of {tuple(RECIPES)}")
    of_table = {
        "columns": columns,
        "label": label,
        "media_root": media_root,
        "allow_absolute_paths": allow_absolute_paths,
    }
    check_table_options(dataset, **of_table)
    if dataset == "simulated":
        if data_dir:
            raise ValueError(
                f"data_dir = {data_dir}: expected none, because the simulator draws its data; "
                "--dataset says what the folder holds"
            )
        number = max_train_conversations or RECIPES[dataset].train_conversations
        data = load_simulated(seed=seed, train_conversations=number)
    elif data_dir is None:
        raise ValueError(f"data_dir is missing: expected the folder that holds {dataset}'s files")
    elif dataset == "meld":
        data = load_meld(data_dir, label=label or "emotion")
    elif dataset == "iemocap":
        data = load_iemocap(data_dir)
    elif dataset == "emorynlp":
        data = load_emorynlp(data_dir)
    elif dataset == "dailydialog":
        data = load_dailydialog(data_dir)
    elif dataset == "features":
        data = load_feature_set(data_dir, splits, feature_names=feature_names)
    else:
        data = load_table(
            data_dir,
            label_names,
            feature_names=feature_names,
            undivided=undivided,
            **of_table,
        )
        unnamed = table_feature_names(data_dir, columns).keys() - (feature_names or {}).keys()
        if feature_names is not None and unnamed & set(takes):
            logger.warning(
                f"the model does not know the names of its {' and '.join(sorted(unnamed))} "
                "features: the columns are read in the order of the table"
            )
    require_splits(data, required)
    if max_train_conversations and "train" in data:
        kept = min(max_train_conversations, len(data["train"]))
        data["train"] = data["train"].select(range(kept))
    return data


def check_modality_names(modalities: Sequence[str]) -> None:
    """Refuse unknown modalities, and none at all.

    Raises:
        ValueError: see above.
    """
    if not modalities or not set(modalities) <= set(MODALITIES):
        raise ValueError(f"modalities = {list(modalities)}: expected some of {MODALITIES}")


def keep_modalities(
    data: DatasetDict,
    modalities: Sequence[str],
    takes: Sequence[str] = MODALITIES,
    *,
    reads_texts: bool,
    reads_tokens: bool = False,
) -> DatasetDict:
    """Drop the features of other modalities, and say what of the data is not read.

    Args:
        data: conversations with the features that they came with.
        modalities: those that are wanted.
        takes: those that the model takes, of which the user is told if the data has others.
        reads_texts: whether an encoder will make features of texts that have none.
        reads_tokens: whether a text backbone will read the texts; text features are then dropped.

    Raises:
        ValueError: a modality is unknown, or no utterance has anything that is read.
    """
    check_modality_names(modalities)
    given = feature_widths(data)
    for name in given:
        if name in modalities and name not in takes:
            logger.warning(
                f"{name}_features are not read: the model takes only {' and '.join(takes)}"
            )
    kept = [name for name in modalities if name in takes]
    dropped = [name for name in given if name not in kept]
    if reads_tokens and "text" in given and "text" in kept:
        logger.warning("text_features are not read, because an encoder reads the texts")
        dropped.append("text")
    data = data.remove_columns([f"{name}_features" for name in dropped])
    reads_texts = reads_tokens or (reads_texts and "text" in kept and "text" not in given)
    check_read(data, kept, reads_texts=reads_texts)
    return data


def embed_texts(data: DatasetDict, spec: Mapping[str, Any] | None) -> DatasetDict:
    """Add text features by an encoder to data that has texts and no text features.

    Args:
        data: from `keep_modalities`.
        spec: of the text encoder; None leaves the data as it is.
    """
    if spec is None or "text" in feature_widths(data) or not count_entries(data, "texts"):
        return data
    return add_text_features(data, TextEncoder.from_spec(spec))


def feature_names(
    dataset: str, data: DatasetDict, data_dir: str | Path | None = None
) -> dict[str, list[str]]:
    """Return the names of the features by modality, where they are known.

    Args:
        dataset: one of `RECIPES`.
        data: what `load_conversations` has loaded from `data_dir`.
    """
    names: dict[str, list[str]] = {}
    specs = _encoders(dataset, data)
    if "audio" in specs:
        names["audio"] = list(AudioEncoder.from_spec(specs["audio"]).names)
    if dataset == "features" and data_dir is not None:
        names = schema_feature_names(read_schema(str(data_dir)))
    elif dataset == "table" and data_dir is not None:
        names = table_feature_names(data_dir)
    widths = feature_widths(data)
    return {name: own for name, own in names.items() if len(own) == widths.get(name)}


def table_checksum(dataset: str, data_dir: str | Path | None) -> str | None:
    """Return a checksum of a table's files, None for other data."""
    if dataset != "table" or data_dir is None:
        return None
    found = find_files(data_dir)
    files = [found] if isinstance(found, Path) else found.values()
    return hashlib.sha256("".join(map(file_sha256, files)).encode()).hexdigest()


def label_names(data: DatasetDict) -> list[str]:
    """Return the names of the emotions, in the order of their ids."""
    return list(next(iter(data.values())).features["labels"].feature.names)


def feature_widths(data: DatasetDict) -> dict[str, int]:
    """Return the feature width of each modality that the data set has."""
    features = next(iter(data.values())).features
    return {
        name: features[f"{name}_features"].feature.length
        for name in MODALITIES
        if f"{name}_features" in features
    }


def feature_specs(
    dataset: str, data: DatasetDict, data_dir: str | Path | None = None
) -> dict[str, Any]:
    """Return the spec of each modality's encoder of raw input, where it is known."""
    if dataset == "features" and data_dir is not None:
        modalities = read_schema(str(data_dir))["modalities"]
        known = {name: modality.get("spec") for name, modality in modalities.items()}
        return {name: spec for name, spec in known.items() if spec}
    specs = _encoders(dataset, data)
    if "audio" in specs and "train" in data:
        # Replaces undefined measures, as in the tables.
        mean, _ = feature_statistics(data["train"], ["audio"])["audio"]
        specs["audio"]["fill"] = mean.tolist()
    return specs


def _encoders(dataset: str, data: DatasetDict) -> dict[str, Any]:
    """Return the recipe's encoder specs for the modalities of this data, without a fill."""
    recipe, widths = RECIPES[dataset], feature_widths(data)
    specs: dict[str, Any] = {}
    if recipe.embeds_text and widths.get("text") == MINILM_SPEC["width"]:
        specs["text"] = dict(MINILM_SPEC)
    if recipe.audio_encoder and "audio" in widths:
        specs["audio"] = dict(recipe.audio_encoder)
    return specs


def encoder_names(dataset: str, data: DatasetDict) -> dict[str, str]:
    """Return a description of each modality's encoder, for the schema of a feature set."""
    given = "synctva.datasets_scripts.corpora.simulated" if dataset == "simulated" else "as given"
    names = dict.fromkeys(feature_widths(data), given)
    specs = _encoders(dataset, data)
    if "audio" in specs:
        names["audio"] = ", ".join(AudioEncoder.from_spec(specs["audio"]).names)
    if "text" in specs:
        names["text"] = f"{specs['text']['name']}, frozen"
    return names


__all__ = [
    "RECIPES",
    "Recipe",
    "check_modality_names",
    "embed_texts",
    "encoder_names",
    "feature_names",
    "feature_specs",
    "feature_widths",
    "keep_modalities",
    "label_names",
    "load_conversations",
    "load_splits",
    "recipe_of",
    "table_checksum",
]
