"""The heterogeneous graph of a packed batch, built with tensor arithmetic only.

There is one node for each modality that is *present* in an utterance, so that nothing is computed
for padding or for missing modalities. Nodes are stored in four blocks: text, visual, audio, and
"lone". A lone node stands for an utterance without any modality: it receives from its context and
never sends.

Within a block, nodes follow the order of the conversation. The sources of a destination in one
block are therefore a contiguous range, and edge lists are computed from prefix sums, without a loop
over utterances.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from .configuration_synctva import MODALITIES, SyncTVAConfig

NUM_MODALITIES = len(MODALITIES)
LONE_BLOCK = NUM_MODALITIES
TIME_RELATIONS = ("same time", "past same", "past other", "future same", "future other")
"""Where the source is, seen from the destination: its time, and same or other speaker."""

NUM_RELATIONS = NUM_MODALITIES * NUM_MODALITIES * len(TIME_RELATIONS)


class GraphNodes(NamedTuple):
    """The nodes of T utterances: V in all, P for present modalities, then the lone nodes.

    Attributes:
        utterance_index: (T,) position b · N + n of each utterance in the padded batch.
        speaker: (T,) speaker of each utterance.
        text_index, visual_index, audio_index, lone_index: the same position for the nodes of each
            block. Concatenated, they have the order of the nodes.
        utterance: (V,) packed utterance of each node.
        modality: (P,) modality of each present node.
        window_begin, window_count: (V,) the range of nodes of a node's own modality in its temporal
            window: the first node, and their number.
    """

    utterance_index: Tensor
    speaker: Tensor
    text_index: Tensor
    visual_index: Tensor
    audio_index: Tensor
    lone_index: Tensor
    utterance: Tensor
    modality: Tensor
    window_begin: Tensor
    window_count: Tensor

    @property
    def blocks(self) -> list[Tensor]:
        """The positions of the text, visual, audio and lone nodes in the padded batch."""
        return [self.text_index, self.visual_index, self.audio_index, self.lone_index]

    @property
    def sizes(self) -> list[int]:
        """The numbers of text, visual, audio and lone nodes."""
        return [len(block) for block in self.blocks]


class RecurrenceOrder(NamedTuple):
    """The order in which a recurrence reads the packed utterances, step by step.

    Attributes:
        forward: (T,) the first utterance of every conversation, then the second of each, and so on;
            in each step, longer conversations come first.
        backward: (T,) the same from the end of each conversation.
        batch_sizes: (N,) number of conversations that have an n-th utterance, as in
            `torch.nn.utils.rnn.PackedSequence`.
    """

    forward: Tensor
    backward: Tensor
    batch_sizes: Tensor


class GraphEdges(NamedTuple):
    """E edges, sorted by destination.

    Attributes:
        source, destination: (E,) nodes.
        rowptr: (V + 1,) index of the first edge into each destination, as in a CSR matrix.
        relation: (E,) index into `relation_names`.
        bias: (E,) row in the table of biases, for the relation and the distance.
        value: (E,) row in the table of values, for the destination's modality and the source.
    """

    source: Tensor
    destination: Tensor
    rowptr: Tensor
    relation: Tensor
    bias: Tensor
    value: Tensor


class HeterogeneousGraph(NamedTuple):
    """The graph of a packed batch, made by `build_graph`.

    Attributes:
        nodes, order: see `GraphNodes` and `RecurrenceOrder`.
        edges: the edges of the graph layers.
        fusion: the edges of the fusion; None without `config.use_fusion`.
    """

    nodes: GraphNodes
    order: RecurrenceOrder
    edges: GraphEdges
    fusion: GraphEdges | None

    def tensors(self) -> dict[str, Tensor]:
        """Return the graph as a dictionary of tensors: "edges.source" and so on.

        A batch carries the graph in this form, because the code that moves batches to a device
        (`BatchFeature.to`, `Trainer`) handles dictionaries of tensors, but not named tuples.
        """
        return {
            f"{part}.{name}": tensor
            for part, fields in self._asdict().items()
            if fields is not None
            for name, tensor in fields._asdict().items()
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> HeterogeneousGraph:
        """Rebuild the graph from `tensors()`."""

        def part(kind, name):
            return kind(*(tensors[f"{name}.{field}"] for field in kind._fields))

        return cls(
            nodes=part(GraphNodes, "nodes"),
            order=part(RecurrenceOrder, "order"),
            edges=part(GraphEdges, "edges"),
            fusion=part(GraphEdges, "fusion") if "fusion.source" in tensors else None,
        )


def relation_names() -> list[str]:
    """Return the names of all relations by id: "source→destination, time"."""
    return [
        f"{source}→{destination}, {time}"
        for destination in MODALITIES
        for source in MODALITIES
        for time in TIME_RELATIONS
    ]


def ordered_pair(destination: Tensor, source: Tensor) -> Tensor:
    """Return the id of an ordered pair of modalities: destination · 3 + source."""
    return destination * NUM_MODALITIES + source


def graph_windows(config: SyncTVAConfig) -> tuple[list[list[int]], list[list[int]]]:
    """Return the past and the future windows of the graph layers.

    Returns:
        Two 3 x 3 tables by destination and source modality; -1 switches a pair off.
    """
    past = [[-1] * NUM_MODALITIES for _ in MODALITIES]
    future = [[-1] * NUM_MODALITIES for _ in MODALITIES]
    for i, destination in enumerate(MODALITIES):
        for j, source in enumerate(MODALITIES):
            if i == j:
                # Without temporal edges a node still attends to itself.
                past[i][j] = config.past_window if config.use_temporal_graph else 0
                future[i][j] = config.future_window if config.use_temporal_graph else 0
            elif {f"{destination}-{source}", f"{source}-{destination}"} & set(config.cross_graphs):
                past[i][j] = config.cross_past_window
                future[i][j] = config.cross_future_window
    return past, future


def fusion_windows(config: SyncTVAConfig) -> tuple[list[list[int]], list[list[int]]]:
    """Return the past and the future windows of the fusion, in which no modality attends to itself.

    Returns:
        Two 3 x 3 tables, as `graph_windows`.
    """

    def table(window: int) -> list[list[int]]:
        return [[-1 if i == j else window for j in range(3)] for i in range(3)]

    return table(config.fusion_past_window), table(config.fusion_future_window)


class _Packing:
    """The positions of packed utterances and nodes, from which all edges are computed."""

    def __init__(self, attention_mask: Tensor, modality_mask: Tensor, speaker_ids: Tensor):
        device = attention_mask.device
        batch_index, position = attention_mask.nonzero(as_tuple=True)  # (T,), conversation order
        self.utterance_index = batch_index * attention_mask.shape[1] + position  # (T,)
        self.speakers = speaker_ids.reshape(-1)[self.utterance_index]  # (T,)
        num_utterances = len(self.utterance_index)
        lengths = attention_mask.sum(1)  # (B,)
        ends = lengths.cumsum(0)
        self.start = (ends - lengths)[batch_index]  # (T,) first of the conversation
        self.end = ends[batch_index]  # (T,) one past its last

        present = modality_mask.reshape(-1, NUM_MODALITIES)[self.utterance_index]  # (T, 3)
        blocks = [present[:, m].nonzero()[:, 0] for m in range(NUM_MODALITIES)]
        blocks.append((~present.any(1)).nonzero()[:, 0])
        self.blocks = blocks
        self.node_utterance = torch.cat(blocks)  # (V,)
        sizes = torch.tensor([len(block) for block in blocks], device=device)
        self.node_block = torch.arange(4, device=device).repeat_interleave(
            sizes, output_size=len(self.node_utterance)
        )
        # A lone node uses text's parameters for its queries.
        self.node_modality = self.node_block.where(self.node_block != LONE_BLOCK, 0)

        # first[t, j]: the first node of block j at or after utterance t, for t = 0 … T.
        first = torch.zeros(num_utterances + 1, NUM_MODALITIES, dtype=torch.long, device=device)
        first[1:] = present.cumsum(0)
        offsets = sizes[:NUM_MODALITIES].cumsum(0) - sizes[:NUM_MODALITIES]
        self.first = first + offsets

    def recurrence_order(self, attention_mask: Tensor) -> RecurrenceOrder:
        """Sort the utterances by step, and longer conversations first within a step."""
        length, by_length = attention_mask.sum(1).sort(descending=True, stable=True)  # (B,)
        first = (attention_mask.sum(1).cumsum(0) - attention_mask.sum(1))[by_length]  # (B,)
        step = torch.arange(attention_mask.shape[1], device=length.device)[:, None]
        running = step < length  # (N, B)
        batch_sizes = running.sum(1)
        return RecurrenceOrder(
            forward=(first + step)[running],
            backward=(first + length - 1 - step)[running],
            batch_sizes=batch_sizes[batch_sizes > 0],
        )

    def source_ranges(self, past: list[list[int]], future: list[list[int]]):
        """Return the first source node and the number of source nodes in each window.

        Args:
            past, future: windows by destination and source modality, see `graph_windows`.

        Returns:
            Two (V, 3) tensors, by destination node and source modality.
        """
        device = self.node_utterance.device
        time = self.node_utterance[:, None]  # (V, 1)
        before = torch.tensor(past, device=device)[self.node_modality]  # (V, 3)
        after = torch.tensor(future, device=device)[self.node_modality]
        low = torch.maximum(time - before, self.start[self.node_utterance][:, None])
        high = torch.minimum(time + after + 1, self.end[self.node_utterance][:, None])
        columns = torch.arange(NUM_MODALITIES, device=device)
        begin = self.first[low.clamp(max=len(self.first) - 1), columns]
        count = self.first[high.clamp(min=0), columns] - begin
        return begin, count.where(before >= 0, 0).clamp(min=0)

    def edges(
        self, past: list[list[int]], future: list[list[int]], config: SyncTVAConfig
    ) -> GraphEdges:
        """Connect each destination to the sources in its windows."""
        begin, count = self.source_ranges(past, future)
        device = begin.device
        degree = count.sum(1)  # (V,)
        rowptr = torch.zeros(len(degree) + 1, dtype=torch.long, device=device)
        rowptr[1:] = degree.cumsum(0)
        flat = count.reshape(-1)  # (3V,) one run of consecutive sources each
        run_start = flat.cumsum(0) - flat
        run = torch.arange(len(flat), device=device).repeat_interleave(flat)  # (E,)
        shift = (begin.reshape(-1) - run_start).index_select(0, run)
        source = shift + torch.arange(len(run), device=device)  # (E,)
        destination = torch.div(run, NUM_MODALITIES, rounding_mode="floor")

        # On the CPU, index_select is several times faster than indexing.
        utterance = self.node_utterance
        delta = utterance.index_select(0, source) - utterance.index_select(0, destination)
        speaker = self.speakers.index_select(0, utterance)
        other = speaker.index_select(0, source) != speaker.index_select(0, destination)
        if not config.use_speaker_relations:
            other = torch.zeros_like(other)
        time = torch.where(delta == 0, 0, torch.where(delta < 0, 1, 3) + other.long())
        i = self.node_modality.index_select(0, destination)
        j = self.node_modality.index_select(0, source)
        pair = ordered_pair(i, j)
        if not config.asymmetric:
            pair = ordered_pair(torch.minimum(i, j), torch.maximum(i, j))
        relation = pair * len(TIME_RELATIONS) + time
        distance = delta.abs().clamp(max=config.max_distance)
        if not config.use_distance:
            distance = torch.zeros_like(distance)
        return GraphEdges(
            source=source,
            destination=destination,
            rowptr=rowptr,
            relation=relation,
            bias=relation * (config.max_distance + 1) + distance,
            # The table of values has V rows for each destination modality.
            value=i * len(self.node_utterance) + source,
        )


def build_graph(
    attention_mask: Tensor, modality_mask: Tensor, speaker_ids: Tensor, config: SyncTVAConfig
) -> HeterogeneousGraph:
    """Build the graph of a padded batch.

    The collator calls this in a worker process; `forward` does if a batch carries no graph.

    Args:
        attention_mask: (B, N) bool, True for utterances and False for padding.
        modality_mask: (B, N, 3) bool, whether text, visual and audio are present.
        speaker_ids: (B, N) long, one number per speaker of a conversation.
        config: its windows and switches decide which nodes are connected.
    """
    modality_mask = modality_mask & attention_mask[..., None]
    packing = _Packing(attention_mask, modality_mask, speaker_ids)
    own = packing.node_modality[:, None]
    begin, count = packing.source_ranges(
        [[config.past_window] * 3] * 3, [[config.future_window] * 3] * 3
    )
    text, visual, audio, lone = (packing.utterance_index[block] for block in packing.blocks)
    nodes = GraphNodes(
        utterance_index=packing.utterance_index,
        speaker=packing.speakers,
        text_index=text,
        visual_index=visual,
        audio_index=audio,
        lone_index=lone,
        utterance=packing.node_utterance,
        modality=packing.node_modality[: sum(map(len, packing.blocks[:LONE_BLOCK]))],
        window_begin=begin.gather(1, own)[:, 0],
        window_count=count.gather(1, own)[:, 0],
    )
    return HeterogeneousGraph(
        nodes=nodes,
        order=packing.recurrence_order(attention_mask),
        edges=packing.edges(*graph_windows(config), config),
        fusion=packing.edges(*fusion_windows(config), config) if config.use_fusion else None,
    )


__all__ = [
    "LONE_BLOCK",
    "NUM_MODALITIES",
    "NUM_RELATIONS",
    "TIME_RELATIONS",
    "GraphEdges",
    "GraphNodes",
    "HeterogeneousGraph",
    "RecurrenceOrder",
    "build_graph",
    "fusion_windows",
    "graph_windows",
    "ordered_pair",
    "relation_names",
]
