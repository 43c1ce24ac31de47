import numpy as np
import pytest
import torch
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForXVector,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from synctva.speech.hub_voice import hub_voice
from synctva.speech.recognition import SAMPLE_RATE
from synctva.speech.speakers import assign_speakers

CONFIG = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (8, 8),
    "conv_stride": (10, 16),
    "conv_kernel": (20, 16),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "tdnn_dim": (16, 16, 32),
    "tdnn_kernel": (5, 3, 1),
    "tdnn_dilation": (1, 2, 1),
    "xvector_output_dim": 24,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved tiny speaker model."""
    folder = tmp_path_factory.mktemp("voice")
    torch.manual_seed(0)
    Wav2Vec2ForXVector(Wav2Vec2Config(**CONFIG)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return str(folder)


def noise(seconds, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)


def test_a_voice_equals_the_computation_by_hand(folder):
    samples = noise(1.5)
    vector = hub_voice(folder)(samples)
    model = Wav2Vec2ForXVector.from_pretrained(folder).eval()
    normal = torch.tensor((samples - samples.mean()) / np.sqrt(samples.var() + 1e-7))
    with torch.no_grad():
        expected = model(normal[None]).embeddings[0]
    np.testing.assert_allclose(vector, expected / expected.norm(), atol=1e-4)
    assert vector.shape == (24,) and np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert hub_voice(folder)(noise(0.01)).shape == (24,), "a short sound is repeated"


def test_parts_are_assigned_by_the_voices_of_the_model():
    samples = np.concatenate([np.full(2 * SAMPLE_RATE, who, np.float32) for who in (1, 3, 1, 3)])
    parts = [(2.0 * i, 2.0 * i + 2) for i in range(4)]
    found = assign_speakers(samples, parts, 2, lambda part: np.eye(5)[int(part[0])])
    assert found == [0, 1, 0, 1]


def test_models_of_other_kinds_are_refused(tmp_path):
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 10}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ids = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 1)
    config = WhisperConfig(**sizes, **heads, **ids, decoder_start_token_id=1)
    WhisperForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"voice_model = .*: expected a model that AutoModelFor"):
        hub_voice(str(tmp_path))
    with pytest.raises(OSError, match="voice_model = nowhere/x"):
        hub_voice("nowhere/x")
