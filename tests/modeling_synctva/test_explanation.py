import json
import math
from collections import defaultdict
from itertools import permutations

import pytest
import torch

from synctva.modeling_synctva.calibration import calibrated_probabilities
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.explanation import explain_utterance, shapley_values
from synctva.modeling_synctva.graph import relation_names
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.pipeline_synctva import EmotionRecognitionPipeline
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import WIDTHS, only, toy_batch, toy_config, toy_model

WORTH = {"text": -1.0, "visual": 2.5, "audio": 0.5}


class AdditiveModel(SyncTVAForEmotionRecognition):
    """A model whose log-probability of class 0 is -8 plus the worth of each present modality."""

    def classify(self, packed):
        score = packed.modality_mask.float() @ torch.tensor(list(WORTH.values())) - 8  # (B, N)
        rest = torch.log((1 - score.exp()) / (self.config.num_labels - 1))
        logits = [score, *[rest] * (self.config.num_labels - 1)]
        return torch.stack(logits, dim=-1)[..., None, :]


def subsets(explanation):
    """Return v of each set of modalities."""
    return {
        frozenset(one["modalities"]): one["log_probability"]
        for one in explanation["log_probabilities"]
    }


@pytest.fixture
def conversation():
    batch = only(toy_batch((7,), keep=0.7), 0)
    del batch["labels"]
    batch["modality_mask"][0, 3] = torch.tensor([True, True, True])
    batch["modality_mask"][0, 4] = torch.tensor([True, False, True])
    return batch


def test_shapley_values_of_an_additive_model_are_its_terms(conversation):
    torch.manual_seed(0)
    model = AdditiveModel(toy_config()).eval()
    names = model.config.id2label
    explanation = explain_utterance(model, conversation, 3, names[0])
    assert explanation["shapley"] == pytest.approx(WORTH, abs=1e-5)
    assert subsets(explanation)[frozenset()] == pytest.approx(-8, abs=1e-5)
    missing = explain_utterance(model, conversation, 4, names[0])
    assert missing["modalities"] == ["text", "audio"]
    assert len(missing["log_probabilities"]) == 4
    assert missing["shapley"]["visual"] == 0
    assert missing["shapley"]["audio"] == pytest.approx(0.5, abs=1e-5)


def test_an_ignored_modality_has_a_shapley_value_of_zero(conversation):
    model = toy_model(seed=3)
    with torch.no_grad():
        # The fused states carry no information, and the recurrence does not read audio.
        for parameter in model.classifier.parameters():
            parameter.zero_()
        width = model.config.hidden_size
        for direction in model.synctva.context.directions:
            direction.weight_ih_l0[:, MODALITIES.index("audio") * width :] = 0
    values = explain_utterance(model, conversation, 3)["shapley"]
    assert values["audio"] == pytest.approx(0, abs=1e-6)
    assert abs(values["text"]) > 1e-3
    assert abs(values["visual"]) > 1e-3


@pytest.mark.parametrize("utterance", range(7))
def test_shapley_values_sum_to_v_of_all_minus_v_of_none(conversation, utterance):
    explanation = explain_utterance(toy_model(), conversation, utterance)
    values = subsets(explanation)
    whole = frozenset(explanation["modalities"])
    assert len(values) == 2 ** len(whole)
    total = sum(explanation["shapley"].values())
    assert total == pytest.approx(values[whole] - values[frozenset()], abs=1e-12)


def test_shapley_values_equal_the_mean_over_all_orders():
    players = ("a", "b", "c", "d")
    generator = torch.Generator().manual_seed(0)
    names = [frozenset(p for p in players if mask >> players.index(p) & 1) for mask in range(16)]
    values = dict(zip(names, torch.randn(16, generator=generator).tolist(), strict=True))
    added = defaultdict(list)
    for order in permutations(players):
        for position, player in enumerate(order):
            before = frozenset(order[:position])
            added[player].append(values[before | {player}] - values[before])
    expected = {player: sum(found) / len(found) for player, found in added.items()}
    assert shapley_values(values) == pytest.approx(expected)


