"""What `synctva train` does for each data set unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from transformers import AutoConfig

from synctva import configuration
from synctva.audio.encoder import PROSODY_SPEC, AudioEncoder
from synctva.datasets_scripts.corpora.iemocap import load_iemocap
from synctva.datasets_scripts.corpora.meld import load_meld
from synctva.datasets_scripts.corpora.simulated import load_simulated
from synctva.datasets_scripts.table.loading import load_table
from synctva.features.feature_sets import SCHEMA_FILE, load_feature_set, read_schema
from synctva.features.text import add_text_features
from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.trainer.statistics import feature_statistics

PRESETS = Path(configuration.__file__).parent / "presets"


@dataclass(frozen=True)
class Recipe:
    """A data set's model configuration and training arguments.

    Attributes:
        preset: folder of `configuration/presets/` with the model's config.
        training: fields of `SyncTVATrainingArguments`.
        embeds_text: text features come from the frozen text encoder.
        audio_encoder: spec of what makes the audio features of raw sound, where the data's
            own were made so.
        train_conversations: of the simulator, which draws as many as it is asked for.
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
            # Of what the optimum bounds, the less noisy: dev has but 114 conversations.
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
            # Without weights, fear and disgust (2-3% each) are never answered.
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
"""By data set."""


def recipe_of(dataset: str, data_dir: str | Path | None = None) -> Recipe:
    """A data set's recipe; a feature set's is that of the data set which it was made from.

    Args:
        dataset: one of `RECIPES`.
        data_dir: the folder of a feature set; where there is none, loading it says so.
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
) -> DatasetDict:
    """The splits of a data set with the features of these modalities, ready for the trainer.

    Args:
        dataset: one of `RECIPES`.
        data_dir: where the data lies; the simulator needs none.
        seed: of the simulator's training split.
        modalities: the others' features are left out, which masks them.
        max_train_conversations: train on the first so many alone.
        label_names: of a table; by default its training set's, sorted.
        embed_text: by the frozen text encoder; False for a text backbone, which reads tokens.
        splits: of a feature set, which to load; default: all.

    Raises:
        ValueError: an unknown data set or modality, or no data_dir.
        FileNotFoundError: a file of the data set is missing.
    """
    if dataset not in RECIPES:
        raise ValueError(f"dataset = {dataset!r}: expected one of {tuple(RECIPES)}")
    unknown = [name for name in modalities if name not in MODALITIES]
    if unknown or not modalities:
        raise ValueError(f"modalities = {list(modalities)}: expected some of {MODALITIES}")
    recipe = RECIPES[dataset]
    if dataset == "simulated":
        number = max_train_conversations or recipe.train_conversations
        data = load_simulated(seed=seed, train_conversations=number)
    elif data_dir is None:
        raise ValueError(f"data_dir is missing: expected the folder that holds {dataset}'s files")
    elif dataset == "meld":
        data = load_meld(data_dir)
    elif dataset == "iemocap":
        data = load_iemocap(data_dir)
    elif dataset == "features":
        data = load_feature_set(data_dir, splits)
    else:
        data = load_table(data_dir, label_names)
    if max_train_conversations and "train" in data:
        kept = min(max_train_conversations, len(data["train"]))
        data["train"] = data["train"].select(range(kept))
    present = next(iter(data.values())).column_names
    dropped = [f"{m}_features" for m in MODALITIES if m not in modalities]
    data = data.remove_columns([column for column in dropped if column in present])
    if (
        embed_text
        and "text" in modalities
        and recipe.embeds_text
        and "text_features" not in present
    ):
        data = add_text_features(data, TextEncoder.from_spec(MINILM_SPEC))
    return data


def label_names(data: DatasetDict) -> list[str]:
    """Names of the emotions, by their ids."""
    return list(next(iter(data.values())).features["labels"].feature.names)


def feature_widths(data: DatasetDict) -> dict[str, int]:
    """Width of the features of each modality that the data set has."""
    features = next(iter(data.values())).features
    return {
        name: features[f"{name}_features"].feature.length
        for name in MODALITIES
        if f"{name}_features" in features
    }


def feature_specs(
    dataset: str, data: DatasetDict, data_dir: str | Path | None = None
) -> dict[str, Any]:
    """The spec of what makes the features of each modality of raw input, where known."""
    if dataset == "features":
        modalities = read_schema(str(data_dir))["modalities"]
        known = {name: modality.get("spec") for name, modality in modalities.items()}
        return {name: spec for name, spec in known.items() if spec}
    specs = _encoders(dataset, data)
    if "audio" in specs and "train" in data:
        # What stands for a measure that is undefined, as in the tables.
        mean, _ = feature_statistics(data["train"], ["audio"])["audio"]
        specs["audio"]["fill"] = mean.tolist()
    return specs


def _encoders(dataset: str, data: DatasetDict) -> dict[str, Any]:
    """The recipe's specs for what this data has, before anything is learnt from it."""
    recipe, widths = RECIPES[dataset], feature_widths(data)
    specs: dict[str, Any] = {}
    if recipe.embeds_text and widths.get("text") == MINILM_SPEC["width"]:
        specs["text"] = dict(MINILM_SPEC)
    if recipe.audio_encoder and "audio" in widths:
        specs["audio"] = dict(recipe.audio_encoder)
    return specs


def encoder_names(dataset: str, data: DatasetDict) -> dict[str, str]:
    """What made the features of each modality, in words, for the schema of a feature set."""
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
    """The configuration of a model for this data.

    Args:
        source: a preset's name in `configuration/presets/`, a folder, or a name on the Hub.
        data: tells the widths and the labels.
        overrides: "field=value,field=value", for ablations and tuning.
        text_backbone: Hub name or folder of an encoder to train end to end.
    """
    preset = PRESETS / source
    fields: dict[str, Any] = {f"{m}_dim": width for m, width in feature_widths(data).items()}
    if text_backbone is not None:
        backbone = AutoConfig.from_pretrained(text_backbone)
        fields |= {
            "text_backbone": text_backbone,
            "text_backbone_config": backbone.to_dict(),
            "text_dim": backbone.hidden_size,
        }
    config = AutoConfig.from_pretrained(
        preset if preset.is_dir() else source, id2label=dict(enumerate(label_names(data))), **fields
    )
    config.label2id = {name: index for index, name in config.id2label.items()}
    if overrides:
        config.update_from_string(overrides)
    return config


def build_processor(
    dataset: str, data: DatasetDict, config: SyncTVAConfig, data_dir: str | Path | None = None
) -> SyncTVAProcessor:
    """The processor that makes raw conversations look like this data, for a model so configured."""
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
    audio, measures = specs.get("audio"), None
    if audio is not None:
        measures = list(AudioEncoder.from_spec(audio).names)
    return SyncTVAProcessor(
        **{f"{name}_dim": widths.get(name) for name in MODALITIES},
        text_tokens=tokens,
        text_encoder=None if tokens else specs.get("text"),
        audio_features=measures,
        audio_encoder=audio,
        visual_encoder=specs.get("visual"),
    )


__all__ = [
    "RECIPES",
    "Recipe",
    "build_config",
    "build_processor",
    "encoder_names",
    "feature_specs",
    "feature_widths",
    "label_names",
    "load_conversations",
    "recipe_of",
]
