"""Corrupted and odd media, and a program that reads some of them.

`python -m tests.support.odd_media FOLDER FIRST LAST` reads the inputs numbered FIRST to LAST, each
in ten ways. It prints as JSON how many ended in a clear error and how many in a valid result, and
its peak memory in MiB. Anything else ends it with a traceback and the name of the input.
"""

import io
import json
import struct
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np

from benchmarks.peak_memory import peak_megabytes
from tests.support.media_files import clip, tone

COUNT = 1000

CONTAINERS = {
    "a.mp4": ("mp4", "libx264", "aac", {}),
    "b.mov": ("mov", "mjpeg", "pcm_s16le", {"pixels": "yuvj420p", "frames": 5}),
    "c.mkv": ("matroska", "mpeg4", "flac", {}),
    "d.webm": ("webm", "libvpx", "libopus", {"rate": 48000}),
    "e.avi": ("avi", "mpeg4", "libmp3lame", {}),
    "f.ts": ("mpegts", "libx264", "aac", {}),
    "g.wav": ("wav", None, "pcm_s16le", {}),
    "h.wav": ("wav", None, "pcm_f32le", {"layout": "stereo"}),
    "i.flac": ("flac", None, "flac", {}),
    "j.ogg": ("ogg", None, "libopus", {"rate": 48000, "layout": "5.1"}),
    "k.mp3": ("mp3", None, "libmp3lame", {}),
    "l.aac": ("adts", None, "aac", {"layout": "stereo"}),
    "m.gif": ("gif", "gif", None, {"pixels": "rgb8", "frames": 4}),
    "n.png": ("image2pipe", "png", None, {"pixels": "rgb24", "frames": 1}),
    "o.jpg": ("image2pipe", "mjpeg", None, {"pixels": "yuvj420p", "frames": 1}),
    "p.flv": ("flv", "flv", "libmp3lame", {"rate": 22050}),
    "q.hevc.mp4": ("mp4", "libx265", None, {"video_options": {"x265-params": "log-level=none"}}),
    "r.vp9.webm": ("webm", "libvpx-vp9", None, {}),
}

TEXTS = {
    "words.txt": "It was a quiet evening.\n" * 50,
    "table.csv": "dialogue_id,utterance_id\n0,1\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '/etc/hostname'\n",
    "stream.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 4 RTP/AVP 96\n",
    "lines.srt": "1\n00:00:00,000 --> 00:00:01,000\nHello.\n\n",
    "page.html": "<!DOCTYPE html><html><body>404</body></html>",
    "drawing.svg": "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>",
    "pointer.mp4": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "row.json": json.dumps({"path": "clip.mp4"}),
    "colours.ans": "\x1b[31mred\x1b[0m\n" * 40,
}


