"""The checkpoint that training starts from: its weights, with heads for the labels of the data."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, DatasetDict
from torch import nn
from transformers.utils import logging

from synctva.features.feature_names import with_features_of
from synctva.model_lookup import find_model
from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.registration import SHIPPED, SYNCTVA_MELD
from synctva.trainer.statistics import feature_statistics

logger = logging.get_logger(__name__)

FREEZE = ("none", "feature-encoders", "all-but-heads")
"""What of a model is not trained."""


def load_parent(
    name: str | os.PathLike, config_overrides: str | None = None
) -> tuple[SyncTVAProcessor, SyncTVAForEmotionRecognition]:
    """Load the processor and the model to start from.

    Args:
        name: folder, `synctva-meld`, or Hub name.
        config_overrides: "field=value,field=value" of fields that leave the weights as they are,
            such as the dropout.

    Raises:
        OSError: there is no such model, or it has no processor.
        ValueError: the overrides ask for other weights.
    """
    source = find_model(name)
    processor = SyncTVAProcessor.from_pretrained(source)
    config = SyncTVAConfig.from_pretrained(source)
    if config_overrides:
        config.update_from_string(config_overrides)
    try:
        model = SyncTVAForEmotionRecognition.from_pretrained(source, config=config)
    except ValueError as error:
        if not config_overrides:
            raise
        raise ValueError(
            f"config_overrides = {config_overrides}: expected fields that leave the weights of "
            f"{name} as they are: {error}"
        ) from error
    return processor, model


def describe_parent(
    name: str | os.PathLike, freeze: str = "none", refit_statistics: bool = False
) -> dict[str, Any]:
    """Return what `results.json` says of a checkpoint; no path of this machine.

    Args:
        name, freeze, refit_statistics: as for `prepare_training`.

    Returns:
        `name`; `on_hub`, whether that is a name on the Hub; `frozen`; and `statistics`, "kept" or
        "refitted".
    """
    shown, on_hub = os.fspath(name), False
    folder = Path(name).expanduser()
    if find_model(name) == SYNCTVA_MELD:
        shown = SHIPPED
    elif folder.exists():
        shown = folder.resolve().name
    else:
        on_hub = True
    return {
        "name": shown,
        "on_hub": on_hub,
        "frozen": freeze,
        "statistics": "refitted" if refit_statistics else "kept",
    }


def check_modalities(modalities: Sequence[str], takes: Sequence[str]) -> None:
    """Refuse modalities that the model does not take; all three are the default, and not a wish.

    Raises:
        ValueError: one of them is not among those that the model takes.
    """
    lacking = [name for name in modalities if name not in takes]
    if lacking and set(modalities) != set(MODALITIES):
        raise ValueError(
            f"modalities = {list(modalities)}: the model takes no {' and no '.join(lacking)}: "
            f"expected some of {list(takes)}"
        )


def match_features(
    data: DatasetDict,
    processor: SyncTVAProcessor,
    names: Mapping[str, Sequence[str]],
    specs: Mapping[str, Mapping[str, Any]],
) -> DatasetDict:
    """Return the data with the features that the model reads, in its order.

    Args:
        data: conversations with features of modalities that the model takes.
        processor: of the model.
        names, specs: the data's own names and encoders by modality, where they are known.

    Raises:
        ValueError: the features are others than those that the model reads.
    """
    encoders = {
        "text": processor.text_encoder,
        "visual": processor.visual_encoder,
        "audio": processor.audio_encoder,
    }
    for modality in MODALITIES:
        column = f"{modality}_features"
        features = next(iter(data.values())).features
        if column not in features:
            continue
        remedy = f"modalities without {modality} leave them out"
        own, wanted = names.get(modality), processor.feature_names.get(modality)
        width, expected = features[column].feature.length, processor.widths[modality]
        if own and wanted:
            try:
                data = with_features_of(data, modality, own, wanted)
            except ValueError as error:
                raise ValueError(f"{error}; {remedy}") from None
        elif width != expected:
            raise ValueError(
                f"{column}: {width} for each utterance: expected {expected}, which the model "
                f"reads; {remedy}"
            )
        elif wanted:
            logger.warning(
                f"{column}: their names are not known, and they are read in their own order: "
                f"expected {', '.join(wanted)}"
            )
        for field, (is_, should) in _differences(specs.get(modality), encoders[modality]).items():
            raise ValueError(
                f"{column}: made by an encoder with {field} = {is_}: expected {should}, as the "
                f"{modality} encoder of the model has; {remedy}"
            )
    return data


def _differences(
    spec: Mapping[str, Any] | None, expected: Mapping[str, Any] | None
) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two encoders differ, so that their features are not the same."""
    if spec is None or expected is None:
        return {}
    known = {"fill", "revision"}  # the fill belongs to the data
    if spec.get("sha256") and expected.get("sha256"):
        known.add("name")  # the weights are the same in any folder
    fields = (spec.keys() & expected.keys()) - known
    return {
        name: (spec[name], expected[name])
        for name in sorted(fields)
        if spec[name] != expected[name]
    }


