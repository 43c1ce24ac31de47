"""The table of work: keys, times and shared files."""

import os

import numpy as np
import pytest

from synctva.audio.encoder import PROSODY_SPEC
from synctva.features.extraction import extract_features, load_clips, load_media, media
from synctva.features.extraction.media import work_table
from synctva.video.encoder import FACE_SPEC
from tests.support.media_conversations import AUDIO, HISS, VOICE, loaded, wav, write_clips
from tests.support.media_files import clip

SIDES = ("left", "right")


def test_keys_change_with_files_and_encoders(tmp_path):
    data = load_clips(write_clips(tmp_path / "clips"))
    keys = [work_table(data, PROSODY_SPEC, None)["key"].to_pylist()]
    os.utime(tmp_path / "clips/2/a.wav", (0, 0))
    keys.append(work_table(data, PROSODY_SPEC, None)["key"].to_pylist())
    keys.append(work_table(data, PROSODY_SPEC, FACE_SPEC)["key"].to_pylist())
    assert [one == other for one, other in zip(keys[0], keys[1], strict=True)] == [True, False]
    assert not set(keys[1]) & set(keys[2])


def test_times_of_a_table_are_the_decimals_that_were_written():
    times = [0.1, 12.3, 731.85, 1805.004]
    assert [media._seconds(float(np.float32(time))) for time in times] == times
    assert media._seconds(None) is None


def test_each_speaker_has_a_channel(tmp_path):
    both = np.concatenate([VOICE, HISS])
    call = clip("wav", None, "pcm_s16le", samples=both, layout="stereo")
    (tmp_path / "call.wav").write_bytes(call)
    for name, sound in (("left.wav", VOICE), ("right.wav", HISS)):
        (tmp_path / name).write_bytes(wav(sound))
    header = "dialogue_id,utterance_id,speaker,text,emotion,split,media_path"
    call, alone = tmp_path / "call.csv", tmp_path / "alone.csv"
    rows = [f"a,{t},{side},good,glad,train,call.wav,{side}" for t, side in enumerate(SIDES)]
    call.write_text("\n".join([f"{header},channel", *rows]))
    rows = [f"a,{t},{side},good,glad,train,{side}.wav" for t, side in enumerate(SIDES)]
    alone.write_text("\n".join([header, *rows]))
    assert load_media("table", call)["train"][0]["channels"] == [0, 1]
    assert "channels" not in load_media("table", alone)["train"].column_names
    for table in (call, alone):
        extract_features(load_media("table", table), tmp_path / table.stem, **AUDIO)
    one, other = (loaded(tmp_path / n, tmp_path)["train"][0] for n in ("call", "alone"))
    assert one["modality_mask"] == other["modality_mask"] == [[True, False, True]] * 2
    np.testing.assert_array_equal(one["audio_features"], other["audio_features"])
    assert one["audio_features"][0] != one["audio_features"][1]


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
    with pytest.raises(ValueError, match=r"'a': 2 utterances share .*all.wav: expected one fi"):
        extract_features(data, tmp_path / "features", **AUDIO)
    extract_features(data, tmp_path / "features", **AUDIO, cut_by_time=True)
    extract_features(load_clips(parts), tmp_path / "expected", **AUDIO)
    one, other = (loaded(tmp_path / n, tmp_path)["train"] for n in ("features", "expected"))
    np.testing.assert_array_equal(one[0]["audio_features"], other[0]["audio_features"])
    table.write_text("\n".join([header, rows[0], "a,1,ann,good,glad,train,whole/all.wav,1,"]))
    with pytest.raises(ValueError, match=r"utterance '1': start = 1\.0, end = None: expected"):
        extract_features(load_media("table", table), tmp_path / "x", **AUDIO, cut_by_time=True)
