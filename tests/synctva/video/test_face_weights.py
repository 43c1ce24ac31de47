import pytest
import torch
from safetensors.torch import load, save

from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER, SCALE_MIN, face_networks


@pytest.fixture(scope="module")
def shipped() -> bytes:
    return (FACE_WEIGHTS_FOLDER / FACE_WEIGHTS_FILE).read_bytes()


def test_weights_are_the_numbers_times_scale_plus_offset(shipped):
    """In double precision, then rounded once."""
    tensors = load(shipped)
    detector, expression = face_networks(shipped)
    networks = {"detector": detector.state_dict(), "expression": expression.state_dict()}
    scaled = 0
    for network, weights in networks.items():
        for name, weight in weights.items():
            stored = tensors[f"{network}.{name}"]
            if stored.dtype == torch.uint8:
                scale, offset = tensors[f"{network}.{name}{SCALE_MIN}"].tolist()
                stored = (stored.double() * scale + offset).float()
                scaled += 1
            assert torch.equal(weight, stored)
    assert scaled > 0


def test_networks_are_frozen(shipped):
    for network in face_networks(shipped):
        assert not network.training
        assert not any(weight.requires_grad for weight in network.parameters())


def test_refuses_missing_and_unexpected_tensors(shipped):
    tensors = load(shipped)
    less = {name: value for name, value in tensors.items() if name != "expression.fc.bias"}
    with pytest.raises(RuntimeError, match=r"Missing key.*fc\.bias"):
        face_networks(save(less))
    with pytest.raises(RuntimeError, match=r"Unexpected key.*conv9\.bias"):
        face_networks(save({**tensors, "detector.conv9.bias": torch.zeros(3)}))
