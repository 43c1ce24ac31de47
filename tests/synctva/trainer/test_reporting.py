"""What `report_to` sends to TensorBoard and to Weights & Biases, and callbacks of one's own."""

import pytest
from transformers import TrainerCallback

from tests.support.toy import LABELS
from tests.support.training_program import toy_trainer

SCORES = ("accuracy", "uar", "weighted_f1", "macro_f1", "nll", "ece", *(f"f1_{n}" for n in LABELS))


class Recorder(TrainerCallback):
    """Keeps the scores of every evaluation."""

    def __init__(self):
        self.scores = []

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        self.scores.append(metrics)


def test_tensorboard_gets_the_scores_of_every_epoch(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recorder = Recorder()
    trainer = toy_trainer(
        tmp_path, report_to="tensorboard", num_train_epochs=2, callbacks=(recorder,)
    )
    trainer.train()
    (folder,) = {path.parent for path in tmp_path.rglob("events.out.tfevents.*")}
    events = EventAccumulator(str(folder))
    events.Reload()
    assert {f"eval/{name}" for name in SCORES} <= set(events.Tags()["scalars"])
    assert {"train/loss", "train/learning_rate"} <= set(events.Tags()["scalars"])
    for name in SCORES:
        written = [event.value for event in events.Scalars(f"eval/{name}")]
        known = [scores[f"eval_{name}"] for scores in recorder.scores]
        assert written == pytest.approx(known) and len(known) == 2
    assert events.Tags()["tensors"]  # the arguments, and the model's config


def test_weights_and_biases_work_offline(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    toy_trainer(tmp_path / "model", report_to="wandb", num_train_epochs=1).train()
    summary = dict(wandb.run.summary)
    wandb.finish()
    assert {f"eval/{name}" for name in SCORES} <= set(summary)
    assert list(tmp_path.glob("wandb/offline-run-*"))
