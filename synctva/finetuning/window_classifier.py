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
    """Windows of conversations with their targets, and their frozen states if there are any.

    Args:
        windows: of all conversations.
        targets: (U, C) shares of the labels in each utterance that a window classifies; 0 where
            unknown. C counts the labels of all corpora.
        items: indices of the windows of each item of the data set: one, or several short ones.
    """

    def __init__(
        self,
        windows: Sequence[TokenWindow],
        targets: Sequence[np.ndarray],
        items: Sequence[Sequence[int]],
    ):
        self.windows = windows
        self.targets = targets
        self.items = items
        self.states: TokenStates | None = None

    def class_counts(self) -> np.ndarray:
        """Sum the shares of each label among the items. -> (C,)"""
        return np.sum([self.targets[i].sum(0) for item in self.items for i in item], axis=0)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.items[index]
        windows = [self.windows[i] for i in item]
        return {
            # transformers' sampler groups items by the length of these.
            "input_ids": max((window.input_ids for window in windows), key=len),
            "windows": windows,
            "targets": [self.targets[i] for i in item],
            "states": None if self.states is None else [self.states[i] for i in item],
        }


def bundles(windows: Sequence[TokenWindow], indices: Sequence[int], tokens: int) -> list[list[int]]:
    """Bundle windows of similar length, so that an item of short texts is as large as of long ones.

    Args:
        windows: of all conversations.
        indices: of those to bundle.
        tokens: of a bundle, padding included, at most; a longer window is a bundle of its own.
    """
    bundled: list[list[int]] = []
    for index in sorted(indices, key=lambda i: -len(windows[i].input_ids)):
        room = tokens // len(windows[bundled[-1][0]].input_ids) if bundled else 0
        if bundled and len(bundled[-1]) < room:
            bundled[-1].append(index)
        else:
            bundled.append([index])
    return bundled


class WindowCollator:
    """Collates items of `WindowDataset` into arguments of `WindowClassifier`."""

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer

    def __call__(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        tokens, owners = pad_windows([w for item in items for w in item["windows"]], self.tokenizer)
        found = [torch.from_numpy(t) for item in items for t in item["targets"]]
        targets = nn.utils.rnn.pad_sequence(found, batch_first=True)  # (B, U, C)
        batch = {
            "attention_mask": tokens["attention_mask"],
            "owners": owners,
            "targets": targets,
            # The likeliest label, by which the Trainer counts and scores.
            "labels": targets.argmax(-1).masked_fill(targets.sum(-1) == 0, IGNORE_INDEX),
        }
        if items[0]["states"] is None:
            return {**batch, "input_ids": tokens["input_ids"]}
        states = [rows for item in items for rows in item["states"]]
        return {**batch, "inputs_embeds": nn.utils.rnn.pad_sequence(states, True).float()}


class FinetuningTrainer(AveragingTrainer, WholeCheckpointTrainer):
    """A Trainer with layer-wise learning rates, averaged weights, our losses and scores.

    Args:
        label_sets: names of the labels of each classifier, in the order of the logits. Dev is
            scored by the first.
        class_counts: of all labels, by which the losses weight them.
    """

    args: FinetuningArguments

    def __init__(
        self,
        *args: Any,
        label_sets: Sequence[Sequence[str]],
        class_counts: np.ndarray,
        **kwargs: Any,
    ):
        super().__init__(*args, compute_metrics=self._scores, **kwargs)
        self.names = label_sets[0]
        self.sizes = [len(names) for names in label_sets]
        self.criteria = [
            build_criterion(
                self.args.loss,
                counts.tolist(),
                label_smoothing=self.args.label_smoothing_factor,
            ).to(self.args.device)
            for counts in np.split(class_counts, np.cumsum(self.sizes)[:-1])
        ]

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        targets = inputs["targets"]
        outputs = model(**{name: value for name, value in inputs.items() if name != "targets"})
        loss = outputs["logits"].new_zeros(())
        for criterion, logits, shares in zip(
            self.criteria,
            outputs["logits"].split(self.sizes, -1),
            targets.split(self.sizes, -1),
            strict=True,
        ):
            known = shares.sum(-1) > 0
            loss = loss + expected_loss(criterion, logits[known], shares[known]).sum()
        labelled = inputs["labels"] != IGNORE_INDEX
        items = labelled.sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch
        loss = loss / items
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
        logits = prediction.predictions[..., : len(self.names)]
        return metrics.log_scores(logits, prediction.label_ids, self.names)


def expected_loss(criterion: Any, logits: Tensor, shares: Tensor) -> Tensor:
    """Return each item's loss, averaged over its labels. (K, C), (K, C) -> (K,)

    Args:
        criterion: takes logits (K, C) and labels (K,), see `build_criterion`.
        logits: of the items.
        shares: of the labels in each item's target, with sum 1.
    """
    count, size = shares.shape
    labels = torch.arange(size, device=logits.device).repeat(count)
    losses = criterion(logits.repeat_interleave(size, dim=0), labels).view(count, size)
    return (losses * shares).sum(-1)


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
    "bundles",
    "expected_loss",
    "parameter_groups",
]