def wav_header(channels=1, rate=16000, bits=16, size=3200, kind=1):
    """Return the header of a wav file with these fields, whatever data follows."""
    block = channels * bits // 8
    return (
        struct.pack(
            "<4sI4s4sIHH", b"RIFF", 36 + size & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, kind, channels
        )
        + struct.pack("<IIHH", rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
        + struct.pack("<4sI", b"data", size)
    )


def plain_wav(samples, rate=16000):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return buffer.getvalue()


def fixed_inputs(clips):
    """Yield (name, bytes) of the odd inputs that are not random."""
    silence = bytes(3200)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("clip.mp4", clips["a.mp4"])
    not_finite = tone(0.1)[0].copy()
    not_finite[800] = np.nan
    yield from ((name, text.encode()) for name, text in TEXTS.items())
    yield "empty.mp4", b""
    yield "zeros.wav", bytes(5000)
    yield "archive.zip", zipped.getvalue()
    yield "program", b"\x7fELF" + bytes(2000)
    yield "one_sample.wav", plain_wav([1000])
    yield "no_sample.wav", plain_wav([])
    yield "one_byte.wav", wav_header(size=1) + b"\x01"
    yield "endless.wav", wav_header(size=0xFFFFFFFF) + silence
    yield "no_channel.wav", wav_header(channels=0) + silence
    yield "channels.wav", wav_header(channels=9) + silence
    yield "many_channels.wav", wav_header(channels=3000) + silence
    yield "no_rate.wav", wav_header(rate=0) + silence
    yield "slow.wav", wav_header(rate=1) + silence
    yield "fast.wav", wav_header(rate=0x7FFFFFFF) + silence
    yield "no_bits.wav", wav_header(bits=0) + silence
    yield "odd_bits.wav", wav_header(bits=13) + silence
    yield "codec.wav", wav_header(kind=0x1234) + silence
    yield "nan.wav", wav_header(bits=32, size=6400, kind=3) + not_finite.tobytes()
    yield "no_image.mp4", clip(video="libx264", audio="aac", frames=0)
    yield "no_image.mkv", clip("matroska", "mpeg4", None, frames=0)
    yield "one_image.mp4", clip(audio=None, frames=1)
    for name, field in (("a.mp4", b"avc1"), ("b.mov", b"jpeg")):
        at = clips[name].index(field, clips[name].index(b"stsd")) + 4 + 24
        for size in ((0, 0), (1, 1), (65535, 65535), (65535, 1), (16384, 16384)):
            data = clips[name][:at] + struct.pack(">HH", *size) + clips[name][at + 4 :]
            yield f"{size}{name}", data
    for size in (
        (0, 0),
        (1, 1),
        (2**31 - 1, 2**31 - 1),
        (60000, 60000),
        (7000, 7000),
        (2**31 - 1, 1),
    ):
        data = clips["n.png"][:16] + struct.pack(">II", *size) + clips["n.png"][24:]
        yield f"{size}.png", data
    at = clips["m.gif"].index(b"GIF89a") + 6
    yield "huge.gif", clips["m.gif"][:at] + b"\xff\xff\xff\xff" + clips["m.gif"][at + 4 :]
    for name, data in clips.items():
        for other in ("x.wav", "x.mp4", "x.txt", "x.png"):
            yield f"{name}.as.{other}", data
        yield f"half.{name}", data[: len(data) // 2]
        yield f"twice.{name}", data * 2
        yield f"tail.{name}", data[len(data) // 3 :]


def damaged(data, random):
    """Return a recording with random damage."""
    data = bytearray(data)
    kind = random.integers(7)
    at = int(random.integers(len(data)))
    if random.random() < 0.3:
        at = int(random.integers(min(len(data), 400)))  # in the header
    length = int(random.integers(1, 2 + len(data) // 4))
    if kind == 0:
        data = data[:at]
    elif kind == 1:
        data[at : at + length] = bytes(len(data[at : at + length]))
    elif kind == 2:
        data[at : at + length] = random.bytes(len(data[at : at + length]))
    elif kind == 3:
        del data[at : at + length]
    elif kind == 4:
        data[at:at] = random.bytes(length)
    elif kind == 5:
        for place in random.integers(len(data), size=random.integers(1, 64)):
            data[place] ^= 1 << random.integers(8)
    else:
        data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


def odd_inputs():
    """Return `COUNT` pairs (name, bytes), the fixed ones among them.

    They are the same at every call, but for the random ids that some containers have.
    """
    random = np.random.default_rng(0)
    clips = {
        name: clip(container, video, audio, **settings)
        for name, (container, video, audio, settings) in CONTAINERS.items()
    }
    inputs = list(fixed_inputs(clips))
    names = list(clips)
    while len(inputs) < COUNT:
        name = names[len(inputs) % len(names)]
        if random.random() < 0.08:
            inputs.append((f"{len(inputs)}.random.{name}", random.bytes(random.integers(1, 5000))))
        else:
            inputs.append((f"{len(inputs)}.{name}", damaged(clips[name], random)))
    random.shuffle(inputs)
    return inputs


def check_audio(audio):
    if audio is None:
        return
    assert audio.samples.dtype == np.float32 and audio.samples.ndim == 1
    assert np.isfinite(audio.samples).all() and np.abs(audio.samples).max(initial=0) <= 1
    assert 1000 <= audio.sample_rate <= 768_000


def check_frames(frames):
    last = -np.inf
    for time, image in frames:
        assert np.isfinite(time) and time > last
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        assert min(image.shape) >= 1 and max(image.shape) <= 1280
        last = time


def read_all(folder, inputs, read_audio, read_frames, MediaError):
    """Read each input in ten ways and count clear errors and results."""
    counts = {"error": 0, "result": 0}
    for name, data in inputs:
        path = Path(folder) / name
        path.write_bytes(data)
        for source in (path, data):
            for read in (
                lambda source=source: check_audio(read_audio(source)),
                lambda source=source: check_audio(read_audio(source, 0.3, 0.6)),
                lambda source=source: check_frames(read_frames(source, 5)),
                lambda source=source: check_frames(read_frames(source, count=3, start=0.3)),
                lambda source=source: check_audio(read_audio(source, 40.0)),
            ):
                try:
                    read()
                    counts["result"] += 1
                except MediaError as error:
                    assert (path.name if source is path else "bytes") in str(error), str(error)
                    counts["error"] += 1
                except BaseException:
                    print(f"input {name}", file=sys.stderr)
                    raise
            if source is path:
                path.unlink()
    return counts


def main():
    folder, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    from synctva.audio.decoding import read_audio
    from synctva.recordings.sources import MediaError
    from synctva.video.decoding import read_frames

    imported = peak_megabytes()  # torch, most of it
    counts = read_all(folder, odd_inputs()[first:last], read_audio, read_frames, MediaError)
    print(json.dumps({**counts, "mib": peak_megabytes() - imported}))


if __name__ == "__main__":
    main()
