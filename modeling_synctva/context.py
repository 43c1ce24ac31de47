"""Recurrent context: GRUs that read the conversation in order, forward and backward."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .configuration_synctva import MODALITIES, SyncTVAConfig
from .graph import HeterogeneousGraph
from .layers import Dropout, ModalityLinear
from .recurrence import compiled_gru
from .stream_cache import StreamCache


class ContextEncoder(nn.Module):
    """A GRU over the utterances whose states are added to every node.

    It reads the concatenated states of an utterance's modalities, with zeros for missing ones. A
    second GRU reads the reversed conversation, unless the model is causal. Utterances are packed by
    step, so that nothing is computed for padding.

    Graph models of this field put such an encoder before their graph (DialogueGCN, Ghosal et al.,
    2019; MMGCN, Hu et al., 2021): attention compares the utterances of a window, and recurrence
    represents their order.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__()
        width = config.hidden_size
        self.directions = nn.ModuleList(
            nn.GRU(len(MODALITIES) * width, width, batch_first=True)
            for _ in range(1 if config.causal else 2)
        )
        self.width = len(self.directions) * width
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.output = ModalityLinear(self.width, width)

    def forward(
        self,
        nodes: Tensor,
        graph: HeterogeneousGraph,
        cache: StreamCache | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Read the conversations in order.

        Args:
            nodes: (V, H).
            graph: the graph of the batch.
            cache: of a stream, from whose state the recurrence continues.

        Returns:
            What to add to the nodes (V, H), and the states of the utterances (T, W), where W is
            `width`: H per direction.
        """
        present, utterances = len(graph.nodes.modality), len(graph.nodes.utterance_index)
        inputs = nn.functional.gelu(nodes[:present])
        # (T, 3H): the states of an utterance's modalities, concatenated.
        rows = graph.nodes.utterance[:present] * len(MODALITIES) + graph.nodes.modality
        table = nodes.new_zeros(utterances * len(MODALITIES), nodes.shape[1])
        table = table.index_copy(0, rows, inputs).view(
            utterances, inputs.shape[1] * len(MODALITIES)
        )
        orders = [graph.order.forward, graph.order.backward][: len(self.directions)]
        sequences = [self.dropout(table.index_select(0, order)) for order in orders]
        directions = cast(Iterable[nn.GRU], self.directions)
        outputs = [
            self._run(direction, sequence, graph.order.batch_sizes, cache)
            for direction, sequence in zip(directions, sequences, strict=True)
        ]
        states = [
            torch.zeros_like(output, dtype=nodes.dtype).index_copy(0, order, output.to(nodes.dtype))
            for order, output in zip(orders, outputs, strict=True)
        ]  # (T, H) each
        context = torch.cat(states, -1)  # (T, W)
        node_context = nn.functional.gelu(context.index_select(0, graph.nodes.utterance))  # (V, W)
        return self.output(self.dropout(node_context), graph.nodes.sizes), context

    def _run(
        self, direction: nn.GRU, inputs: Tensor, batch_sizes: Tensor, cache: StreamCache | None
    ) -> Tensor:
        """Run one direction over packed inputs, (T, 3H) → (T, H)."""
        if torch.compiler.is_compiling():
            return compiled_gru(direction, inputs, batch_sizes)
        if not len(inputs):
            return inputs.new_zeros(0, direction.hidden_size)
        start = None if cache is None else cache.recall(direction, "state")
        packed, end = direction(PackedSequence(inputs, batch_sizes.cpu()), start)
        if cache is not None:
            cache.keep(direction, "state", end)
        return packed.data


__all__ = ["ContextEncoder"]
