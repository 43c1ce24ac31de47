"""What the user gives `SyncTVATrainer` beside data: each is used, or refused by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import ProcessorMixin

from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.collator import SyncTVACollator


def check_model(model: Any) -> None:
    """Refuse a model without our loss. Code from a checkpoint has classes of its own.

    Raises:
        TypeError: the model has no emotion classifiers.
    """
    if not hasattr(model, "emotion_loss"):
        raise TypeError(
            f"model = {type(model).__name__}: expected SyncTVAForEmotionRecognition, or this model "
            "with PEFT's adapters"
        )


def check_arguments(
    args: Any, processor: Any, eval_dataset: Any, data_collator: Any, compute_loss_func: Any
) -> None:
    """Check that the arguments of `SyncTVATrainer` can be used together.

    Raises:
        TypeError: the training arguments or the processor are of another kind.
        ValueError: an argument would have no effect beside another one.
    """
    if not isinstance(args, SyncTVATrainingArguments):
        raise TypeError(
            f"args = {type(args).__name__}: expected SyncTVATrainingArguments, which takes the "
            "same options"
        )
    if processor is not None and not isinstance(processor, ProcessorMixin):
        raise TypeError(
            f"processing_class = {type(processor).__name__}: expected a SyncTVAProcessor, with "
            "which the saved model reads conversations"
        )
    dropout = getattr(data_collator, "modality_dropout", 0)
    if data_collator is not None and args.modality_dropout:
        raise ValueError(
            f"modality_dropout = {args.modality_dropout}: expected 0, because data_collator makes "
            "the batches"
        )
    if dropout and isinstance(data_collator, SyncTVACollator):
        raise ValueError(
            f"data_collator.modality_dropout = {dropout}: expected 0, because it makes the batches "
            f"of evaluation too; without data_collator, SyncTVATrainingArguments("
            f"modality_dropout={dropout}) drops modalities in training only"
        )
    if compute_loss_func is not None:
        for name, only in (("loss", "cross_entropy"), ("label_smoothing_factor", 0)):
            if getattr(args, name) != only:
                raise ValueError(
                    f"{name} = {getattr(args, name)!r}: expected {only!r}, because "
                    "compute_loss_func is the loss"
                )
    metric = args.metric_for_best_model
    if isinstance(eval_dataset, Mapping) and metric is not None and args.eval_strategy != "no":
        metric = metric.removeprefix("eval_")
        if not metric.startswith(tuple(f"{name}_" for name in eval_dataset)):
            expected = ", ".join(repr(f"{name}_{metric}") for name in eval_dataset)
            raise ValueError(
                f"metric_for_best_model = {metric!r}: expected one of {expected}, because "
                "eval_dataset has several sets"
            )


__all__ = ["check_arguments", "check_model"]
