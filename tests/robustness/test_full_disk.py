"""A full disk gives an error that says what to do, and no existing file is lost."""

import re
import resource
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from datasets import DatasetDict
from transformers import TrainerCallback

from synctva.audio.encoder import PROSODY_SPEC
from synctva.features.extraction import extract_features, load_clips
from synctva.features.feature_sets import check_feature_set, read_schema, write_feature_set
from synctva.files import UNFINISHED, WriteError, written_whole
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.trainer.checkpoints import last_complete_checkpoint
from tests.support.media_conversations import write_clips
from tests.support.toy import toy_dataset
from tests.support.training_program import toy_trainer

AUDIO = {"audio_encoder": PROSODY_SPEC, "visual_encoder": None, "text_encoder": None}
STEPS = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 5, "eval_steps": 5}
STEPS |= {"save_total_limit": 9, "ema_decay": 0.9, "conversations": 20}


@contextmanager
def files_of_at_most(size):
    """Let no file grow beyond this size: the closest to a full disk without root."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def small_disk(tmp_path):
    """A separate disk of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting a small disk needs root: {error}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The final weights of a training that has enough disk space."""
    trainer = toy_trainer(tmp_path_factory.mktemp("undisturbed"), **STEPS)
    trainer.train()
    return trainer.model.state_dict()


def fill(folder, left):
    """Fill a disk up to this number of free bytes."""
    with (folder / "ballast").open("wb") as file:
        file.write(bytes(shutil.disk_usage(folder).free - left))


class At(TrainerCallback):
    """A callback that runs an action at a step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            self.action()


def assert_says_what_to_do(raised):
    assert re.search(
        r"could not be written: .* MB are free there\). .* untouched: make room", str(raised.value)
    )


def assert_goes_on_from_the_last_good_checkpoint(output, undisturbed):
    """Check that checkpoint-5 is whole, and that training from it gives the same weights."""
    assert [path.name for path in output.glob("*checkpoint*")] == ["checkpoint-5"]
    assert not list(output.glob(f"{UNFINISHED}*"))
    checkpoint = last_complete_checkpoint(output)
    SyncTVAForEmotionRecognition.from_pretrained(checkpoint)
    resumed = toy_trainer(output, **STEPS)
    resumed.train(resume_from_checkpoint=checkpoint)
    weights = resumed.model.state_dict()
    assert weights.keys() == undisturbed.keys()
    for name, tensor in undisturbed.items():
        assert torch.equal(tensor, weights[name]), name


@pytest.mark.parametrize(
    ("too_large", "why"),
    [
        ("modeling_synctva.py", "File too large"),
        ("model.safetensors", "File too large"),
        ("optimizer.pt", "(iostream error|is truncated)"),  # torch's message or ours
    ],
)
def test_training_keeps_the_last_good_checkpoint(too_large, why, undisturbed, tmp_path):
    output = tmp_path / "run"

    def limit():
        size = (output / "checkpoint-5" / too_large).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, resource.RLIM_INFINITY))

    trainer = toy_trainer(output, **STEPS, callbacks=(At(7, limit),))
    with (
        files_of_at_most(resource.RLIM_INFINITY),
        pytest.raises(WriteError, match=f"run/.*{why}") as raised,
    ):
        trainer.train()
    assert_says_what_to_do(raised)
    assert_goes_on_from_the_last_good_checkpoint(output, undisturbed)


def test_training_on_a_full_disk(small_disk, undisturbed):
    output = small_disk / "run"
    trainer = toy_trainer(
        output, **STEPS, callbacks=(At(7, lambda: fill(small_disk, left=300_000)),)
    )
    with pytest.raises(WriteError, match=r"run/.*\(0\.\d MB are free there\)") as raised:
        trainer.train()
    assert_says_what_to_do(raised)
    (small_disk / "ballast").unlink()
    assert_goes_on_from_the_last_good_checkpoint(output, undisturbed)


def test_an_extraction_on_a_full_disk_keeps_its_results(small_disk, tmp_path):
    clips = load_clips(write_clips(tmp_path / "clips"))
    output = small_disk / "features"
    for left in (0, 8_192):  # too little for results; for the feature set only
        fill(small_disk, left)
        with pytest.raises(WriteError) as raised:
            extract_features(clips, output, **AUDIO)
        assert_says_what_to_do(raised)
        assert not output.exists()
        (small_disk / "ballast").unlink()
    assert len(list(Path(f"{output}.partial").glob("*.parquet"))) == 2
    report = extract_features(clips, output, **AUDIO)
    assert report.extracted == 0
    extract_features(clips, tmp_path / "features", **AUDIO)
    assert read_schema(output) == read_schema(tmp_path / "features")
    assert {path.name for path in small_disk.iterdir()} == {".features.lock", "features"}


def test_a_feature_set_is_written_whole_or_not_at_all(tmp_path):
    data = DatasetDict(train=toy_dataset(50))
    encoders = dict.fromkeys(("text", "visual", "audio"), "drawn")
    with files_of_at_most(5_000), pytest.raises(WriteError, match="File too large") as raised:
        write_feature_set(data, tmp_path / "features", encoders=encoders, source="tests")
    assert_says_what_to_do(raised)
    assert not list(tmp_path.iterdir())
    write_feature_set(data, tmp_path / "features", encoders=encoders, source="tests")
    check_feature_set(tmp_path / "features")


def test_files_that_are_written_together_are_replaced_together(tmp_path):
    def write(size):
        with written_whole(tmp_path) as folder:
            (folder / "inner").mkdir(exist_ok=True)
            (folder / "inner/small").write_bytes(b"x" * 10)
            (folder / "large").write_bytes(b"x" * size)

    write(100)
    with files_of_at_most(1_000), pytest.raises(WriteError):
        write(5_000)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["inner", "large", "small"]
    assert (tmp_path / "large").stat().st_size == 100
