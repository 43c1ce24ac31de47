"""The baselines: what holds for any model of conversations, and the main idea of each."""

import math

import pytest
import torch
from torch import nn

from benchmarks.accuracy.baselines import BASELINES
from benchmarks.accuracy.baselines.base import Conversations
from benchmarks.accuracy.baselines.dialogue_gcn import DialogueGCN, window_relations
from benchmarks.accuracy.baselines.dialogue_rnn import Direction, reversed_order
from benchmarks.accuracy.baselines.mmgcn import adjacency, normalised
from benchmarks.accuracy.baselines.transformer import sine_positions
from synctva.losses import build_criterion
from tests.support.toy import WIDTHS, only, toy_batch, toy_config

every_baseline = pytest.mark.parametrize("name", BASELINES)


def baseline(name, seed=0, **changes):
    torch.manual_seed(seed)
    return BASELINES[name](toy_config(**changes)).eval()


def logits(model, batch):
    with torch.no_grad():
        return model(**batch).logits


@every_baseline
def test_a_batch_answers_as_its_conversations_alone(name):
    model, batch = baseline(name), toy_batch()
    together = logits(model, batch)
    for row, length in enumerate((6, 1, 4)):
        alone = logits(model, only(batch, row))
        torch.testing.assert_close(together[row, :length], alone[0])


@every_baseline
def test_padding_changes_nothing_whatever_stands_in_it(name):
    model, batch = baseline(name), toy_batch()
    longer = {key: nn.functional.pad(t, (0, 0, 0, 3)) for key, t in batch.items() if t.ndim == 3}
    longer |= {key: nn.functional.pad(t, (0, 3)) for key, t in batch.items() if t.ndim == 2}
    longer["labels"][:, 6:] = -100
    for modality in WIDTHS:
        longer[f"{modality}_features"][~longer["attention_mask"]] = torch.nan
    here = batch["attention_mask"]
    torch.testing.assert_close(logits(model, longer)[:, :6][here], logits(model, batch)[here])
    torch.testing.assert_close(model(**longer).loss, model(**batch).loss)


@every_baseline
def test_what_is_missing_is_not_read(name):
    model, batch = baseline(name), toy_batch()
    before = logits(model, batch)
    changed = dict(batch)
    for m, modality in enumerate(WIDTHS):
        features = batch[f"{modality}_features"].clone()
        features[~batch["modality_mask"][..., m]] = torch.nan
        changed[f"{modality}_features"] = features
    torch.testing.assert_close(logits(model, changed), before)
    model(**changed).loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@every_baseline
def test_a_modality_that_is_left_out_is_one_that_is_masked(name):
    model, batch = baseline(name), toy_batch()
    without = {key: tensor for key, tensor in batch.items() if key != "visual_features"}
    masked = dict(batch)
    masked["modality_mask"] = batch["modality_mask"] & torch.tensor([True, False, True])
    torch.testing.assert_close(logits(model, without), logits(model, masked))
    assert not torch.allclose(logits(model, without), logits(model, batch))


@every_baseline
def test_no_conversation_affects_another(name):
    model, batch = baseline(name), toy_batch()
    changed = {key: tensor.clone() for key, tensor in batch.items()}
    for modality in WIDTHS:
        changed[f"{modality}_features"][2] += 1.0
    changed["speaker_ids"][2] = 0
    before, after = logits(model, batch), logits(model, changed)
    torch.testing.assert_close(after[:2], before[:2])
    assert not torch.allclose(after[2], before[2])


@every_baseline
def test_the_gradient_reaches_every_parameter(name):
    model = baseline(name)
    model(**toy_batch(lengths=(6, 4), keep=1.0)).loss.backward()
    for parameter_name, parameter in model.named_parameters():
        gradient = parameter.grad
        assert gradient is not None and gradient.abs().sum() > 0, parameter_name


@every_baseline
def test_the_loss_takes_a_criterion_and_the_items_of_the_step(name):
    model, batch = baseline(name), toy_batch()
    output, labels = model(**batch), batch["labels"]
    items = int((labels != -100).sum())
    torch.testing.assert_close(model.emotion_loss(output, labels), output.loss)
    halved = model.emotion_loss(output, labels, num_items_in_batch=2 * items)
    torch.testing.assert_close(halved, output.loss / 2)
    weighted = model.emotion_loss(output, labels, build_criterion("class_weighted", [1, 2, 3]))
    assert not torch.allclose(weighted, output.loss)


@every_baseline
def test_context_is_read_but_by_the_mlp(name):
    model, batch = baseline(name), only(toy_batch(keep=1.0), 0)
    changed = dict(batch, text_features=batch["text_features"].clone())
    changed["text_features"][0, 2] += 1.0
    moved = (logits(model, changed) - logits(model, batch)).abs().amax(-1)[0] > 1e-6
    assert moved[2]
    assert moved[[1, 3]].any() == (name != "concat-mlp")


@pytest.mark.parametrize("name", ["transformer", "dialogue-rnn", "dialogue-gcn", "mmgcn"])
def test_speakers_are_told_apart(name):
    model, batch = baseline(name), only(toy_batch(keep=1.0), 0)
    batch["speaker_ids"] = torch.tensor([[0, 1, 0, 1, 0, 1]])
    before = logits(model, batch)
    after = logits(model, dict(batch, speaker_ids=torch.tensor([[0, 1, 1, 0, 0, 1]])))
    assert not torch.allclose(after, before)


