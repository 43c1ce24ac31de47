"""A classifier of the utterances in an encoder's windows: model, data and training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import EvalPrediction

from synctva import metrics
from synctva.finetuning.arguments import FinetuningArguments
from synctva.finetuning.token_states import TokenStates
from synctva.losses import build_criterion
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.modeling_synctva.text_windows import TokenWindow, pad_windows, pool_windows
from synctva.trainer.averaging import AveragingTrainer
from synctva.trainer.checkpoints import WholeCheckpointTrainer


class WindowClassifier(nn.Module):
    """An encoder, its states pooled for each utterance, and a classifier of two layers.

    Shapes:
        `input_ids` (B, L), or states of the frozen layers `inputs_embeds` (B, L, D);
        `attention_mask` and `owners` (B, L), see `pad_windows`; `labels` (B, U) → logits (B, U, C).
    """

    def __init__(self, encoder: Any, num_labels: int, dropout: float):
        super().__init__()
        width = encoder.config.hidden_size
        self.config = encoder.config  # read by transformers' Trainer
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.Tanh(),
            nn.Dropout(dropout),
            nn.Linear(width, num_labels),
        )

    def forward(self, owners: Tensor, labels: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        states = self.encoder(**inputs).last_hidden_state.float()
        return {"logits": self.head(pool_windows(states, owners, labels.shape[1])).float()}


class WindowDataset(torch.utils.data.Dataset):
    """Windows of conversations with their labels, and their frozen states if there are any.

    Args:
        windows: of all conversations.
        labels: of the utterances that each window classifies, `IGNORE_INDEX` where unknown.
        items: indices of the windows that are items of the data set.
    """

    def __init__(
        self,
        windows: Sequence[TokenWindow],
        labels: Sequence[Sequence[int]],
        items: Sequence[int],
    ):
        self.windows = windows
        self.labels = labels
        self.items = items
        self.states: TokenStates | None = None

    def class_counts(self, num_labels: int) -> np.ndarray:
        """Count the labelled utterances of each class among the items. -> (C,)"""
        known = [label for i in self.items for label in self.labels[i] if label >= 0]
        return np.bincount(known, minlength=num_labels)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        index = self.items[index]
        window = self.windows[index]
        return {
            "input_ids": window.input_ids,  # transformers' sampler groups by their length
            "window": window,
            "labels": self.labels[index],
            "states": None if self.states is None else self.states[index],
        }


class WindowCollator:
    """Collates items of `WindowDataset` into arguments of `WindowClassifier`."""

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer

    def __call__(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        tokens, owners = pad_windows([item["window"] for item in items], self.tokenizer)
        labels = [torch.tensor(item["labels"]) for item in items]
        batch = {
            "attention_mask": tokens["attention_mask"],
            "owners": owners,
            "labels": nn.utils.rnn.pad_sequence(labels, True, IGNORE_INDEX),
        }
        if items[0]["states"] is None:
            return {**batch, "input_ids": tokens["input_ids"]}
        states = nn.utils.rnn.pad_sequence([item["states"] for item in items], batch_first=True)
        return {**batch, "inputs_embeds": states.float()}


class FinetuningTrainer(AveragingTrainer, WholeCheckpointTrainer):
    """A Trainer with layer-wise learning rates, averaged weights, our losses and scores."""

    args: FinetuningArguments

    def __init__(self, *args: Any, class_counts: np.ndarray, names: Sequence[str], **kwargs: Any):
        super().__init__(*args, compute_metrics=self._scores, **kwargs)
        self.names = names
        self.criterion = build_criterion(
            self.args.loss,
            class_counts.tolist(),
            label_smoothing=self.args.label_smoothing_factor,
        ).to(self.args.device)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(**inputs)
        labels = inputs["labels"]
        labelled = labels != IGNORE_INDEX
        losses = self.criterion(outputs["logits"][labelled], labels[labelled])
        items = labelled.sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch
        loss = losses.sum() / items
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes  # gradients are averaged, not summed
        return (loss, outputs) if return_outputs else loss

    optimizer: torch.optim.Optimizer | None

    def create_optimizer(self, model=None):
        if self.optimizer is None:
            kind, settings = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            self.optimizer = kind(parameter_groups(self.model, self.args), **settings)
        return self.optimizer

    def _scores(self, prediction: EvalPrediction) -> dict[str, float]:
        return metrics.log_scores(prediction.predictions, prediction.label_ids, self.names)


def parameter_groups(model: WindowClassifier, arguments: FinetuningArguments) -> list[dict]:
    """Group the trained parameters; the learning rate decays from each layer to the one below."""
    layers: Any = model.encoder.encoder.layer
    depth_of = {id(p): i for i, layer in enumerate(layers) for p in layer.parameters()}
    head = {id(parameter) for parameter in model.head.parameters()}
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        rate = arguments.head_learning_rate
        if id(parameter) not in head:  # the embeddings, in no layer, are below all of them
            below_top = len(layers) - 1 - depth_of.get(id(parameter), -1)
            rate = arguments.learning_rate * arguments.layer_decay**below_top
        decay = arguments.weight_decay if parameter.dim() > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]


__all__ = [
    "FinetuningTrainer",
    "WindowClassifier",
    "WindowCollator",
    "WindowDataset",
    "parameter_groups",
]
