"""Load a checkpoint strictly: every weight must be in the file, and finite.

Otherwise an error names the weight.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from transformers.utils import logging

logger = logging.get_logger(__name__)

LARGEST_WEIGHT = 1e19
"""The square of a larger number overflows float32. An ordinary weight whose highest exponent bit
has flipped is at least 1e28."""


def load_checked(
    load: Callable[..., Any], source: str | os.PathLike | None, *args: Any, **options: Any
) -> Any:
    """Call transformers' `from_pretrained`, and refuse weights whose answers would mean nothing.

    If the labels are not those of the checkpoint, a warning says what becomes of its calibration
    and of its heads, see `warn_of_other_labels`.

    transformers initialises missing weights and weights of another shape at random, and only logs
    a warning. Here the caller has to ask for that: `ignore_mismatched_sizes=True` starts new heads,
    for other labels or on a base model's checkpoint; `output_loading_info=True` returns the loading
    report, which the caller then checks; `state_dict` passes the weights directly. Weights are
    never unpickled.

    Args:
        load: the inherited `from_pretrained`.
        source: its first argument.
        args, options: its other arguments.

    Returns:
        What `load` returns.

    Raises:
        OSError: there is no safetensors file, or it is damaged.
        ValueError: see `check_loaded`.
    """
    options.setdefault("use_safetensors", True)
    try:
        if options.get("output_loading_info") or options.get("state_dict") is not None:
            loaded = load(source, *args, **options)
            warn_of_other_labels(loaded[0] if isinstance(loaded, tuple) else loaded, source)
            return loaded
        new_heads = options.pop("ignore_mismatched_sizes", False)
        # With these options the report lists the weights by name.
        options |= {"ignore_mismatched_sizes": True, "output_loading_info": True}
        model, report = load(source, *args, **options)
    except SafetensorError as error:
        raise OSError(
            f"{source}: the weights file is damaged ({error}): expected the file as it was saved. "
            "Copy or download it again"
        ) from error
    check_loaded(model, report, str(source), new_heads)
    warn_of_other_labels(model, source)
    return model


def warn_of_other_labels(model: Any, source: str | os.PathLike | None) -> None:
    """Drop a checkpoint's calibration if the labels are not its own, and say what they mean.

    Heads for another number of labels are new. For as many labels they keep their weights, whether
    the names are new, translated or in another order: each answer only has another name.

    Args:
        model: the loaded model.
        source: name or folder of the checkpoint, for the warning.
    """
    config = model.config
    if config._saved is None or config._saved[0] == config.label_names:
        return
    (before, calibrated), now = config._saved, config.label_names
    calibrated = calibrated or config.is_calibrated
    config.drop_calibration()
    config.label2id = {name: index for index, name in enumerate(now)}
    config.remember_labels()
    messages = []
    if calibrated:
        messages.append(
            "The temperature and the thresholds of the prediction sets were fitted for the "
            "checkpoint's labels, and are dropped until the model is calibrated again"
        )
    if len(now) == len(before):
        old, new = next(pair for pair in zip(before, now, strict=True) if pair[0] != pair[1])
        messages.append(
            f"The heads keep their weights: what was {old!r} is now called {new!r}, until the "
            "model is trained on the new labels"
        )
    if messages:
        logger.warning(
            f"{source}: id2label = {now}: the checkpoint has {before}. {'. '.join(messages)}"
        )


def check_loaded(
    model: Any, report: Mapping[str, Collection[Any]], source: str, new_heads: bool = False
) -> None:
    """Check that the model's weights are exactly those of its checkpoint.

    A flipped bit that leaves a number of ordinary size goes unnoticed: safetensors has no checksum.

    Args:
        model: the loaded model.
        report: transformers' loading report: `missing_keys`, `unexpected_keys`, and
            `mismatched_keys` with the shapes in the file and in the model.
        source: name or folder of the checkpoint, for error messages.
        new_heads: whether weights may have another shape, and may be missing outside the base
            model.

    Raises:
        ValueError: a weight is missing, has another shape, is unknown to the model, or has a value
            that is too large or not finite.
    """
    missing = set(report["missing_keys"])
    if new_heads and model.base_model is not model:
        base = f"{model.base_model_prefix}."
        missing = {name for name in missing if name.startswith(base)}
    elif not new_heads:
        for name, found, expected in sorted(report["mismatched_keys"]):
            raise ValueError(
                f"{source}: {name} has shape {tuple(found)}: expected {tuple(expected)}, as "
                "config.json says. To train a new head for other labels, pass "
                "ignore_mismatched_sizes=True"
            )
    for kind, names in (("lacks", missing), ("has unknown", report["unexpected_keys"])):
        if names:
            raise ValueError(
                f"{source} {kind} {_first_names(names)}: expected exactly the weights of "
                f"{type(model).__name__}, as config.json describes it. To train new heads on a "
                "base model's checkpoint, pass ignore_mismatched_sizes=True"
            )
    for name, tensor in model.state_dict().items():
        if tensor.is_meta or not tensor.is_floating_point() or not tensor.numel():
            continue  # offloaded, or held by another process
        extremes = torch.stack(tensor.aminmax()).tolist()  # one NaN makes both NaN
        if not all(abs(value) <= LARGEST_WEIGHT for value in extremes):
            raise ValueError(
                f"{source}: {name} has values from {extremes[0]:g} to {extremes[1]:g}: expected "
                f"finite values of at most {LARGEST_WEIGHT:g} in size"
            )
        if name.endswith(".deviation") and not extremes[0] > 0:
            raise ValueError(f"{source}: {name} has {extremes[0]:g}: expected deviations above 0")


def _first_names(names: Collection[str], shown: int = 3) -> str:
    """Return the first few names, and how many more there are."""
    first = ", ".join(sorted(names)[:shown])
    return first if len(names) <= shown else f"{first} and {len(names) - shown} more weights"


__all__ = ["LARGEST_WEIGHT", "check_loaded", "load_checked", "warn_of_other_labels"]
