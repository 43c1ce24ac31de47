"""A saved folder works where only transformers is installed, with `trust_remote_code=True`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import pipeline

from synctva.audio.encoder import PROSODY_SPEC
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE, SyncTVAProcessor
from synctva.registration import register
from synctva.video.encoder import FACE_SPEC
from tests.support.drawn_face import EXPRESSIONS, drawn_face
from tests.support.media_files import clip

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
    recognise = pipeline(
        "emotion-recognition", model=folder, trust_remote_code=True, precision="float32"
    )
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
from transformers import pipeline

folder, again, wav, conversation = *sys.argv[1:4], json.loads(sys.argv[4])

def load(folder):
    recognise = pipeline(
        "emotion-recognition", model=folder, trust_remote_code=True, precision="float32"
    )
    messages = []
    for source in ("audio", "video"):
        try:
            recognise([{"text": "hello", source: wav}])
        except ImportError as error:
            messages.append(str(error))
    return recognise, recognise(conversation, top_k=None), messages

recognise, answers, messages = load(folder)
recognise.model.save_pretrained(again)
recognise.processor.save_pretrained(again)
assert load(again)[1:] == (answers, messages)
assert "synctva" not in sys.modules
print(json.dumps({"answers": answers, "messages": messages}))
"""

# Travelling code where the package can be imported, which it does only for recordings.
PACKAGE_SCRIPT = """
import json, sys

import numpy as np
import torch
from transformers import AutoProcessor

folder, wav, faces = sys.argv[1:]
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
assert type(processor).__module__.startswith("transformers_modules.")
processor([["hello", {"audio_features": [0.5] * 8}]])
assert "synctva" not in sys.modules
conversation = ["hello", {"audio": wav}, {"video": (np.load(faces), 2)}]
batch = processor([conversation])

from synctva import SyncTVAProcessor

own = SyncTVAProcessor.from_pretrained(folder)
assert type(own) is not type(processor)
expected = own([conversation])
assert batch.keys() == expected.keys()
assert all(torch.equal(batch[name], expected[name]) for name in batch)

messages = []
for encoder, media in (("audio", {"audio": wav}), ("visual", {"video": (np.load(faces), 2)})):
    for change in ({"version": "99"}, {"name": "newer", "version": "99"}):
        processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
        getattr(processor, f"{encoder}_encoder").update(change)
        try:
            processor([[media]])
        except ValueError as error:
            messages.append(str(error))
print(json.dumps({"mask": batch["modality_mask"].int().tolist(), "messages": messages}))
"""


def run_isolated(script: str, *arguments: object, folder: Path) -> str:
    """Run a program in a process that sees only what is installed, and return its last line."""
    environment = {
        **os.environ,
        "HF_HOME": str(folder / "home"),
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_HUB_OFFLINE": "1",
    }
    process = subprocess.run(
        [sys.executable, "-I", "-c", script, *map(str, arguments)],
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
    remote = json.loads(run_isolated(WITHOUT_PACKAGE + SCRIPT, *arguments, folder=tmp_path))
    batch = processor(CONVERSATIONS)
    with torch.no_grad():
        output = model(**batch)
    torch.testing.assert_close(torch.tensor(remote["logits"]), output.logits)
    torch.testing.assert_close(torch.tensor(remote["hidden"]), output.last_hidden_state)
    recognise = pipeline("emotion-recognition", model=str(folder))
    local = recognise(CONVERSATIONS, top_k=None, batch_size=2)
    for conversation, expected in zip(remote["answers"], local, strict=True):
        assert_same_answers(conversation, expected)


def assert_same_answers(remote: list[dict], local: list[dict]) -> None:
    for one, other in zip(remote, local, strict=True):
        assert one["label"] == other["label"]
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-6)
        assert one["strengths"] == pytest.approx(other["strengths"], abs=1e-6)
        assert one["modalities"] == other["modalities"]


@pytest.fixture(scope="module")
def media_checkpoint(tmp_path_factory, toy_encoder_spec):
    """A checkpoint that reads text, sound and faces, and a wav file."""
    folder = tmp_path_factory.mktemp("media")
    torch.manual_seed(0)
    config = SyncTVAConfig(
        text_dim=16,
        visual_dim=FACE_SPEC["width"],
        audio_dim=8,
        hidden_size=16,
        num_attention_heads=2,
        intermediate_size=16,
        num_hidden_layers=1,
    )
    SyncTVAForEmotionRecognition(config).save_pretrained(folder / "toy")
    SyncTVAProcessor(
        16,
        FACE_SPEC["width"],
        8,
        text_encoder=toy_encoder_spec,
        audio_encoder={**PROSODY_SPEC, "fill": [1.0] * 8},
        visual_encoder=FACE_SPEC,
    ).save_pretrained(folder / "toy")
    wav = folder / "turn.wav"
    wav.write_bytes(clip("wav", None, "pcm_s16le"))
    return folder / "toy", wav


def test_only_recordings_need_the_package(media_checkpoint, tmp_path):
    """Loaded, asked, saved and loaded again."""
    folder, wav = media_checkpoint
    conversation = ["hello ann", {"audio_features": [0.5] * 8, "visual_features": [0.1] * 263}]
    again = tmp_path / "again"
    arguments = folder, again, wav, json.dumps(conversation)
    script = WITHOUT_PACKAGE + MEDIA_SCRIPT
    remote = json.loads(run_isolated(script, *arguments, folder=tmp_path))
    assert [answer["modalities"] for answer in remote["answers"]] == [["text"], ["visual", "audio"]]
    recognise = pipeline("emotion-recognition", model=str(folder))
    assert_same_answers(remote["answers"], recognise(conversation, top_k=None))
    message = (
        "conversation 0 has audio or video: expected the package synctva, which decodes "
        "recordings: in a checkout of the project, pip install '.[media]'"
    )
    assert remote["messages"] == [message, message]
    assert (folder / FACE_WEIGHTS_FILE).read_bytes() == (again / FACE_WEIGHTS_FILE).read_bytes()


def test_recordings_are_read_by_the_installed_package(media_checkpoint, tmp_path):
    """The features are the package's own; an encoder that it lacks is named with its version."""
    folder, wav = media_checkpoint
    faces = tmp_path / "faces.npy"
    np.save(faces, np.stack([drawn_face(**EXPRESSIONS["happy"])] * 2))
    remote = json.loads(run_isolated(PACKAGE_SCRIPT, folder, wav, faces, folder=tmp_path))
    assert remote["mask"] == [[[1, 0, 0], [0, 0, 1], [0, 1, 0]]]
    audio = (
        "['opensmile-egemaps', 'prosody', 'prosody+mfcc', 'prosody+whisper-base', 'whisper-base'], "
        "which the installed package has"
    )
    face, version = repr(FACE_SPEC["name"]), repr(FACE_SPEC["version"])
    expected = [
        "audio encoder 'prosody', version = '99': expected 1, which the installed package has",
        f"audio encoder name = 'newer', version = '99': expected one of {audio}",
        f"visual encoder {face}, version = '99': expected {version}, which the installed package",
        f"visual encoder name = 'newer', version = '99': expected {face}, which the installed "
        f"package has in version {version}",
    ]
    assert len(remote["messages"]) == len(expected)
    for message, beginning in zip(remote["messages"], expected, strict=True):
        assert message.startswith(beginning)
