"""What surrounds the products: edges, collation, dropout and the attention's backends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from synctva.modeling_synctva.graph import build_graph
from synctva.modeling_synctva.layers import Dropout
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.trainer.collator import SyncTVACollator
from synctva.trainer.streaming import ConversationRows

from .memory import COMPARED, available
from .shapes import CORPORA, Size, conversations, dataset, lengths
from .timing import interleaved, medians
from .whole_models import answer, training_step


def measure(size: Size) -> dict[str, Any]:
    """Return milliseconds of thread time per batch, by corpus and part."""
    return {corpus: of_corpus(corpus, size) for corpus in CORPORA}


def of_corpus(corpus: str, size: Size) -> dict[str, Any]:
    """Return `parts` of a step, whole steps of `train` and `inference`, and counts of `edges`."""
    config = size.build_config(corpus)
    sizes = lengths(corpus, size.batch_size(corpus))
    rows = conversations(config, sizes, CORPORA[corpus].speakers)
    stored = ConversationRows(dataset(config, rows))
    collate = SyncTVACollator(config, build_graph=False)
    inputs = SyncTVACollator(config)(rows)
    masks = [inputs[name] for name in ("attention_mask", "modality_mask", "speaker_ids")]

    models = {}
    for backend in filter(available, COMPARED):
        models[backend] = SyncTVAForEmotionRecognition(
            size.build_config(corpus, graph_attention=backend)
        )
    plain = SyncTVAForEmotionRecognition(size.build_config(corpus, graph_attention="sparse"))
    give_torch_dropout(plain)
    models["sparse, torch's dropout"] = plain
    train = {name: training_step(model, inputs) for name, model in models.items()}
    parts: dict[str, Callable[[], Any]] = {
        "step": train["sparse"],
        "edges": partial(build_graph, *masks, config),
        "reading": partial(stored.__getitems__, range(len(sizes))),
        "padding": partial(collate, rows),
    }
    infer = {name: answer(models[name], inputs) for name in filter(available, COMPARED)}
    kinds: dict[str, dict[str, Callable[[], Any]]] = {
        "parts": parts,
        "train": train,
        "inference": infer,
    }
    found: dict[str, Any] = {
        kind: {
            name: 1e3 * seconds for name, seconds in medians(interleaved(runs, size.rounds)).items()
        }
        for kind, runs in kinds.items()
    }
    found["edges"] = {
        "graph": len(inputs["graph"]["edges.source"]),
        "fusion": len(inputs["graph"]["fusion.source"]),
        "utterances": sum(sizes),
    }
    return found


def give_torch_dropout(model: nn.Module) -> None:
    """Replace our dropout by torch's everywhere."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, Dropout):
                setattr(module, name, torch.nn.Dropout(child.p))


__all__ = ["give_torch_dropout", "measure"]