def test_each_subset_equals_the_model_with_that_mask(conversation):
    model = toy_model()
    explanation = explain_utterance(model, conversation, 3)
    label = model.config.label2id[explanation["label"]]
    for present, value in subsets(explanation).items():
        mask = conversation["modality_mask"].clone()
        mask[0, 3] = torch.tensor([name in present for name in MODALITIES])
        with torch.no_grad():
            logits = model(**conversation | {"modality_mask": mask}).logits[0, 3]
        assert value == pytest.approx(logits.log_softmax(-1)[label].item(), abs=1e-5)
        if present == set(MODALITIES):
            assert label == int(logits.argmax())


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_log_probabilities_are_calibrated(conversation, temperature):
    model = toy_model()
    raw = explain_utterance(model, conversation, 3)
    model.config.calibration_temperature = temperature
    calibrated = explain_utterance(model, conversation, 3)
    with torch.no_grad():
        logits = model(**conversation).logits[0, 3]
    expected = calibrated_probabilities(logits, temperature)
    whole = calibrated["log_probabilities"][0]["log_probability"]
    assert math.exp(whole) == pytest.approx(expected.max().item(), abs=1e-5)
    assert whole != pytest.approx(raw["log_probabilities"][0]["log_probability"], abs=1e-3)
    assert calibrated["label"] == raw["label"]
    assert calibrated["edges"] == raw["edges"]


def test_edges_equal_the_attention_of_the_model(conversation):
    model, utterance = toy_model(), 3
    explanation = explain_utterance(model, conversation, utterance)
    with torch.no_grad():
        output = model.synctva.encode(**conversation)
    graph = output.graph.tensors()
    time = graph["nodes.utterance_index"][graph["nodes.utterance"]]
    tables = {
        "graph 1": ("edges", output.attentions[0]),
        "graph 2": ("edges", output.attentions[1]),
        "fusion": ("fusion", output.fusion_attention),
    }
    expected = {}
    for layer, (kind, attention) in tables.items():
        for e in range(len(attention)):
            source, destination = (graph[f"{kind}.{end}"][e] for end in ("source", "destination"))
            if time[destination] == utterance:
                name = relation_names()[graph[f"{kind}.relation"][e]]
                expected[layer, int(time[source]), name] = attention[e].tolist()
    found = {
        (edge["layer"], edge["source_utterance"], edge["relation"]): edge["heads"]
        for edge in explanation["edges"]
    }
    assert found.keys() == expected.keys()
    for key in expected:
        assert found[key] == pytest.approx(expected[key], abs=1e-6)
    attention = [edge["attention"] for edge in explanation["edges"]]
    assert attention == sorted(attention, reverse=True)
    for edge in explanation["edges"]:
        ends = f"{edge['source_modality']}→{edge['destination_modality']}"
        assert edge["relation"].startswith(f"{ends}, ")
        assert edge["attention"] == pytest.approx(sum(edge["heads"]) / 2)


def test_edges_are_the_nonzero_attention_that_the_model_returns(conversation):
    model, utterance = toy_model(), 3
    with torch.no_grad():
        output = model(**conversation, output_attentions=True)
    layers = [*output.attentions, output.fusion_attention]
    rows = torch.stack(layers)[:, 0, :, 4 * utterance : 4 * utterance + 4]  # (layers, heads, 4, L)
    expected = sorted(rows.mean(1)[rows.mean(1) > 0].tolist())
    edges = explain_utterance(model, conversation, utterance)["edges"]
    assert sorted(edge["attention"] for edge in edges) == pytest.approx(expected, abs=1e-6)


def test_attention_into_a_node_sums_to_one(conversation):
    total = defaultdict(lambda: torch.zeros(2))
    for edge in explain_utterance(toy_model(), conversation, 3)["edges"]:
        total[edge["layer"], edge["destination_modality"]] += torch.tensor(edge["heads"])
    assert len(total) == 9
    for heads in total.values():
        torch.testing.assert_close(heads, torch.ones(2))


def test_an_utterance_without_any_modality(conversation):
    explanation = explain_utterance(toy_model(), conversation, 1)  # see `toy_batch`
    assert explanation["modalities"] == []
    assert explanation["shapley"] == dict.fromkeys(MODALITIES, 0)
    assert len(explanation["log_probabilities"]) == 1
    assert {edge["destination_modality"] for edge in explanation["edges"]} == {None}


def test_label_is_chosen_by_name_and_the_result_is_json(conversation):
    model = toy_model()
    likeliest = explain_utterance(model, conversation, 3)
    other = next(n for n in model.config.label2id if n != likeliest["label"])
    named = explain_utterance(model, conversation, 3, other)
    assert named["label"] == other
    whole = [explanation["log_probabilities"][0]["log_probability"]
             for explanation in (named, likeliest)]  # fmt: skip
    assert whole[0] < whole[1]
    assert named["edges"] == likeliest["edges"]
    assert json.loads(json.dumps(named)) == named


