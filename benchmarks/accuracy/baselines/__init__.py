"""Baselines with the same features, loss, trainer and seeds as Sync-TVA, by name.

Those named after a published model keep its main idea in a few dozen lines, but not its sizes: each
has the hidden size, dropout and number of layers of the data set's preset. None of them is a
reproduction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig

from .base import Baseline, ContextBaseline
from .bigru import BiGRU
from .concat_mlp import ConcatMLP
from .dialogue_gcn import DialogueGCN
from .dialogue_rnn import DialogueRNN
from .late_fusion import LateFusion
from .mmgcn import MMGCN
from .transformer import Transformer

BASELINES: dict[str, Callable[[SyncTVAConfig], Baseline]] = {
    "bigru": partial(ContextBaseline, context_class=BiGRU),
    "concat-mlp": partial(ContextBaseline, context_class=ConcatMLP),
    "late-fusion": LateFusion,
    "transformer": partial(ContextBaseline, context_class=Transformer),
    "dialogue-rnn": partial(ContextBaseline, context_class=DialogueRNN),
    "dialogue-gcn": partial(ContextBaseline, context_class=DialogueGCN),
    "mmgcn": partial(ContextBaseline, context_class=MMGCN),
}

__all__ = ["BASELINES", "Baseline"]
