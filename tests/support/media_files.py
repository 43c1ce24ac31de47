"""Small recordings, written with PyAV, whose content can be recognised when it is read back."""

import io
import struct
from fractions import Fraction

import av
import numpy as np

FPS = 25
RATE = 16000
WIDTH, HEIGHT = 64, 48


def level(i):
    """Return the grey value of frame i."""
    return 20 + 8 * (i % 27)


def image(i, size=(WIDTH, HEIGHT), corner=False):
    """Return frame i, (H, W, 3): `level(i)` grey, the upper left quarter white if `corner`."""
    array = np.full((size[1], size[0], 3), level(i), np.uint8)
    if corner:
        array[: size[1] // 2, : size[0] // 2] = 255
    return array


def tone(seconds=1.0, rate=RATE, channels=1, seed=0):
    """Return (channels, N) float32: noise over a tone, different in each channel."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    pitches = 200 * (1 + np.arange(channels))[:, None]
    sound = 0.3 * np.sin(2 * np.pi * pitches * times) + 0.02 * random.standard_normal(times.size)
    return sound.astype(np.float32)


def clip(
    container="mp4",
    video="libx264",
    audio="aac",
    *,
    samples=None,
    layout="mono",
    rate=RATE,
    sample_format=None,
    frames=FPS,
    times=None,
    size=(WIDTH, HEIGHT),
    pixels="yuv420p",
    corner=False,
    extra=False,
    cover=False,
    video_options=None,
):
    """Return a recording as bytes.

    Args:
        container: name of the muxer.
        video, audio: names of the encoders; None for no such track.
        samples: (channels, N) float32; default: one second of `tone`.
        layout, rate, sample_format: of the sound.
        frames: number of frames.
        times: of the frames in ms; default: `FPS` per second.
        size, pixels, video_options: of the frames.
        corner: see `image`.
        extra: add a track of data in mpegts, of subtitles in other containers, before the others.
        cover: add cover art.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        packets = _extra_packets(output, container) if extra else []
        if video:
            stream = output.add_stream(video, rate=FPS, options=video_options or {})
            stream.width, stream.height, stream.pix_fmt = *size, pixels
            if times is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
        if audio:
            sound = output.add_stream(audio, rate=rate, layout=layout)
            if sample_format:
                sound.codec_context.format = sample_format
        if cover:
            art = output.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt = 32, 32, "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic.value
        output.mux(packets)
        if audio:
            channels = sound.layout.nb_channels
            samples = tone(rate=rate, channels=channels) if samples is None else samples
            for first in range(0, samples.shape[1], 1024):
                part = np.ascontiguousarray(samples[:, first : first + 1024].T).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(part, "flt", layout)
                frame.sample_rate, frame.pts = rate, first
                frame.time_base = Fraction(1, rate)
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
        if cover:
            output.mux(art.encode(av.VideoFrame.from_ndarray(image(0, (32, 32)))))
            output.mux(art.encode(None))
        if video:
            for i in range(len(times) if times is not None else frames):
                frame = av.VideoFrame.from_ndarray(image(i, size, corner), format="rgb24")
                if times is not None:
                    frame.pts, frame.time_base = times[i], Fraction(1, 1000)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return buffer.getvalue()


def _extra_packets(output, container):
    """Add a track that is neither audio nor video, and return its packets."""
    if container == "mpegts":
        stream = output.add_data_stream("bin_data")
        packets = [av.Packet(bytes(99))]
        packets[0].pts = packets[0].dts = 0
    else:
        lines = b"1\n00:00:00,000 --> 00:00:01,000\nHello.\n\n"
        with av.open(io.BytesIO(lines), format="srt") as subtitles:
            stream = output.add_stream_from_template(subtitles.streams[0])
            packets = [packet for packet in subtitles.demux() if packet.size]
    for packet in packets:
        packet.stream = stream
    return packets


def rotated(data, matrix):
    """Return an mp4 with the display matrix (a, b, c, d) in the header of its video track."""
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (round(value * 65536) for value in matrix)
    return data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :]
