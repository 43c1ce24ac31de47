import copy
import importlib.util
import wave

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from synctva.audio import encoder as encoder_module
from synctva.audio.contours import analyse
from synctva.audio.encoder import PROSODY_MFCC_SPEC, PROSODY_SPEC, AudioEncoder
from synctva.audio.functionals import FUNCTIONALS, functionals
from synctva.audio.prosody import PROSODY_MEASURES, prosody
from synctva.speech import whisper_encoder
from synctva.speech.whisper_encoder import load_whisper_encoder
from tests.support.sounds import noise, syllables, tone
from tests.support.whisper_file import tiny_whisper, write_whisper

SPECS = [PROSODY_SPEC, PROSODY_MFCC_SPEC]


@pytest.fixture(scope="module")
def toy_speech_model(tmp_path_factory):
    """A saved tiny Wav2Vec2 with 16 values per utterance."""
    folder = tmp_path_factory.mktemp("toy_speech_model")
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_stride=(10, 16),
        conv_kernel=(20, 16),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def test_default_encoder_gives_the_tables_columns():
    encoder = AudioEncoder.from_spec(PROSODY_SPEC)
    assert encoder.names == PROSODY_MEASURES
    assert (encoder.width, encoder.sample_rate, encoder.licence) == (8, None, "Apache-2.0")
    sound = syllables(4)
    vector = encoder.encode(sound, 16_000)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, prosody(analyse(sound, 16_000)), rtol=1e-6)


def test_wide_encoder_appends_the_functionals():
    encoder = AudioEncoder.from_spec(PROSODY_MFCC_SPEC)
    assert encoder.names == (*PROSODY_MEASURES, *FUNCTIONALS)
    assert encoder.width == PROSODY_MFCC_SPEC["width"] == 92
    sound = syllables(4)
    contours = analyse(sound, 16_000)
    expected = np.concatenate([prosody(contours), functionals(contours)])
    np.testing.assert_allclose(encoder.encode(sound, 16_000), expected, rtol=1e-6)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0),
        np.zeros(1),
        np.ones(1),
        np.zeros(16_000),
        np.full(16_000, 0.5),
        2**-17 * np.sin(np.arange(16_000)),
        noise(1023 / 16_000),
    ],
    ids=["empty", "1 zero", "1 sample", "silence", "offset", "below 16 bits", "63.9 ms"],
)
def test_silent_or_too_short_sound_has_no_vector(spec, sound):
    assert AudioEncoder.from_spec(spec).encode(sound, 16_000) is None


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("rate", [4_000, 8_000, 16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("seconds", [0.064, 0.07, 0.5])
def test_any_rate_and_the_shortest_sounds(spec, rate, seconds):
    encoder = AudioEncoder.from_spec({**spec, "fill": list(range(spec["width"]))})
    seconds = np.ceil(seconds * rate) / rate
    for sound in (noise(seconds, rate), tone(200, seconds, rate), noise(seconds, rate) > 0.2):
        vector = encoder.encode(sound.astype(np.float32), rate)
        assert vector.shape == (encoder.width,)
        assert np.isfinite(vector).all()


def test_undefined_values_are_filled_from_the_spec():
    sound = noise(0.5)
    plain = AudioEncoder.from_spec(PROSODY_SPEC).encode(sound, 16_000)
    undefined = np.isnan(plain)
    assert {PROSODY_MEASURES[i] for i in undefined.nonzero()[0]} == {
        "avg_pitch",
        "articulation_rate",
    }
    means = [3.0, 55.0, 9.0, 210.0, 60.0, 240.0, 5.5, 6.0]
    filled = AudioEncoder.from_spec({**PROSODY_SPEC, "fill": means}).encode(sound, 16_000)
    np.testing.assert_array_equal(filled, np.where(undefined, np.float32(means), plain))


def test_refuses_sounds():
    encoder = AudioEncoder.from_spec(PROSODY_SPEC)
    with pytest.raises(ValueError, match=r"samples\[0\] = nan"):
        encoder.encode(np.full(16_000, np.nan), 16_000)
    with pytest.raises(ValueError, match="one channel"):
        encoder.encode(np.zeros((2, 16_000)), 16_000)
    with pytest.raises(ValueError, match="sample_rate = 0"):
        encoder.encode(np.zeros(16_000), 0)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "audio encoder spec = {}: expected 'name'"),
        (
            {**PROSODY_SPEC, "colour": "red"},
            "audio encoder spec = .*: expected 'name', and optionally any of",
        ),
        (
            {"name": "prosodic", "version": 3},
            "name = 'prosodic', version = 3: expected one of .*'prosody'.* installed package has",
        ),
        ({**PROSODY_SPEC, "version": 2}, "prosody', version = 2: expected 1"),
        ({**PROSODY_SPEC, "width": 9}, "prosody', width = 9: expected 8"),
        ({**PROSODY_SPEC, "sample_rate": 16_000}, "sample_rate = 16000: expected None"),
        ({**PROSODY_SPEC, "fill": [0.0]}, r"fill = \[0.0\]: expected 8 finite numbers"),
        ({**PROSODY_SPEC, "fill": [float("nan")] * 8}, "expected 8 finite numbers"),
    ],
)
def test_refuses_spec(spec, message):
    with pytest.raises(ValueError, match=message):
        AudioEncoder.from_spec(spec)


