"""Two small conversations of clips that lack all that media can lack, for tests of extraction."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from synctva.audio.encoder import PROSODY_SPEC
from synctva.features.feature_sets import load_feature_set
from synctva.video.encoder import FACE_SPEC

from .drawn_face import EXPRESSIONS, drawn_face
from .media_files import clip
from .sounds import noise, syllables

AUDIO = {"audio_encoder": PROSODY_SPEC, "visual_encoder": None, "text_encoder": None}
"""Encoders of an extraction of sound only."""
MEDIA = {**AUDIO, "visual_encoder": FACE_SPEC}

RATE = 16_000
VOICE = syllables(4)[None].astype(np.float32)
HISS = noise()[None].astype(np.float32)
SILENCE = np.zeros_like(VOICE)


def wav(samples=VOICE):
    return clip("wav", None, "pcm_s16le", samples=samples)


def face_clip(expression="happy", samples=VOICE):
    """Return an mp4 of one second with a face, and with sound unless `samples` is None."""
    buffer = io.BytesIO()
    image = drawn_face(**EXPRESSIONS[expression])
    with av.open(buffer, "w", format="mp4") as output:
        video = output.add_stream("libx264", rate=5)
        video.height, video.width = image.shape[:2]
        video.pix_fmt = "yuv420p"
        if samples is not None:
            sound = output.add_stream("aac", rate=RATE, layout="mono")
            for first in range(0, samples.shape[1], 1024):
                frame = av.AudioFrame.from_ndarray(samples[:, first : first + 1024], "flt", "mono")
                frame.sample_rate, frame.pts = RATE, first
                frame.time_base = Fraction(1, RATE)
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
        for _ in range(5):
            output.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(video.encode(None))
    return buffer.getvalue()


MASKS = {
    "1": [[1, 1, 1], [0, 0, 1], [0, 1, 0]],
    "2": [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 1]],
}
"""Modalities of each utterance that `write_clips` writes: text, visual, audio."""


def write_clips(root: Path):
    """Write two conversations: in the first a speaking face, a voice with a grey wall, a mute face;
    in the second a voice, a damaged clip, silence, and a hiss, which has no pitch."""
    clips = {
        "1/1.mp4": face_clip(),
        "1/2.mp4": clip(samples=VOICE),
        "1/10.mp4": face_clip("sad", None),
        "2/a.wav": wav(),
        "2/b.mp4": face_clip()[:300],
        "2/c.wav": wav(SILENCE),
        "2/d.WAV": wav(HISS),
    }
    for name, data in clips.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "1/1.txt").write_text("good\nday\n")
    (root / "2/b.txt").write_text("bad day")
    return root


def loaded(folder: Path, scratch: Path):
    """Load a feature set without touching the user's cache."""
    return load_feature_set(folder, cache_dir=scratch / "loaded", keep_in_memory=True)
