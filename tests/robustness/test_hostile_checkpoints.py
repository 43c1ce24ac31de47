"""Damaged and hostile checkpoints are refused with a reason, and none of their code runs."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import pipeline

import synctva  # noqa: F401  (registers the auto classes)
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition, SyncTVAModel
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import WIDTHS, toy_model

WEIGHTS, CONFIG, PROCESSOR = "model.safetensors", "config.json", "processor_config.json"
UTTERANCES = [{"text_features": [0.5] * WIDTHS["text"]}, {"audio_features": [1.0] * 5}]

load = SyncTVAForEmotionRecognition.from_pretrained


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    toy_model(num_hidden_layers=1).save_pretrained(folder)
    SyncTVAProcessor(**{f"{name}_dim": width for name, width in WIDTHS.items()}).save_pretrained(
        folder
    )
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to damage, without the code."""
    for name in (WEIGHTS, CONFIG, PROCESSOR):
        shutil.copy(whole / name, tmp_path)
    return tmp_path


def change_weights(folder, change):
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def change_json(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


# The weights file.


def test_cut_weights_are_refused(folder):
    data = (folder / WEIGHTS).read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    lengths = {0, 1, 7, 8, 9, header - 1, header, header + 1, len(data) - 1}
    lengths |= set(np.linspace(0, len(data) - 1, 20).astype(int).tolist())
    for length in sorted(lengths):
        (folder / WEIGHTS).write_bytes(data[:length])
        with pytest.raises(OSError, match=r"weights file is damaged .*download it again"):
            load(folder)
    (folder / WEIGHTS).write_bytes(data + b"\0")
    with pytest.raises(OSError, match="damaged"):
        load(folder)


def test_a_flipped_bit_of_the_header_is_refused(folder):
    data = (folder / WEIGHTS).read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    generator = np.random.default_rng(0)
    positions = [*range(10), *generator.integers(16, header, 25).tolist()]
    for position in positions:
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(generator.integers(8))
        (folder / WEIGHTS).write_bytes(bytes(damaged))
        with pytest.raises((OSError, ValueError)) as refusal:
            load(folder)
        assert str(folder) in str(refusal.value), position


def test_the_highest_bit_of_an_exponent_is_found(folder):
    """Other flipped bits cannot be found: they leave a number of ordinary size."""
    weights = load_file(folder / WEIGHTS)
    generator = np.random.default_rng(0)
    for name in generator.choice(sorted(weights), 25, replace=False).tolist():
        flipped = weights[name].clone()
        bits = flipped.view(torch.int32).view(-1)
        bits[int(generator.integers(len(bits)))] ^= 1 << 30
        save_file({**weights, name: flipped}, folder / WEIGHTS, metadata={"format": "pt"})
        if flipped.abs().max() < 1e19:  # a zero has become a two
            assert (weights[name] == 0).any()
            continue
        with pytest.raises(ValueError, match=f"{name} has values"):
            load(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synctva.lone", torch.nan),
        ("classifier.1.weight", torch.inf),
        ("classifier.1.weight", -3e38),
        ("class_prior", torch.nan),
        ("synctva.encoders.text.mean", torch.inf),
        ("synctva.encoders.text.deviation", 0.0),
        ("synctva.encoders.audio.deviation", -1.0),
    ],
)
def test_values_that_are_not_finite_or_too_large_are_refused_and_named(folder, name, value):
    change_weights(folder, lambda weights: weights[name].view(-1)[-1:].fill_(value))
    with pytest.raises(ValueError, match=rf"{name} has .*expected") as refusal:
        load(folder)
    assert str(folder) in str(refusal.value)


def drop(keep):
    def change(weights):
        for name in [name for name in weights if not keep(name)]:
            del weights[name]

    return change


def of_base(name):
    return name.startswith("synctva.")


INCOMPLETE = {
    "one weight": lambda name: name != "synctva.lone",
    "half the weights": lambda name: len(name) % 2,
    "a layer": lambda name: "layers.0" not in name,
    "the heads": of_base,
    "everything": lambda name: False,
}


@pytest.mark.parametrize("keep", INCOMPLETE.values(), ids=INCOMPLETE)
def test_missing_weights_are_refused(folder, keep):
    change_weights(folder, drop(keep))
    with pytest.raises(ValueError, match=r"lacks .*: expected exactly the weights of SyncTVAFor"):
        load(folder)
    with pytest.raises(ValueError, match="lacks"):
        pipeline("emotion-recognition", model=str(folder))


