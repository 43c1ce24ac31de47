"""Extraction against the encoders by hand, one worker against two, and a killed run."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from transformers import ViTConfig, ViTModel

from synctva.audio.encoder import PROSODY_SPEC, AudioEncoder
from synctva.features.extraction import (
    extract_features,
    load_clips,
    load_media,
    media,
    partial_folder,
    prepare_extraction,
)
from synctva.features.feature_sets import load_feature_set, read_schema
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.video.encoder import FACE_SPEC, VisualEncoder
from synctva.video.hub_image_model import PREPROCESSOR
from tests.support.media_conversations import HISS, MASKS, VOICE, face_clip, wav, write_clips
from tests.support.release_trees import write_iemocap_release, write_meld_release

AUDIO = {"audio_encoder": PROSODY_SPEC, "visual_encoder": None, "text_encoder": None}
MEDIA = {**AUDIO, "visual_encoder": FACE_SPEC}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def serial(clips, tmp_path_factory):
    """The folder that one process makes of the clips, and its report."""
    folder = tmp_path_factory.mktemp("serial") / "features"
    return folder, extract_features(load_clips(clips), folder, **MEDIA)


def loaded(folder, tmp_path):
    return load_feature_set(folder, cache_dir=tmp_path / "loaded", keep_in_memory=True)


def test_masks_say_what_there_is(serial, tmp_path):
    folder, report = serial
    rows = loaded(folder, tmp_path)["train"]
    assert {row["dialogue_id"]: np.int_(row["modality_mask"]).tolist() for row in rows} == MASKS
    assert rows["texts"][:] == [["good day", "", ""], ["", "bad day", "", ""]]
    assert rows["labels"][:] == [[-1] * 3, [-1] * 4]
    assert report.present == {"text": 2, "visual": 2, "audio": 4}
    for row in rows:
        for name, column in (("visual", 1), ("audio", 2)):
            features = np.array(row[f"{name}_features"])
            assert (features.any(1) == np.array(row["modality_mask"])[:, column]).all()


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
    assert not partial_folder(folder).exists()


def test_undefined_measures_take_the_training_mean(serial, clips, tmp_path):
    spec = read_schema(serial[0])["modalities"]["audio"]["spec"]
    raw = AudioEncoder.from_spec(PROSODY_SPEC)
    paths = [clips / name for name in ("1/1.mp4", "1/2.mp4", "2/a.wav", "2/d.WAV")]
    vectors = np.stack([media.audio_vector({"video": path}, raw) for path in paths])
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


def test_the_processor_makes_the_same_of_raw_clips(serial, clips, tmp_path):
    specs = {
        name: modality["spec"] for name, modality in read_schema(serial[0])["modalities"].items()
    }
    processor = SyncTVAProcessor(
        None,
        263,
        8,
        audio_encoder=specs["audio"],
        visual_encoder=specs["visual"],
    )
    for row in loaded(serial[0], tmp_path)["train"]:
        # What cannot be read is an error there.
        paths = [path for path in row["media_paths"] if not path.endswith("b.mp4")]
        kept = [path in paths for path in row["media_paths"]]
        batch = processor([[{"video": path} for path in paths]])
        for name, column in (("visual", 1), ("audio", 2)):
            if f"{name}_features" in batch:
                features = np.float32(row[f"{name}_features"])[kept]
                # To the last bit with one thread; more sum the networks' numbers in another order.
                np.testing.assert_allclose(batch[f"{name}_features"][0], features, 1e-5, 1e-5)
            mask = np.array(row["modality_mask"])[kept, column]
            assert batch["modality_mask"][0, :, column].tolist() == mask.tolist()


def test_a_modality_that_is_not_wanted_or_nowhere_there_is_masked(clips, tmp_path):
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


def test_a_measure_that_training_never_has_is_constant(tmp_path):
    folder = tmp_path / "hiss"
    folder.mkdir()
    (folder / "a.wav").write_bytes(wav(HISS))
    extract_features(load_clips(folder), tmp_path / "features", **AUDIO)
    spec = read_schema(tmp_path / "features")["modalities"]["audio"]["spec"]
    raw = AudioEncoder.from_spec(PROSODY_SPEC)
    undefined = np.isnan(media.audio_vector({"video": folder / "a.wav"}, raw))
    assert undefined.any()
    assert (np.array(spec["fill"])[undefined] == 0).all()


def test_widths_that_a_spec_leaves_open_are_written_down(clips, tmp_path):
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


def test_turns_of_a_recording_are_cut_by_time(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    (whole / "all.wav").write_bytes(wav(np.concatenate([HISS, VOICE], 1)))
    for name, sound in (("0.wav", HISS), ("1.wav", VOICE)):
        (parts / name).write_bytes(wav(sound))
    header = "dialogue_id,utterance_id,speaker,text,emotion,split,media_path,start,end"
    rows = [f"a,{t},ann,good,glad,train,whole/all.wav,{t},{t + 1}" for t in range(2)]
    table = tmp_path / "own.csv"
    table.write_text("\n".join([header, *rows]))
    data = load_media("table", table)
    with pytest.raises(ValueError, match=r"'a': 2 utterances share .*all.wav: expected a fi"):
        extract_features(data, tmp_path / "features", **AUDIO)
    extract_features(data, tmp_path / "features", **AUDIO, cut_by_time=True)
    extract_features(load_clips(parts), tmp_path / "expected", **AUDIO)
    one, other = (loaded(tmp_path / n, tmp_path)["train"] for n in ("features", "expected"))
    np.testing.assert_array_equal(one[0]["audio_features"], other[0]["audio_features"])
    table.write_text("\n".join([header, rows[0], "a,1,ann,good,glad,train,whole/all.wav,1,"]))
    with pytest.raises(ValueError, match=r"utterance '1': start = 1\.0, end = None: expected"):
        prepare_extraction(load_media("table", table), tmp_path / "x", **AUDIO, cut_by_time=True)


def test_times_of_a_table_are_those_that_were_written():
    times = [0.1, 12.3, 731.85, 1805.004]
    assert [media._seconds(float(np.float32(time))) for time in times] == times
    assert media._seconds(None) is None


def test_meld_release(tmp_path):
    root = write_meld_release(tmp_path / "MELD.Raw")
    (root / "train/train_splits/dia0_utt0.mp4").write_bytes(face_clip())
    report = extract_features(load_media("meld", root), tmp_path / "features", **AUDIO)
    assert report.present == {"text": 6, "visual": 0, "audio": 1}
    assert report.without_media == 3
    assert [item.reason.split(": ")[1] for item in report.skipped] == ["is empty", "is empty"]
    rows = loaded(tmp_path / "features", tmp_path)["train"]
    assert rows[0]["modality_mask"] == [[True, False, True], [True, False, False]]


def test_iemocap_release(tmp_path):
    root = write_iemocap_release(tmp_path / "IEMOCAP_full_release")
    for path in root.glob("Session*/sentences/wav/*_impro01/Ses*_F000.wav"):
        path.write_bytes(wav())
    report = extract_features(load_media("iemocap", root), tmp_path / "features", **AUDIO)
    assert report.present["audio"] == 5
    assert report.skipped == []  # the others are silent
    names = report.schema["modalities"]["audio"]
    assert (names["encoder"], names["width"]) == ("prosody, version 1", 8)


def test_what_has_changed_is_extracted_anew(clips, tmp_path):
    data, output = load_clips(write_clips(tmp_path / "clips")), tmp_path / "features"
    keys = [prepare_extraction(data, output, **AUDIO)["key"].to_pylist()]
    os.utime(tmp_path / "clips/2/a.wav", (0, 0))
    keys.append(prepare_extraction(data, output, **AUDIO)["key"].to_pylist())
    keys.append(prepare_extraction(data, output, **MEDIA)["key"].to_pylist())
    assert [one == other for one, other in zip(keys[0], keys[1], strict=True)] == [True, False]
    assert not set(keys[1]) & set(keys[2])


def test_what_cannot_work_is_said_at_once(clips, serial, tmp_path):
    data = load_clips(clips)
    with pytest.raises(FileExistsError, match="expected a new or an empty folder"):
        extract_features(data, serial[0], **AUDIO)
    with pytest.raises(ValueError, match="workers = 0: expected at least 1"):
        extract_features(data, tmp_path / "x", **AUDIO, workers=0)
    with pytest.raises(ValueError, match="audio encoder name = 'ears'"):
        extract_features(data, tmp_path / "x", **{**AUDIO, "audio_encoder": {"name": "ears"}})
    data["test"] = data.pop("train")
    with pytest.raises(ValueError, match=r"splits = \['test'\]: expected 'train'"):
        extract_features(data, tmp_path / "x", **AUDIO)
    nothing = data["test"].map(lambda row: {"media_paths": [None] * len(row["media_paths"])})
    data["train"] = data["test"] = nothing
    with pytest.raises(ValueError, match="media_paths has no file in any split"):
        extract_features(data, tmp_path / "x", **AUDIO)
    assert not list(tmp_path.glob("x*"))


def test_a_folder_of_clips(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no clip: expected files that end in \.mp4"):
        load_clips(tmp_path)
    for name in ("10.wav", "2.MP4", "1b.ogg", "1a.mkv", "notes.pdf", ".2.mp4", "2.txt"):
        (tmp_path / name).write_text("Who is\n there? ")
    rows = load_clips(tmp_path)["train"]
    assert rows["utterance_ids"][:] == [["1a", "1b", "2", "10"]]
    assert rows["texts"][0] == ["", "", "Who is there?", ""]
    (tmp_path / "2.wav").touch()
    with pytest.raises(ValueError, match=r"has 2.\w+ and 2.\w+: expected one file"):
        load_clips(tmp_path)
    (tmp_path / "2.wav").unlink()
    (tmp_path / "more").mkdir()
    assert len(load_clips(tmp_path)["train"]) == 1
    (tmp_path / "more/1.wav").touch()
    with pytest.raises(ValueError, match=r"has clips \(1a.mkv\) and sub-folders with clips \(more"):
        load_clips(tmp_path)


@pytest.mark.slow  # two processes that import torch
def test_two_workers_make_what_one_makes(serial, clips, tmp_path):
    extract_features(load_clips(clips), tmp_path / "two", **MEDIA, workers=2)
    one, two = (read_schema(folder) for folder in (serial[0], tmp_path / "two"))
    assert one == two  # checksums and all
    names = ("skipped.csv", "README.md")
    assert [(tmp_path / "two" / name).read_bytes() for name in names] == [
        (serial[0] / name).read_bytes() for name in names
    ]


@pytest.mark.slow  # three processes that import torch
def test_a_killed_run_goes_on_and_leaves_no_process(serial, clips, tmp_path, monkeypatch):
    output, stuck = tmp_path / "features", tmp_path / "stuck"
    process = start(clips, output, stuck, stderr=subprocess.DEVNULL)
    partial = partial_folder(output)
    wait_for(lambda: stuck.exists() and list(partial.glob("*.parquet")))
    worker = int(stuck.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not alive(worker))
    (finished,) = partial.glob("*.parquet")
    before = finished.stat().st_mtime_ns
    assert not output.exists()

    heard = []

    def audio_vector(utterance, encoder):
        heard.append(Path(utterance["video"]).parent.name)
        assert finished.stat().st_mtime_ns == before
        return original(utterance, encoder)

    original = media.audio_vector
    monkeypatch.setattr(media, "audio_vector", audio_vector)
    report = extract_features(load_clips(clips), output, **MEDIA)
    assert heard == ["2"] * 4
    assert report.extracted == 1
    assert read_schema(output) == read_schema(serial[0])
    assert not partial.exists()


@pytest.mark.slow  # three processes that import torch
def test_a_killed_worker_is_an_error_that_says_what_to_do(clips, tmp_path):
    output, stuck = tmp_path / "features", tmp_path / "stuck"
    process = start(clips, output, stuck, stderr=subprocess.PIPE, text=True)
    wait_for(stuck.exists)
    os.kill(int(stuck.read_text()), signal.SIGKILL)
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 1
    message = next(line for line in printed.splitlines() if line.startswith("RuntimeError: "))
    assert re.search(r"a worker process died .* in work or next: \[.*'2'\].*Run it again", message)
    assert partial_folder(output).exists()
    assert not output.exists()


def start(*arguments, **options):
    """Run `extraction_program.py`, which gets stuck in conversation 2."""
    program = Path(__file__).with_name("extraction_program.py")
    return subprocess.Popen([sys.executable, str(program), *map(str, arguments)], **options)


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