def test_loaded_once_and_never_copied():
    encoder = AudioEncoder.from_spec(PROSODY_SPEC)
    assert AudioEncoder.from_spec(dict(PROSODY_SPEC)) is encoder
    assert copy.deepcopy(encoder) is encoder


def test_hub_model_by_hand(toy_speech_model):
    spec = {"name": f"hub:{toy_speech_model}", "sample_rate": 16_000, "width": 16}
    encoder = AudioEncoder.from_spec(spec)
    sound = noise(0.3).astype(np.float32)
    vector = encoder.encode(sound, 16_000)
    model = Wav2Vec2Model.from_pretrained(toy_speech_model).eval()
    normal = torch.tensor((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7))
    with torch.no_grad():
        expected = model(normal[None]).last_hidden_state[0].mean(0)
    np.testing.assert_allclose(vector, expected, rtol=1e-3, atol=1e-4)
    assert encoder.encode(np.zeros(16_000), 16_000) is None
    for rate in (8_000, 22_050, 48_000):
        resampled = resample_poly(sound, rate // 50, 16_000 // 50)
        again = encoder.encode(np.clip(resampled, -1, 1), rate)
        assert np.corrcoef(again, vector)[0, 1] > 0.9, "it hears the same"


@pytest.mark.parametrize("layer", [0, 1])
def test_layer_and_pooling_of_a_hub_model(layer, toy_speech_model):
    spec = {"name": f"hub:{toy_speech_model}", "layer": layer, "pooling": "mean+deviation"}
    encoder = AudioEncoder.from_spec(spec)
    assert encoder.width == 32 and encoder.names[16] == "deviation_of_unit_0"
    sound = noise(0.3).astype(np.float32)
    model = Wav2Vec2Model.from_pretrained(toy_speech_model).eval()
    normal = torch.tensor((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7))
    with torch.no_grad():
        states = model(normal[None], output_hidden_states=True).hidden_states[layer][0]
    expected = torch.cat([states.mean(0), states.std(0, correction=0)])
    np.testing.assert_allclose(encoder.encode(sound, 16_000), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "field, message",
    [
        ({"layer": 99}, "audio encoder layer = 99: expected 0 to"),
        ({"pooling": "max"}, "audio encoder pooling = 'max': expected one of"),
    ],
)
def test_refuses_layers_and_poolings(field, message, toy_speech_model):
    with pytest.raises(ValueError, match=message):
        AudioEncoder.from_spec({"name": f"hub:{toy_speech_model}", **field})
    (name,) = field
    with pytest.raises(ValueError, match=f"audio encoder 'prosody', {name} = .*: expected None"):
        AudioEncoder.from_spec({**PROSODY_SPEC, **field})


def test_whisper_after_the_measures(tmp_path, monkeypatch):
    write_whisper(tiny_whisper(), tmp_path / "model.bin")
    monkeypatch.setattr(whisper_encoder, "locate_whisper", lambda model: str(tmp_path))
    encoder_module._load.cache_clear()
    sound = noise(0.9)
    both, whisper = (
        AudioEncoder.from_spec({"name": name, "layer": 1})
        for name in ("prosody+whisper-base", "whisper-base")
    )
    encoder_module._load.cache_clear()
    prosody = AudioEncoder.from_spec(PROSODY_SPEC)
    assert (whisper.width, both.width) == (32, 40)
    assert both.sample_rate == whisper.sample_rate == 16_000
    joined = np.concatenate([encoder.encode(sound, 16_000) for encoder in (prosody, whisper)])
    np.testing.assert_allclose(both.encode(sound, 16_000), joined, rtol=1e-6)
    states = load_whisper_encoder("base", 1)(sound)
    np.testing.assert_allclose(whisper.encode(sound, 16_000)[:16], states.mean(0), atol=1e-5)


@pytest.mark.skipif(
    importlib.util.find_spec("opensmile") is not None, reason="opensmile is installed"
)
def test_opensmile_says_how_to_get_it():
    with pytest.raises(ImportError, match="pip install opensmile"):
        AudioEncoder.from_spec({"name": "opensmile-egemaps"})


@pytest.mark.skipif(
    importlib.util.find_spec("opensmile") is None,
    reason="opensmile is not installed: an extra, licensed for non-commercial use",
)
def test_opensmile():
    encoder = AudioEncoder.from_spec({"name": "opensmile-egemaps", "width": 88})
    assert encoder.encode(noise(), 16_000).shape == (88,)
    assert "F0semitoneFrom27.5Hz_sma3nz_amean" in encoder.names
    assert "non-commercial" in encoder.licence


def test_a_recording_of_speech(data_dir):
    paths = sorted((data_dir / "emodb").glob("*.wav"))[:3]
    if not paths:
        pytest.skip(f"no recordings: {data_dir} has no emodb/*.wav")
    encoder = AudioEncoder.from_spec(PROSODY_MFCC_SPEC)
    for path in paths:
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
            rate = file.getframerate()
        vector = encoder.encode(samples, rate)
        of = dict(zip(encoder.names, vector.tolist(), strict=True))
        assert np.isfinite(vector).all()
        assert 75 < of["avg_pitch"] < 400
        assert 1 < of["articulation_rate"] < 9
        assert 0.2 < of["voiced_fraction"] < 0.95
