import torch

from synctva.modeling_synctva.context import ContextEncoder
from synctva.modeling_synctva.graph import build_graph
from tests.support.toy import toy_batch, toy_config


def test_utterances_are_ordered_by_step_with_longer_conversations_first():
    mask = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]]).bool()
    present = mask[..., None].expand(-1, -1, 3)
    graph = build_graph(mask, present, torch.zeros(mask.shape, dtype=torch.long), toy_config())
    assert graph.order.forward.tolist() == [2, 0, 5, 3, 1, 4]
    assert graph.order.backward.tolist() == [4, 1, 5, 3, 0, 2]
    assert graph.order.batch_sizes.tolist() == [3, 2, 1]


def test_equals_a_bidirectional_gru_on_each_conversation():
    torch.manual_seed(0)
    config = toy_config()
    encoder = ContextEncoder(config).eval()
    batch = toy_batch((5, 2, 7))
    graph = build_graph(
        batch["attention_mask"], batch["modality_mask"], batch["speaker_ids"], config
    )
    sizes = graph.nodes.sizes
    nodes = torch.randn(sum(sizes), config.hidden_size)
    modality = graph.nodes.modality.tolist()
    expected = torch.zeros(len(graph.nodes.utterance_index), 2 * config.hidden_size)
    start = 0
    for length in (5, 2, 7):
        inputs = torch.zeros(length, 3, config.hidden_size)
        for node, utterance in enumerate(graph.nodes.utterance.tolist()):
            if node < len(modality) and start <= utterance < start + length:
                inputs[utterance - start, modality[node]] = nodes[node]
        sequence = torch.nn.functional.gelu(inputs).flatten(1)[None]
        forward = encoder.directions[0](sequence)[0][0]
        backward = encoder.directions[1](sequence.flip(1))[0][0].flip(0)
        expected[start : start + length] = torch.cat([forward, backward], -1)
        start += length
    states = torch.nn.functional.gelu(expected)[graph.nodes.utterance]
    added, context = encoder(nodes, graph)
    torch.testing.assert_close(context, expected)
    torch.testing.assert_close(added, encoder.output(states, sizes))


def test_causal_has_one_direction():
    causal = toy_config(
        causal=True, future_window=0, cross_future_window=0, fusion_future_window=0,
        text_context_future=0,
    )  # fmt: skip
    assert len(ContextEncoder(causal).directions) == 1
    assert len(ContextEncoder(toy_config()).directions) == 2