def test_unknown_weights_are_refused(folder):
    for fields in ({"num_hidden_layers": 0}, {"use_context": False}):
        kept = (folder / CONFIG).read_text()
        change_json(folder / CONFIG, **fields)
        with pytest.raises(ValueError, match=r"has unknown .* and .* more weights: expected"):
            load(folder)
        (folder / CONFIG).write_text(kept)
    change_weights(folder, lambda weights: weights.update(extra=torch.zeros(2)))
    with pytest.raises(ValueError, match="has unknown extra: expected"):
        load(folder)


def test_a_wrong_shape_is_refused_and_named(folder):
    change_weights(folder, lambda weights: weights.update({"classifier.4.bias": torch.zeros(5)}))
    with pytest.raises(ValueError, match=r"classifier\.4\.bias has shape \(5,\): expected \(3,\)"):
        load(folder)
    with pytest.raises(ValueError, match=r"classifier\.4\.bias has shape"):
        pipeline("emotion-recognition", model=str(folder))


# What a training may still load.


def test_new_heads_are_initialised_on_request(folder):
    labels = {"id2label": {0: "calm", 1: "cross"}}
    with pytest.raises(ValueError, match="ignore_mismatched_sizes=True"):
        load(folder, **labels)
    model = load(folder, **labels, ignore_mismatched_sizes=True)
    assert model(text_features=torch.zeros(1, 2, WIDTHS["text"])).logits.shape == (1, 2, 2)
    change_weights(folder, drop(of_base))
    fresh = load(folder, ignore_mismatched_sizes=True)
    assert torch.equal(fresh.synctva.lone, load_file(folder / WEIGHTS)["synctva.lone"])
    change_weights(folder, drop(lambda name: name != "synctva.lone"))
    with pytest.raises(ValueError, match=r"lacks synctva\.lone"):
        load(folder, ignore_mismatched_sizes=True)


def test_base_models_and_the_loading_report(folder, tmp_path):
    base = SyncTVAModel.from_pretrained(folder)
    base.save_pretrained(tmp_path / "base")
    again = SyncTVAModel.from_pretrained(tmp_path / "base")
    assert torch.equal(base.lone, again.lone)
    with pytest.raises(ValueError, match="new heads"):
        load(tmp_path / "base")
    change_weights(folder, drop(lambda name: name != "synctva.lone"))
    with pytest.raises(
        ValueError, match=r"lacks lone: expected exactly the weights of SyncTVAModel"
    ):
        SyncTVAModel.from_pretrained(folder)
    _, report = load(folder, output_loading_info=True)
    assert report["missing_keys"] == {"synctva.lone"}


# Pickles.


class Payload:
    def __reduce__(self):
        return os.system, ("touch canary",)


@pytest.fixture
def canary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "canary"


def pickled_weights(folder, kind):
    if kind == "bare":
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload()))
        return
    weights = load_file(folder / WEIGHTS)
    torch.save(
        {**weights, "class_prior": Payload()} if kind == "hostile" else weights,
        folder / "pytorch_model.bin",
        _use_new_zipfile_serialization=kind != "old",
    )


@pytest.mark.parametrize("kind", ["bare", "hostile", "harmless", "old"])
def test_pickled_weights_are_not_opened(folder, canary, kind):
    pickled_weights(folder, kind)
    model = load(folder)  # ignored next to safetensors
    assert torch.equal(model.class_prior, load_file(folder / WEIGHTS)["class_prior"])
    (folder / WEIGHTS).unlink()
    with pytest.raises(OSError, match=r"no file named model\.safetensors"):
        load(folder)
    with pytest.raises(ValueError, match=r"no file named model\.safetensors"):
        pipeline("emotion-recognition", model=str(folder))
    assert not canary.exists()


def test_a_pickle_named_safetensors_is_refused(folder, canary):
    (folder / WEIGHTS).write_bytes(pickle.dumps(Payload()))
    with pytest.raises(OSError, match="damaged"):
        load(folder)
    assert not canary.exists()


# Configuration of model and processor.