def test_late_fusion_averages_the_probabilities_of_what_is_present():
    model, batch = baseline("late-fusion"), toy_batch()
    with torch.no_grad():
        output = model(**batch)
    probabilities = output.modality_logits.softmax(-1)
    for row, t in ((0, 0), (0, 1), (2, 3)):  # at (0, 1) nothing is present: all three count
        present = batch["modality_mask"][row, t]
        counted = present if present.any() else torch.ones(3, dtype=torch.bool)
        expected = probabilities[row, t, counted].mean(0)
        torch.testing.assert_close(output.logits[row, t].softmax(-1), expected)


def test_late_fusion_learns_each_modality_apart():
    model, batch = baseline("late-fusion"), toy_batch(keep=1.0)
    losses = []
    for audio in (batch["audio_features"], batch["audio_features"] + 1.0):
        model.zero_grad()
        model(**dict(batch, audio_features=audio)).loss.backward()
        losses.append([p.grad.clone() for p in model.recurrences[0].parameters()])
    for before, after in zip(*losses, strict=True):
        torch.testing.assert_close(before, after)


def test_dialogue_rnn_steps_as_its_equations():
    torch.manual_seed(0)
    direction = Direction(width=4, max_speakers=3, dropout=0.0)
    utterances, speakers = torch.randn(1, 4, 4), torch.tensor([[0, 1, 0, 2]])
    party = {s: torch.zeros(1, 4) for s in range(3)}
    state, emotion, past, emotions = torch.zeros(1, 4), torch.zeros(1, 1, 4), [], []
    for t, s in enumerate(speakers[0].tolist()):
        u, context = utterances[:, t], torch.zeros(1, 4)
        if past:
            scores = torch.cat([(direction.query(u) * g).sum(-1) for g in past])
            context = sum(w * g for w, g in zip(scores.softmax(0), past, strict=True))
        state = direction.global_cell(torch.cat([u, party[s]], -1), state)
        past.append(state)
        party[s] = direction.party_cell(torch.cat([u, context], -1), party[s])
        out, emotion = direction.emotion(party[s][:, None], emotion)
        emotions.append(out)
    torch.testing.assert_close(direction(utterances, speakers), torch.cat(emotions, 1))


def test_conversations_are_reversed_within_their_padding():
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]]).bool()
    order = reversed_order(mask)
    assert order.tolist() == [[2, 1, 0, 3], [0, 1, 2, 3]]
    assert order.gather(1, order).tolist() == [[0, 1, 2, 3]] * 2


def test_relations_of_a_window_by_hand():
    mask = torch.tensor([[1, 1, 1, 0]]).bool()
    near, relation = window_relations(mask, torch.tensor([[0, 1, 0, 0]]), past=1, future=2)
    assert near[0].int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    # Not past: same 0, other 1; past: same 2, other 3.
    assert relation[0, :3, :3].tolist() == [[0, 1, 0], [3, 0, 1], [2, 3, 0]]


def test_dialogue_gcn_has_a_map_per_relation():
    torch.manual_seed(0)
    context = DialogueGCN(toy_config()).eval()
    states, mask = torch.randn(1, 3, 3, 16), torch.ones(1, 3, dtype=torch.bool)
    speakers = torch.zeros(1, 3, dtype=torch.long)  # one speaker: relations 1 and 3 are not met
    conversations = Conversations(states, mask[..., None].expand(-1, -1, 3), mask, speakers)
    context(conversations).sum().backward()
    rows = context.relations.weight.grad.abs().sum(1).view(4, -1).sum(1)
    assert (rows > 0).tolist() == [True, False, True, False]


def test_the_multimodal_graph_by_hand():
    torch.manual_seed(0)
    nodes = torch.randn(1, 6, 4)  # two utterances: text 0 1, visual 2 3, audio 4 5
    present = torch.tensor([[1, 1, 1, 1, 1, 0]]).bool()
    weights = adjacency(nodes, present)[0]
    expected = torch.zeros(6, 6)
    for i in range(5):
        for j in range(5):
            if i // 2 == j // 2 or i % 2 == j % 2:
                cosine = nn.functional.cosine_similarity(nodes[0, i], nodes[0, j], dim=0)
                expected[i, j] = 1 - math.acos(max(min(cosine, 1.0), -1.0)) / math.pi
    torch.testing.assert_close(weights, expected, atol=2e-3, rtol=0)  # 0.99999 stands for 1
    scaled = normalised(weights[None])[0]
    degree = weights.sum(1)
    torch.testing.assert_close(scaled[0, 1], weights[0, 1] / (degree[0] * degree[1]).sqrt())
    assert not scaled[5].any() and not scaled[:, 5].any()
    # The largest eigenvalue of D^-1/2 A D^-1/2 is 1.
    assert torch.linalg.eigvalsh(scaled).max() == pytest.approx(1.0, abs=1e-5)


def test_positions_differ_and_do_not_depend_on_the_length():
    positions = sine_positions(120, 16)
    assert positions.shape == (120, 16)
    torch.testing.assert_close(sine_positions(7, 16), positions[:7])
    distances = torch.cdist(positions, positions) + 9 * torch.eye(120)
    assert distances.min() > 0.1
    assert sine_positions(3, 5).shape == (3, 5)
