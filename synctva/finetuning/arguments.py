"""Arguments of the fine-tuning: those of transformers with other defaults, and a few more."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import TrainingArguments

from synctva.losses import CRITERIA
from synctva.trainer.arguments import LOWER_IS_BETTER, shown


@dataclass(repr=False)
class FinetuningArguments(TrainingArguments):
    """transformers' arguments and these.

    Attributes:
        frozen_layers: number of lower layers that, with the embeddings, are not trained; 0 trains
            all.
        layer_decay: ratio of each layer's learning rate to that of the layer above it.
        head_learning_rate: of the classifier.
        dropout: of the pooled states.
        ema_decay: decay of a moving average of the weights, which is then evaluated and saved in
            place of the weights; 0 for none.
        loss: see `build_criterion`; `label_smoothing_factor` applies to every loss.
    """

    frozen_layers: int = field(default=6, metadata={"help": "Layers that are not trained."})
    layer_decay: float = field(default=0.9, metadata={"help": "Learning rate, layer to layer."})
    head_learning_rate: float = field(default=1e-3, metadata={"help": "Of the classifier."})
    dropout: float = field(default=0.2, metadata={"help": "Of the pooled states."})
    ema_decay: float = field(
        default=0.99, metadata={"help": "Decay of the moving average of the weights; 0: none."}
    )
    loss: str = field(
        default="class_weighted",
        metadata={"help": "Training loss.", "choices": list(CRITERIA)},
    )

    # transformers' arguments with other defaults.
    learning_rate: float = 8e-5
    num_train_epochs: float = 3
    per_device_train_batch_size: int = 4
    weight_decay: float = 0.01
    adam_beta2: float = 0.98
    adam_epsilon: float = 1e-6
    label_smoothing_factor: float = 0.1
    warmup_steps: float = 0.1  # below 1: a share of all steps
    bf16: bool = True
    use_cpu: bool = False
    logging_steps: float = 50
    eval_strategy: str = "epoch"
    save_strategy: str = "epoch"
    save_total_limit: int | None = 1
    load_best_model_at_end: bool = True
    metric_for_best_model: str | None = "weighted_f1"
    greater_is_better: bool | None = None  # whether it is follows from the metric
    # Windows of similar length in a batch, because the encoder computes on padding too.
    train_sampling_strategy: str = "group_by_length"
    remove_unused_columns: bool = False
    label_names: list[str] | None = field(default_factory=lambda: ["labels"])

    def __post_init__(self) -> None:
        # transformers only accepts bf16 without a GPU if use_cpu is set.
        self.use_cpu = self.use_cpu or not torch.cuda.is_available()
        metric = self.metric_for_best_model
        if self.greater_is_better is None and metric is not None:
            self.greater_is_better = not metric.endswith(LOWER_IS_BETTER)
        super().__post_init__()
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay = {self.layer_decay!r}: expected a number in (0, 1]")
        for name in ("dropout", "ema_decay"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} = {value!r}: expected a number in [0, 1)")
        if self.device.type == "cpu":
            self.dataloader_pin_memory = False  # only useful with a GPU; torch would warn

    def __repr__(self) -> str:
        return shown(self)


__all__ = ["FinetuningArguments"]
