import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file

from synctva import metrics
from synctva.calibration_fitting import TooLittleToCalibrateError
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.checkpoints import last_complete_checkpoint
from synctva.trainer.statistics import class_counts, feature_statistics
from synctva.trainer.trainer import SyncTVATrainer
from tests.support.toy import LABELS, toy_batch, toy_config, toy_dataset, toy_model
from tests.support.training_program import logged, toy_trainer

ROOT = Path(__file__).parents[3]
STOCHASTIC = {
    "modality_dropout": 0.3,
    "ema_decay": 0.9,
    "train_sampling_strategy": "group_by_length",
}
"""Settings that could make a resumed run differ."""


def run_program(options, processes=None, **settings):
    """Run `training_program` in its own processes."""
    launcher = [sys.executable]
    if processes:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return subprocess.run(
        [*launcher, "-m", "tests.support.training_program", json.dumps(options)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=180,
        **settings,
    )


def weights(folder):
    return load_file(Path(folder) / "model.safetensors")


def assert_same_weights(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_training_reduces_the_loss_and_beats_the_majority(tmp_path):
    trainer = toy_trainer(tmp_path, num_train_epochs=8, learning_rate=5e-3)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert trainer.evaluate()["eval_loss"] < before
    losses = logged(trainer)
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])
    scores = trainer.score(toy_dataset(20, seed=2))
    counts = np.bincount(np.concatenate(toy_dataset(20, seed=2)["labels"]))
    assert scores["accuracy"] > counts.max() / counts.sum() + 0.1


def test_a_new_model_gets_the_training_statistics_and_a_trained_one_keeps_its_own(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=1)
    trainer.train()
    encoders = trainer.model.synctva.encoders
    for name, (mean, deviation) in feature_statistics(trainer.train_dataset).items():
        torch.testing.assert_close(encoders[name].mean, torch.from_numpy(mean))
        torch.testing.assert_close(encoders[name].deviation, torch.from_numpy(deviation))

    other = SyncTVATrainer(
        trainer.model, trainer.args, toy_dataset(10, seed=9), toy_dataset(4, seed=1)
    )
    kept = encoders["text"].mean.clone()
    other.train()
    torch.testing.assert_close(encoders["text"].mean, kept, rtol=0, atol=0)


def test_accumulated_batches_equal_one_batch(tmp_path):
    # Dropout would draw other masks for other shapes.
    config = {"hidden_dropout_prob": 0.0}
    runs = [
        toy_trainer(
            tmp_path / str(size),
            config,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=8 // size,
            modality_dropout=0.3,
            loss="class_weighted",
            label_smoothing_factor=0.1,
        )
        for size in (8, 2)
    ]
    for trainer in runs:
        trainer.train()
    np.testing.assert_allclose(logged(runs[0]), logged(runs[1]), rtol=1e-5)
    np.testing.assert_allclose(
        logged(runs[0], "grad_norm"), logged(runs[1], "grad_norm"), rtol=1e-3
    )


def test_the_loss_is_divided_by_labelled_utterances(tmp_path):
    trainer = toy_trainer(tmp_path, {"hidden_dropout_prob": 0.0})
    trainer.model.eval()
    rows = [trainer.train_dataset[i] for i in range(4)]
    batch = trainer.data_collator(rows)
    number = int((batch["labels"] != IGNORE_INDEX).sum())
    whole = trainer.compute_loss(trainer.model, batch, num_items_in_batch=number)
    parts = [
        trainer.compute_loss(trainer.model, trainer.data_collator([row]), num_items_in_batch=number)
        for row in rows
    ]
    torch.testing.assert_close(whole, sum(parts))
    half = batch["labels"].clone()
    half[0] = IGNORE_INDEX
    alone = trainer.compute_loss(trainer.model, {**batch, "labels": half})
    rest = trainer.compute_loss(trainer.model, trainer.data_collator(rows[1:]))
    # The first conversation stays in the batch, unlabelled: it changes nothing.
    torch.testing.assert_close(alone, rest)


