"""Convert the weights of Resemblyzer to the file that `synctva/speech/voice_encoder.py` reads.

    pip download --no-deps Resemblyzer==0.1.4
    python -m tools.convert_voice_weights Resemblyzer-0.1.4-py3-none-any.whl

Only the wheel's `pretrained.pt` is read, as tensors without code; the package is not imported.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save

from synctva.files import written_whole
from synctva.speech.voice_encoder import WEIGHTS_FILE, VoiceNetwork

MEMBER = "resemblyzer/pretrained.pt"

ABOUT = {
    "source": "Resemblyzer 0.1.4 on PyPI, resemblyzer/pretrained.pt",
    "licence": "Apache-2.0",
    "copyright": "Copyright Resemble AI",
    "changes": "the optimiser's state and the loss's two weights are left out",
}


def convert(source: str | Path, target: str | Path) -> str:
    """Convert the wheel's weights.

    Args:
        source: the wheel.
        target: the file to write.

    Returns:
        The SHA-256 of the file, which is the same for the same wheel.

    Raises:
        KeyError: the wheel has no such file.
        RuntimeError: the weights are not those of the network.
    """
    with zipfile.ZipFile(source) as wheel:
        data = wheel.read(MEMBER)
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)["model_state"]
    network = VoiceNetwork()
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    saved = save(network.state_dict(), metadata={"about": json.dumps(ABOUT)})
    target = Path(target)
    with written_whole(target.parent) as unfinished:
        (unfinished / target.name).write_bytes(saved)
    return hashlib.sha256(saved).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="the wheel of Resemblyzer 0.1.4")
    parser.add_argument("--target", type=Path, default=WEIGHTS_FILE, help="default: %(default)s")
    arguments = parser.parse_args()
    print(f"{arguments.target}: sha256 {convert(arguments.source, arguments.target)}")


if __name__ == "__main__":
    main()


__all__ = ["convert"]
