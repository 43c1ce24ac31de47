"""Recipes: the defaults of `synctva train` for each data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from transformers import AutoConfig
from transformers.utils import logging

from synctva import configuration
from synctva.audio.encoder import PROSODY_SPEC, AudioEncoder
from synctva.datasets_scripts.corpora.iemocap import load_iemocap
from synctva.datasets_scripts.corpora.meld import load_meld
from synctva.datasets_scripts.corpora.simulated import load_simulated
from synctva.datasets_scripts.table.loading import load_table, table_feature_names
from synctva.datasets_scripts.table.splits import find_files
from synctva.features.feature_names import schema_feature_names
from synctva.features.feature_sets import SCHEMA_FILE, load_feature_set, read_schema
from synctva.features.text import add_text_features
from synctva.model_lookup import find_model
from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.modeling_synctva.text_weights import file_sha256
from synctva.trainer.statistics import feature_statistics
from synctva.trainer.unread import check_read, require_splits

logger = logging.get_logger(__name__)

PRESETS = Path(configuration.__file__).parent / "presets"


@dataclass(frozen=True)
class Recipe:
    """A data set's model configuration and training arguments.

    Attributes:
        preset: folder of `configuration/presets/` with the model's config.
        training: fields of `SyncTVATrainingArguments`.
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
        training={
            **_FROZEN_TEXT,
            "num_train_epochs": 8,
            "per_device_train_batch_size": 16,
            "weight_decay": 1.0,
            # Without weights, fear and disgust (2-3% each) are never predicted.
            "loss": "class_weighted",
        },
    ),
    "iemocap": Recipe(
        preset="iemocap",
        audio_encoder=PROSODY_SPEC,
        training={**_FROZEN_TEXT, "num_train_epochs": 16, "per_device_train_batch_size": 4},
    ),
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
    seed: int = 0,
    modalities: Sequence[str] = MODALITIES,
    max_train_conversations: int | None = None,
    label_names: Sequence[str] | None = None,
    embed_text: bool = True,
    splits: Sequence[str] | None = None,
    required: Sequence[str] = (),
    takes: Sequence[str] = MODALITIES,
    feature_names: Mapping[str, Sequence[str]] | None = None,
    undivided: str | None = None,
    media_root: str | Path | None = None,
    allow_absolute_paths: bool = False,
) -> DatasetDict:
    """Load the splits of a data set with the features of these modalities, ready for the trainer.

    What the data has and nothing reads is logged as a warning.

    Args:
        dataset: one of `RECIPES`.
        data_dir: folder or file of the data; the simulator needs none.
        seed: of the simulator's training split.
        modalities: modalities to keep; the others' features are dropped, which masks them.
        max_train_conversations: keep only the first conversations of the training split.
        label_names: of a table; default: those of its training split, sorted.
        embed_text: add text features; False for a text backbone, which reads tokens.
        splits: splits of a feature set to load; default: all.
        required: splits without which the caller can do nothing.
        takes: modalities that the model takes. Features of others are dropped too, but with a
            warning.
        feature_names: names of the features that the model reads, by modality. Those of a table and
            of a feature set are matched by name.
        undivided, media_root, allow_absolute_paths: of a table, see `load_table`.

    Raises:
        ValueError: the data set or a modality is unknown; data_dir is missing, or given to the
            simulator; the data lacks a required split or a feature that the model reads; no
            utterance has anything that is read; or paths are opened up for other data than a table.
        FileNotFoundError: a file of the data set is missing.
    """
    if dataset not in RECIPES:
        raise ValueError(f"dataset = {dataset!r}: expected one of {tuple(RECIPES)}")
    unknown = [name for name in modalities if name not in MODALITIES]
    if unknown or not modalities:
        raise ValueError(f"modalities = {list(modalities)}: expected some of {MODALITIES}")
    recipe = RECIPES[dataset]
    if (media_root is not None or allow_absolute_paths) and dataset != "table":
        option = "allow_absolute_paths" if media_root is None else "media_root"
        raise ValueError(f"{option} is set: expected a table, not the data set {dataset!r}")
    if dataset == "simulated":
        if data_dir:
            raise ValueError(
                f"data_dir = {data_dir}: expected none, because the simulator draws its data; "
                "--dataset says what the folder holds"
            )
        number = max_train_conversations or recipe.train_conversations
        data = load_simulated(seed=seed, train_conversations=number)
    elif data_dir is None:
        raise ValueError(f"data_dir is missing: expected the folder that holds {dataset}'s files")
    elif dataset == "meld":
        data = load_meld(data_dir)
    elif dataset == "iemocap":
        data = load_iemocap(data_dir)
    elif dataset == "features":
        data = load_feature_set(data_dir, splits, feature_names=feature_names)
    else:
        data = load_table(
            data_dir,
            label_names,
            media_root=media_root,
            allow_absolute_paths=allow_absolute_paths,
            feature_names=feature_names,
            undivided=undivided,
        )
        unnamed = table_feature_names(data_dir).keys() - (feature_names or {}).keys()
        if feature_names is not None and unnamed & set(takes):
            logger.warning(
                f"the model does not know the names of its {' and '.join(sorted(unnamed))} "
                "features: the columns are read in the order of the table"
            )
    require_splits(data, required)
    if max_train_conversations and "train" in data:
        kept = min(max_train_conversations, len(data["train"]))
        data["train"] = data["train"].select(range(kept))
    given = feature_widths(data)
    for name in given:
        if name in modalities and name not in takes:
            logger.warning(
                f"{name}_features are not read: the model takes only {' and '.join(takes)}"
            )
    modalities = [name for name in modalities if name in takes]
    dropped = [name for name in given if name not in modalities]
    if not embed_text and "text" in given and "text" in modalities:
        logger.warning("text_features are not read, because an encoder reads the texts")
        dropped.append("text")
    data = data.remove_columns([f"{name}_features" for name in dropped])
    embedded = embed_text and recipe.embeds_text and "text" in modalities and "text" not in given
    texts = check_read(data, modalities, reads_texts=embedded or not embed_text)
    if embedded and texts:
        data = add_text_features(data, TextEncoder.from_spec(MINILM_SPEC))
    return data


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
    if dataset == "features":
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
    if dataset == "features":
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


