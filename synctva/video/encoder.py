"""The visual encoder that a checkpoint names: frames of a clip → the expression of the face."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import math
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE
from synctva.video.face_detector import Face
from synctva.video.face_expression import EXPRESSIONS, FEATURES
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER, face_networks
from synctva.video.hub_image_model import HubImageModel

logger = logging.getLogger(__name__)

FACE_SPEC: dict[str, Any] = {
    "name": "face-api-expressions",
    "version": "1.7.15",  # of the npm package @vladmandic/face-api, where the weights come from
    "sha256": "0d60d96b2e12249a34c92c13d1fe61a849b6580dd58d7c3da2f8331b14c28728",
    "width": FEATURES + len(EXPRESSIONS),
    "frames_per_second": 5,
    "input_sizes": [416, 608],
}
"""The default visual encoder: 256 expression features and 7 probabilities."""

HUB_PREFIX = "hub:"
"""Prefix of the name of an image model of the Hub, which then describes the detected faces."""


class VisualSummary(NamedTuple):
    """What the encoder found in a clip.

    Attributes:
        features: (width,) float32, the mean over the frames with a face; None without any.
        frames: number of frames examined.
        frames_with_face: number of frames with a face.
    """

    features: np.ndarray | None
    frames: int
    frames_with_face: int


class VisualEncoder:
    """Describes the expression of the largest face, with frozen networks.

    It takes the largest face because a camera usually shows the speaker, and because an average
    over all faces would mix a listener's reaction into the speaker's. It does not detect who
    speaks: if a listener fills the frame, the features are the listener's.

    Attributes:
        spec: the requested spec with defaults filled in:
            `name`: "face-api-expressions", or "hub:" and the Hub name or folder of an image model
            that describes the faces in its place; `version` of the package that the weights come
            from; `sha256`: checksum of the weights' file; `width`: values per clip, 263:
            256 features of the expression, then the probabilities of `EXPRESSIONS`; of a Hub
            model, its own;
            `frames_per_second`: frames to examine per second, at most; `input_sizes`: sizes to
            resize a frame to for the detector; the next is tried if there was no face.
        width: values per clip.
        licence: of the weights; of a Hub model's, see its card.

    Example:
        >>> frames = [(0.2 * i, np.zeros((72, 128, 3), np.uint8)) for i in range(5)]
        >>> VisualEncoder.from_spec(FACE_SPEC).summarise(frames)
        VisualSummary(features=None, frames=5, frames_with_face=0)
    """

    licence = "MIT"

    def __init__(self, spec: Mapping[str, Any], weights: bytes):
        self.spec = dict(spec)
        self.expression: Any
        self.detector, self.expression = face_networks(weights)
        self.width: int = FACE_SPEC["width"]
        if spec["name"].startswith(HUB_PREFIX):
            self.expression = HubImageModel(spec["name"].removeprefix(HUB_PREFIX))
            self.width = self.expression.width
        if spec["width"] not in (None, self.width):
            raise ValueError(
                f"visual encoder {spec['name']!r}, width = {spec['width']}: expected {self.width}"
            )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], folder: str | os.PathLike | None = None
    ) -> VisualEncoder:
        """Return the encoder of a spec; each is loaded once per process.

        Args:
            spec: see `spec` above; only `name` is needed.
            folder: a checkpoint's folder, where the weights are looked for first; the package's own
                folder comes second.

        Raises:
            ValueError: the spec has an unknown field, or a value that this version does not
                support; or the weights' checksum differs.
            OSError: the weights are in neither folder.
        """
        checked = _checked(spec)
        folders = [FACE_WEIGHTS_FOLDER] if folder is None else [Path(folder), FACE_WEIGHTS_FOLDER]
        for place in folders:
            if (place / FACE_WEIGHTS_FILE).is_file():
                path = place.resolve() / FACE_WEIGHTS_FILE
                with _LOADING:
                    return _load(json.dumps(checked, sort_keys=True), path)
        raise OSError(
            f"visual encoder {checked['name']!r}: {FACE_WEIGHTS_FILE} is missing: expected it in "
            f"{' or '.join(map(str, folders))}, where saving a processor or installing the package "
            "puts it"
        )

    def encode(
        self,
        frames: Iterable[tuple[float, np.ndarray]],
        device: torch.device | str | None = None,
    ) -> np.ndarray | None:
        """Return the features of a clip, (width,) float32; None if no frame shows a face.

        See `summarise`.
        """
        return self.summarise(frames, device).features

    @torch.no_grad()
    def summarise(
        self,
        frames: Iterable[tuple[float, np.ndarray]],
        device: torch.device | str | None = None,
    ) -> VisualSummary:
        """Return the features of a clip and how often it shows a face.

        The clip is divided into slots of 1 / `frames_per_second` s, and only the first frame of a
        slot is examined. One frame is held at a time, so memory does not grow with the clip.
        Batches would be slower on a CPU (25 ms per frame in batches of four, 10 ms one by one).

        Args:
            frames: (time, image) in the order of time, seconds and (H, W, 3) uint8, of any size.
            device: where to compute; default: where the encoder is.

        Raises:
            TypeError, ValueError: a frame is not such a pair; the message says which.
        """
        if device is not None:
            self.detector.to(device)
            self.expression.to(device)
        total = np.zeros(self.width)
        examined = found = 0
        start, last_slot = None, -1
        for index, frame in enumerate(frames):
            time, image = _checked_frame(index, frame)
            start = time if start is None else start
            # Plus a thousandth, because times are rounded: 0.6 s is in the fourth slot of 0.2 s.
            slot = math.floor((time - start) * self.spec["frames_per_second"] + 1e-3)
            if slot <= last_slot:
                continue
            last_slot = slot
            examined += 1
            face = self._largest_face(image)
            if face is not None:
                found += 1
                total += self.expression.describe([face])[0]
        features = (total / found).astype(np.float32) if found else None
        return VisualSummary(features, examined, found)

    def _largest_face(self, image: np.ndarray) -> np.ndarray | None:
        """Return the pixels of the largest face, (h, w, 3) uint8; None without a face."""
        for size in self.spec["input_sizes"]:
            faces = [_cut_out(image, face) for face in self.detector.detect(image, size)]
            largest = max(faces, key=lambda face: face.size, default=None)
            if largest is not None and largest.size:
                return largest
        return None

    def __deepcopy__(self, memo: dict) -> VisualEncoder:
        return self  # frozen: copying a processor must not copy the weights


def _cut_out(image: np.ndarray, face: Face) -> np.ndarray:
    """Return the part of an image inside a box, in whole pixels: (h, w, 3), possibly empty."""
    left, top, width, height = (math.floor(value) for value in face[:4])
    return image[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]


def _checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Check a spec and fill in the defaults."""
    unknown = sorted(set(spec) - set(FACE_SPEC))
    if "name" not in spec or unknown:
        raise ValueError(
            f"visual encoder spec = {dict(spec)!r}: expected 'name', and optionally any of "
            f"{sorted(set(FACE_SPEC) - {'name'})}"
        )
    hub = str(spec["name"]).startswith(HUB_PREFIX)
    if not hub and spec["name"] != FACE_SPEC["name"]:
        raise ValueError(
            f"visual encoder name = {spec['name']!r}, version = {spec.get('version')!r}: expected "
            f"{FACE_SPEC['name']!r}, which the installed package has in version "
            f"{FACE_SPEC['version']!r}, or {HUB_PREFIX!r} and the name of a Hub model"
        )
    for field in ("version",) if hub else ("version", "width"):
        if spec.get(field, FACE_SPEC[field]) != FACE_SPEC[field]:
            raise ValueError(
                f"visual encoder {spec['name']!r}, {field} = {spec[field]!r}: expected "
                f"{FACE_SPEC[field]!r}, which the installed package has"
            )
    checked = {**FACE_SPEC, **({"width": None} if hub else {}), **spec}
    rate, sizes = checked["frames_per_second"], checked["input_sizes"]
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf:
        raise ValueError(
            f"visual encoder frames_per_second = {rate!r}: expected a number larger than 0"
        )
    whole = isinstance(sizes, list | tuple) and all(isinstance(size, int) for size in sizes)
    if not (whole and sizes and all(size > 0 and size % 32 == 0 for size in sizes)):
        raise ValueError(f"visual encoder input_sizes = {sizes!r}: expected multiples of 32")
    return checked


