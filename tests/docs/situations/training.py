"""Training and evaluation in Python."""

from __future__ import annotations

from pathlib import Path

from datasets import DatasetDict
from transformers import TrainingArguments

from synctva import SyncTVAProcessor, prepare_training
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.trainer import SyncTVATrainer
from tests.support.toy import WIDTHS, toy_dataset, toy_model
from tests.support.training_program import toy_trainer

from . import said, situation


def arguments(folder: Path, **changes) -> SyncTVATrainingArguments:
    """Arguments for a trainer without an evaluation set."""
    settings = {"eval_strategy": "no", "load_best_model_at_end": False, "report_to": "none"}
    return SyncTVATrainingArguments(str(folder), use_cpu=True, **settings, **changes)


@situation("`SyncTVATrainer` gets texts and no features")
def texts_without_features(folder: Path) -> str:
    return said(lambda: toy_trainer(folder, modalities=()))


@situation("`SyncTVATrainer` gets texts, and features of the voice alone")
def texts_beside_features(folder: Path) -> str:
    return said(lambda: toy_trainer(folder, modalities=("audio",)))


@situation("a model that was trained with text is evaluated without")
def evaluated_without_text(folder: Path) -> str:
    model = toy_model()
    model.feature_encoders["text"].mean += 1
    data = toy_dataset(8).remove_columns("text_features")
    return said(lambda: SyncTVATrainer(model, arguments(folder)).score(data))


@situation("the data has features that the model does not read")
def unread_features(folder: Path) -> str:
    data = toy_dataset(8)
    data = data.add_column("gaze_features", data["audio_features"][:])
    return said(lambda: SyncTVATrainer(toy_model(), arguments(folder), data))


@situation("the labels of the data are not those of the model")
def other_labels(folder: Path) -> str:
    model = toy_model(id2label={0: "glad", 1: "cross", 2: "calm"})
    return said(lambda: SyncTVATrainer(model, arguments(folder)).score(toy_dataset(8)))


@situation("all splits are given as `train_dataset`")
def all_splits(folder: Path) -> str:
    splits = {"train": toy_dataset(8), "dev": toy_dataset(4)}
    return said(lambda: SyncTVATrainer(toy_model(), arguments(folder), splits))


@situation("`SyncTVATrainer` gets transformers' `TrainingArguments`")
def plain_arguments(folder: Path) -> str:
    plain = TrainingArguments(str(folder), use_cpu=True, report_to=[])
    return said(lambda: SyncTVATrainer(toy_model(), plain))


@situation("an argument of transformers would have no effect")
def argument_without_effect(folder: Path) -> str:
    return said(lambda: arguments(folder, neftune_noise_alpha=5.0))


@situation("a loss is given, and another one named")
def two_losses(folder: Path) -> str:
    focal = arguments(folder, loss="focal")
    loss = {"compute_loss_func": lambda output, labels, **_: output.logits.sum()}
    return said(lambda: SyncTVATrainer(toy_model(), focal, **loss))


def _from_checkpoint(folder: Path, **options) -> str:
    """Save a model of three labels with its processor, and prepare a training that starts there."""
    changes = {name: options.pop(name) for name in ("id2label",) if name in options}
    toy_model(**changes).save_pretrained(folder)
    SyncTVAProcessor(WIDTHS["text"], None, WIDTHS["audio"]).save_pretrained(folder)
    data = DatasetDict(train=toy_dataset(4), dev=toy_dataset(2, seed=1))
    return said(lambda: prepare_training(data, folder, **options))


@situation("training starts from a checkpoint with some other labels, and the data has faces")
def partly_other_labels(folder: Path) -> str:
    return _from_checkpoint(folder, id2label={0: "calm", 1: "glad", 2: "bored", 3: "tired"})


@situation("training starts from a checkpoint on a modality that it does not take")
def modality_of_no_checkpoint(folder: Path) -> str:
    return _from_checkpoint(folder, modalities=["text", "visual"])


@situation("`--config` is given beside `--model`")
def config_beside_model(folder: Path) -> str:
    return _from_checkpoint(folder, config="meld")


@situation("training starts from a checkpoint whose features have another width")
def other_widths(folder: Path) -> str:
    toy_model(audio_dim=3).save_pretrained(folder)
    SyncTVAProcessor(WIDTHS["text"], None, 3).save_pretrained(folder)
    data = DatasetDict(train=toy_dataset(4, modalities=("text", "audio")))
    return said(lambda: prepare_training(data, folder))


@situation("training starts from a folder without a processor")
def no_processor(folder: Path) -> str:
    toy_model().save_pretrained(folder)
    return said(lambda: prepare_training(DatasetDict(train=toy_dataset(4)), folder))
