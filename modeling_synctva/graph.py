"""The heterogeneous graph of a packed batch, built by arithmetic alone.

Nodes are the *present* (modality, utterance) pairs, so that nothing is computed for padding or for
what is missing. They lie in four blocks: text, visual, audio, and last the "lone" nodes: one for
each utterance without any modality, which receives from its context and never sends.

Every source range of a destination is contiguous, because within a block nodes follow the order
of the conversation; an edge list is therefore a few prefix sums, with no loop over utterances.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .configuration_synctva import MODALITIES, SyncTVAConfig

NUM_MODALITIES = len(MODALITIES)
LONE_BLOCK = NUM_MODALITIES
TIME_RELATIONS = ("same time", "past same", "past other", "future same", "future other")
"""What the source is to the destination: direction in time and same or other speaker."""

NUM_RELATIONS = NUM_MODALITIES * NUM_MODALITIES * len(TIME_RELATIONS)


def relation_names() -> list[str]:
    """Names of all relations, in the order of their ids, as "source→destination, time"."""
    return [
        f"{source}→{destination}, {time}"
        for destination in MODALITIES
        for source in MODALITIES
        for time in TIME_RELATIONS
    ]


def ordered_pair(destination: Tensor, source: Tensor) -> Tensor:
    """Id of an ordered pair of modalities: destination · 3 + source."""
    return destination * NUM_MODALITIES + source


def graph_windows(config: SyncTVAConfig) -> tuple[list[list[int]], list[list[int]]]:
    """(past, future) reach of the graph layers for each ordered pair; -1 switches a pair off."""
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
    """(past, future) reach of the fusion: every other modality, never one's own."""

    def reach(window: int) -> list[list[int]]:
        return [[-1 if i == j else window for j in range(3)] for i in range(3)]

    return reach(config.fusion_past_window), reach(config.fusion_future_window)


class _Packing:
    """Where each packed utterance and node lies; the common ground of all edge sets."""

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

    def context_order(self, attention_mask: Tensor) -> dict[str, Tensor]:
        """Keys `context_*` of `build_graph`: the conversations step by step, the longest first."""
        length, by_length = attention_mask.sum(1).sort(descending=True, stable=True)  # (B,)
        first = (attention_mask.sum(1).cumsum(0) - attention_mask.sum(1))[by_length]  # (B,)
        step = torch.arange(attention_mask.shape[1], device=length.device)[:, None]
        running = step < length  # (N, B)
        count = running.sum(1)
        return {
            "context_forward": (first + step)[running],
            "context_backward": (first + length - 1 - step)[running],
            "context_count": count[count > 0],
        }

    def source_ranges(self, past: list[list[int]], future: list[list[int]]):
        """First node and number of nodes in the window of each (destination, source modality).

        Returns two (V, 3) tensors.
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
        self, past: list[list[int]], future: list[list[int]], config: SyncTVAConfig, prefix: str
    ) -> dict[str, Tensor]:
        """All edges of one kind, sorted by destination; keys as in `build_graph`."""
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
        return {
            f"{prefix}_source": source,
            f"{prefix}_destination": destination,
            f"{prefix}_rowptr": rowptr,
            f"{prefix}_relation": relation,
            f"{prefix}_bias": relation * (config.max_distance + 1) + distance,
            # Row of the value table (3 destinations · V sources): what i hears of this source.
            f"{prefix}_value": i * len(self.node_utterance) + source,
        }


def build_graph(
    attention_mask: Tensor, modality_mask: Tensor, speaker_ids: Tensor, config: SyncTVAConfig
) -> dict[str, Tensor]:
    """Pack a padded batch and connect it.

    Called by the collator, in a worker, and by `forward` when the batch carries no graph.

    Args:
        attention_mask: (B, N) bool, True where there is an utterance.
        modality_mask: (B, N, 3) bool, what is present of text, visual, audio.
        speaker_ids: (B, N) long, the speakers of a conversation; equal means same.

    Returns:
        Tensors by name; V nodes, E edges, T utterances:
        `utterance_index` (T,): position b · N + n of each utterance in the padded batch;
        `text_index`, `visual_index`, `audio_index`, `lone_index`: the same for the nodes of each
        block, whose concatenation is the node order; `node_utterance` (V,): packed utterance;
        `node_modality`: modality of the nodes that are not lone;
        `context_forward` (T,): packed utterances in the order in which a recurrence reads them, the
        first of every conversation, then the second, the longest conversation first,
        `context_backward` (T,): the same from each conversation's end, `context_count`: how many
        conversations have an n-th utterance;
        `speaker_index` (T,): speaker; `window_begin`, `window_count` (V,): the present nodes of
        one's own modality in the temporal window, a range of node ids;
        `edge_*` (graph layers) and `fusion_*` (fusion), sorted by destination: `source`,
        `destination`, `relation`, `bias` (row of the bias table: relation and distance), `value`
        (row of the value table) (E,) and `rowptr` (V + 1,).
    """
    modality_mask = modality_mask & attention_mask[..., None]
    packing = _Packing(attention_mask, modality_mask, speaker_ids)
    graph = {
        "utterance_index": packing.utterance_index,
        "speaker_index": packing.speakers,
        "node_utterance": packing.node_utterance,
        "node_modality": packing.node_modality[: sum(map(len, packing.blocks[:LONE_BLOCK]))],
        **packing.context_order(attention_mask),
    }
    for name, block in zip((*MODALITIES, "lone"), packing.blocks, strict=True):
        graph[f"{name}_index"] = packing.utterance_index[block]

    past, future = graph_windows(config)
    own = packing.node_modality[:, None]
    begin, count = packing.source_ranges(
        [[config.past_window] * 3] * 3, [[config.future_window] * 3] * 3
    )
    graph["window_begin"] = begin.gather(1, own)[:, 0]
    graph["window_count"] = count.gather(1, own)[:, 0]
    graph |= packing.edges(past, future, config, "edge")
    if config.use_fusion:
        graph |= packing.edges(*fusion_windows(config), config, "fusion")
    return graph


__all__ = [
    "NUM_RELATIONS",
    "TIME_RELATIONS",
    "build_graph",
    "fusion_windows",
    "graph_windows",
    "relation_names",
]
