"""How close a step comes to the time that only its dense matrix products would take.

The products are recorded while the model runs (`torch.utils._python_dispatch`), with the shapes and
strides of their operands: every linear map, including the recurrence's, forward and backward. The
graph attention runs by scatter meanwhile, which has no products, so its own are not counted as
work. The limit is computed in two ways: the operations at the rate of a 2048³ product, and the
recorded products themselves, one after the other, on operands that exist already.
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
    """Counts the dense matrix products inside its `with` block."""

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
            # In inference mode a linear map arrives whole, otherwise as its products.
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return func(*args, **kwargs)


def operations(products: Counter[Product]) -> int:
    """Count the operations of products, two per multiply-add."""
    total = 0
    for (_, operands), count in products.items():
        (left, _), (right, _) = operands[-2:]
        total += 2 * count * torch.Size(left).numel() * right[-1]
    return total


def replay(products: Counter[Product]) -> Callable[[], None]:
    """Make a run of these products, each as often as it was counted."""
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
    """Return operations per utterance and both fractions, by corpus and "train" or "inference".

    Also `gemm_rate`: operations per second of the large product.
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
                "operations_per_utterance": work / sum(sizes),
                "gemm_rate": rate,
                "of_large": work / rate / seconds["step"],
                "of_products": seconds["products"] / seconds["step"],
            }
    return found


__all__ = ["Recorder", "measure", "operations", "replay"]
