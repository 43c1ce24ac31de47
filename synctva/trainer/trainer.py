"""`SyncTVATrainer`: transformers' Trainer for conversations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler, SequentialSampler
from transformers import EarlyStoppingCallback, EvalPrediction, TrainerCallback
from transformers.hyperparameter_search import default_hp_search_backend
from transformers.utils import logging

from synctva import metrics
from synctva.calibration_fitting import calibrate
from synctva.files import write_whole, written_whole
from synctva.losses import build_criterion
from synctva.modeling_synctva.calibration import drop_calibration_to_train
from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import (
    SyncTVAEmotionOutput,
    SyncTVAForEmotionRecognition,
)
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.trainer.arguments import (
    TRAINING_ARGUMENTS,
    SyncTVATrainingArguments,
    published,
)
from synctva.trainer.averaging import AveragingTrainer
from synctva.trainer.checkpoints import WholeCheckpointTrainer
from synctva.trainer.collator import SyncTVACollator
from synctva.trainer.epoch_lines import show_epochs
from synctva.trainer.given_arguments import check_arguments, check_model
from synctva.trainer.given_data import (
    check_conversations,
    check_kind,
    columns_read,
    texts_unread,
)
from synctva.trainer.pushing import PushingTrainer
from synctva.trainer.sampling import EpochSampler
from synctva.trainer.search_space import search_space
from synctva.trainer.statistics import (
    class_counts,
    conversation_lengths,
    set_missing_statistics,
    trained_modalities,
)
from synctva.trainer.streaming import ConversationRows, ConversationStream, is_table

logger = logging.get_logger(__name__)

OUTPUT_FIELDS = tuple(SyncTVAEmotionOutput.__dataclass_fields__)


class SyncTVATrainer(AveragingTrainer, PushingTrainer, WholeCheckpointTrainer):
    """Trains and evaluates `SyncTVAForEmotionRecognition`.

    It adds to transformers' Trainer:

    - losses for imbalanced classes, divided by the number of labelled utterances of the whole step,
      over all processes and accumulated batches;
    - modality dropout during training;
    - the training set's feature statistics for a new model;
    - steps that do not depend on the number of processes, and resumed runs that equal uninterrupted
      ones bit for bit;
    - an optional moving average of the weights;
    - scores over labelled utterances.

    Args:
        model: the model, or a folder or Hub name to load it from. It may have PEFT's adapters.
        args: see `SyncTVATrainingArguments`.
        train_dataset: conversations, see `synctva.datasets_scripts.schema`: a `datasets.Dataset`, a
            `ConversationStream`, or any other sequence of rows.
        eval_dataset: the same, or a dictionary of several.
        processing_class: the processor, saved beside the model.
        model_card: a function of the trainer that returns the text of the model card.
        callbacks: further callbacks.
        data_collator: used in place of `SyncTVACollator`, for training and evaluation.
        compute_loss_func: used in place of the loss that `args` names: a function of the model's
            output, the labels and `num_items_in_batch`.
        compute_metrics: a function that adds scores to ours, or replaces those of the same names.
        kwargs: other arguments of transformers' Trainer.

    Raises:
        TypeError: the model, the arguments or the processor are of another kind.
        ValueError: an argument cannot be used together with another, or no conversation has
            features that the model reads, see `check_conversations`.
    """

    args: SyncTVATrainingArguments

    def __init__(
        self,
        model: SyncTVAForEmotionRecognition | str | None = None,
        args: SyncTVATrainingArguments | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        model_card: Callable[[SyncTVATrainer], str] | None = None,
        callbacks: Sequence[TrainerCallback] | None = None,
        data_collator: Callable[[list[Any]], dict[str, Any]] | None = None,
        compute_loss_func: Callable[..., Tensor] | None = None,
        compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
        **kwargs: Any,
    ):
        if isinstance(model, (str, os.PathLike)):
            model = SyncTVAForEmotionRecognition.from_pretrained(model)
        if args is None:
            args = SyncTVATrainingArguments(output_dir="synctva-model")
        if train_dataset is not None:
            check_kind(train_dataset, "train_dataset")
        check_arguments(args, processing_class, eval_dataset, data_collator, compute_loss_func)
        if kwargs.get("preprocess_logits_for_metrics") is not None:
            raise ValueError(
                "preprocess_logits_for_metrics: expected None: the scores and the calibration are "
                "computed from the logits"
            )
        if args.n_gpu > 1:
            # torch's DataParallel would scatter the packed graph along its first dimension.
            raise ValueError(
                f"{args.n_gpu} GPUs in one process: expected one process per GPU, started with "
                "`accelerate launch` or `torchrun`, or CUDA_VISIBLE_DEVICES set to a single GPU"
            )
        super().__init__(
            model=model,
            args=args,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            data_collator=data_collator,
            compute_loss_func=compute_loss_func,
            compute_metrics=self._scores_of_labelled,
            callbacks=[_EpochCallback(self), *(callbacks or ())],
            **kwargs,
        )
        check_model(self.emotion_model)
        show_epochs(self)
        if args.early_stopping_patience:
            self.add_callback(EarlyStoppingCallback(args.early_stopping_patience))
        self._own_collator = data_collator
        self._further_scores = compute_metrics
        # Not passed as transformers' processing_class, which has to be a tokenizer in `train`.
        self.processor = processing_class
        self.model_card = model_card
        self._train_sampler: EpochSampler | None = None
        self._given: set[str] = set()  # modalities that some data set has
        if train_dataset is not None:
            self._check_conversations(train_dataset, "train_dataset")
            unread = texts_unread(train_dataset, self.config)
            if unread is not None:
                logger.warning(f"train_dataset: {unread}; without them no text is read")
        self._prepare_collators_and_loss()

    @property
    def emotion_model(self) -> SyncTVAForEmotionRecognition:
        """The model itself, without PEFT's wrapper."""
        adapted = hasattr(self.model, "get_base_model")
        return self.model.get_base_model() if adapted else self.model

    @property
    def config(self) -> SyncTVAConfig:
        """The model's config."""
        return self.emotion_model.config

    def _prepare_collators_and_loss(self) -> None:
        """Make what depends on the model's config and on the arguments."""
        self.data_collator = self._own_collator or SyncTVACollator(self.config)
        self.train_collator = self._own_collator or SyncTVACollator(
            self.config, modality_dropout=self.args.modality_dropout, seed=self.args.seed
        )
        self.criterion = self._build_criterion().to(self.args.device)

    def _check_conversations(self, dataset: Any, name: str) -> None:
        """See `check_conversations`; warn of a modality that training had and no data has."""
        self._given |= check_conversations(dataset, self.config, name)
        for modality in MODALITIES:
            if modality in trained_modalities(self.emotion_model) - self._given:
                self._given.add(modality)  # said once
                column = columns_read(self.config)[modality]
                remedy = texts_unread(dataset, self.config) if modality == "text" else None
                logger.warning(
                    f"{name} has no {column}, with which the model was trained: its answers rest "
                    f"on less than it seems{'; ' if remedy else ''}{remedy or ''}"
                )

    def _hp_search_setup(self, trial: Any) -> None:
        """Set a trial's arguments, and make what depends on them and on the new model."""
        super()._hp_search_setup(trial)
        if self.model_init is not None:
            self._prepare_collators_and_loss()

    def hyperparameter_search(
        self,
        hp_space: Callable[[Any], dict[str, Any]] | None = None,
        compute_objective: Callable[[dict[str, float]], float] | None = None,
        n_trials: int = 20,
        direction: str | list[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Search as transformers does, by default for the best `metric_for_best_model` of an epoch.

        (Its own default is the sum of all scores of the last epoch, which has no meaning here.)
        With Optuna, the default space is `synctva.trainer.search_space.search_space`.
        """
        optuna = (kwargs.get("backend") or default_hp_search_backend()) == "optuna"
        if hp_space is None and optuna:
            counts = class_counts(self.train_dataset, self.config.num_labels)
            hp_space = search_space(self.args, counts.tolist())
        if compute_objective is None:
            metric = f"eval_{(self.args.metric_for_best_model or 'loss').removeprefix('eval_')}"
            direction = "maximize" if self.args.greater_is_better else "minimize"
            better = max if self.args.greater_is_better else min

            def compute_objective(scores: dict[str, float]) -> float:
                # `state` has the best of the epochs before.
                known = [scores[metric], self.state.best_metric]
                return better(score for score in known if score is not None)

        return super().hyperparameter_search(
            hp_space, compute_objective, n_trials, direction or "minimize", **kwargs
        )

    # The training data

    @property
    def label_names_in_order(self) -> list[str]:
        """Names of the classes, in the order of their ids."""
        return [self.config.id2label[index] for index in range(self.config.num_labels)]

    def _build_criterion(self) -> nn.Module:
        counts = np.ones(self.config.num_labels)  # only evaluation, without training data
        if self.train_dataset is not None:
            counts = class_counts(self.train_dataset, self.config.num_labels)
            if not counts.sum():
                raise ValueError("train_dataset: no utterance has a label: expected at least one")
        return build_criterion(
            self.args.loss,
            counts.tolist(),
            label_smoothing=self.args.label_smoothing_factor,
            focal_gamma=self.args.focal_gamma,
            class_balanced_beta=self.args.class_balanced_beta,
            logit_adjustment_tau=self.args.logit_adjustment_tau,
        )

    def _remove_unused_columns(
        self, dataset: datasets.Dataset, description: str | None = None
    ) -> datasets.Dataset | ConversationRows:
        """Return the columns that our collator reads, as a data set that is fast to read.

        A collator of the user gets the whole rows, and ours what a transform of the rows returns.
        """
        if self._own_collator is not None or not is_table(dataset):
            return dataset
        return ConversationRows(dataset)

    def _get_collator_with_removed_columns(
        self, data_collator: Callable, description: str | None = None
    ) -> Callable:
        """Return the collator, which selects its columns itself."""
        return data_collator

    def _conversations_a_step(self) -> int:
        arguments = self.args
        return (
            self._train_batch_size  # `auto_find_batch_size` lowers it
            * arguments.gradient_accumulation_steps
            * arguments.world_size
        )

    def _data_seed(self) -> int:
        return self.args.seed if self.args.data_seed is None else self.args.data_seed

    def get_train_dataloader(self) -> DataLoader:
        if isinstance(self.train_dataset, ConversationStream):
            self.train_dataset.set_step(self._data_seed(), self._conversations_a_step())
        collator, self.data_collator = self.data_collator, self.train_collator
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator = collator

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler | None:
        strategy = self.args.train_sampling_strategy
        if strategy not in ("random", "group_by_length"):
            return super()._get_train_sampler(train_dataset)
        self._train_sampler = EpochSampler(
            conversation_lengths(self.train_dataset),
            self._conversations_a_step(),
            seed=self._data_seed(),
            group_by_length=strategy == "group_by_length",
        )
        return self._train_sampler

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        named = isinstance(eval_dataset, str)
        if not named and eval_dataset is not None and eval_dataset is not self.eval_dataset:
            # transformers would reuse persistent workers, and with them the first data set.
            return self.get_test_dataloader(eval_dataset)
        if self.eval_dataset is not None:
            self._check_conversations(
                self.eval_dataset[eval_dataset] if named else self.eval_dataset,
                f"eval_dataset[{eval_dataset!r}]" if named else "eval_dataset",
            )
        with self._every_conversation():
            return super().get_eval_dataloader(eval_dataset)

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader:
        self._check_conversations(test_dataset, "dataset")
        with self._every_conversation():
            return super().get_test_dataloader(test_dataset)

    @contextmanager
    def _every_conversation(self) -> Iterator[None]:
        """Make a loader that also reads an incomplete last batch: scores are of all the data."""
        drop_last, self.args.dataloader_drop_last = self.args.dataloader_drop_last, False
        try:
            yield
        finally:
            self.args.dataloader_drop_last = drop_last

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler | None:
        # In the data set's order, so that predictions match its rows.
        return SequentialSampler(eval_dataset) if hasattr(eval_dataset, "__len__") else None

    # The loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Compute the model's `emotion_loss` with the chosen criterion, see `Trainer`."""
        if "labels" not in inputs:
            raise ValueError(f"the batch has {sorted(inputs)}: expected labels too, to train on")
        labels = inputs["labels"]
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        if self.compute_loss_func is not None:
            loss = self.compute_loss_func(outputs, labels, num_items_in_batch=num_items_in_batch)
        else:
            loss = self.emotion_model.emotion_loss(
                outputs,
                labels,
                criterion=self.criterion,
                num_items_in_batch=num_items_in_batch,
            )
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            # The divisor counts all processes, and their gradients are averaged, not summed.
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: nn.Module | None = None) -> Any:
        """Create `Trainer`'s optimizer, with a separate learning rate for a text backbone."""
        fresh = self.optimizer is None
        optimizer = super().create_optimizer(model)
        # A model of another kind, such as a baseline, has none.
        backbone = getattr(self.emotion_model.base_model, "text_backbone", None)
        if fresh and backbone is not None:
            pretrained = {id(parameter) for parameter in backbone.parameters()}
            for group in list(optimizer.param_groups):
                moved = [p for p in group["params"] if id(p) in pretrained]
                if not moved:
                    continue
                group["params"] = [p for p in group["params"] if id(p) not in pretrained]
                rate = self.args.backbone_learning_rate
                optimizer.add_param_group({**group, "params": moved, "lr": rate})
        return optimizer

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Estimate 6 operations per parameter and node, forward and backward."""
        nodes = inputs["graph"]["nodes.utterance"].numel() if "graph" in inputs else 0
        return 6 * nodes * self.model.num_parameters(exclude_embeddings=True)

    # Evaluation

    def _scores_of_labelled(self, prediction: EvalPrediction) -> dict[str, float]:
        """Return flat scores for the log, with those of each class as `f1_<name>`."""
        logits = prediction.predictions
        if isinstance(logits, tuple):  # `predict_fields` asked for more, and its caller scores
            return {}
        scores = metrics.log_scores(logits, prediction.label_ids, self.label_names_in_order)
        if self._further_scores is None:
            return scores
        further = self._further_scores(prediction)
        if not isinstance(further, Mapping):
            raise TypeError(f"compute_metrics = {further!r}: expected it to return a dictionary")
        return {**scores, **further}

    def predict_fields(self, dataset: Any, fields: Iterable[str] = ("logits",)) -> dict[str, Any]:
        """Run the model over a data set and return outputs in the data set's order.

        Args:
            dataset: conversations.
            fields: names of outputs of shape (B, N, ...).

        Returns:
            By name, an array (conversations, N, ...) padded with `IGNORE_INDEX`; and `labels`.
        """
        wanted = [name for name in OUTPUT_FIELDS if name in set(fields)]
        ignored = [name for name in OUTPUT_FIELDS if name not in wanted]
        if self.args.prediction_loss_only:
            raise ValueError("prediction_loss_only = True: expected False, to return outputs")
        output = self.predict(dataset, ignore_keys=ignored)
        arrays = output.predictions if isinstance(output.predictions, tuple) else None
        arrays = (output.predictions,) if arrays is None else arrays
        return {**dict(zip(wanted, arrays, strict=True)), "labels": output.label_ids}

    def score(self, dataset: Any) -> dict[str, Any]:
        """Score the labelled utterances of a data set, as in `results.json`.

        Returns:
            The scores of the uncalibrated logits, see `synctva.metrics.scores.score`.
        """
        output = self.predict_fields(dataset)
        if output["labels"] is None:
            raise ValueError("dataset has no column labels: expected one, to compare with")
        labelled = output["labels"] != IGNORE_INDEX
        return metrics.compute(
            output["logits"][labelled], output["labels"][labelled], self.label_names_in_order
        )

    def calibrate(self, dataset: Any) -> dict[str, float]:
        """Fit the calibration on a data set, usually dev, and store it in the config.

        The pipeline uses it. Weights and logits do not change. See
        `synctva.calibration_fitting.calibrate`, also for what is returned.

        Raises:
            TooLittleToCalibrateError: the data set has too few errors or conversations.
        """
        output = self.predict_fields(dataset)
        labelled = output["labels"] != IGNORE_INDEX  # (conversations, N)
        conversations = labelled.nonzero()[0]
        return calibrate(
            self.config, output["logits"][labelled], output["labels"][labelled], conversations
        )

    # Saving

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None):
        if not self.args.should_save:
            super()._save(output_dir, state_dict)
            return
        with written_whole(output_dir or self.args.output_dir) as folder:
            super()._save(str(folder), state_dict)
            if self.processor is not None:
                self.processor.save_pretrained(folder)
            # As JSON instead of a pickle, which can run code when it is opened.
            (folder / "training_args.bin").unlink(missing_ok=True)
            (folder / TRAINING_ARGUMENTS).write_text(published(self.args), encoding="utf-8")

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write `model_card`'s text, if given; transformers' own card has no results."""
        if self.model_card is None:
            super().create_model_card(*args, **kwargs)
        elif self.is_world_process_zero():
            write_whole(Path(self.args.output_dir) / "README.md", self.model_card(self))


class _EpochCallback(TrainerCallback):
    """Tells the sampler, the collator and a stream which epoch begins."""

    def __init__(self, trainer: SyncTVATrainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **kwargs):
        drop_calibration_to_train(self.trainer.config)
        set_missing_statistics(self.trainer.emotion_model, self.trainer.train_dataset)

    def on_epoch_begin(self, args, state, control, **kwargs):
        # Accelerate does this too, but with two processes not for the sampler of a resumed epoch.
        epoch = int(state.epoch or 0)
        parts = (
            self.trainer.train_collator,
            self.trainer._train_sampler,
            self.trainer.train_dataset,
        )
        for part in parts:
            set_epoch = getattr(part, "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)


__all__ = ["SyncTVATrainer"]
