"""How near a step comes to the time that its dense matrix products alone would take.

The products are recorded while the model runs (`torch.utils._python_dispatch`), with the shapes
and strides of their operands: every linear map, the recurrence's included, forward and backward.
The graph attention runs by scatter there, which has none: its own products are not counted as work.
The limit is told in two ways: the operations at the rate of a 2048³ product, and the recorded
products themselves, one after the other and nothing else, on operands that are there already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

from .shapes import CORPORA, Size, batch, lengths
from .timing import interleaved, medians
from .whole_models import answer, training_step

LARGE = 2048

PRODUCTS: dict[Any, Callable[..., Tensor]] = {
    torch.ops.aten.mm: torch.mm,
    torch.ops.aten.addmm: torch.addmm,
    torch.ops.aten.bmm: torch.bmm,
    torch.ops.aten.baddbmm: torch.baddbmm,
}

Product = tuple[Callable[..., Tensor], tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]]
"""A function, and shape and strides of each operand."""


class Recorder(TorchDispatchMode):
    """Counts dense matrix products while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.products: Counter[Product] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        product = PRODUCTS.get(func.overloadpacket)
        if product is not None:
            operands = tuple((tuple(x.shape), x.stride()) for x in args if torch.is_tensor(x))
            self.products[product, operands] += 1
        else:
            # A linear map arrives whole in inference mode, and as its products otherwise.
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return func(*args, **kwargs)


def operations(products: Counter[Product]) -> int:
    """Two a multiply-add."""
    total = 0
    for (_, operands), count in products.items():
        (left, _), (right, _) = operands[-2:]
        total += 2 * count * torch.Size(left).numel() * right[-1]
    return total


def replay(products: Counter[Product]) -> Callable[[], None]:
    """Something that computes these products, each as often as it was counted."""
    calls = []
    for (product, operands), count in products.items():
        tensors = []
        for shape, strides in operands:
            last = sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
            tensors.append(torch.randn(last + 1).as_strided(shape, strides))
        calls.append((product, tensors, torch.empty_like(product(*tensors)), count))

    @torch.inference_mode()
    def run() -> None:
        for product, tensors, out, count in calls:
            for _ in range(count):
                product(*tensors, out=out)

    return run


def measure(size: Size) -> dict[str, Any]:
    """By corpus and "train" or "inference": operations an utterance, and both fractions.

    Also `gemm_rate`: operations a second of the large product.
    """
    large = torch.randn(LARGE, LARGE) if size.rounds > 2 else torch.randn(64, 64)
    found: dict[str, Any] = {}
    for corpus in CORPORA:
        config = size.build_config(corpus)
        sizes = lengths(corpus, size.batch_size(corpus))
        inputs = batch(config, corpus, sizes)
        found[corpus] = {}
        for kind, make in (("train", training_step), ("inference", answer)):
            reference = SyncTVAForEmotionRecognition(size.build_config(corpus))
            reference.config.graph_attention = "scatter"
            for module in reference.modules():
                if hasattr(module, "backend"):
                    module.backend = "scatter"
            with Recorder() as recorder:
                make(reference, inputs)()
            work = operations(recorder.products)
            seconds = medians(
                interleaved(
                    {
                        "step": make(SyncTVAForEmotionRecognition(config), inputs),
                        "products": replay(recorder.products),
                        "large": lambda: torch.mm(large, large),
                    },
                    size.rounds,
                )
            )
            rate = 2 * len(large) ** 3 / seconds["large"]
            found[corpus][kind] = {
                "operations_an_utterance": work / sum(sizes),
                "gemm_rate": rate,
                "of_large": work / rate / seconds["step"],
                "of_products": seconds["products"] / seconds["step"],
            }
    return found


__all__ = ["Recorder", "measure", "operations", "replay"]
