"""Every weight from the checkpoint, and a number; or an error that names the one that is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from safetensors import SafetensorError

LARGEST_WEIGHT = 1e19
"""Beyond this a square overflows float32. An ordinary weight whose highest exponent bit flipped is
1e28 and more."""


def load_checked(load: Callable[..., Any], source: str | os.PathLike | None, *args, **options):
    """What transformers' `from_pretrained` loads, refused where an answer would mean nothing.

    transformers starts weights that are missing or of another shape at random, and tells the log
    alone. Here that takes an explicit wish: `ignore_mismatched_sizes=True` starts heads for other
    labels, or heads on a base model's checkpoint; `output_loading_info=True` returns the report to
    a caller who looks at it; `state_dict` gives the weights by hand. Weights are never unpickled.

    Args:
        load: the inherited `from_pretrained`.
        source: its first argument.
        args, options: the others.

    Raises:
        OSError: there is no safetensors file, or it is damaged.
        ValueError: see `check_loaded`.
    """
    options.setdefault("use_safetensors", True)
    try:
        if options.get("output_loading_info") or options.get("state_dict") is not None:
            return load(source, *args, **options)
        new_heads = options.pop("ignore_mismatched_sizes", False)
        # So that the report names what transformers would only count.
        options |= {"ignore_mismatched_sizes": True, "output_loading_info": True}
        model, report = load(source, *args, **options)
    except SafetensorError as error:
        raise OSError(
            f"{source}: the file of the weights is damaged ({error}); expected it as it was saved: "
            "copy or download it again"
        ) from error
    check_loaded(model, report, str(source), new_heads)
    return model


def check_loaded(
    model: Any, report: Mapping[str, Collection[Any]], source: str, new_heads: bool = False
) -> None:
    """Refuse a model that is not, tensor by tensor, what its checkpoint holds.

    A damaged bit that leaves a number of ordinary size is not found: safetensors has no checksum.

    Args:
        report: transformers' loading report: `missing_keys`, `unexpected_keys`, and
            `mismatched_keys` with the shapes of the file and of the model.
        source: name or folder of the checkpoint, for messages.
        new_heads: whether weights may be of another shape, and missing outside the base model.

    Raises:
        ValueError: a weight is missing, of another shape, unknown to the model, or no number that
            can be computed with.
    """
    missing = set(report["missing_keys"])
    if new_heads and model.base_model is not model:
        base = f"{model.base_model_prefix}."
        missing = {name for name in missing if name.startswith(base)}
    elif not new_heads:
        for name, found, expected in sorted(report["mismatched_keys"]):
            raise ValueError(
                f"{source}: {name} has shape {tuple(found)}, expected {tuple(expected)} by its "
                "config.json. For other labels than the checkpoint's, to be trained, pass "
                "ignore_mismatched_sizes=True"
            )
    for kind, names in (("lacks", missing), ("has unknown", report["unexpected_keys"])):
        if names:
            raise ValueError(
                f"{source}: {kind} {_listed(names)}; expected the weights of "
                f"{type(model).__name__} by its config.json, each and no other. For new heads on a "
                "base model's checkpoint, to be trained, pass ignore_mismatched_sizes=True"
            )
    for name, tensor in model.state_dict().items():
        if tensor.is_meta or not tensor.is_floating_point() or not tensor.numel():
            continue  # offloaded, or another process's
        extremes = torch.stack(tensor.aminmax()).tolist()  # a NaN makes both NaN
        if not all(abs(value) <= LARGEST_WEIGHT for value in extremes):
            raise ValueError(
                f"{source}: {name} has values from {extremes[0]:g} to {extremes[1]:g}; expected "
                f"finite ones, of at most {LARGEST_WEIGHT:g} in size"
            )
        if name.endswith(".deviation") and not extremes[0] > 0:
            raise ValueError(f"{source}: {name} has {extremes[0]:g}; expected deviations above 0")


def _listed(names: Collection[str], shown: int = 3) -> str:
    """The first names of many."""
    first = ", ".join(sorted(names)[:shown])
    return first if len(names) <= shown else f"{first} and {len(names) - shown} more weights"


__all__ = ["LARGEST_WEIGHT", "check_loaded", "load_checked"]
