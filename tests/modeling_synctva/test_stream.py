import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from benchmarks.peak_memory import peak_megabytes
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.conversation_padding import number_by_first_appearance
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import WIDTHS, toy_batch, toy_config, toy_model

PAST_ONLY = {
    "causal": True,
    "future_window": 0,
    "cross_future_window": 0,
    "fusion_future_window": 0,
    "text_context_future": 0,
}

SWITCHES = [
    {}, {"use_context": False}, {"use_enhancement": False}, {"cross_graphs": []},
    {"cross_graphs": ["text-audio"]}, {"use_temporal_graph": False},
    {"use_speaker_relations": False}, {"use_distance": False}, {"asymmetric": False},
    {"use_fusion": False}, {"num_hidden_layers": 0}, {"num_hidden_layers": 3},
    {"use_context": False, "use_enhancement": False, "use_fusion": False},
    {"past_window": 0, "cross_past_window": 0, "fusion_past_window": 0},
    {"cross_past_window": 5}, {"fusion_past_window": 6}, {"past_window": 40},
    {"max_speakers": 1}, {"max_speakers": 2}, {"graph_attention": "scatter"},
]  # fmt: skip

STREAMED = ("logits", "strengths", "gates", "modality_logits")
ANSWERED = (*STREAMED, "branch_logits", "last_hidden_state")


def switch_name(changes):
    return ",".join(f"{name}={value}" for name, value in changes.items()) or "whole"


def causal_model(seed=0, **changes):
    return toy_model(seed, **(PAST_ONLY | changes))


def conversation(length, seed=0, speakers=3, keep=0.6):
    """Return a batch of one conversation, and the names of its speakers."""
    batch = toy_batch((length,), seed, keep)
    del batch["labels"]
    generator = np.random.default_rng(seed)
    names = [f"speaker {i}" if i else None for i in generator.integers(0, speakers, length)]
    batch["speaker_ids"] = torch.tensor([number_by_first_appearance(names)])
    return batch, names


def utterances_of(batch, names):
    """Yield the utterances in the form that a stream expects."""
    for t, name in enumerate(names):
        present = batch["modality_mask"][0, t].tolist()
        yield {"speaker": name} | {
            f"{modality}_features": batch[f"{modality}_features"][0, t]
            for modality, is_present in zip(MODALITIES, present, strict=True)
            if is_present
        }


def assert_streams_like(model, batch, names, atol=1e-5):
    with torch.no_grad():
        whole = model(**batch)
    stream = model.stream()
    for t, utterance in enumerate(utterances_of(batch, names)):
        answer = stream.push(utterance)
        for name in STREAMED:
            torch.testing.assert_close(answer[name], whole[name][0, t], rtol=0, atol=atol)


