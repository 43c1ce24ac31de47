"""Latency of the pipeline with the shipped checkpoint, from a conversation to its answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import pipeline

from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.registration import checkpoint_folder

from .shapes import CORPORA, Size
from .timing import WARM_UP, quantile

WORDS = ("well", "I", "did", "not", "expect", "that", "you", "would", "come", "at", "all")
"""The words of an utterance: eleven, about as many as in MELD."""


def measure(size: Size) -> dict[str, Any]:
    """Return p50 and p95 of wall time and thread time in milliseconds, by question.

    A conversation has MELD's mean length. "features" passes the text's features, "text" runs the
    frozen text encoder of the checkpoint.
    """
    torch.set_num_threads(1)
    recognise = pipeline("emotion-recognition", model=str(checkpoint_folder()))
    turns = round(CORPORA["meld"].mean)
    questions = {
        f"{name}, {kind}": conversation(recognise.model.config, count, kind)
        for name, count in (("utterance", 1), ("conversation", turns))
        for kind in ("features", "text")
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in questions}
    for turn in range(WARM_UP + size.calls):
        for name, question in questions.items():
            seconds = one_call(recognise, question)
            if turn >= WARM_UP:
                times[name].append(seconds)
    return {
        name: {
            clock: {
                f"p{share}": 1e3 * quantile([pair[column] for pair in pairs], share / 100)
                for share in (50, 95)
            }
            for column, clock in enumerate(("wall", "thread"))
        }
        for name, pairs in times.items()
    }


def one_call(recognise: Callable[[Any], Any], question: Any) -> tuple[float, float]:
    """Return the seconds of wall time and of this thread's time."""
    started, computed = time.perf_counter(), time.thread_time()
    recognise(question)
    return time.perf_counter() - started, time.thread_time() - computed


def conversation(config: SyncTVAConfig, count: int, kind: str) -> list[dict[str, Any]]:
    """Make utterances of two speakers in turn, with text or its features, and audio features."""
    generator = np.random.default_rng(0)
    utterances = []
    for number in range(count):
        utterance: dict[str, Any] = {
            "speaker": ("Ann", "Bo")[number % 2],
            "audio_features": generator.standard_normal(config.audio_dim, dtype=np.float32),
        }
        if kind == "text":
            utterance["text"] = " ".join(generator.permutation(WORDS))
        else:
            utterance["text_features"] = generator.standard_normal(
                config.text_dim, dtype=np.float32
            )
        utterances.append(utterance)
    return utterances


__all__ = ["conversation", "measure"]
