"""Recordings through processor and pipeline, compared with the encoders called by hand."""

import json
import logging

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, pipeline

from synctva.audio.decoding import read_audio
from synctva.audio.encoder import PROSODY_SPEC, AudioEncoder
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.recordings.sources import MediaError
from synctva.registration import register
from synctva.video.encoder import FACE_SPEC, VisualEncoder
from tests.support.decoder_stand_ins import as_in_datasets, decoders
from tests.support.drawn_face import EXPRESSIONS, drawn_face
from tests.support.media_conversations import face_clip
from tests.support.media_files import clip
from tests.support.sounds import embedded, glide, noise

register()

FILL = [3.0, 60.0, 5.0, 150.0, 30.0, 100.0, 4.0, 8.0]
RATE = 16_000
TURNS = [glide(110, 180), noise(), np.zeros(RATE)]
"""A voice, a hiss, and silence, one second each."""


@pytest.fixture(scope="module")
def processor(toy_encoder_spec):
    return SyncTVAProcessor(
        16,
        263,
        8,
        text_encoder=toy_encoder_spec,
        audio_encoder={**PROSODY_SPEC, "fill": FILL},
        visual_encoder=FACE_SPEC,
    )


@pytest.fixture(scope="module")
def encoder():
    return AudioEncoder.from_spec({**PROSODY_SPEC, "fill": FILL})


@pytest.fixture(scope="module")
def faces():
    """One second of a smiling face, at two frames per second."""
    return (np.stack([drawn_face(**EXPRESSIONS["happy"])] * 2), 2)


def test_sound_as_array_file_and_bytes(processor, encoder, tmp_path):
    wav = clip("wav", None, "pcm_s16le", samples=TURNS[0][None].astype(np.float32))
    path = tmp_path / "turn.wav"
    path.write_bytes(wav)
    sources = [path, str(path), wav, {"path": str(path), "bytes": None}, (TURNS[0], RATE)]
    sources += [{name: TURNS[0], "sampling_rate": RATE} for name in ("array", "raw")]
    batch = processor([[{"audio": source} for source in sources]])
    sound = read_audio(wav)
    expected = encoder.encode(sound.samples, sound.sample_rate)
    assert batch["modality_mask"][0].tolist() == [[False, False, True]] * 7
    np.testing.assert_allclose(batch["audio_features"][0, :4], np.tile(expected, (4, 1)), rtol=1e-6)
    # Arrays are not rounded to 16 bits.
    np.testing.assert_allclose(
        batch["audio_features"][0, 4:], np.tile(expected, (3, 1)), rtol=0.02, atol=0.02
    )


def test_a_speaker_on_each_channel(processor, encoder):
    voices = [glide(100, 120), glide(210, 250)]
    call = clip("wav", None, "pcm_s16le", samples=np.float32(voices), layout="stereo")
    channels = [0, 1, "left", "right", None]
    batch = processor([[{"audio": call, "channel": channel} for channel in channels]])
    features = batch["audio_features"][0].numpy()
    for t, voice in enumerate([*voices, *voices]):
        alone = read_audio(clip("wav", None, "pcm_s16le", samples=np.float32(voice)[None]))
        expected = encoder.encode(alone.samples, alone.sample_rate)
        np.testing.assert_allclose(features[t], expected, rtol=1e-6)
    mixed = processor([[{"audio": call}]])["audio_features"][0, 0].numpy()
    np.testing.assert_array_equal(features[4], mixed)
    assert features[0, 3] == pytest.approx(110, abs=2)
    assert features[1, 3] == pytest.approx(230, abs=3)
    with pytest.raises(MediaError, match=r"utterance 0: channel = 2, but .* has 2 channels: exp"):
        processor([[{"audio": call, "channel": 2}]])
    with pytest.raises(MediaError, match=r"channel = 1, but .* has 1 channel: expected 0"):
        processor([[{"video": clip(samples=np.float32(voices[:1])), "channel": "right"}]])


