"""Odd recordings, and a program that answers them one by one.

`python -m tests.support.odd_recordings FOLDER` writes them into the folder and answers them with
the toy model and the toy recogniser. With `--whisper` it is Whisper, which has to hear nothing in
their tones, and speech of espeak-ng in several formats. It prints as JSON
what became of each, the seconds of CPU that each took, and how many MiB of memory were needed
beyond those of an ordinary recording.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from scipy.signal import resample_poly

from benchmarks.peak_memory import peak_megabytes
from synctva.recording_jobs.listing import ListedRecording
from synctva.recording_jobs.recogniser import RecordingRecogniser
from synctva.speech import transcription

from .media_files import RATE, clip
from .odd_media import CONTAINERS, TEXTS, damaged, plain_wav, wav_header
from .recording_jobs import toy_recogniser, write_toy_model
from .synthetic_speech import SENTENCES, speak

ANSWER, ERROR, EITHER = "answer", "error", "either"


class Odd(NamedTuple):
    """The content of a file, and what has to become of it."""

    name: str
    data: bytes
    expected: str


def voice(seconds: float = 2.0, rate: int = RATE, channels: int = 1, level: float = 0.3):
    """Return (channels, N) float32: half a second of a tone, then half a second of nothing."""
    clock = np.arange(round(seconds * rate)) / rate
    tone = level * np.sin(2 * np.pi * 220 * clock) * (clock % 1 < 0.5)
    return np.repeat(tone[None], channels, 0).astype(np.float32)


def sounds() -> Iterator[Odd]:
    """Yield WAV and other files whose sound is odd."""

    def wav(name, samples, expected=ANSWER, codec="pcm_s16le", **settings):
        samples = samples.astype(np.float32)
        return Odd(name, clip("wav", None, codec, samples=samples, **settings), expected)

    random = np.random.default_rng(0)
    second, hiss = voice(1.0), random.standard_normal((1, RATE))
    chord = sum(np.sin(2 * np.pi * f * np.arange(3 * RATE) / RATE) for f in (262, 330, 392))
    yield wav("silence.wav", np.zeros((1, 3 * RATE)), ERROR)
    yield wav("nearly_silence.wav", 1e-4 * hiss, ERROR)
    yield wav("music.wav", 0.2 * chord[None])
    yield wav("noise.wav", (0.2 * hiss).clip(-1, 1))
    yield wav("one_second.wav", second)
    yield wav("a_tenth.wav", second[:, : RATE // 10], ERROR)
    yield wav("clipped.wav", np.sign(second))
    yield wav("constant.wav", np.full((1, RATE), 0.5), EITHER)  # words, but no voice
    yield wav("quiet.wav", voice(level=0.02))
    yield wav("clicks.wav", (np.arange(2 * RATE) % 4000 == 0)[None])
    yield wav("opposite_channels.wav", voice(channels=2) * [[1], [-1]], ERROR, layout="stereo")
    yield wav("left_only.wav", voice(channels=2) * [[1], [0]], layout="stereo")
    for codec in ("pcm_mulaw", "pcm_alaw", "pcm_u8", "adpcm_ms"):
        sound = voice(rate=8000)
        yield wav(f"telephone_{codec}.wav", sound, codec=codec, rate=8000)
    for codec in ("pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"):
        yield wav(f"{codec}.wav", voice(), codec=codec)
    for layout in ("stereo", "2.1", "4.0", "5.1", "7.1"):
        channels = len(av.AudioLayout(layout).channels)
        sound = voice(rate=48000, channels=channels)
        yield wav(f"channels_{layout}.wav", sound, layout=layout, rate=48000)
    for rate in (1000, 4000, 11025, 22050, 44100, 96000, 192000, 384000, 768000):
        expected = EITHER if rate < 4000 else ANSWER  # too low for measures of a voice
        yield wav(f"rate_{rate}.wav", voice(rate=rate), expected, rate=rate)
    yield Odd("one_sample.wav", plain_wav([1000]), ERROR)
    yield Odd("no_sample.wav", plain_wav([]), ERROR)
    for value in (np.nan, np.inf, 1e30):
        broken = second.copy()
        broken[0, 800] = value
        data = wav_header(bits=32, size=broken.nbytes, kind=3) + broken.tobytes()
        yield Odd(f"with_{value}.wav", data, EITHER)


def headers() -> Iterator[Odd]:
    """Yield files whose headers say what is not true."""
    data = (voice(2.0)[0] * 32767).astype("<i2").tobytes()
    for name, fields in {
        "endless": {"size": 0xFFFFFFFF},
        "longest": {"size": 0x7FFFFFFF},
        "no_size": {"size": 0},
        "odd_size": {"size": len(data) - 1},
        "no_channel": {"channels": 0},
        "many_channels": {"channels": 60000},
        "no_rate": {"rate": 0},
        "slow": {"rate": 1},
        "fast": {"rate": 0x7FFFFFFF},
        "odd_bits": {"bits": 13},
        "unknown_codec": {"kind": 0x1234},
    }.items():
        yield Odd(f"header_{name}.wav", wav_header(**{"size": len(data), **fields}) + data, EITHER)
    mp4 = clip("mp4", "libx264", "aac", samples=voice())
    for name in (b"mvhd", b"tkhd", b"mdhd"):
        changed = bytearray(mp4)
        at = 0
        while (at := changed.find(name, at + 1)) > 0:
            place = at + (24 if name == b"tkhd" else 20)
            changed[place : place + 4] = b"\xff\xff\xff\xfe"
        yield Odd(f"duration_{name.decode()}.mp4", bytes(changed), EITHER)
    changed = bytearray(mp4)
    at = changed.index(b"mdhd", changed.index(b"mdhd") + 1) + 16
    changed[at : at + 4] = struct.pack(">I", 1)  # ticks per second
    yield Odd("clock_of_seconds.mp4", bytes(changed), EITHER)
    mkv = bytearray(clip("matroska", None, "flac", samples=voice()))
    at = mkv.index(b"\x44\x89\x88") + 3
    for name, value in (("huge", 1e15), ("infinite", np.inf), ("nan", np.nan), ("negative", -5.0)):
        mkv[at : at + 8] = struct.pack(">d", value)
        yield Odd(f"duration_{name}.mkv", bytes(mkv), EITHER)
    flac = bytearray(clip("flac", None, "flac", samples=voice()))
    flac[21:26] = bytes([flac[21] | 0x0F, 255, 255, 255, 255])  # 2^36 - 1 samples
    yield Odd("duration.flac", bytes(flac), EITHER)


def times() -> Iterator[Odd]:
    """Yield recordings with odd clocks."""
    gaps = np.cumsum([0, 10, 200, 40, 1000, 33, 33, 33, 5, 500])
    yield Odd("variable_rate.mp4", clip(samples=voice(), times=gaps.tolist()), ANSWER)
    yield Odd("variable_rate.mkv", clip("matroska", samples=voice(), times=gaps.tolist()), ANSWER)
    for name, starts in {
        "gap_of_two_minutes": (0, 120),
        "gap_of_a_day": (0, 86_400),
        "gap_of_years": (0, 10**8),
        "begins_late": (3_000,),
        "begins_after_a_year": (3 * 10**7,),
        "backwards": (200, 0),
        "twice_the_same": (0, 0),
        "negative": (-1, 1),
    }.items():
        for container in ("matroska", "nut", "mpegts"):
            yield Odd(f"{name}.{container}.mkv", with_times(container, starts), EITHER)


def with_times(container: str, starts: Sequence[int]) -> bytes:
    """Return a recording in which a second of sound begins at each of these times in s."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        codec = "mp2" if container == "mpegts" else "pcm_s16le"
        stream = output.add_stream(codec, rate=RATE, layout="mono")
        for start in starts:
            for first in range(0, RATE, 1152):
                sound = (voice(1.0)[:, first : first + 1152] * 32767).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(sound, "s16", "mono")
                frame.sample_rate, frame.pts = RATE, start * RATE + first
                with contextlib.suppress(av.error.FFmpegError):  # muxers do not like to go back
                    output.mux(stream.encode(frame))
    return buffer.getvalue()