@pytest.mark.parametrize("name", [CONFIG, PROCESSOR])
def test_a_damaged_json_file_is_refused(folder, name):
    data = (folder / name).read_bytes()
    for damaged in (b"", data[:1], data[: len(data) // 2], data[:-2], b"\xff\xfe\0{", b"[]", b"3"):
        (folder / name).write_bytes(damaged)
        with pytest.raises((OSError, ValueError, TypeError, AttributeError)) as refusal:
            pipeline("emotion-recognition", model=str(folder))
        assert str(refusal.value)


WRONG = {
    "hidden_size": ["16", 16.0, None, -1, 0, 2**63, [16]],
    "num_hidden_layers": [10**9, -1, True],
    "past_window": [10**12, "all"],
    "max_speakers": [10**15],
    "text_dim": [10**18, None],
    "num_labels": [10**9, -1, "seven"],
    "id2label": [
        {}, [], ["joy"], "joy", {"0": 3}, {"0": "joy", "5": "fear"}, {"0": "a", "1": "a"},
        {"zero": "joy"},
    ],
    "calibration_temperature": [float("nan"), 0, -1, "hot", float("inf")],
    "conformal_thresholds": [[float("nan")] * 99, ["a"] * 99, [0.5], "half", 7],
    "hidden_dropout_prob": [float("nan"), 1, "none"],
    "layer_norm_eps": [float("nan"), 0.0, "small"],
    "cross_graphs": ["text-audio", [["text-audio"]], None, 7, ["text-smell"]],
    "graph_attention": ["__import__('os')", None],
    "causal": ["yes", 1, True],
    "dtype": ["float128", "int8"],
    "text_backbone": [7, ["bert"]],
    "text_backbone_config": ["bert", [1]],
    "transformers_weights": ["../../etc/passwd"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_a_wrong_field_of_the_config_is_refused(folder, field, value):
    kept = json.loads((folder / CONFIG).read_text())
    if field == "num_labels":
        del kept["id2label"], kept["label2id"]
    (folder / CONFIG).write_text(json.dumps({**kept, field: value}))
    refusals = (StrictDataclassError, OSError, ValueError, TypeError, AttributeError)
    with pytest.raises(refusals) as refusal:
        load(folder)
    assert str(refusal.value)


def test_code_that_a_config_names_does_not_run(folder):
    """The installed code is used, and what a config.json names is not imported."""
    code = {"AutoConfig": "evil.Config", "AutoModelForTokenClassification": "evil.Model"}
    task = {"emotion-recognition": {"impl": "evil.Pipeline", "pt": ["evil"], "type": "text"}}
    change_json(folder / CONFIG, auto_map=code, custom_pipelines=task)
    (folder / "evil.py").write_text("open('canary', 'w')")
    expected = pipeline("emotion-recognition", model=load(folder), processor=reader(folder))
    recognise = pipeline("emotion-recognition", model=str(folder))
    assert recognise(UTTERANCES) == expected(UTTERANCES)
    assert not (folder / "canary").exists()


def reader(folder):
    return SyncTVAProcessor.from_pretrained(folder)


@pytest.mark.parametrize(
    "fields",
    [
        {"text_dim": "12"}, {"text_dim": -1}, {"audio_features": ["pitch"]},
        {"text_encoder": {"name": "nobody/nothing", "width": 13}}, {"text_tokens": {"name": "x"}},
        {"text_tokens": [1]}, {"audio_encoder": {"name": "unknown", "width": 5}},
        {"visual_encoder": {"name": "unknown", "width": 6}},
    ],
)  # fmt: skip
def test_a_wrong_field_of_the_processor_is_refused(folder, fields):
    change_json(folder / PROCESSOR, **fields)
    with pytest.raises((OSError, ValueError, TypeError)) as refusal:
        batch = [{"audio": b"RIFF", "speaker": "a"}, {"video": b"RIFF"}, {"text": "Hi."}]
        pipeline("emotion-recognition", model=str(folder))(batch)
    assert str(refusal.value)


# The state of a live conversation. For damaged states, see `modeling_synctva/test_stream.py`.


def test_a_cut_state_of_a_stream_is_refused(tmp_path):
    past_only = ("future_window", "cross_future_window", "fusion_future_window")
    windows = dict.fromkeys((*past_only, "text_context_future"), 0)
    stream = toy_model(causal=True, **windows).stream()
    stream.push(UTTERANCES[0])
    save_file(stream.state_dict(), tmp_path / "state.safetensors")
    data = (tmp_path / "state.safetensors").read_bytes()
    for length in np.linspace(0, len(data) - 1, 20).astype(int).tolist():
        (tmp_path / "state.safetensors").write_bytes(data[:length])
        with pytest.raises(SafetensorError, match="header"):
            load_file(tmp_path / "state.safetensors")