def _checked_frame(index: int, frame: tuple[float, np.ndarray]) -> tuple[float, np.ndarray]:
    try:
        time, image = frame
        time = float(time)
    except (TypeError, ValueError) as error:
        raise TypeError(f"frame {index}: expected a pair of seconds and image") from error
    if not math.isfinite(time):
        raise ValueError(f"frame {index}: time = {time}: expected seconds")
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"frame {index} at {time:.3f} s is a {type(image).__name__}: expected an array "
            "(height, width, 3) of uint8"
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"frame {index} at {time:.3f} s has shape {image.shape} of {image.dtype}: expected "
            "(height, width, 3) of uint8, red, green and blue"
        )
    return time, image


_LOADING = threading.Lock()  # when several threads ask first, only one loads


@functools.lru_cache(maxsize=4)
def _load(key: str, path: Path) -> VisualEncoder:
    spec = json.loads(key)
    weights = path.read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    if digest != spec["sha256"]:
        raise ValueError(
            f"visual encoder {spec['name']!r}: sha256 of {path} = {digest}: expected "
            f"{spec['sha256']}"
        )
    logger.info(f"visual encoder {spec['name']} loaded from {path}")
    return VisualEncoder(spec, weights)


__all__ = ["FACE_SPEC", "HUB_PREFIX", "VisualEncoder", "VisualSummary"]
