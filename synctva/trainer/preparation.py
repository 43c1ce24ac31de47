"""Make data, processor and model fit together, for a new model or from a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datasets import DatasetDict
from transformers import AutoConfig
from transformers.utils import logging

from synctva.configuration import __file__ as configuration
from synctva.features.text import add_text_tokens
from synctva.model_lookup import find_model
from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva.trainer.parent import (
    check_modalities,
    fit_statistics,
    freeze_parts,
    load_parent,
    match_features,
    set_labels,
)
from synctva.trainer.recipes import (
    embed_texts,
    feature_names,
    feature_specs,
    feature_widths,
    keep_modalities,
    label_names,
    recipe_of,
)
from synctva.trainer.unread import require_splits

logger = logging.get_logger(__name__)

PRESETS = Path(configuration).parent / "presets"


class PreparedTraining(NamedTuple):
    """What `SyncTVATrainer` needs, made for each other."""

    data: DatasetDict
    """The splits, with the features or tokens that the model reads."""
    processor: SyncTVAProcessor
    """Makes such features from raw conversations."""
    model: SyncTVAForEmotionRecognition
    """Has the widths and labels of the data."""
    arguments: dict[str, Any]
    """The recipe's fields of `SyncTVATrainingArguments`."""

    def __repr__(self) -> str:
        """Return what it is made of, without the weights and the conversations."""
        sizes = ", ".join(f"{name} {len(split)}" for name, split in self.data.items())
        parameters = list(self.model.parameters())
        trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
        reads = ", ".join(f"{name}: {text}" for name, text in self.processor.inputs().items())
        lines = {
            "data": f"conversations: {sizes}",
            "processor": reads,
            "model": f"{self.model.num_parameters():,} parameters, {trained:,} of them trained",
            "labels": ", ".join(self.model.config.label_names),
            "arguments": ", ".join(f"{name}={value!r}" for name, value in self.arguments.items()),
        }
        return "\n  ".join(
            [type(self).__name__, *(f"{name}: {text}" for name, text in lines.items())]
        )


def prepare_training(
    data: DatasetDict,
    model: str | Path | None = None,
    *,
    recipe: str = "table",
    data_dir: str | Path | None = None,
    modalities: Sequence[str] = MODALITIES,
    config: str | Path | None = None,
    config_overrides: str | None = None,
    text_backbone: str | None = None,
    freeze: str = "none",
    refit_statistics: bool = False,
) -> PreparedTraining:
    """Make data, processor and model fit together, to train with `SyncTVATrainer`.

    Texts are embedded, the model gets the labels of the data, and the processor makes the same
    features. With `model`, training starts from a checkpoint: its encoders embed the texts, its
    feature statistics and weights are kept, and so are the heads' weights of labels that it knows.
    Otherwise the model is new. New weights are drawn from torch's generator: call
    `transformers.set_seed` before.

    What the data has and nothing reads is logged as a warning.

    Args:
        data: the splits, as `load_table` and the other loaders return them.
        model: folder, `synctva-meld`, or Hub name of the checkpoint; None for a new model.
        recipe: the data set whose settings are used, see `synctva.trainer.recipes.RECIPES`.
        data_dir: where the data was loaded from, which gives the names of its features. Where both
            names are known, a checkpoint's features are matched by name.
        modalities: those to train on; the others' features are dropped, which masks them.
        config: of a new model: a preset's name, a folder, or a Hub name; default: the recipe's.
        config_overrides: changes to the config, "field=value,field=value".
        text_backbone: of a new model: Hub name or folder of an encoder to train end to end.
        freeze: what of a checkpoint is not trained: "none", "feature-encoders" or "all-but-heads".
        refit_statistics: replace a checkpoint's feature statistics by those of the training split.

    Raises:
        OSError: there is no such model.
        ValueError: an argument is for the other kind of start, the features are not those that the
            checkpoint reads, or no utterance has anything that is read.
    """
    if model is None:
        if freeze != "none" or refit_statistics:
            option = "refit_statistics = True" if freeze == "none" else f"freeze = {freeze!r}"
            raise ValueError(f"{option}: expected a model to start from")
        return _new(data, recipe, data_dir, modalities, config, config_overrides, text_backbone)
    for name, value in (("config", config), ("text_backbone", text_backbone)):
        if value is not None:
            raise ValueError(
                f"{name} = {value}: expected none, because model = {model} has its own"
            )
    return _from_checkpoint(
        data, model, recipe, data_dir, modalities, config_overrides, freeze, refit_statistics
    )


def _new(
    data: DatasetDict,
    recipe: str,
    data_dir: str | Path | None,
    modalities: Sequence[str],
    source: str | Path | None,
    overrides: str | None,
    text_backbone: str | None,
) -> PreparedTraining:
    own = recipe_of(recipe, data_dir)
    embeds = own.embeds_text and text_backbone is None
    data = keep_modalities(
        data, modalities, reads_texts=embeds, reads_tokens=text_backbone is not None
    )
    if embeds and "text" in modalities:
        data = embed_texts(data, MINILM_SPEC)
    config = build_config(source or own.preset, data, overrides, text_backbone)
    model = SyncTVAForEmotionRecognition(config)
    processor = build_processor(recipe, data, config, data_dir)
    if model.synctva.text_backbone is not None:
        model.synctva.text_backbone.load_pretrained()
        data = add_text_tokens(data, processor.text_tokenizer, config)
    return PreparedTraining(data, processor, model, dict(own.training))


def _from_checkpoint(
    data: DatasetDict,
    source: str | Path,
    recipe: str,
    data_dir: str | Path | None,
    modalities: Sequence[str],
    overrides: str | None,
    freeze: str,
    refit_statistics: bool,
) -> PreparedTraining:
    processor, model = load_parent(source, overrides)
    freeze_parts(model, freeze)
    takes = [name for name, width in processor.widths.items() if width is not None]
    check_modalities(modalities, takes)
    reads_tokens = processor.text_tokens is not None
    encoder = None if reads_tokens else processor.text_encoder
    data = keep_modalities(
        data, modalities, takes, reads_texts=encoder is not None, reads_tokens=reads_tokens
    )
    data = match_features(
        data,
        processor,
        feature_names(recipe, data, data_dir),
        feature_specs(recipe, data, data_dir),
    )
    if "text" in modalities and "text" in takes:
        data = embed_texts(data, encoder)
        if reads_tokens:
            data = add_text_tokens(data, processor.text_tokenizer, model.config)
    set_labels(model, label_names(data))
    if refit_statistics:
        require_splits(data, ["train"])
        fit_statistics(model, processor, data["train"], modalities)
    logger.warning(
        f"Training starts from {source}: its feature statistics are "
        + ("those of the training data now" if refit_statistics else "kept")
        + ("" if freeze == "none" else f"; not trained: {freeze.replace('-', ' ')}")
    )
    return PreparedTraining(data, processor, model, dict(recipe_of(recipe, data_dir).training))


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
        "prepare_training(data, model=...) and --model start from them"
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


__all__ = ["PRESETS", "PreparedTraining", "build_config", "build_processor", "prepare_training"]
