"""Describe faces with any image model of the Hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModel
from transformers.utils import cached_file

from synctva.model_lookup import find_model

PREPROCESSOR = "preprocessor_config.json"
_GREY = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


class HubImageModel:
    """Describes faces by the mean, over patches, of an image model's last hidden states.

    Images are resized and normalised here, by the figures in the model's
    `preprocessor_config.json`, because transformers' own image processors need torchvision.

    Attributes:
        width: values per face.

    Raises:
        OSError: there is no such model, or it has no preprocessor configuration.
    """

    def __init__(self, name: str):
        source = find_model(name, "visual encoder", ours=False)
        path = cached_file(source, PREPROCESSOR)
        with open(path, encoding="utf-8") as file:
            settings = {**_GREY, **json.load(file)}
        self.model: Any = AutoModel.from_pretrained(source, dtype=torch.float32)
        self.model.eval().requires_grad_(False)
        size = settings.get("crop_size") or settings.get("size") or self.model.config.image_size
        if isinstance(size, dict):
            size = size.get("height") or size.get("shortest_edge")
        self.size = int(size)
        self._mean = torch.tensor(settings["image_mean"])[:, None, None]
        self._deviation = torch.tensor(settings["image_std"])[:, None, None]
        self.width: int = self.describe([np.zeros((1, 1, 3), np.uint8)]).shape[1]

    def to(self, device: torch.device | str) -> None:
        """Move the model to a device."""
        self.model.to(device)

    @torch.no_grad()
    def describe(self, faces: Sequence[np.ndarray]) -> np.ndarray:
        """Describe n faces, (h, w, 3) uint8 each, by (n, width) float32."""
        device = next(self.model.parameters()).device
        images = torch.cat([self._prepared(face) for face in faces]).to(device)
        states = self.model(pixel_values=images).last_hidden_state
        # (n, patches, D) of transformers, (n, D, h, w) of convolutional networks
        pooled = states.mean(1) if states.ndim == 3 else states.mean((2, 3))
        return pooled.cpu().numpy()

    def _prepared(self, face: np.ndarray) -> torch.Tensor:
        image = torch.from_numpy(np.ascontiguousarray(face)).permute(2, 0, 1)[None] / 255
        square = functional.interpolate(
            image, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False
        )
        return (square - self._mean) / self._deviation


__all__ = ["PREPROCESSOR", "HubImageModel"]