@pytest.mark.parametrize("changes", SWITCHES, ids=switch_name)
def test_a_causal_model_ignores_later_utterances(changes):
    """Neither their values, modalities and speakers nor their number changes an answer."""
    model, length = causal_model(**changes).double(), 7
    batch, _ = conversation(length)
    other, _ = conversation(length, seed=1)
    other["text_features"] *= 1e3
    begun = torch.arange(length) < torch.arange(1, length)[:, None]  # (length - 1, length)

    def until(begin, rest):
        """Return `begin` up to utterance n, then `rest`, in row n - 1."""
        in_begin = begun.view(*begun.shape, *[1] * (begin.dim() - 2))
        return torch.where(in_begin, begin, rest)

    changed = {name: until(batch[name], other[name]) for name in batch}
    cut = {name: tensor.expand(length - 1, *tensor.shape[1:]) for name, tensor in batch.items()}
    with torch.no_grad():
        before = model(**batch)
        for after in (model(**changed), model(**(cut | {"attention_mask": begun}))):
            for name in ANSWERED:
                expected = before[name].expand_as(after[name])[begun]
                torch.testing.assert_close(after[name][begun], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("changes", SWITCHES, ids=switch_name)
def test_a_stream_equals_the_whole_conversation(changes):
    assert_streams_like(causal_model(**changes), *conversation(12, seed=2))


@pytest.mark.parametrize("keep", [0.0, 0.2, 1.0])
def test_a_stream_equals_the_whole_conversation_with_missing_modalities(keep):
    assert_streams_like(causal_model(), *conversation(12, keep=keep))


@pytest.mark.parametrize("max_speakers", [1, 3, 9])
def test_a_stream_equals_the_whole_conversation_with_many_speakers(max_speakers):
    model = causal_model(max_speakers=max_speakers)
    assert_streams_like(model, *conversation(30, speakers=14))


def test_in_double_precision_they_differ_only_by_rounding():
    assert_streams_like(causal_model().double(), *conversation(12), atol=1e-12)


def test_the_statistics_of_a_checkpoint_are_used():
    model = causal_model()
    model.feature_encoders.set_statistics({"audio": (torch.randn(5), torch.rand(5) + 0.5)})
    assert_streams_like(model, *conversation(8))


def test_fields_of_an_answer():
    model = causal_model()
    model.config.calibration_temperature = 2.0
    stream = model.stream()
    answer = stream.push({"text_features": [0.5] * 12, "audio_features": np.ones(5)})
    assert answer["modalities"] == ["text", "audio"]
    assert stream.push({})["modalities"] == []
    probabilities = (answer["logits"] / 2).softmax(-1)
    assert answer["label"] == model.config.id2label[int(probabilities.argmax())]
    assert answer["score"] == answer["scores"][answer["label"]] == float(probabilities.max())
    values = list(answer["scores"].values())
    assert values == sorted(values, reverse=True) and sum(values) == pytest.approx(1)
    assert answer["strengths"][MODALITIES.index("visual")] == 0
    assert not answer["logits"].requires_grad
    assert stream.utterances == 2


def test_lists_arrays_and_tensors_give_the_same_answer():
    model, values = causal_model(), np.random.default_rng(0).normal(size=12)
    forms = [values, values.tolist(), values.astype(np.float32), torch.from_numpy(values)]
    answers = [model.stream().push({"text_features": form})["logits"] for form in forms]
    for answer in answers:
        assert torch.equal(answer, answers[0])


def test_streams_of_one_model_are_independent():
    model = causal_model()
    first, second = (list(utterances_of(*conversation(6, seed))) for seed in (0, 1))
    single = [[s.push(u)["logits"] for u in us] for us in (first, second) for s in [model.stream()]]
    streams = model.stream(), model.stream()
    for t, pair in enumerate(zip(first, second, strict=True)):
        for i, utterance in enumerate(pair):
            assert torch.equal(streams[i].push(utterance)["logits"], single[i][t])


def test_a_stream_continues_from_a_copied_state():
    model = causal_model()
    utterances = list(utterances_of(*conversation(9)))
    stream = model.stream()
    for utterance in utterances[:5]:
        stream.push(utterance)
    state = stream.state_dict()
    expected = [stream.push(utterance)["logits"] for utterance in utterances[5:]]
    for _ in range(2):  # the passed state must not change
        resumed = model.stream(state)
        assert resumed.utterances == 5
        for utterance, logits in zip(utterances[5:], expected, strict=True):
            assert torch.equal(resumed.push(utterance)["logits"], logits)


RESUMING = """
import sys
from safetensors.torch import load_file, save_file
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
model = SyncTVAForEmotionRecognition.from_pretrained("model").eval()
stream = model.stream(load_file("state.safetensors"))
rest = load_file("rest.safetensors")
logits = {}
for t, speaker in enumerate(sys.argv[1:]):
    logits[str(t)] = stream.push({"text_features": rest[str(t)], "speaker": speaker})["logits"]
save_file(logits, "logits.safetensors")
"""


def test_another_process_continues_from_a_saved_state(tmp_path):
    model = causal_model(max_speakers=3)
    model.save_pretrained(tmp_path / "model")
    names = [f"speaker {i}" for i in (0, 1, 2, 3, 1, 2, 0, 3)]
    features = torch.randn(len(names), WIDTHS["text"])
    stream = model.stream()
    for t in range(4):
        stream.push({"text_features": features[t], "speaker": names[t]})
    save_file(stream.state_dict(), tmp_path / "state.safetensors")
    save_file({str(t): features[4 + t] for t in range(4)}, tmp_path / "rest.safetensors")
    subprocess.run([sys.executable, "-c", RESUMING, *names[4:]], cwd=tmp_path, check=True)
    logits = load_file(tmp_path / "logits.safetensors")
    for t in range(4):
        answer = stream.push({"text_features": features[4 + t], "speaker": names[4 + t]})
        torch.testing.assert_close(answer["logits"], logits[str(t)], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("utterance", "message"),
    [
        ({"text_features": [0.0] * 11}, r"utterance 3, text_features has shape \(11,\): .* 12"),
        ({"audio_features": [[0.0] * 5]}, r"audio_features has shape \(1, 5\): expected 5"),
        ({"visual_features": [0.0, float("nan")] * 3}, "column 1 = nan: expected a finite"),
        ({"visual_features": [1e300] * 6}, "column 0 = inf: expected a finite"),
        ({"audio_features": "loud"}, "audio_features = 'loud': expected 5 numbers"),
        ({"audio_features": {"pitch": 1.0}}, "expected 5 numbers"),
        ({"audio_features": [None] * 5}, "expected 5 numbers"),
        ({"text": "Hello"}, r"utterance 3 has \['text'\]: expected any of"),
        ({3: 1, "smell_features": 2}, r"has \[3, 'smell_features'\]"),
        ({"speaker": 7}, "speaker = 7: expected a name or None"),
        ("Hello", "utterance 3 = 'Hello': expected a dictionary"),
        (None, "expected a dictionary"),
    ],
)
def test_a_bad_utterance_is_refused_and_changes_nothing(utterance, message):
    stream = causal_model().stream()
    for before in utterances_of(*conversation(3)):
        stream.push(before)
    state = stream.state_dict()
    with pytest.raises(ValueError, match=message):
        stream.push(utterance)
    assert_same_state(stream, state)


def assert_same_state(stream, state):
    after = stream.state_dict()
    assert after.keys() == state.keys()
    assert all(torch.equal(after[name], state[name]) for name in state)


def test_a_failed_forward_pass_changes_nothing(monkeypatch):
    model = causal_model()
    stream = model.stream()
    utterances = list(utterances_of(*conversation(6)))
    for utterance in utterances[:5]:
        stream.push(utterance)
    state = stream.state_dict()
    with monkeypatch.context() as patch:
        patch.setattr(model.synctva.fusion, "forward", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            stream.push(utterances[5])
    assert_same_state(stream, state)


def test_a_model_that_looks_ahead_does_not_stream():
    with pytest.raises(ValueError, match=r"SyncTVAConfig.causal = False: expected"):
        toy_model().stream()


def test_a_model_in_training_mode_does_not_stream():
    model = causal_model()
    stream = model.stream()
    model.train()
    with pytest.raises(ValueError, match=r"model\.training = True: expected .*eval\(\)"):
        stream.push({})
    with pytest.raises(ValueError, match=r"model\.training = True"):
        model.stream()
    model.eval()
    stream.push({})


def test_a_model_that_reads_tokens_does_not_stream(toy_encoder_folder):
    backbone = AutoConfig.from_pretrained(toy_encoder_folder).to_dict()
    config = toy_config(
        **PAST_ONLY,
        text_backbone=str(toy_encoder_folder),
        text_backbone_config=backbone,
        text_dim=16,
    )
    with pytest.raises(ValueError, match=r"SyncTVAConfig.text_backbone = .*: expected None"):
        SyncTVAForEmotionRecognition(config).eval().stream()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda state: state.pop("present"), r"state has \[\] and lacks \['present'\]"),
        (lambda state: state.update(smell=torch.zeros(1)), r"has \['smell'\] and lacks \[\]"),
        (lambda state: state.update(present=state["present"][1:]), "expected torch.bool of shape"),
        (lambda state: state.update(speakers=state["speakers"].float()), "is torch.float32 of"),
        (lambda state: state.update(known_speakers=torch.zeros(9).long()), r"shape \(8,\)"),
        (lambda state: state.update(known_speakers=torch.tensor(3)), r"of shape \(\)"),
        (lambda state: state["synctva.enhancement.nodes"].fill_(torch.nan), "not finite"),
        (lambda state: state["model"].add_(1), "other weights: expected the same checkpoint"),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(damage, message):
    stream = causal_model().stream()
    stream.push({"text_features": [1.0] * 12})
    state = stream.state_dict()
    damaged = stream.state_dict()
    damage(damaged)
    with pytest.raises(ValueError, match=message):
        stream.load_state_dict(damaged)
    assert_same_state(stream, state)


def test_a_state_of_another_checkpoint_is_refused():
    state = causal_model(seed=0).stream().state_dict()
    with pytest.raises(ValueError, match="expected the same checkpoint"):
        causal_model(seed=1).stream(state)


def test_the_state_does_not_grow():
    stream = causal_model().stream()
    sizes = set()
    for t in range(40):
        stream.push({"text_features": [float(t)] * 12, "speaker": f"speaker {t}"})
        sizes.add(tuple(tensor.numel() for tensor in stream.state_dict().values()))
    assert len(sizes) == 8  # the state grows only until all embeddings are taken


def test_a_live_utterance_has_the_same_features_as_in_a_conversation(toy_encoder_spec):
    names = ["duration", "pitch"]
    processor = SyncTVAProcessor(16, None, 2, text_encoder=toy_encoder_spec, audio_features=names)
    utterances = [
        {"text": "hello", "speaker": "ann"},
        "no way",
        {"text": " ", "speaker": "bo"},
        {"audio_features": {"pitch": 2.0, "duration": 1.0}, "text": "good", "speaker": "ann"},
        {"text_features": [0.5] * 16, "visual_features": [1.0]},
    ]
    batch = processor([utterances])
    torch.manual_seed(0)
    config = toy_config(**PAST_ONLY, text_dim=16, audio_dim=2)
    model = SyncTVAForEmotionRecognition(config).eval()
    with torch.no_grad():
        whole = model(**batch)
    stream = model.stream()
    for t, utterance in enumerate(utterances):
        answer = stream.push(processor.utterance_features(utterance))
        torch.testing.assert_close(answer["logits"], whole.logits[0, t], rtol=0, atol=1e-5)


def test_single_utterances_are_refused_by_an_encoder_of_whole_conversations(
    toy_encoder_spec, toy_encoder_folder
):
    context = {"tokens": 20, "past": 8, "future": 0, "turn": 8}
    tokens = {"name": str(toy_encoder_folder), "past": 1, "future": 0, "max_length": 16}
    for reader in (
        {"text_encoder": {**toy_encoder_spec, "context": context}},
        {"text_tokens": tokens},
    ):
        processor = SyncTVAProcessor(16, None, None, **reader)
        with pytest.raises(ValueError, match="reads whole conversations: expected an encoder of"):
            processor.utterance_features("hello")


@pytest.mark.slow
def test_ten_thousand_utterances_stream_in_constant_memory_and_time():
    length, part = 10_000, 1_000
    model = causal_model(max_speakers=4)
    batch, names = conversation(length, speakers=3_000)
    utterances = list(utterances_of(batch, names))
    stream = model.stream()
    logits = torch.full(
        (length, model.config.num_labels), torch.nan
    )  # filled, so that its memory is allocated now
    seconds, megabytes, sizes = [], [], set()
    for start in range(0, length, part):
        started = time.process_time()
        for t in range(start, start + part):
            logits[t] = stream.push(utterances[t])["logits"]
        seconds.append(time.process_time() - started)
        megabytes.append(peak_megabytes())
        sizes.add(sum(tensor.nbytes for tensor in stream.state_dict().values()))
    print(f"\n{seconds} s a thousand, {megabytes} MB, state of {sizes} bytes")
    assert len(sizes) == 1
    assert megabytes[-1] - megabytes[0] < 0.5
    assert min(seconds[-3:]) < 1.5 * min(seconds[:3])
    with torch.no_grad():
        torch.testing.assert_close(logits, model(**batch).logits[0], rtol=0, atol=1e-5)
