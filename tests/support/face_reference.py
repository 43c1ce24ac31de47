"""Write face_reference.json: the results of face-api's own JavaScript for drawn faces.

    npm install --prefix DIR --ignore-scripts @vladmandic/face-api@1.7.15 \\
        @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
    python -m tests.support.face_reference DIR

The first command fills DIR with the packages; the second needs node, but no network.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.drawn_face import EXPRESSIONS, drawn_face

PATH = Path(__file__).with_suffix(".json")

EVERY = 16
"""Of the 256 features every 16th is kept: enough to compare with, and the file stays small."""


def reference_images() -> dict[str, tuple[np.ndarray, int]]:
    """Return images of several shapes, each with the size to resize it to for the detector."""
    two = np.concatenate([drawn_face(), drawn_face(**EXPRESSIONS["surprised"])], axis=1)
    small = np.concatenate([drawn_face(size=38), np.repeat(drawn_face(size=2), 3, axis=1)], axis=1)
    return {
        "happy": (drawn_face(**EXPRESSIONS["happy"]), 416),
        "angry, tall": (drawn_face(611, 333, (260, 150), 120.5, **EXPRESSIONS["angry"]), 416),
        "sad, cut off": (drawn_face(300, 401, (100, 75), 90, **EXPRESSIONS["sad"]), 416),
        "two faces": (two, 416),
        "small, wide": (small, 608),
        "nobody": (drawn_face(size=2), 608),
    }


def digest(image: np.ndarray) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def main(packages: str) -> None:
    images = reference_images()
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for index, (image, size) in enumerate(images.values()):
            file = Path(folder) / f"{index}.raw"
            file.write_bytes(image.tobytes())
            height, width = image.shape[:2]
            jobs.append({"file": str(file), "height": height, "width": width, "size": size})
        listed = Path(folder) / "jobs.json"
        listed.write_text(json.dumps(jobs))
        script = Path(__file__).with_suffix(".mjs")
        command = ["node", str(script), packages, str(listed)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    answers = json.loads(output[output.index("[[") :])  # after TensorFlow.js's greeting
    reference: dict[str, Any] = {
        name: {"sha256": digest(image), "faces": [_rounded(face) for face in faces]}
        for (name, (image, _)), faces in zip(images.items(), answers, strict=True)
    }
    PATH.write_text(json.dumps(reference, indent=1) + "\n")


def _rounded(face: dict[str, list[float]]) -> dict[str, list[float]]:
    kept = {**face, "features": face["features"][::EVERY]}
    return {name: [round(value, 6) for value in values] for name, values in kept.items()}


if __name__ == "__main__":
    main(sys.argv[1])