@pytest.mark.parametrize("arguments", [{}, STOCHASTIC], ids=["plain", "stochastic"])
def test_resumed_equals_uninterrupted(tmp_path, arguments):
    # By steps, in the middle of the second epoch (8 steps an epoch).
    steps = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 5, "eval_steps": 5}
    options = {**steps, **arguments, "save_total_limit": 9}
    whole = toy_trainer(tmp_path / "whole", **options)
    whole.train()
    whole.save_model()
    resumed = toy_trainer(tmp_path / "resumed", **options)
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-10"))
    resumed.save_model()
    assert logged(whole) == logged(resumed)
    assert logged(whole, "eval_loss") == logged(resumed, "eval_loss")
    assert_same_weights(tmp_path / "whole", tmp_path / "resumed")
    for step in (15, 20):
        assert_same_weights(
            tmp_path / "whole" / f"checkpoint-{step}", tmp_path / "resumed" / f"checkpoint-{step}"
        )


def test_resume_after_kill_9_equals_uninterrupted(tmp_path):
    options = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 5, "eval_steps": 5}
    options |= STOCHASTIC
    killed = run_program({"output_dir": str(tmp_path / "killed"), "kill_at_step": 13, **options})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    checkpoint = last_complete_checkpoint(tmp_path / "killed")
    assert Path(checkpoint).name == "checkpoint-10"

    resumed = toy_trainer(tmp_path / "killed", **options)
    resumed.train(resume_from_checkpoint=checkpoint)
    resumed.save_model()
    whole = toy_trainer(tmp_path / "whole", **options)
    whole.train()
    whole.save_model()
    assert logged(whole) == logged(resumed)
    assert_same_weights(tmp_path / "whole", tmp_path / "killed")


def test_two_processes_equal_one(tmp_path):
    config = {"hidden_dropout_prob": 0.0}
    options = {"config": config, "modality_dropout": 0.3, "loss": "class_weighted"}
    options |= {"train_sampling_strategy": "group_by_length", "num_train_epochs": 2}
    options |= {"per_device_eval_batch_size": 3}  # 8 conversations: an uneven last batch
    run = run_program({"output_dir": str(tmp_path / "two"), **options}, processes=2)
    assert run.returncode == 0, run.stderr
    two = json.loads((tmp_path / "two" / "report.json").read_text())
    assert two["processes"] == 2

    one = toy_trainer(tmp_path / "one", **(options | {"per_device_train_batch_size": 8}))
    one.train()
    np.testing.assert_allclose(two["losses"], logged(one), rtol=1e-4)
    scores = one.score(one.eval_dataset)
    assert two["scores"]["n"] == scores["n"]
    assert two["scores"]["accuracy"] == scores["accuracy"]
    assert two["scores"]["nll"] == pytest.approx(scores["nll"], rel=1e-4)


def parquet_files(folder, conversations):
    dataset = toy_dataset(conversations)
    files = [str(folder / f"{number}.parquet") for number in range(3)]
    for number, file in enumerate(files):
        dataset.shard(3, number, contiguous=True).to_parquet(file, batch_size=3)
    return files


class SeenConversations:
    """Records the conversations that the collator gets."""

    def __init__(self, collator):
        self.collator = collator
        self.names = []

    def __getattr__(self, name):
        return getattr(self.collator, name)

    def __call__(self, rows):
        self.names += [row["dialogue_id"] for row in rows if "dialogue_id" in row]
        return self.collator(rows)


def test_an_epoch_of_a_stream_sees_every_conversation_once(tmp_path):
    files = parquet_files(tmp_path, 30)  # 7.5 batches
    trainer = toy_trainer(tmp_path / "run", stream=files, num_train_epochs=2)
    trainer.train_collator = SeenConversations(trainer.train_collator)
    trainer.train()
    assert trainer.state.global_step == 16
    everything = sorted(toy_dataset(30)["dialogue_id"])
    first, second = trainer.train_collator.names[:30], trainer.train_collator.names[30:]
    assert sorted(first) == sorted(second) == everything
    assert first != second
    mean = feature_statistics(toy_dataset(30))["audio"][0]
    np.testing.assert_allclose(trainer.model.feature_encoders["audio"].mean, mean, rtol=1e-5)


def test_a_stream_in_two_processes_equals_one_and_resumes(tmp_path):
    options = {"stream": parquet_files(tmp_path, 30), "config": {"hidden_dropout_prob": 0.0}}
    options |= {"modality_dropout": 0.3, "loss": "class_weighted", "num_train_epochs": 2}
    run = run_program({"output_dir": str(tmp_path / "two"), **options}, processes=2)
    assert run.returncode == 0, run.stderr
    two = json.loads((tmp_path / "two" / "report.json").read_text())
    assert two["processes"] == 2

    one = toy_trainer(tmp_path / "one", **(options | {"per_device_train_batch_size": 8}))
    one.train()
    np.testing.assert_allclose(two["losses"], logged(one), rtol=1e-4)

    saving = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 5, "eval_steps": 5}
    saving |= {"save_total_limit": 9}
    whole = toy_trainer(tmp_path / "whole", **options, **saving)
    whole.train()
    again = toy_trainer(tmp_path / "again", **options, **saving)
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-10"))
    assert logged(again) == logged(whole)