def heads_of(model: SyncTVAForEmotionRecognition) -> list[nn.Module]:
    """Return the modules that answer with labels: the classifiers and the heads by modality."""
    heads = [model.classifier, model.context_classifier, model.synctva.modality_heads]
    return [head for head in heads if head is not None]


@torch.no_grad()
def set_labels(model: SyncTVAForEmotionRecognition, label_names: Sequence[str]) -> None:
    """Give a model the labels of the data, and say what becomes of its heads.

    The weights of a label that the model knows by this name are kept, those of others are drawn
    anew. Other labels drop the calibration.
    """
    before, names = model.config.label_names, list(label_names)
    if before == names:
        return
    kept = [name for name in names if name in before]
    new, old = [names.index(name) for name in kept], [before.index(name) for name in kept]
    last = [model.classifier, model.context_classifier, model.synctva.modality_heads.maps]
    for holder in filter(None, last):
        # The last layer of a classifier, and every map of the heads by modality.
        keys = [str(len(holder) - 1)] if isinstance(holder, nn.Sequential) else list(holder)
        for key in keys:
            layer = holder.get_submodule(key)
            fresh = nn.Linear(layer.in_features, len(names)).to(layer.weight)
            model._init_weights(fresh)
            fresh.weight[new], fresh.bias[new] = layer.weight[old], layer.bias[old]
            holder.add_module(key, fresh)
    model.class_prior = model.class_prior.new_full((len(names),), 1 / len(names))
    config = model.config
    dropped = config.is_calibrated
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    config.drop_calibration()
    fate = f"kept for {', '.join(kept)} and new for the others" if kept else "new"
    if len(kept) == len(names):
        fate = "kept"
    calibration = ". The calibration, which was fitted for its labels, is dropped"
    logger.warning(
        f"labels = {names}: the checkpoint has {before}. The weights of the heads are {fate}"
        f"{calibration if dropped else ''}"
    )


def freeze_parts(model: SyncTVAForEmotionRecognition, freeze: str) -> None:
    """Exclude parts of a model from training.

    Args:
        model: whose parameters no longer require a gradient.
        freeze: "feature-encoders" (with a text backbone), "all-but-heads", or "none".

    Raises:
        ValueError: freeze is something else.
    """
    if freeze not in FREEZE:
        raise ValueError(f"freeze = {freeze!r}: expected one of {FREEZE}")
    if freeze == "feature-encoders":
        model.feature_encoders.requires_grad_(False)
        if model.synctva.text_backbone is not None:
            model.synctva.text_backbone.requires_grad_(False)
    elif freeze == "all-but-heads":
        model.requires_grad_(False)
        for head in heads_of(model):
            head.requires_grad_(True)


def fit_statistics(
    model: SyncTVAForEmotionRecognition,
    processor: SyncTVAProcessor,
    train: Dataset,
    modalities: Collection[str],
) -> None:
    """Replace the feature statistics of a checkpoint by those of the training data.

    A measure of a voice that is undefined is then replaced by the new mean.
    """
    statistics = feature_statistics(train, [name for name in MODALITIES if name in modalities])
    model.feature_encoders.set_statistics(
        {
            name: (torch.from_numpy(mean), torch.from_numpy(deviation))
            for name, (mean, deviation) in statistics.items()
        }
    )
    spec = processor.audio_encoder
    if spec is not None and "fill" in spec and "audio" in statistics:
        processor.audio_encoder = {**spec, "fill": statistics["audio"][0].tolist()}


__all__ = [
    "FREEZE",
    "check_modalities",
    "describe_parent",
    "fit_statistics",
    "freeze_parts",
    "heads_of",
    "load_parent",
    "match_features",
    "set_labels",
]