def test_times_as_text(processor):
    whole = (embedded(np.concatenate(TURNS), 2, 0), RATE)
    numbers = processor([[{"audio": whole, "start": 2.0, "end": 3.0}]])
    texts = processor([[{"audio": whole, "start": "0:02", "end": "00:00:03,000"}]])
    assert torch.equal(numbers["audio_features"], texts["audio_features"])


def test_columns_of_datasets_equal_their_files(processor):
    sound, video = decoders("stand-in")
    data = face_clip()
    files = [{"video": data}, {"audio": data, "start": 0.25, "end": 0.75}]
    columns = [
        {"video": as_in_datasets(video(data), data)},
        {"audio": as_in_datasets(sound(data), data), "start": 0.25, "end": 0.75},
    ]
    expected, batch = processor([files]), processor([columns])
    assert expected["modality_mask"][0].tolist() == [[False, True, True], [False, False, True]]
    for name, tensor in expected.items():
        assert torch.equal(batch[name], tensor), name


def test_a_decoder_of_frames_alone_has_no_sound(processor):
    batch = processor([[{"video": decoders("stand-in")[1](face_clip())}]])
    assert batch["modality_mask"][0].tolist() == [[False, True, False]]


def test_silence_is_masked_and_a_hiss_gets_the_filled_pitch(processor):
    batch = processor([[{"audio": (sound, RATE)} for sound in TURNS]])
    assert batch["modality_mask"][0, :, 2].tolist() == [True, True, False]
    assert batch["audio_features"][0, 1, 3] == FILL[3]
    assert batch["audio_features"][0, 0, 3] == pytest.approx(145, abs=5)
    assert torch.isfinite(batch["audio_features"]).all()


def test_turns_of_a_long_recording_are_the_turns(processor):
    whole = (embedded(np.concatenate(TURNS), 2, 0), RATE)
    cut = [{"audio": whole, "start": 2.0 + t, "end": 3.0 + t} for t in range(3)]
    separate = [{"audio": (sound, RATE)} for sound in TURNS]
    actual, expected = processor([cut]), processor([separate])
    torch.testing.assert_close(actual["modality_mask"], expected["modality_mask"])
    torch.testing.assert_close(actual["audio_features"], expected["audio_features"])


def test_a_clip_carries_face_and_voice(processor, encoder, faces):
    voice = TURNS[0][None].astype(np.float32)
    mute = clip("matroska", "libx264", None)  # a grey wall
    utterances = [
        {"text": "good", "video": clip("mp4", "libx264", "aac", samples=voice)},
        {"video": faces, "audio": (TURNS[0], RATE)},
        {"video": faces},
        {"video": mute},
        {"audio": clip("wav", None, "pcm_s16le"), "video": mute},
        {"text": "day"},
    ]
    batch = processor([utterances])
    assert batch["modality_mask"][0].int().tolist() == [
        [1, 0, 1],  # no face in it
        [0, 1, 1],
        [0, 1, 0],  # frames have no sound
        [0, 0, 0],
        [0, 0, 1],
        [1, 0, 0],
    ]
    expected = VisualEncoder.from_spec(FACE_SPEC).encode([(0.0, faces[0][0])])
    np.testing.assert_allclose(batch["visual_features"][0, 1], expected, atol=1e-5)
    own = batch["audio_features"][0]
    np.testing.assert_allclose(own[0, 3], own[1, 3], rtol=0.02)  # the pitch through AAC


def test_given_features_are_kept(processor):
    given = np.arange(8.0)
    batch = processor([[{"audio": (TURNS[0], RATE), "audio_features": given}]])
    np.testing.assert_allclose(batch["audio_features"][0, 0], given)


def test_a_source_that_cannot_be_read_is_named(processor, tmp_path):
    missing = str(tmp_path / "nowhere.mp4")
    with pytest.raises(MediaError, match=r"conversation 1, utterance 1: .*nowhere.mp4"):
        processor([["good"], ["good", {"video": missing}]])
    with pytest.raises(ValueError, match=r"utterance 0: start = 3\.0 s, end = 2\.0 s"):
        processor([[{"audio": (TURNS[0], RATE), "start": 3, "end": 2}]])