@pytest.mark.slow  # four processes start, each imports everything
def test_two_processes_resume(tmp_path):
    options = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 3, "eval_steps": 3}
    options |= STOCHASTIC | {"output_dir": str(tmp_path / "whole"), "save_total_limit": 9}
    assert run_program(options, processes=2).returncode == 0
    options |= {
        "output_dir": str(tmp_path / "resumed"),
        "resume_from": str(tmp_path / "whole" / "checkpoint-6"),
    }
    run = run_program(options, processes=2)
    assert run.returncode == 0, run.stderr
    assert_same_weights(tmp_path / "whole", tmp_path / "resumed")


def test_bf16_trains(tmp_path):
    trainer = toy_trainer(tmp_path, bf16=True, num_train_epochs=6, learning_rate=5e-3)
    trainer.train()
    losses = logged(trainer)
    assert np.isfinite(losses).all()
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])
    assert all(p.dtype == torch.float32 for p in trainer.model.parameters())


def test_scores_are_those_of_labelled_utterances_in_the_order_of_the_data(tmp_path):
    trainer = toy_trainer(tmp_path, per_device_eval_batch_size=3)
    rows = list(toy_dataset(10, seed=2))
    rows[0]["labels"] = [IGNORE_INDEX] * len(rows[0]["labels"])
    output = trainer.predict_fields(rows, ("logits", "strengths"))
    assert output["logits"].shape[:2] == output["strengths"].shape[:2] == output["labels"].shape
    trainer.model.eval()
    for i, row in enumerate(rows):
        batch = trainer.data_collator([row])
        with torch.no_grad():
            alone = trainer.model(**{k: v for k, v in batch.items() if k != "labels"})
        length = len(row["labels"])
        np.testing.assert_allclose(output["logits"][i, :length], alone.logits[0], atol=1e-5)
        np.testing.assert_allclose(output["strengths"][i, :length], alone.strengths[0], atol=1e-5)
        assert output["labels"][i, :length].tolist() == row["labels"]
        assert (output["labels"][i, length:] == IGNORE_INDEX).all()
    labelled = output["labels"] != IGNORE_INDEX
    assert not labelled[0].any()
    expected = metrics.compute(output["logits"][labelled], output["labels"][labelled], LABELS)
    assert trainer.score(rows) == expected
    logs = trainer.evaluate(rows)
    assert logs["eval_weighted_f1"] == expected["weighted_f1"]
    assert logs["eval_f1_cross"] == expected["per_class_f1"]["cross"]


def test_class_counts_reach_the_loss(tmp_path):
    trainer = toy_trainer(tmp_path, loss="class_weighted")
    counts = class_counts(trainer.train_dataset, 3)
    assert counts.sum() == sum(len(row) for row in trainer.train_dataset["labels"])
    loss = trainer.criterion(torch.zeros(3, 3), torch.arange(3))
    weights = counts**-0.5
    np.testing.assert_allclose(loss / loss[0], weights / weights[0], rtol=1e-5)


def test_early_stopping(tmp_path):
    trainer = toy_trainer(
        tmp_path, num_train_epochs=9, learning_rate=1e-9, early_stopping_patience=2
    )
    trainer.train()
    assert trainer.state.global_step == 3 * 8  # never better than after the first epoch


def test_the_best_epoch_is_kept(tmp_path):
    trainer = toy_trainer(tmp_path, num_train_epochs=4, learning_rate=5e-3)
    trainer.train()
    scores = logged(trainer, "eval_weighted_f1")
    assert trainer.score(trainer.eval_dataset)["weighted_f1"] == max(scores)