def test_padding_and_default_masks_change_nothing(conversation):
    model = toy_model()
    before = explain_utterance(model, conversation, 3)
    padded = {
        name: torch.cat([tensor, torch.zeros_like(tensor[:, :2])], 1)
        for name, tensor in conversation.items()
    }
    after = explain_utterance(model, padded, 3)
    assert after["shapley"] == pytest.approx(before["shapley"], abs=1e-5)
    assert len(after["edges"]) == len(before["edges"])
    with pytest.raises(ValueError, match="utterance = 7: expected 0 to 6"):
        explain_utterance(model, padded, 7)

    text = {"text_features": conversation["text_features"]}
    ones = torch.ones(1, 7, 3, dtype=torch.bool) & torch.tensor([True, False, False])
    full = text | {"modality_mask": ones, "attention_mask": ones[..., 0]}
    assert explain_utterance(model, text, 3) == explain_utterance(model, full, 3)


@pytest.mark.parametrize("utterance", [-1, -4, -7])
def test_utterances_are_counted_from_the_end_too(conversation, utterance):
    model = toy_model()
    counted = explain_utterance(model, conversation, 7 + utterance)
    assert explain_utterance(model, conversation, utterance) == counted
    assert counted["utterance"] == 7 + utterance


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"utterance": -8}, "utterance = -8: expected 0 to 6, or -1 to -7 from the end"),
        ({"label": "bliss"}, "label = 'bliss': expected None or one of"),
        ({"inputs": toy_batch()}, "inputs hold 3 conversations: expected one"),
        ({"inputs": {}}, "inputs hold 0 conversations"),
    ],
)
def test_errors_name_what_was_expected(conversation, changes, message):
    arguments = {"inputs": conversation, "utterance": 3} | changes
    with pytest.raises(ValueError, match=message):
        explain_utterance(toy_model(), **arguments)


def test_a_model_in_training_mode_is_refused(conversation):
    with pytest.raises(ValueError, match=r"model\.training = True"):
        explain_utterance(toy_model().train(), conversation, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 0, "use_fusion": False},
        {"asymmetric": False, "use_enhancement": False, "use_context": False},
        {"graph_attention": "scatter"},
        {"causal": True, "future_window": 0, "cross_future_window": 0, "fusion_future_window": 0,
         "text_context_future": 0},
    ],
)  # fmt: skip
def test_all_variants_of_the_model(conversation, changes):
    explanation = explain_utterance(toy_model(**changes), conversation, 3)
    if changes.get("num_hidden_layers") == 0:
        assert explanation["edges"] == []
    if changes.get("causal"):
        assert max(edge["source_utterance"] for edge in explanation["edges"]) == 3


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_the_pipeline_explains_its_own_answer(toy_encoder_spec, temperature):
    model = toy_model(text_dim=16, calibration_temperature=temperature)
    widths = {f"{name}_dim": width for name, width in (WIDTHS | {"text": 16}).items()}
    processor = SyncTVAProcessor(**widths, text_encoder=toy_encoder_spec)
    recognise = EmotionRecognitionPipeline(model=model, processor=processor)
    conversation = ["hello ann", {"text": "no", "audio_features": [1.0] * 5}, "good day"]
    answer = recognise(conversation)[1]
    explanation = recognise.explain(conversation, utterance=1)
    assert explanation["label"] == answer["label"]
    assert explanation["modalities"] == answer["modalities"] == ["text", "audio"]
    whole = explanation["log_probabilities"][0]["log_probability"]
    assert math.exp(whole) == pytest.approx(answer["score"], abs=1e-5)
    direct = explain_utterance(model, processor([conversation]), 1)
    assert explanation == direct | {"cautions": answer["cautions"]}
    label = next(name for name in model.config.label2id if name != answer["label"])
    assert recognise.explain(conversation, 1, label=label)["label"] == label
    for several in ([conversation], [conversation, conversation]):
        with pytest.raises(ValueError, match="several conversations: expected one"):
            recognise.explain(several, 1)
    with pytest.raises(ValueError, match="the input is 'hello': expected a conversation"):
        recognise.explain("hello", 0)
