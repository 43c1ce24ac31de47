"""Fine-tune an encoder on a corpus and make the corpus' text features with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import CONFIG_NAME

from synctva.datasets_scripts.corpora.labelled_text import (
    LabelledTexts,
    TextCorpus,
    without_lines_of,
)
from synctva.datasets_scripts.corpora.labelled_text.corpus import equal_shares
from synctva.features.text import encode_split
from synctva.finetuning.arguments import FinetuningArguments
from synctva.finetuning.token_states import cached_token_states, split_encoder
from synctva.finetuning.window_classifier import (
    FinetuningTrainer,
    WindowClassifier,
    WindowCollator,
    WindowDataset,
    bundles,
)
from synctva.modeling_synctva.text_encoder import TextEncoder
from synctva.modeling_synctva.text_weights import WEIGHTS, file_sha256
from synctva.modeling_synctva.text_windows import TokenWindow, conversation_windows
from synctva.trainer.checkpoints import last_complete_checkpoint
from synctva.trainer.epoch_lines import show_epochs

CONTEXT = {"tokens": 256, "past": 128, "future": 48, "turn": 100}
"""Windows for encoders with 512 positions; most conversations of MELD fit into one."""

SPEC_FILE = "text_encoder.json"


@dataclass
class Finetuner:
    """Fine-tunes an encoder on a corpus, once or once per fold.

    Attributes:
        source: folder or Hub name of the encoder.
        data: splits with `utterance_ids`, `texts`, `speakers` and `labels`.
        cache_dir: folder in which the frozen layers' states are cached.
        context: of the windows, see `conversation_windows`.
        also: further corpora to learn from; conversations with a line of dev or test are left out.
            Each set of labels has a classifier of its own.
        targets: (C,) shares of the labels in the targets of training utterances, by utterance;
            those of the others are their labels.
    """

    source: str
    data: DatasetDict
    cache_dir: Path
    context: Mapping[str, int] = field(default_factory=lambda: dict(CONTEXT))
    also: Sequence[TextCorpus] = ()
    targets: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        self.tokenizer = AutoTokenizer.from_pretrained(self.source)
        self.names = tuple(self.data["train"].features["labels"].feature.names)
        held = [
            text
            for name, split in self.data.items()
            if name != "train"
            for row in split["texts"]
            for text in row
        ]
        self.also = [without_lines_of(corpus, held) for corpus in self.also]
        self.label_sets = list(
            dict.fromkeys([self.names, *(corpus.label_names for corpus in self.also)])
        )

    def _conversations(
        self, split: Dataset, targets: Mapping[str, np.ndarray]
    ) -> list[LabelledTexts]:
        """Return the conversations of a split, with these targets where there are any."""
        rows = split.select_columns(["utterance_ids", "texts", "speakers", "labels"])
        conversations = []
        for row in rows:
            labels = [[label] if label >= 0 else [] for label in row["labels"]]
            shares = equal_shares(labels, len(self.names))
            for index, name in enumerate(row["utterance_ids"]):
                shares[index] = targets.get(name, shares[index])
            conversations.append(LabelledTexts(row["texts"], row["speakers"], shares))
        return conversations

    def windows(
        self,
        conversations: Sequence[LabelledTexts],
        held: Collection[int] = (),
        also: Sequence[TextCorpus] = (),
    ) -> WindowDataset:
        """Return the windows of conversations with their targets.

        Args:
            conversations: with the labels of the corpus.
            held: numbers of conversations whose windows are not among the items.
            also: further corpora; their short windows share items.
        """
        own = TextCorpus("", self.names, list(conversations))
        first_label = np.cumsum([0, *map(len, self.label_sets)])
        windows: list[TokenWindow] = []
        targets: list[np.ndarray] = []
        items: list[list[int]] = []
        for corpus in (own, *also):
            start = len(windows)
            first = first_label[self.label_sets.index(corpus.label_names)]
            for number, (texts, speakers, shares) in enumerate(corpus.conversations):
                for window in conversation_windows(texts, speakers, self.tokenizer, **self.context):
                    if corpus is own and number not in held:
                        items.append([len(windows)])
                    windows.append(window)
                    padding = (first, first_label[-1] - first - shares.shape[1])
                    rows = shares[window.start : window.stop]
                    targets.append(np.pad(rows, ((0, 0), padding)))
            if corpus is not own:
                added = range(start, len(windows))
                items += bundles(windows, added, self.context["tokens"])
        return WindowDataset(windows, targets, items)

    def fit(
        self, arguments: FinetuningArguments, held: Collection[int] = ()
    ) -> tuple[TextEncoder, dict[str, Any]]:
        """Train on the training split and select the epoch on dev.

        An interrupted run continues from the last checkpoint in `arguments.output_dir`.

        Args:
            arguments: of the training.
            held: indices of training conversations to hold out.

        Returns:
            The encoder, and its classifier's scores on dev.
        """
        torch.manual_seed(arguments.seed)
        encoder = AutoModel.from_pretrained(self.source, dtype=torch.float32)
        conversations = self._conversations(self.data["train"], self.targets)
        train = self.windows(conversations, held, self.also)
        dev = self.windows(self._conversations(self.data["dev"], {}))
        trained = encoder
        if arguments.frozen_layers:
            lower, trained = split_encoder(encoder.to(arguments.device), arguments.frozen_layers)
            encoder.requires_grad_(False)
            trained.encoder.layer.requires_grad_(True)
            for dataset in (train, dev):
                dataset.states = cached_token_states(
                    dataset.windows, lower, self.tokenizer, self.cache_dir, self._identity
                )
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler.requires_grad_(False)  # its output is not used
        trainer = FinetuningTrainer(
            model=WindowClassifier(trained, sum(map(len, self.label_sets)), arguments.dropout),
            args=arguments,
            train_dataset=train,
            eval_dataset=dev,
            data_collator=WindowCollator(self.tokenizer),
            label_sets=self.label_sets,
            class_counts=train.class_counts(),
        )
        show_epochs(trainer)
        trainer.train(resume_from_checkpoint=last_complete_checkpoint(arguments.output_dir))
        scores = trainer.evaluate()
        spec = {"name": self.source, "context": dict(self.context)}
        encoder.to(arguments.device)
        return TextEncoder(spec, encoder, self.tokenizer), scores

    def cross_fit(self, arguments: FinetuningArguments, folds: int) -> list[np.ndarray]:
        """Compute the features of each training conversation by an encoder not trained on it.

        Args:
            arguments: of every fold; each fold has its own folder of checkpoints in `output_dir`.
            folds: number of encoders to train, each on all but its share of the conversations.

        Returns:
            (N, D) for each training conversation, in order.
        """
        train = self.data["train"]
        order = np.random.default_rng(arguments.seed).permutation(len(train))
        vectors: list[np.ndarray] = [np.empty(0)] * len(train)
        for fold in range(folds):
            held = np.sort(order[fold::folds])
            changes: Any = {"output_dir": str(Path(arguments.output_dir) / f"fold-{fold}")}
            encoder, _ = self.fit(replace(arguments, **changes), held.tolist())
            for index, values in zip(held, encode_split(encoder, train.select(held)), strict=True):
                vectors[index] = values
        return vectors

    @cached_property
    def _identity(self) -> str:
        """Identify the encoder's weights: by checksum if there is a file, else by Hub commit."""
        weights = Path(self.source) / WEIGHTS
        if weights.is_file():
            return file_sha256(weights)
        return f"{self.source}@{AutoConfig.from_pretrained(self.source)._commit_hash}"


