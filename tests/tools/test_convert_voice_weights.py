"""Only the network's tensors of the wheel are kept."""

import io
import zipfile

import pytest
import torch
from safetensors.torch import load_file

from synctva.speech.voice_encoder import VoiceNetwork
from tools.convert_voice_weights import MEMBER, convert


def wheel(path, state):
    file = io.BytesIO()
    torch.save({"step": 1, "model_state": state}, file)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, file.getvalue())
    return path


def test_the_file_has_the_networks_weights_and_the_same_checksum_each_time(tmp_path):
    state = VoiceNetwork().state_dict()
    source = wheel(tmp_path / "a.whl", {**state, "similarity_weight": torch.ones(1)})
    first = convert(source, tmp_path / "voice.safetensors")
    saved = load_file(tmp_path / "voice.safetensors")
    assert saved.keys() == state.keys()
    assert all(torch.equal(saved[name], state[name]) for name in state)
    assert convert(source, tmp_path / "again.safetensors") == first


def test_other_weights_are_refused(tmp_path):
    state = {name: tensor[:1] for name, tensor in VoiceNetwork().state_dict().items()}
    with pytest.raises(RuntimeError, match="size mismatch"):
        convert(wheel(tmp_path / "b.whl", state), tmp_path / "voice.safetensors")


def test_a_wheel_without_weights_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "c.whl", "w"):
        pass
    with pytest.raises(KeyError, match=MEMBER):
        convert(tmp_path / "c.whl", tmp_path / "voice.safetensors")
