"""A saved folder works where only transformers is installed, with `trust_remote_code=True`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import pipeline

from synctva.audio.encoder import PROSODY_SPEC
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE, SyncTVAProcessor
from synctva.registration import register
from synctva.video.encoder import FACE_SPEC

register()

CODE = Path(__file__).resolve().parents[2] / "modeling_synctva"

CONVERSATIONS = [
    ["hello ann", {"text": "no way !", "speaker": "bo"}, {"speaker": "ann"}],
    [{"text": "good day", "audio_features": [0.5, -1.0]}],
]

# Begins a program in which our package cannot be imported.
WITHOUT_PACKAGE = """
import json, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "synctva":
            raise ModuleNotFoundError(f"blocked: {name}", name=name)

sys.meta_path.insert(0, Blocker())
"""

SCRIPT = """
import torch
from transformers import (
    AutoConfig, AutoModel, AutoModelForTokenClassification, AutoProcessor, pipeline,
)

folder, again, conversations, tensors = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), {}

def load(folder):
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert config.model_type == "synctva"
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForTokenClassification.from_pretrained(folder, trust_remote_code=True).eval()
    base = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    batch = processor(conversations)
    with torch.no_grad():
        output, hidden = model(**batch), base(**batch).last_hidden_state
    recognise = pipeline("emotion-recognition", model=folder, trust_remote_code=True)
    answers = recognise(conversations, top_k=None, batch_size=2)
    assert recognise(conversations[0])[2]["modalities"] == []
    return model, processor, recognise, output.logits, hidden, answers

model, processor, recognise, logits, hidden, answers = load(folder)
model.save_pretrained(again)
processor.save_pretrained(again)
_, _, _, same_logits, same_hidden, same_answers = load(again)
assert torch.equal(logits, same_logits) and torch.equal(hidden, same_hidden)
assert answers == same_answers
recognise.save_pretrained(again + "-pipeline")
assert load(again + "-pipeline")[-1] == answers
assert "synctva" not in sys.modules
print(json.dumps({"logits": logits.tolist(), "hidden": hidden.tolist(), "answers": answers}))
"""


MEDIA_SCRIPT = """
from transformers import AutoProcessor

folder, again = sys.argv[1:]
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
batch = processor([[{"audio_features": [0.5] * 8, "visual_features": [0.1] * 263}]])
assert batch["modality_mask"][0, 0, 1:].all()
try:
    processor([[{"audio": "clip.wav"}]])
except ImportError as error:
    print(error)
processor.save_pretrained(again)
"""


def run_without_package(script: str, *arguments: object, folder: Path) -> str:
    """Run a program in an isolated process without our package, and return its last line."""
    environment = {
        **os.environ,
        "HF_HOME": str(folder / "home"),
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_HUB_OFFLINE": "1",
    }
    process = subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_PACKAGE + script, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, toy_encoder_spec):
    folder = tmp_path_factory.mktemp("remote") / "toy"
    torch.manual_seed(0)
    config = SyncTVAConfig(
        text_dim=16,
        visual_dim=3,
        audio_dim=2,
        hidden_size=16,
        num_attention_heads=2,
        intermediate_size=16,
        num_hidden_layers=1,
    )
    model = SyncTVAForEmotionRecognition(config).eval()
    processor = SyncTVAProcessor(16, 3, 2, text_encoder=toy_encoder_spec)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, model, processor


def test_what_travels_is_small_enough_to_read():
    """Users run it by `trust_remote_code=True`, and should be able to read it before."""
    assert len(list(CODE.glob("*.py"))) <= 28


def test_folder_carries_all_the_code(checkpoint):
    folder, _, _ = checkpoint
    expected = {path.name for path in CODE.glob("[!_]*.py")}
    assert {path.name for path in folder.glob("*.py")} == expected
    for name in expected:
        assert (folder / name).read_bytes() == (CODE / name).read_bytes()


def test_config_names_every_class(checkpoint):
    config = json.loads((checkpoint[0] / "config.json").read_text())
    assert set(config["auto_map"]) >= {
        "AutoConfig",
        "AutoModel",
        "AutoModelForTokenClassification",
        "AutoProcessor",
    }
    task = config["custom_pipelines"]["emotion-recognition"]
    assert task["impl"] == "pipeline_synctva.EmotionRecognitionPipeline"
    assert task["pt"] == ["AutoModelForTokenClassification"]


def test_serves_without_the_package(checkpoint, tmp_path):
    folder, model, processor = checkpoint
    arguments = folder, tmp_path / "again", json.dumps(CONVERSATIONS)
    remote = json.loads(run_without_package(SCRIPT, *arguments, folder=tmp_path))
    batch = processor(CONVERSATIONS)
    with torch.no_grad():
        output = model(**batch)
    torch.testing.assert_close(torch.tensor(remote["logits"]), output.logits)
    torch.testing.assert_close(torch.tensor(remote["hidden"]), output.last_hidden_state)
    recognise = pipeline("emotion-recognition", model=str(folder))
    local = recognise(CONVERSATIONS, top_k=None, batch_size=2)
    assert [[u["label"] for u in c] for c in remote["answers"]] == [
        [u["label"] for u in c] for c in local
    ]
    for conversation, expected in zip(remote["answers"], local, strict=True):
        for one, other in zip(conversation, expected, strict=True):
            assert one["scores"] == pytest.approx(other["scores"], abs=1e-6)
            assert one["strengths"] == pytest.approx(other["strengths"], abs=1e-6)
            assert one["modalities"] == other["modalities"]


def test_only_recordings_need_the_package(tmp_path):
    processor = SyncTVAProcessor(
        None, FACE_SPEC["width"], 8, audio_encoder=PROSODY_SPEC, visual_encoder=FACE_SPEC
    )
    processor.save_pretrained(tmp_path / "toy")
    arguments = tmp_path / "toy", tmp_path / "again"
    message = run_without_package(MEDIA_SCRIPT, *arguments, folder=tmp_path)
    assert "expected the package synctva" in message and "pip install '.[media]'" in message
    weights = [folder / FACE_WEIGHTS_FILE for folder in arguments]
    assert weights[0].read_bytes() == weights[1].read_bytes()