def save_encoder(encoder: TextEncoder, folder: Path) -> dict[str, Any]:
    """Write encoder, tokenizer and spec, whole or not at all.

    The weights are written in bfloat16, in which the encoder was trained, at half the size. The
    encoder in memory is rounded too, so that it makes the same features as the saved one.

    Returns:
        The spec with which a processor loads it.
    """
    partial = folder.with_name(f".{folder.name}-partial")
    shutil.rmtree(partial, ignore_errors=True)
    encoder.model.to(torch.bfloat16).save_pretrained(partial)
    # safetensors leaves the weights readable by their owner only.
    shutil.copymode(partial / CONFIG_NAME, partial / WEIGHTS)
    encoder.model.to(torch.float32)
    encoder.tokenizer.save_pretrained(partial)
    spec = {
        **encoder.spec,
        "name": str(folder.resolve()),
        "sha256": file_sha256(partial / WEIGHTS),
        "width": encoder.width,
    }
    (partial / SPEC_FILE).write_text(json.dumps(spec, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return spec


def load_encoder(folder: str | Path, layers: Sequence[int] | None = None) -> TextEncoder:
    """Load an encoder that `save_encoder` wrote, even if its folder has been moved.

    Args:
        folder: of the encoder.
        layers: hidden states to concatenate, 0 being the embeddings; default: as saved.

    Raises:
        FileNotFoundError: the folder does not contain such an encoder.
    """
    file = Path(folder) / SPEC_FILE
    if not file.is_file():
        raise FileNotFoundError(f"{folder} has no {file.name}: expected a fine-tuned encoder")
    spec = json.loads(file.read_text(encoding="utf-8"))
    spec["name"] = str(Path(folder).resolve())
    if layers is not None:
        spec |= {"layers": list(layers), "width": None}
    encoder = TextEncoder.from_spec(spec)
    encoder.spec["width"] = encoder.width
    return encoder


__all__ = ["CONTEXT", "Finetuner", "load_encoder", "save_encoder"]
