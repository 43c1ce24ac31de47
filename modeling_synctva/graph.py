"""The heterogeneous graph of a packed batch, built with tensor arithmetic only.

A node is a modality of an utterance that is *present*, so that nothing is computed for padding or
for what is missing. Nodes lie in four blocks: text, visual, audio, and last the "lone" nodes: one
for each utterance without any modality, which receives from its context and never sends.

Within a block, nodes follow the order of the conversation, so that the sources of a destination in
one block are a contiguous range. An edge list is therefore a few prefix sums, without a loop over
utterances.
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
"""What the source is to the destination: direction in time, and same or other speaker."""

NUM_RELATIONS = NUM_MODALITIES * NUM_MODALITIES * len(TIME_RELATIONS)


class GraphNodes(NamedTuple):
    """Nodes of T utterances: V in all, of which the first P are present and the rest lone.

    Attributes:
        utterance_index: (T,) position b · N + n of each utterance in the padded batch.
        speaker: (T,) speaker of each utterance.
        text_index, visual_index, audio_index, lone_index: the same positions for the nodes of each
            block. Concatenated, they are the order of the nodes.
        utterance: (V,) packed utterance of each node.
        modality: (P,) modality of each present node.
        window_begin, window_count: (V,) the present nodes of a node's own modality in the temporal
            window, as the first node and how many follow.
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
        """Positions in the padded batch of the text, visual, audio and lone nodes."""
        return [self.text_index, self.visual_index, self.audio_index, self.lone_index]

    @property
    def sizes(self) -> list[int]:
        """Number of text, visual, audio and lone nodes."""
        return [len(block) for block in self.blocks]


class RecurrenceOrder(NamedTuple):
    """The order in which a recurrence reads the packed utterances, the longest conversation first.

    Attributes:
        forward: (T,) the first utterance of every conversation, then the second, and so on.
        backward: (T,) the same from each conversation's end.
        count: (N,) how many conversations have an n-th utterance.
    """

    forward: Tensor
    backward: Tensor
    count: Tensor


class GraphEdges(NamedTuple):
    """E edges, sorted by destination.

    Attributes:
        source, destination: (E,) nodes.
        rowptr: (V + 1,) where the edges into each destination begin.
        relation: (E,) see `relation_names`.
        bias: (E,) row of the bias table: relation and distance.
        value: (E,) row of the value table: what the destination's modality gets from the source.
    """

    source: Tensor
    destination: Tensor
    rowptr: Tensor
    relation: Tensor
    bias: Tensor
    value: Tensor


class HeterogeneousGraph(NamedTuple):
    """What `build_graph` returns.

    Attributes:
        nodes, order: see `GraphNodes` and `RecurrenceOrder`.
        edges: of the graph layers.
        fusion: edges of the fusion; None without `config.use_fusion`.
    """

    nodes: GraphNodes
    order: RecurrenceOrder
    edges: GraphEdges
    fusion: GraphEdges | None

    def tensors(self) -> dict[str, Tensor]:
        """The graph as tensors by name, "edges.source" and so on.

        A batch carries it in this form, because what moves batches to a device (`BatchFeature.to`,
        `Trainer`) handles dictionaries of tensors but no classes of ours.
        """
        return {
            f"{part}.{name}": tensor
            for part, fields in self._asdict().items()
            if fields is not None
            for name, tensor in fields._asdict().items()
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> HeterogeneousGraph:
        """The inverse of `tensors`."""

        def part(kind, name):
            return kind(*(tensors[f"{name}.{field}"] for field in kind._fields))

        return cls(
            nodes=part(GraphNodes, "nodes"),
            order=part(RecurrenceOrder, "order"),
            edges=part(GraphEdges, "edges"),
            fusion=part(GraphEdges, "fusion") if "fusion.source" in tensors else None,
        )


def relation_names() -> list[str]:
    """Return the names of all relations in the order of their ids: "source→destination, time"."""
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
    """Return how far the graph layers reach into past and future.

    Two tables, by destination and source modality; -1 switches a pair off.
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
    """Return how far the fusion reaches into past and future: other modalities, never its own."""

    def reach(window: int) -> list[list[int]]:
        return [[-1 if i == j else window for j in range(3)] for i in range(3)]

    return reach(config.fusion_past_window), reach(config.fusion_future_window)


class _Packing:
    """Where each packed utterance and node lies. All edge sets are made from it."""

    def __init__(self, attention_mask: Tensor, modality_mask: Tensor, speaker_ids: Tensor):
        device = attention_mask.device
        batch_index, position = attention_mask.nonzero(as_tuple=True)  # (T,), conversation order
        self.utterance_index = batch_index * attention_mask.shape[1] + position  # (T,)
        self.speakers = speaker_ids.reshape(-1)[self.utterance_index]  # (T,)
        num_utterances = len(self.utterance_index)
        lengths = attention_mask.sum(1)  # (B,)
        ends = lengths.cumsum(0)
        self.start = (ends - lengths)[batch_index]  # (T,) first utterance of one's conversation
        self.end = ends[batch_index]  # (T,) one past the last

        present = modality_mask.reshape(-1, NUM_MODALITIES)[self.utterance_index]  # (T, 3)
        blocks = [present[:, m].nonzero()[:, 0] for m in range(NUM_MODALITIES)]
        blocks.append((~present.any(1)).nonzero()[:, 0])
        self.blocks = blocks
        self.node_utterance = torch.cat(blocks)  # (V,)
        sizes = torch.tensor([len(block) for block in blocks], device=device)
        self.node_block = torch.arange(4, device=device).repeat_interleave(
            sizes, output_size=len(self.node_utterance)
        )
        # A lone node queries with text's parameters.
        self.node_modality = self.node_block.where(self.node_block != LONE_BLOCK, 0)

        # first[t, j]: the first node of block j at or after utterance t, for t = 0 … T.
        first = torch.zeros(num_utterances + 1, NUM_MODALITIES, dtype=torch.long, device=device)
        first[1:] = present.cumsum(0)
        offsets = sizes[:NUM_MODALITIES].cumsum(0) - sizes[:NUM_MODALITIES]
        self.first = first + offsets

    def recurrence_order(self, attention_mask: Tensor) -> RecurrenceOrder:
        """Sort the utterances step by step, the longest conversation first."""
        length, by_length = attention_mask.sum(1).sort(descending=True, stable=True)  # (B,)
        first = (attention_mask.sum(1).cumsum(0) - attention_mask.sum(1))[by_length]  # (B,)
        step = torch.arange(attention_mask.shape[1], device=length.device)[:, None]
        running = step < length  # (N, B)
        count = running.sum(1)
        return RecurrenceOrder(
            forward=(first + step)[running],
            backward=(first + length - 1 - step)[running],
            count=count[count > 0],
        )

    def source_ranges(self, past: list[list[int]], future: list[list[int]]):
        """Return the first source node and the number of source nodes in each window.

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
        """Connect each destination with the sources in its windows."""
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

        # index_select: on the CPU several times faster than indexing.
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
            # The value table has a block of V rows for each destination modality.
            value=i * len(self.node_utterance) + source,
        )


def build_graph(
    attention_mask: Tensor, modality_mask: Tensor, speaker_ids: Tensor, config: SyncTVAConfig
) -> HeterogeneousGraph:
    """Pack a padded batch and connect it.

    The collator calls it in a worker; `forward` calls it when a batch carries no graph.

    Args:
        attention_mask: (B, N) bool, True where there is an utterance.
        modality_mask: (B, N, 3) bool, whether text, visual and audio are present.
        speaker_ids: (B, N) long, equal within a conversation where the speaker is the same.
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
