"""Conversations of synthetic voices whose words, speakers and times are known.

The voices are those of the program `espeak-ng`; where it is not installed, tests that need it skip.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

RATE = 16_000

VOICES = {
    "deep": ("en-us+m3", 35, 150),
    "bright": ("en-us+f2", 65, 160),
    "scottish": ("en-gb-scotland+m7", 55, 145),
    "caribbean": ("en-029+f4", 75, 150),
    "london": ("en-gb-x-rp+m1", 50, 165),
    "light": ("en-gb+f3", 85, 155),
}
"""Name -> voice of espeak-ng, pitch from 0 to 99, and words per minute."""

SENTENCES = (
    "I finally got the letter from the university this morning.",
    "That is wonderful news, your mother will be so proud of you.",
    "They offered me a place, but it starts in less than three weeks.",
    "Who is going to look after the garden when you are away?",
    "I thought you could do it, you always loved those roses.",
    "You never asked me whether I had the time for that.",
    "Please do not be angry with me, I am nervous enough already.",
    "I am not angry, I am only tired of hearing it last.",
    "We had a terrible storm last night and the roof is leaking.",
    "My brother called, he wants to borrow the car again.",
    "He still has not paid for the damage from the summer.",
    "Let us go down to the river and forget about all of it.",
    "The doctor said that everything looks fine, there is nothing to fear.",
    "I was so afraid, I could not sleep the whole night.",
    "Why did nobody tell me that the meeting was cancelled?",
    "There is a strange smell in the kitchen, can you open the window?",
    "This soup is disgusting, I would not give it to a dog.",
    "Look at the sky, I have never seen so many stars.",
    "She left without a word and took the old photographs.",
    "I miss the evenings when we played cards until midnight.",
    "Have you really won the first prize with that little cake?",
    "The train leaves at nine, so we should be there before eight.",
    "I put the keys on the table next to the blue bowl.",
    "Nobody believed me, and now all of them want to be my friends.",
    "How dare you read my letters without asking me?",
    "It was an accident, the envelope was already open.",
    "Tomorrow we can paint the fence if the weather is dry.",
    "I promised to bring the children back before it gets dark.",
)
"""Invented for these tests."""


class Turn(NamedTuple):
    """What one voice says, from start to end in s."""

    speaker: str
    text: str
    start: float
    end: float


class Conversation(NamedTuple):
    """(N,) float32 samples at 16 kHz, and what is said in them, in order of time."""

    samples: np.ndarray
    turns: list[Turn]


def available() -> bool:
    """Return whether espeak-ng is installed."""
    return shutil.which("espeak-ng") is not None


def speak(text: str, voice: str) -> np.ndarray:
    """Return a sentence as (N,) float32 samples at 16 kHz, without the silence around it."""
    name, pitch, speed = VOICES[voice]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        subprocess.run(
            ["espeak-ng", "-v", name, "-p", str(pitch), "-s", str(speed), "-w", path, text],
            check=True,
        )
        rate, samples = wavfile.read(path)
    sound = resample_poly(samples / 32768, RATE, rate).astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > 0.005)
    return sound[loud[0] : loud[-1] + 1]


def converse(
    voices: Sequence[str],
    seconds: float,
    seed: int = 0,
    pauses: tuple[float, float] = (0.3, 1.2),
    overlap: float = 0.0,
    noise: float = 0.0,
) -> Conversation:
    """Make a conversation in which the voices take turns of one to three sentences.

    Args:
        voices: names in `VOICES`.
        seconds: duration at which no further turn begins.
        seed: of what is said, by whom, and of the pauses.
        pauses: shortest and longest pause between turns, in s.
        overlap: share of the turns that begin 0.7 s before the last one has ended.
        noise: root mean square of a hum with the harmonics of a chord, as music has.
    """
    draw = np.random.default_rng(seed)
    parts: list[tuple[int, np.ndarray]] = []
    turns: list[Turn] = []
    time, last = 0.5, ""
    order = list(draw.permutation(SENTENCES))
    while time < seconds:
        others = [voice for voice in voices if voice != last] or list(voices)
        voice = str(draw.choice(others))
        for _ in range(draw.integers(1, 4)):
            order = order or list(draw.permutation(SENTENCES))
            text = str(order.pop())
            sound = speak(text, voice)
            parts.append((round(time * RATE), sound))
            turns.append(Turn(voice, text, time, time + len(sound) / RATE))
            time = turns[-1].end + draw.uniform(0.15, 0.4)
        gap = -0.7 if draw.random() < overlap else draw.uniform(*pauses)
        time, last = turns[-1].end + gap, voice
    samples = np.zeros(round((turns[-1].end + 1) * RATE), dtype=np.float32)
    for start, sound in parts:
        samples[start : start + len(sound)] += sound
    if noise:
        clock = np.arange(len(samples)) / RATE
        hum = sum(np.sin(2 * np.pi * hertz * clock) for hertz in (220, 277.2, 329.6, 440, 554.4))
        samples += (noise * hum / np.sqrt(np.mean(hum**2))).astype(np.float32)
    return Conversation(samples, turns)