def build_config(
    source: str | Path,
    data: DatasetDict,
    overrides: str | None = None,
    text_backbone: str | None = None,
) -> SyncTVAConfig:
    """Build the configuration of a model for this data.

    Args:
        source: a preset's name in `configuration/presets/`, a folder, or a Hub name.
        data: gives the widths and the labels.
        overrides: "field=value,field=value", for ablations and tuning.
        text_backbone: Hub name or folder of an encoder to train end to end.
    """
    preset = PRESETS / source
    if preset.parent != PRESETS or not preset.is_dir():
        _warn_of_weights(source)
    fields: dict[str, Any] = {f"{m}_dim": width for m, width in feature_widths(data).items()}
    if text_backbone is not None:
        found = find_model(text_backbone, "text_backbone", ours=False)
        backbone = AutoConfig.from_pretrained(found)
        fields |= {
            "text_backbone": text_backbone,
            "text_backbone_config": {**backbone.to_dict(), "_name_or_path": text_backbone},
            "text_dim": backbone.hidden_size,
        }
    folder = preset if preset.is_dir() else find_model(source, "config")
    config = AutoConfig.from_pretrained(
        folder, id2label=dict(enumerate(label_names(data))), **fields
    )
    config.label2id = {name: index for index, name in config.id2label.items()}
    if overrides:
        config.update_from_string(overrides)
    return config


def _warn_of_weights(source: str | Path) -> None:
    """Say that a model's weights are not used; of a model on the Hub it is not known if it has."""
    folder = Path(source)
    endings = ("*.safetensors", "*.bin")
    if folder.is_dir() and not any(path for ending in endings for path in folder.glob(ending)):
        return
    logger.warning(
        f"config = {source}: only the config is read, and the weights of this model are not used; "
        "SyncTVATrainer(model=SyncTVAForEmotionRecognition.from_pretrained(...)) trains them on"
    )


def build_processor(
    dataset: str, data: DatasetDict, config: SyncTVAConfig, data_dir: str | Path | None = None
) -> SyncTVAProcessor:
    """Build the processor that makes such features from raw conversations, for this model."""
    widths = feature_widths(data)
    specs = feature_specs(dataset, data, data_dir)
    tokens = None
    if config.text_backbone is not None:
        widths["text"] = config.text_dim
        tokens = {
            "name": config.text_backbone,
            "past": config.text_context_past,
            "future": config.text_context_future,
            "max_length": config.text_max_length,
        }
    names = feature_names(dataset, data, data_dir)
    return SyncTVAProcessor(
        **{f"{name}_dim": widths.get(name) for name in MODALITIES},
        text_tokens=tokens,
        text_encoder=None if tokens else specs.get("text"),
        **{f"{name}_features": own for name, own in names.items()},
        audio_encoder=specs.get("audio"),
        visual_encoder=specs.get("visual"),
    )


__all__ = [
    "RECIPES",
    "Recipe",
    "build_config",
    "build_processor",
    "encoder_names",
    "feature_names",
    "feature_specs",
    "feature_widths",
    "label_names",
    "load_conversations",
    "recipe_of",
    "table_checksum",
]
