"""Voices described by a model of the Hub, in place of the network that ships with the package."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import normalize
from transformers import AutoFeatureExtractor, AutoModelForAudioXVector

from synctva.audio.resampling import resampled
from synctva.model_lookup import find_model
from synctva.speech.recognition import SAMPLE_RATE

SHORTEST = 1.0
"""Seconds that such a model reads at least: a shorter sound is repeated."""


@functools.lru_cache(maxsize=2)
def hub_voice(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that describes a voice, as `embed_voice` does, by a speaker model.

    Args:
        name: folder or Hub name of a model that `AutoModelForAudioXVector` loads, such as
            microsoft/wavlm-base-plus-sv.

    Raises:
        OSError: there is no such model.
        ValueError: it is no speaker model.
    """
    source = find_model(name, "voice_model", ours=False)
    reader = AutoFeatureExtractor.from_pretrained(source)
    try:
        model = AutoModelForAudioXVector.from_pretrained(source, dtype=torch.float32)
    except ValueError as error:
        raise ValueError(
            f"voice_model = {name}: expected a model that AutoModelForAudioXVector loads, such as "
            f"microsoft/wavlm-base-plus-sv ({str(error).splitlines()[0]})"
        ) from None
    model.eval().requires_grad_(False)
    rate = reader.sampling_rate

    @torch.no_grad()
    def embed(samples: np.ndarray) -> np.ndarray:
        shortest = round(SHORTEST * SAMPLE_RATE)
        samples = np.resize(samples, max(len(samples), shortest))  # repeats what is too short
        if rate != SAMPLE_RATE:
            samples = resampled(samples, SAMPLE_RATE, rate)
        inputs = reader(samples, sampling_rate=rate, return_tensors="pt")
        return normalize(model(**inputs).embeddings[0], dim=0).numpy()

    return embed


__all__ = ["hub_voice"]
