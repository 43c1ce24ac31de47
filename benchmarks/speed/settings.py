"""Training and inference under settings that a user may choose, in utterances per second.

`medium` is torch's matmul precision of that name, `bfloat16` its autocast. The allocator's settings
come from the environment and are the same for all, see `benchmarks.speed.__main__`. How far a
setting moves the logits is reported with its speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

from .shapes import CORPORA, Size, batch, lengths
from .timing import interleaved, medians
from .whole_models import answer, training_step

SETTINGS = ("default", "medium", "bfloat16")


@contextmanager
def setting(name: str) -> Iterator[None]:
    """Run torch under one of `SETTINGS`."""
    before = torch.get_float32_matmul_precision()
    if name == "medium":
        torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", torch.bfloat16, enabled=name == "bfloat16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def under(name: str, run: Callable[[], Any]) -> Callable[[], Any]:
    """Make a run under one of `SETTINGS`."""

    def chosen() -> Any:
        with setting(name):
            return run()

    return chosen


def measure(size: Size) -> dict[str, Any]:
    """Return utterances per second by corpus, kind and setting; also `logits_moved`."""
    found: dict[str, Any] = {}
    for corpus in CORPORA:
        config = size.build_config(corpus)
        sizes = lengths(corpus, size.batch_size(corpus))
        inputs = batch(config, corpus, sizes)
        model = SyncTVAForEmotionRecognition(config)
        found[corpus] = {}
        for kind, make in (("train", training_step), ("inference", answer)):
            run = make(model, inputs)
            seconds = interleaved({name: under(name, run) for name in SETTINGS}, size.rounds)
            found[corpus][kind] = {n: sum(sizes) / s for n, s in medians(seconds).items()}
        found[corpus]["logits_moved"] = logits_moved(model, inputs)
    return found


def logits_moved(model: SyncTVAForEmotionRecognition, inputs: dict[str, Any]) -> dict[str, float]:
    """Return the largest change of a logit against the default setting."""
    model.eval()
    logits = {}
    for name in SETTINGS:
        with setting(name), torch.inference_mode():
            logits[name] = model(**inputs).logits.float()
    return {name: float((logits[name] - logits["default"]).abs().max()) for name in SETTINGS}


__all__ = ["SETTINGS", "measure", "setting"]