def test_a_saved_folder_has_code_and_no_pickle(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=1, save_strategy="no", load_best_model_at_end=False)
    trainer.train()
    trainer.save_model()
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {"config.json", "model.safetensors", "training_args.json"} <= names
    assert {"modeling_synctva.py", "pipeline_synctva.py"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth"))]
    kept = json.loads((tmp_path / "training_args.json").read_text())
    assert kept["seed"] == 5 and kept["output_dir"] == tmp_path.name, "a path tells who trained it"
    reloaded = SyncTVAForEmotionRecognition.from_pretrained(tmp_path)
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, reloaded.state_dict()[name]), name


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_files_of_a_saved_folder_have_the_mode_of_new_files(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        toy_trainer(tmp_path / "run").save_model()
    finally:
        os.umask(before)
    files = [path for path in (tmp_path / "run").iterdir() if path.is_file()]
    assert (tmp_path / "run/model.safetensors") in files
    assert {path.stat().st_mode & 0o777 for path in files} == {mode}


def test_calibration_is_saved_with_the_model_and_leaves_its_answers(tmp_path):
    trainer = toy_trainer(tmp_path / "run", num_train_epochs=1)
    dev = toy_dataset(12, seed=1)
    before = trainer.predict_fields(dev)["logits"]
    trainer.calibrate(dev)
    trainer.save_model()
    np.testing.assert_array_equal(trainer.predict_fields(dev)["logits"], before)
    config = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "run").config
    assert config.calibration_temperature == trainer.config.calibration_temperature != 1
    assert config.conformal_thresholds == trainer.config.conformal_thresholds
    # Of the twelve conversations of dev each has a thirteenth: up to 12 / 13 can be promised.
    assert config.conformal_thresholds[92 - 1] < 1 == config.conformal_thresholds[93 - 1]


def test_too_little_to_calibrate_on_changes_nothing(tmp_path):
    trainer = toy_trainer(tmp_path)
    with pytest.raises(TooLittleToCalibrateError, match="conversations = 8: expected at least"):
        trainer.calibrate(trainer.eval_dataset)
    assert not trainer.config.is_calibrated


@pytest.mark.parametrize("own_loss", [False, True])
def test_training_drops_a_calibration_until_the_model_is_calibrated_again(
    tmp_path, caplog, own_loss
):
    trainer = toy_trainer(tmp_path / "run", num_train_epochs=1)
    trainer.calibrate(toy_dataset(12, seed=1))
    trainer.save_model()
    loss = {"compute_loss_func": lambda output, labels, **_: output.logits.square().mean()}
    again = SyncTVATrainer(
        str(tmp_path / "run"), trainer.args, trainer.train_dataset, trainer.eval_dataset,
        **(loss if own_loss else {}),
    )  # fmt: skip
    assert again.config.is_calibrated
    again.train()
    assert not again.config.is_calibrated
    said = [r.getMessage() for r in caplog.records if "Training changes" in r.getMessage()]
    assert len(said) == 1 and "Calibrate again" in said[0]
    again.save_model()
    saved = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "run").config
    assert not saved.is_calibrated
    again.calibrate(toy_dataset(12, seed=1))
    assert again.config.is_calibrated


def test_training_by_other_means_drops_a_calibration_too():
    model = toy_model(calibration_temperature=0.5, conformal_thresholds=[0.5] * 99)
    model(**toy_batch())  # evaluation
    with torch.no_grad():
        model.train()(**toy_batch())  # dropout without training
    assert model.config.is_calibrated
    model(**toy_batch())
    assert not model.config.is_calibrated


def test_base_rates_are_those_of_the_last_training_set(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=1)
    trainer.train()
    first = trainer.model.class_prior.clone()
    rows = toy_dataset(10, seed=9).map(
        lambda row: {"labels": [2] * len(row["labels"])}, load_from_cache_file=False
    )
    SyncTVATrainer(trainer.model, trainer.args, rows, trainer.eval_dataset).train()
    assert first.argmax() != 2 or first.max() < 0.6
    assert trainer.model.class_prior.argmax() == 2 and trainer.model.class_prior.max() > 0.9


def test_a_run_without_some_modalities(tmp_path):
    trainer = toy_trainer(tmp_path, modalities=("text",), num_train_epochs=1)
    trainer.train()
    assert np.isfinite(logged(trainer)).all()
    assert (trainer.model.synctva.encoders["audio"].deviation == 1).all()


def test_evaluation_needs_no_training_data(tmp_path):
    trainer = SyncTVATrainer(
        SyncTVAForEmotionRecognition(toy_config()),
        SyncTVATrainingArguments(output_dir=str(tmp_path), use_cpu=True, disable_tqdm=True),
        eval_dataset=toy_dataset(3),
    )
    assert trainer.evaluate()["eval_n"] > 0
    assert isinstance(trainer.eval_dataset, Dataset)
