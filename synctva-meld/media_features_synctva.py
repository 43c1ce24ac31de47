"""Sound and pictures of utterances → audio and visual features, by a checkpoint's encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .audio_decoding_synctva import read_audio
from .audio_encoder_synctva import AudioEncoder
from .media_source_synctva import MediaError
from .video_decoding_synctva import is_given, read_frames
from .visual_encoder_synctva import VisualEncoder

MEDIA_FIELDS = ("audio", "video", "start", "end")
"""What an utterance may say of its recording: sources as `read_audio` and `read_frames` take them,
and seconds on the recording's clock where it is longer than the utterance."""


def audio_vector(utterance: Mapping[str, Any], encoder: AudioEncoder) -> np.ndarray | None:
    """The audio features of one utterance.

    Args:
        utterance: `audio`, or `video` where the sound is the video's own; `start`, `end`.
        encoder: the checkpoint's.

    Returns:
        (width,) float32; None where there is no sound, or it is silent: mask the modality.

    Raises:
        MediaError: the source cannot be read, or its sample rate does not suit the encoder.
    """
    source = utterance.get("audio")
    if source is None:
        source = utterance.get("video")
        if source is None or is_given(source):
            return None
    audio = read_audio(source, utterance.get("start"), utterance.get("end"))
    if audio is None:
        return None
    try:
        return encoder.encode(audio.samples, audio.sample_rate)
    except ValueError as error:
        raise MediaError(str(error)) from error


def visual_vector(
    utterance: Mapping[str, Any],
    encoder: VisualEncoder,
    device: torch.device | str | None = None,
) -> np.ndarray | None:
    """The visual features of one utterance.

    Args:
        utterance: `video`; `start`, `end`.
        encoder: the checkpoint's.
        device: where to compute; default: where the encoder is.

    Returns:
        (width,) float32; None where there is no picture, or no face in any: mask the modality.

    Raises:
        MediaError: the source cannot be read.
    """
    source = utterance.get("video")
    if source is None:
        return None
    rate = encoder.spec["frames_per_second"]
    frames = read_frames(source, rate, start=utterance.get("start"), end=utterance.get("end"))
    return encoder.encode(frames, device)


def add_media_features(
    utterances: Sequence[dict[str, Any]],
    name: str,
    audio_encoder: AudioEncoder | None,
    visual_encoder: VisualEncoder | None,
    device: torch.device | str | None = None,
) -> None:
    """Give utterances the features of their media, where they have none yet.

    Args:
        utterances: of one conversation, with any of `MEDIA_FIELDS`, which are taken out of them.
        name: of the conversation, for messages.
        audio_encoder, visual_encoder: None where the checkpoint has no use for that modality.
        device: where to compute the visual features.

    Raises:
        ValueError: a source that cannot be read; the message says which utterance's.
    """
    for t, utterance in enumerate(utterances):
        media = {field: utterance.pop(field, None) for field in MEDIA_FIELDS}
        try:
            if audio_encoder is not None and utterance.get("audio_features") is None:
                utterance["audio_features"] = audio_vector(media, audio_encoder)
            if visual_encoder is not None and utterance.get("visual_features") is None:
                utterance["visual_features"] = visual_vector(media, visual_encoder, device)
        except ValueError as error:
            raise type(error)(f"{name}, utterance {t}: {error}") from error


__all__ = ["MEDIA_FIELDS", "add_media_features", "audio_vector", "visual_vector"]
