"""Arguments of `SyncTVATrainer`: those of transformers with other defaults, and a few more."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

import torch
from transformers import TrainingArguments

from synctva.losses import CRITERIA

FIXED = {
    "label_names": (["labels"], "the batches name them so"),
    "length_column_name": ("length", "the utterances are counted"),
    "batch_eval_metrics": (False, "the scores are computed from all answers at once"),
    "eval_do_concat_batches": (True, "the scores are computed from all answers at once"),
    "include_num_input_tokens_seen": ("no", "the inputs are not tokens"),
    "neftune_noise_alpha": (None, "there are no word embeddings to add noise to"),
    "use_cache": (False, "nothing is generated"),
    "use_liger_kernel": (False, "there are no Liger kernels for this model"),
}
"""Arguments of transformers that must keep this value, and why: another would have no effect, or a
wrong one."""

TRAINING_ARGUMENTS = "training_args.json"
"""The file of a model folder that has them."""

LOWER_IS_BETTER = ("loss", "nll", "ece")


def _installed_loggers() -> list[str]:
    return ["tensorboard"] if importlib.util.find_spec("tensorboard") else []


def shown(arguments: TrainingArguments) -> str:
    """Return arguments with the values that are not their defaults, and no token; `str` has all."""
    values = []
    for field_ in fields(arguments):
        name, value = field_.name, getattr(arguments, field_.name)
        default = field_.default if field_.default_factory is MISSING else field_.default_factory()
        plain = isinstance(value, str | int | float | list | tuple | dict)
        if plain and (value or default) and value != default:
            values.append(f"{name}=<{name.upper()}>" if "token" in name else f"{name}={value!r}")
    return f"{type(arguments).__name__}({', '.join(values)})"


@dataclass(repr=False)
class SyncTVATrainingArguments(TrainingArguments):
    """transformers' arguments and these; `label_smoothing_factor` applies to every loss.

    Those of transformers' arguments that would have no effect are refused. docs/training.md says
    for each argument whether it is used.

    Attributes:
        loss: name of the training loss, see `build_criterion`.
        focal_gamma, class_balanced_beta, logit_adjustment_tau: parameters of those losses.
        modality_dropout: probability of masking a present modality of a training utterance.
        backbone_learning_rate: of a text backbone that is trained end to end.
        early_stopping_patience: evaluations without a better dev score before training stops; 0
            trains to the end.
        ema_decay: decay of an exponential moving average of the weights, which is then evaluated
            and saved in place of the weights; 0 for none.
    """

    _argument_group_name = "training: all of transformers' TrainingArguments, then Sync-TVA's own"

    loss: str = field(
        default="cross_entropy",
        metadata={"help": "Training loss.", "choices": list(CRITERIA)},
    )
    focal_gamma: float = field(default=2.0, metadata={"help": "Exponent of the focal loss."})
    class_balanced_beta: float = field(
        default=0.999, metadata={"help": "Beta of the class-balanced loss."}
    )
    logit_adjustment_tau: float = field(
        default=1.0, metadata={"help": "Strength of the logit adjustment."}
    )
    modality_dropout: float = field(
        default=0.0, metadata={"help": "Probability of masking a present modality in training."}
    )
    backbone_learning_rate: float = field(
        default=3e-5, metadata={"help": "Learning rate of a text backbone, if there is one."}
    )
    early_stopping_patience: int = field(
        default=0, metadata={"help": "Evaluations without a better dev score; 0: never stop early."}
    )
    ema_decay: float = field(
        default=0.0, metadata={"help": "Decay of the moving average of the weights; 0: none."}
    )

    # transformers' arguments with other defaults.
    per_device_train_batch_size: int = 16
    per_device_eval_batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.1  # below 1: a share of all steps
    logging_steps: float = 50
    eval_strategy: str = "epoch"
    save_strategy: str = "epoch"
    save_total_limit: int | None = 1  # the best is kept as well as the newest
    load_best_model_at_end: bool = True
    metric_for_best_model: str | None = "weighted_f1"
    greater_is_better: bool | None = None  # whether it is follows from the metric
    # The model packs its inputs, so that grouping by length would save little more than padding,
    # and it makes steps less varied; `group_by_length` is for a text backbone.
    train_sampling_strategy: str = field(
        default="random",
        metadata={"choices": ["random", "sequential", "group_by_length"]},
    )
    # The trainer selects the columns itself: the collator needs more of them than `forward`.
    remove_unused_columns: bool = False
    label_names: list[str] | None = field(default_factory=lambda: ["labels"])
    # None first: HfArgumentParser reads the union by position.
    report_to: None | str | list[str] = field(default_factory=_installed_loggers)  # noqa: RUF036

    def __post_init__(self) -> None:
        metric = self.metric_for_best_model
        if self.greater_is_better is None and metric is not None:
            self.greater_is_better = not metric.endswith(LOWER_IS_BETTER)
        if self.label_names is None:
            self.label_names = ["labels"]
        super().__post_init__()
        for name, (only, reason) in FIXED.items():
            if getattr(self, name, only) != only:
                raise ValueError(f"{name} = {getattr(self, name)!r}: expected {only!r}: {reason}")
        if "inputs" in self.include_for_metrics:
            raise ValueError(
                f"include_for_metrics = {self.include_for_metrics}: expected no 'inputs', which "
                "are not a single tensor here"
            )
        if self.train_sampling_strategy == "batch_rebalance":
            raise ValueError(
                "train_sampling_strategy = 'batch_rebalance': expected 'random', 'sequential' or "
                "'group_by_length', whose steps do not depend on the number of processes"
            )
        for name in ("dispatch_batches", "split_batches"):
            if getattr(self.accelerator_config, name):
                raise ValueError(
                    f"accelerator_config.{name} = True: expected False: each process reads its own "
                    "batches, because a packed graph cannot be split between processes"
                )
        self.accelerator_config.dispatch_batches = False  # None leaves the choice to Accelerate
        if self.loss not in CRITERIA:
            raise ValueError(f"loss = {self.loss!r}: expected one of {CRITERIA}")
        for name in ("modality_dropout", "ema_decay"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} = {value!r}: expected a number in [0, 1)")
        if self.early_stopping_patience < 0:
            raise ValueError(
                f"early_stopping_patience = {self.early_stopping_patience!r}: expected 0 or more"
            )
        if self.fp16 and self.device.type == "cpu":
            raise ValueError("fp16 = True: expected a GPU; on a CPU use bf16")
        if self.device.type == "cpu":
            self.dataloader_pin_memory = False  # only useful with a GPU; torch would warn
        if self.torch_compile:
            # Otherwise compilation stops at every GRU, even one that only holds weights, as in the
            # context encoder.
            torch._dynamo.config.allow_rnn = True

    def __repr__(self) -> str:
        return shown(self)


def published(arguments: TrainingArguments) -> str:
    """Return the arguments as JSON for a model folder, in which no path tells who trained it."""
    values = json.loads(arguments.to_json_string())
    names = {
        name: Path(value).name
        for name, value in values.items()
        if isinstance(value, str) and Path(value).is_absolute()
    }
    return json.dumps({**values, **names}, indent=2)


__all__ = ["TRAINING_ARGUMENTS", "SyncTVATrainingArguments", "published", "shown"]
