"""Columns from extracted vectors: skipped files, filled measures, masked modalities."""

import csv
import json
from pathlib import Path

import numpy as np
import torch
from transformers import ViTConfig, ViTModel

from synctva.audio.encoder import PROSODY_SPEC, AudioEncoder
from synctva.features.extraction import extract_features, load_clips
from synctva.features.feature_sets import read_schema
from synctva.recordings.features import audio_vector
from synctva.video.encoder import VisualEncoder
from synctva.video.hub_image_model import PREPROCESSOR
from tests.support.media_conversations import AUDIO, HISS, MEDIA, loaded, wav


def test_a_damaged_clip_is_skipped_with_its_reason(serial, clips):
    folder, report = serial
    with (folder / "skipped.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row.pop("reason").startswith(str(clips / "2/b.mp4")) for row in rows] == [True, True]
    expected = {
        "split": "train",
        "conversation": "2",
        "utterance": "b",
        "file": str(clips / "2/b.mp4"),
    }
    assert rows == [{**expected, "modality": name} for name in ("audio", "visual")]
    assert "skipped: 2" in str(report)
    assert not Path(f"{folder}.partial").exists()


def test_undefined_measures_get_the_training_mean(serial, clips, tmp_path):
    spec = read_schema(serial[0])["modalities"]["audio"]["spec"]
    raw = AudioEncoder.from_spec(PROSODY_SPEC)
    paths = [clips / name for name in ("1/1.mp4", "1/2.mp4", "2/a.wav", "2/d.WAV")]
    vectors = np.stack([audio_vector({"video": path}, raw) for path in paths])
    assert np.isnan(vectors[3]).any()
    np.testing.assert_allclose(spec["fill"], np.nanmean(vectors.astype(float), 0))
    rows = loaded(serial[0], tmp_path)["train"]
    hiss = np.float32(rows[1]["audio_features"][3])
    undefined = np.isnan(vectors[3])
    assert (hiss[undefined] == np.float32(spec["fill"])[undefined]).all()
    given = {**PROSODY_SPEC, "fill": [float(i) for i in range(8)]}
    extract_features(load_clips(clips), tmp_path / "given", **{**AUDIO, "audio_encoder": given})
    hiss = np.float32(loaded(tmp_path / "given", tmp_path)["train"][1]["audio_features"][3])
    assert (hiss[undefined] == np.arange(8)[undefined]).all()


def test_a_measure_that_is_undefined_in_all_of_training_is_constant(tmp_path):
    folder = tmp_path / "hiss"
    folder.mkdir()
    (folder / "a.wav").write_bytes(wav(HISS))
    extract_features(load_clips(folder), tmp_path / "features", **AUDIO)
    spec = read_schema(tmp_path / "features")["modalities"]["audio"]["spec"]
    raw = AudioEncoder.from_spec(PROSODY_SPEC)
    undefined = np.isnan(audio_vector({"video": folder / "a.wav"}, raw))
    assert undefined.any()
    assert (np.array(spec["fill"])[undefined] == 0).all()


def test_a_modality_that_is_not_wanted_or_never_present_is_masked(clips, tmp_path):
    extract_features(load_clips(clips), tmp_path / "audio", **AUDIO)
    sound = tmp_path / "sound"
    sound.mkdir()
    (sound / "a.wav").write_bytes(wav())
    report = extract_features(load_clips(sound), tmp_path / "sound-features", **MEDIA)
    assert "visual: 0 of 1 utterances (no features)" in str(report)
    for name in ("audio", "sound-features"):
        rows = loaded(tmp_path / name, tmp_path)["train"]
        assert "visual_features" not in rows.column_names
        assert not any(mask[1] for row in rows for mask in row["modality_mask"])
        assert list(read_schema(tmp_path / name)["modalities"]) == ["audio"]


def test_widths_that_a_spec_leaves_open_are_stored(clips, tmp_path):
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "image_size": 16, "patch_size": 8}
    config = ViTConfig(num_hidden_layers=1, num_attention_heads=2, **sizes)
    ViTModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "vit")
    settings = {"size": {"height": 16, "width": 16}, "image_mean": [0.5], "image_std": [0.5]}
    (tmp_path / "vit" / PREPROCESSOR).write_text(json.dumps(settings))
    hub = {
        "visual_encoder": {"name": f"hub:{tmp_path / 'vit'}"},
        "audio_encoder": {"name": "prosody"},
    }
    report = extract_features(load_clips(clips), tmp_path / "features", **{**AUDIO, **hub})
    made = report.schema["modalities"]
    assert [made[name]["spec"]["width"] for name in ("visual", "audio")] == [8, 8]
    VisualEncoder.from_spec(made["visual"]["spec"])
