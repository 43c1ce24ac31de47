import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from synctva.speech import whisper_encoder
from synctva.speech.whisper_encoder import SAMPLE_RATE, load_whisper_encoder
from tests.support.whisper_file import SECONDS, tiny_whisper, write_whisper


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    write_whisper(tiny_whisper(), folder / "model.bin")
    return str(folder)


@pytest.fixture
def sound():
    return np.random.default_rng(0).normal(0, 0.1, SECONDS * SAMPLE_RATE).astype(np.float32)


def test_states_equal_those_of_transformers(folder, sound):
    features = WhisperFeatureExtractor(feature_size=80)
    read = features(sound, sampling_rate=SAMPLE_RATE, padding=False, return_tensors="pt")
    with torch.no_grad():
        expected = tiny_whisper()(read["input_features"], output_hidden_states=True).hidden_states
    for layer in (0, 1):  # the last of transformers is normalised
        found = load_whisper_encoder(folder, layer)(sound)
        torch.testing.assert_close(found, expected[layer][0], atol=1e-5, rtol=1e-4)


def test_a_sound_is_as_long_as_it_is(folder, sound):
    encoder = load_whisper_encoder(folder, 1)
    short = encoder(sound[:4_800])
    assert short.shape == (15, 16)
    assert not torch.allclose(short, encoder(sound)[:15])


def test_a_long_sound_is_read_in_pieces(folder, sound):
    encoder = load_whisper_encoder(folder, 1)
    long = np.concatenate([sound, sound, sound[:4_800]])
    expected = torch.cat([encoder(sound), encoder(sound), encoder(sound[:4_800])])
    torch.testing.assert_close(encoder(long), expected)


@pytest.mark.parametrize("layer", [-1, 3])
def test_a_layer_that_there_is_not_is_refused(layer, folder):
    with pytest.raises(ValueError, match=f"layer = {layer}: expected 0 to 2"):
        load_whisper_encoder(folder, layer)


def test_another_model_is_refused(tmp_path):
    write_whisper(tiny_whisper(), tmp_path / "model.bin", spec="TransformerSpec")
    with pytest.raises(ValueError, match="expected version 6 of WhisperSpec"):
        load_whisper_encoder(str(tmp_path), 1)


def test_the_name_of_a_model_is_looked_up(folder, monkeypatch):
    monkeypatch.setattr(whisper_encoder, "locate_whisper", {"base": folder}.get)
    assert load_whisper_encoder("base", 2).width == 16
