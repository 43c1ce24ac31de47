import torch

from synctva.modeling_synctva.enhancement import partner_mean, window_mean
from tests.support.toy import toy_batch, toy_model


def test_partner_mean_excludes_the_node_itself():
    nodes = torch.tensor([[1.0], [3.0], [5.0], [7.0]])
    utterance = torch.tensor([0, 0, 0, 1])
    expected = torch.tensor([[4.0], [3.0], [2.0], [0.0]])
    torch.testing.assert_close(partner_mean(nodes, utterance, 2), expected)


def test_window_mean_equals_the_loop_and_is_zero_when_empty():
    torch.manual_seed(0)
    nodes = torch.randn(50, 4)
    begin = torch.randint(0, 40, (50,))
    count = torch.randint(0, 10, (50,))
    expected = torch.stack(
        [
            nodes[b : b + c].mean(0) if c else torch.zeros(4)
            for b, c in zip(begin.tolist(), count.tolist(), strict=True)
        ]
    )
    torch.testing.assert_close(window_mean(nodes, begin, count), expected)


def test_strengths_and_gates_are_in_range_and_zero_where_missing():
    batch = toy_batch()
    output = toy_model()(**batch)
    missing = ~batch["modality_mask"]
    assert (output.strengths[missing] == 0).all()
    assert (output.gates[missing] == 0).all()
    assert ((output.strengths[~missing] > 0) & (output.strengths[~missing] < 1)).all()
    assert ((output.gates[~missing] > 0) & (output.gates[~missing] < 1)).all()


def test_strength_depends_on_the_context():
    batch = toy_batch(keep=1.0)
    model = toy_model()
    before = model(**batch).strengths
    batch["audio_features"] = batch["audio_features"].clone()
    batch["audio_features"][2, 1] += 3.0
    after = model(**batch).strengths
    changed = (before != after)[2]  # (N, 3)
    assert changed[1].all(), "the other modalities of the utterance"
    assert changed[2, 2], "the same modality of the next utterance"
    assert not (before != after)[0].any(), "another conversation"


def test_without_enhancement_strengths_are_one_where_present():
    batch = toy_batch()
    output = toy_model(use_enhancement=False)(**batch)
    torch.testing.assert_close(output.strengths, batch["modality_mask"].float())
    assert output.loss.isfinite()