def test_a_modality_that_the_checkpoint_lacks_is_not_read_and_named(monkeypatch):
    said = []
    monkeypatch.setattr(logging.Logger, "warning_once", lambda _, message: said.append(message))
    processor = SyncTVAProcessor(None, None, 8, audio_encoder={**PROSODY_SPEC, "fill": FILL})
    batch = processor([[{"audio": (TURNS[0], RATE), "video": "nowhere.mp4"}]])
    assert batch["modality_mask"][0].tolist() == [[False, False, True]]
    assert said[0].startswith("not read: the frames of video; expected some of ['audio', ")


def test_recordings_need_the_spec_of_an_encoder():
    processor = SyncTVAProcessor(None, None, 8)
    with pytest.raises(ValueError, match="utterance 0, audio: the checkpoint does not say which"):
        processor([[{"audio": (TURNS[0], RATE)}]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"audio_encoder": {**PROSODY_SPEC, "version": 2}},
            "audio encoder 'prosody', version = 2: expected 1, which the installed package has",
        ),
        (
            {"audio_encoder": {**PROSODY_SPEC, "name": "prosodic", "version": 2}},
            "audio encoder name = 'prosodic', version = 2: expected one of .*'prosody', .* has",
        ),
        (
            {"visual_encoder": {**FACE_SPEC, "version": "9"}},
            "visual encoder 'face-api-expressions', version = '9': expected '1.7.15', which the",
        ),
        (
            {"visual_encoder": {**FACE_SPEC, "name": "faces", "version": "9"}},
            "visual encoder name = 'faces', version = '9': expected 'face-api-expressions', which "
            "the installed package has in version '1.7.15'",
        ),
    ],
)
def test_an_encoder_that_the_package_lacks_is_named_with_its_version(
    toy_encoder_spec, change, message, faces
):
    processor = SyncTVAProcessor(16, 263, 8, **change)
    utterance = {"video": faces} if "visual_encoder" in change else {"audio": (TURNS[0], RATE)}
    with pytest.raises(ValueError, match=message):
        processor([[utterance]])


def test_widths_that_disagree_are_refused():
    with pytest.raises(ValueError, match="audio_dim = 9: expected 8, the width of audio_encoder"):
        SyncTVAProcessor(16, 263, 9, audio_encoder=PROSODY_SPEC)


def test_saved_and_loaded_with_its_weights(processor, faces, tmp_path, monkeypatch):
    processor.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path)
    assert json.loads((tmp_path / "processor_config.json").read_text())["audio_encoder"]["fill"]
    utterances = [{"video": faces, "audio": (TURNS[0], RATE)}]
    expected = processor([utterances])
    # The weights come from the checkpoint, whatever the package has.
    monkeypatch.setattr("synctva.video.encoder.FACE_WEIGHTS_FOLDER", tmp_path / "nowhere")
    assert_equal(loaded([utterances]), expected)


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name])


def test_pipeline_of_strings_wavs_and_clips(processor, tmp_path, faces):
    torch.manual_seed(0)
    config = SyncTVAConfig(
        text_dim=16,
        visual_dim=263,
        audio_dim=8,
        hidden_size=16,
        num_attention_heads=2,
        intermediate_size=16,
        num_hidden_layers=1,
    )
    model = SyncTVAForEmotionRecognition(config).eval()
    recognise = pipeline("emotion-recognition", model=model, processor=processor)
    wav = tmp_path / "turn.wav"
    wav.write_bytes(clip("wav", None, "pcm_s16le"))
    mp4 = tmp_path / "turn.mp4"
    mp4.write_bytes(clip())
    mixed = ["good", {"audio": str(wav)}, {"video": str(mp4), "text": "no"}, {"video": faces}]
    answers = recognise(mixed)
    assert [answer["modalities"] for answer in answers] == [
        ["text"], ["audio"], ["text", "audio"], ["visual"],
    ]  # fmt: skip
    assert all(0 < answer["score"] <= 1 for answer in answers)
    for conversation in (mixed[:1], mixed[1:2] * 2, [{"video": str(mp4)}]):
        assert len(recognise(conversation)) == len(conversation)
