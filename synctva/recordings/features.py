"""Sound and frames of utterances → audio and visual features, by a checkpoint's encoders."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from synctva.audio.decoding import read_audio
from synctva.audio.encoder import AudioEncoder
from synctva.modeling_synctva.conversation_input import MEDIA_FIELDS
from synctva.recordings.decoders import recording_of
from synctva.recordings.sources import MediaError
from synctva.video.decoding import is_frames, read_frames
from synctva.video.encoder import VisualEncoder
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER


def audio_vector(utterance: Mapping[str, Any], encoder: AudioEncoder) -> np.ndarray | None:
    """Compute the audio features of one utterance.

    Args:
        utterance: `audio`, or `video` where the sound is the video's own; `start`, `end`,
            `channel`.
        encoder: the checkpoint's.

    Returns:
        (width,) float32; None if there is no sound or it is silent: mask the modality.

    Raises:
        MediaError: the source cannot be read,.
    """
    source = utterance.get("audio")
    if source is None:
        source = recording_of(utterance.get("video"))
        if source is None or is_frames(source):
            return None
    start, end = utterance.get("start"), utterance.get("end")
    audio = read_audio(source, start, end, utterance.get("channel"))
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
    """Compute the visual features of one utterance.

    Args:
        utterance: `video`; `start`, `end`.
        encoder: the checkpoint's.
        device: where to compute; default: where the encoder is.

    Returns:
        (width,) float32; None if no frame shows a face: mask the modality.

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
    audio_encoder: Mapping[str, Any] | None,
    visual_encoder: Mapping[str, Any] | None,
    weights_folder: str | os.PathLike | None = None,
    device: torch.device | str | None = None,
) -> None:
    """Add the features of their media to utterances that do not have them yet.

    Args:
        utterances: of one conversation, with any of `MEDIA_FIELDS`.
        name: of the conversation, for messages.
        audio_encoder, visual_encoder: specs of the checkpoint's encoders; None for a modality that
            it does not use.
        weights_folder: the checkpoint's folder, if it carries the face networks' weights.
        device: where to compute the visual features.

    Raises:
        ValueError: a source cannot be read, and the message names its utterance; or the installed
            package lacks an encoder, and the message names it with its version.
    """
    audio = AudioEncoder.from_spec(audio_encoder) if audio_encoder else None
    visual = VisualEncoder.from_spec(visual_encoder, weights_folder) if visual_encoder else None
    for t, utterance in enumerate(utterances):
        media = {field: utterance.get(field) for field in MEDIA_FIELDS}
        try:
            if audio is not None and utterance.get("audio_features") is None:
                utterance["audio_features"] = audio_vector(media, audio)
            if visual is not None and utterance.get("visual_features") is None:
                utterance["visual_features"] = visual_vector(media, visual, device)
        except ValueError as error:
            raise type(error)(f"{name}, utterance {t}: {error}") from error


__all__ = ["FACE_WEIGHTS_FOLDER", "add_media_features", "audio_vector", "visual_vector"]
