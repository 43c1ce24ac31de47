"""Opening recordings: what is refused and how, tags and tracks, and a thousand odd inputs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from synctva.audio.decoding import read_audio
from synctva.recordings.containers import Recording
from synctva.recordings.sources import MediaError
from synctva.video.decoding import read_frames
from tests.support.media_files import clip, tone
from tests.support.odd_media import COUNT, TEXTS

ROOT = Path(__file__).resolve().parents[3]

needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the peak of memory is read from /proc"
)


def run(module, *arguments, limit):
    """Run a program of tests/support, for at most `limit` s, and return the JSON that it prints."""
    command = [sys.executable, "-m", f"tests.support.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_playlists_open_no_other_file(tmp_path):
    """FFmpeg would follow a playlist to a file beside it, or anywhere else."""
    (tmp_path / "secret.wav").write_bytes(clip("wav", None, "pcm_s16le"))
    for name in ("list.m3u8", "list.ffconcat", "stream.sdp"):
        text = TEXTS[name].replace("/etc/hostname", str(tmp_path / "secret.wav"))
        (tmp_path / name).write_text(text)
        with pytest.raises(MediaError, match="of another kind"):
            read_audio(tmp_path / name)


def test_the_extension_does_not_matter(tmp_path):
    path = tmp_path / "clip.txt"
    path.write_bytes(clip())
    assert len(list(read_frames(path, 5))) == 5


@pytest.mark.parametrize("read", [read_audio, lambda source: list(read_frames(source, 5))])
def test_what_is_not_a_recording_is_refused_by_name(tmp_path, read):
    words = tmp_path / "words.mp4"
    words.write_text("A quiet evening.\n" * 99)
    for source, message in (
        (words, f"{words}: cannot be read as a recording .*: expected a recording such as mp4"),
        (bytes(99), "media given as 99 bytes: cannot be read as a recording"),
        ({"path": "x.mp4", "bytes": bytes(9)}, "x.mp4: cannot be read as a recording"),
    ):
        with pytest.raises(MediaError, match=message):
            read(source)


@pytest.mark.parametrize("container", ["wav", "mp4", "matroska"])
def test_tags_may_have_any_encoding(container):
    plain = clip(container, None, "pcm_s16le" if container == "wav" else "aac")
    latin = plain.replace(b"Lavf", b"L\xe4vf")  # the muxer writes its name into a tag
    assert latin != plain
    assert (read_audio(latin).samples == read_audio(plain).samples).all()


@pytest.mark.parametrize("container", ["matroska", "mpegts"])
def test_subtitles_and_data_are_ignored(container):
    plain, extra = clip(container), clip(container, extra=True)
    with Recording(extra) as recording:
        assert len(recording._container.streams) == 3
    assert (read_audio(extra).samples == read_audio(plain).samples).all()
    assert [time for time, _ in read_frames(extra, 5)] == [
        time for time, _ in read_frames(plain, 5)
    ]


def test_cover_art_does_not_count_as_video():
    song = clip("mp3", None, "libmp3lame", cover=True)
    with Recording(song) as recording:
        assert recording.track("video") is None
    assert list(read_frames(song, 5)) == []
    assert abs(read_audio(song).duration - 1) < 0.1


def test_only_subtitles_are_not_a_recording():
    with pytest.raises(MediaError, match="has neither an audio nor a video track"):
        read_audio(clip("matroska", None, None, extra=True))
    with pytest.raises(MediaError, match="of another kind"):
        read_audio(TEXTS["lines.srt"].encode())


def test_the_track_of_an_unknown_codec_is_named():
    data = clip("mov", None, "pcm_s16le")
    at = data.index(b"sowt")
    with pytest.raises(MediaError, match="there is no decoder for its audio track"):
        read_audio(data[:at] + b"????" + data[at + 4 :])


@needs_linux
def test_odd_inputs(tmp_path):
    counts = run("odd_media", tmp_path, 0, 60, limit=300)
    assert counts["error"] + counts["result"] == 600
    assert min(counts["error"], counts["result"]) > 60


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, COUNT, 100))
def test_a_thousand_odd_inputs(tmp_path, first):
    counts = run("odd_media", tmp_path, first, first + 100, limit=600)
    assert counts["error"] + counts["result"] == 1000
    # PyAV before 18 cannot limit the size of a frame that it decodes while it opens a file.
    assert counts["mib"] < 300


@needs_linux
@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path):
    peaks = []
    for minutes in (1, 30):
        path = tmp_path / f"{minutes}.mp4"
        times = range(0, minutes * 60_000, 200)
        path.write_bytes(clip(samples=tone(minutes * 60, 8000), rate=8000, times=times))
        starts = (minutes * 60 - 25, minutes * 30, 0)
        peaks.append(run("media_memory", path, *starts, limit=600))
    assert peaks[1] < peaks[0] + 20, peaks