def others() -> Iterator[Odd]:
    """Yield what is damaged, incomplete, of another kind or named wrongly."""
    clips = {}
    for name, (container, video, audio, settings) in CONTAINERS.items():
        sound = {}
        if audio:
            layout = av.AudioLayout(settings.get("layout", "mono"))
            rate = settings.get("rate", RATE)
            sound["samples"] = voice(rate=rate, channels=len(layout.channels))
        clips[name] = clip(container, video, audio, **settings, **sound)
        yield Odd(f"whole_{name}", clips[name], ANSWER if audio else ERROR)
    for name in ("a.mp4", "c.mkv", "e.avi", "f.ts", "g.wav", "i.flac", "j.ogg", "k.mp3"):
        for percent in (1, 10, 50, 90, 99):
            data = clips[name][: len(clips[name]) * percent // 100]
            yield Odd(f"first_{percent}_percent_{name}", data, EITHER)
        yield Odd(f"last_half_{name}", clips[name][len(clips[name]) // 2 :], EITHER)
        yield Odd(f"twice_{name}", clips[name] * 2, EITHER)
    for name, other in zip(list(clips), ["wav", "mp3", "mkv", "mp4", "flac"] * 4, strict=False):
        expected = ANSWER if CONTAINERS[name][2] else ERROR
        yield Odd(f"{name}.is.not.a.{other}", clips[name], expected)
    random = np.random.default_rng(1)
    for number in range(30):
        name = list(clips)[number % 12]
        yield Odd(f"damaged_{number}_{name}", damaged(clips[name], random), EITHER)
    for number in range(6):
        yield Odd(f"random_{number}.mp4", random.bytes(10 ** (number + 1)), ERROR)
    yield Odd("no_sound.mp4", clip(audio=None), ERROR)
    yield Odd("no_picture.mp4", clip(video=None, samples=voice()), ANSWER)
    yield Odd("cover.mp3", clip("mp3", None, "libmp3lame", samples=voice(), cover=True), ANSWER)
    yield Odd("subtitles.mkv", clip("matroska", samples=voice(), extra=True), ANSWER)
    yield Odd("data_track.ts", clip("mpegts", samples=voice(), extra=True), ANSWER)
    yield Odd("one_picture.mkv", clip("matroska", "mpeg4", samples=voice(), frames=1), ANSWER)
    yield Odd("two_pixels.mp4", clip(size=(2, 2), samples=voice()), ANSWER)
    for name, text in TEXTS.items():
        yield Odd(f"text_{name}.mp4", text.encode(), ERROR)
    yield Odd("empty.mp4", b"", ERROR)
    yield Odd("one_byte.wav", b"R", ERROR)
    yield Odd("zeros.mp4", bytes(100_000), ERROR)


def playlists(folder: Path, port: int) -> Iterator[Odd]:
    """Yield lists that would make FFmpeg open a good recording in the folder, or an address."""
    for kind, target in {
        "relative": "one_second.wav",
        "absolute": str(folder / "one_second.wav"),
        "file": f"file://{folder}/one_second.wav",
        "http": f"http://127.0.0.1:{port}/one_second.wav",
        "tcp": f"tcp://127.0.0.1:{port}",
        "concat": f"concat:{folder}/one_second.wav|{folder}/music.wav",
        "subfile": f"subfile,,start,0,end,0,,:{folder}/one_second.wav",
    }.items():
        hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
        yield Odd(f"{kind}.m3u8", hls.encode(), ERROR)
        yield Odd(f"{kind}_m3u8.mp4", hls.encode(), ERROR)
        yield Odd(f"{kind}_concat.mkv", f"ffconcat version 1.0\nfile '{target}'\n".encode(), ERROR)
    dash = f"<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>"
    yield Odd("dash.mp4", dash.encode(), ERROR)
    sdp = f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n"
    yield Odd("sdp.mp4", sdp.encode(), ERROR)


NAMES = (
    "=1+1.wav", "-rf.wav", "two\nlines.wav", "\x1b[2Jclear.wav", "<img src=x onerror=alert(1)>.wav",
    "half \udcff.wav", "\u202egnp.wav", " .wav", "%s%n{0}.wav", "'; drop table x; --.wav",
    "ä" * 120 + ".wav", "file:one_second.wav", "http:example.org.wav", "concat:a|b.wav",
    "pipe:0.wav", "-.wav", "😀.wav", "a&b#c?d.wav", "CON.wav", "%2e%2e%2f.wav",
)  # fmt: skip


def write_odd_recordings(folder: Path, port: int) -> dict[str, str]:
    """Write all of them. -> name -> what has to become of it."""
    folder.mkdir(parents=True)
    odd = [*sounds(), *headers(), *times(), *others(), *playlists(folder, port)]
    odd += [Odd(name, clip("wav", None, "pcm_s16le", samples=voice()), ANSWER) for name in NAMES]
    for name, data, _ in odd:
        (folder / name).write_bytes(data)
    expected = {name: outcome for name, _, outcome in odd}
    write_hour(folder / "an_hour.flac")
    with (folder / "a_terabyte.wav").open("wb") as file:
        file.write(wav_header(size=0xFFFFFFFF))
        file.truncate(1 << 40)  # takes no room
    (folder / "folder.mp4").mkdir()
    os.mkfifo(folder / "fifo.wav")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket.wav"))
    for name, target in {
        "link.wav": "one_second.wav",
        "link_to_nothing.wav": "nothing.wav",
        "link_to_itself.wav": "link_to_itself.wav",
        "link_to_folder.wav": ".",
        "link_to_zeros.wav": "/dev/zero",
        "link_to_terminal.wav": "/dev/stdin",
        "link_to_fifo.wav": "fifo.wav",
    }.items():
        os.symlink(target, folder / name)
        expected[name] = ANSWER if name == "link.wav" else ERROR
    locked = folder / "locked.wav"
    locked.write_bytes((folder / "one_second.wav").read_bytes())
    locked.chmod(0)
    expected["locked.wav"] = EITHER  # the superuser may read it
    for name in ("folder.mp4", "fifo.wav", "socket.wav", "missing.wav", "a/b/missing.wav"):
        expected[name] = ERROR
    return expected | {"an_hour.flac": ANSWER, "a_terabyte.wav": ERROR}


def write_hour(path: Path) -> None:
    """Write an hour of silence at 8 kHz, in which somebody speaks at three places."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("flac", rate=8000, layout="mono")
        for minute in range(60):
            sound = np.zeros((1, 60 * 8000), np.int16)
            if minute in (0, 31, 59):
                sound[:, 8000:16000] = voice(1.0, 8000) * 32767
            frame = av.AudioFrame.from_ndarray(sound, "s16", "mono")
            frame.sample_rate, frame.pts = 8000, minute * 60 * 8000
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def write_speech(folder: Path) -> dict[str, str]:
    """Write a sentence in several formats. -> name -> what has to become of it."""
    said = speak(SENTENCES[0], "deep")
    formats = {
        "telephone": {"audio": "pcm_mulaw", "rate": 8000},
        "studio": {"audio": "pcm_s24le", "rate": 96000},
        "theatre": {"audio": "pcm_s16le", "layout": "5.1", "rate": 48000},
        "floats": {"audio": "pcm_f32le", "rate": 44100},
        "low": {"audio": "pcm_u8", "rate": 4000},
    }
    for name, settings in formats.items():
        channels = len(av.AudioLayout(settings.get("layout", "mono")).channels)
        samples = resample_poly(said, settings["rate"], RATE)[None].repeat(channels, 0)
        data = clip("wav", None, samples=samples.astype(np.float32), **settings)
        (folder / f"speech_{name}.wav").write_bytes(data)
    expected = {f"speech_{name}.wav": ANSWER for name in formats}
    return expected | {"speech_low.wav": EITHER}  # Whisper may not understand it


FOR_WHISPER = (
    *("silence", "nearly", "music", "noise", "one_", "telephone", "channels_", "rate_", "an_hour"),
)
"""Beginnings of names whose sound is what is odd about them."""


class Listener:
    """A server that counts who connects to it, which nobody should."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.port = self._server.getsockname()[1]

    def visited(self) -> bool:
        try:
            self._server.accept()
        except BlockingIOError:
            return False
        return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--whisper", action="store_true")
    options = parser.parse_args()
    listener = Listener()
    odd = options.folder / "odd"
    expected = write_odd_recordings(odd, listener.port)
    if options.whisper:
        expected = {name: ERROR for name in expected if name.startswith(FOR_WHISPER)}
        expected |= write_speech(odd)
        recogniser = None
    else:
        # Without Silero's weights: nobody speaks, so that long sound is cut anywhere.
        transcription.detect_speech = lambda samples: []
        recogniser = toy_recogniser
    answer = RecordingRecogniser(
        write_toy_model(options.folder / "model"), options.folder / "out", recogniser=recogniser
    )
    answer(ListedRecording("first", str(odd / "one_second.wav")))
    before = peak_megabytes()
    became = {}
    for name, wanted in expected.items():
        began = time.process_time()
        outcome = answer(ListedRecording(name, str(odd / name)))
        seconds = time.process_time() - began
        became[name] = {"expected": wanted, "error": outcome.error, "seconds": round(seconds, 2)}
        became[name]["mib"] = round(peak_megabytes())
    report = {"visited": listener.visited(), "mib": peak_megabytes() - before, "became": became}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
