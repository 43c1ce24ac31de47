"""A model, a seed and a data set to scores, answers and how they came about; and its tuning."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import DatasetDict
from transformers import AutoConfig, set_seed

from synctva import MODALITIES, SyncTVAForEmotionRecognition
from synctva.features.feature_sets import read_schema
from synctva.metrics import bootstrap_interval, confusion_matrix
from synctva.metrics.missing_modalities import subset_scores
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.results import collect_results
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.recipes import (
    PRESETS,
    RECIPES,
    build_config,
    feature_widths,
    load_conversations,
)
from synctva.trainer.statistics import conversation_lengths
from synctva.trainer.trainer import SyncTVATrainer

from .ablations import ABLATIONS
from .baselines import BASELINES
from .held_out import hold_out, trial_seeds
from .runs import Variant, features_name, pack_answers
from .trials import TRIALS, Settings, Trials

DATASETS = ("simulated", "meld", "iemocap")

SINGLE = {f"synctva-{name}": [name] for name in MODALITIES}
"""Sync-TVA on one modality; `synctva-text` is the control beside every multimodal number."""

WHOLE = Variant("synctva")

MODELS = ("synctva", *SINGLE, *BASELINES)


def run(
    dataset: str,
    data_dir: str | None,
    variant: Variant,
    seed: int,
    features: str | Path | None = None,
    conversations: int | None = None,
    settings: Settings | None = None,
) -> dict[str, Any] | None:
    """Train one model with one seed, on the recipe of the data set.

    Args:
        dataset: one of `DATASETS`.
        data_dir: its folder; the simulator and a feature set need none.
        variant: which model, without which part.
        seed: of everything drawn at random, and of the simulator's training set.
        features: folder of a feature set of this data set, to stand in for its frozen features.
        conversations: to train on; default: the recipe's number of the simulator's, all of others.
        settings: in place of the recipe's.

    Returns:
        What `collect_results` says, and model, ablation, features and their encoders, answers on
        dev and test, the confusion matrix and the interval on test, the curve of dev, and of the
        whole model the scores on test without each of its modalities; None if the
        ablation changes nothing here (the data has no such modality, or the recipe that value).
    """
    data = _load(dataset, data_dir, variant.model, seed, features, conversations)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(dataset, data, variant, seed, settings, folder)
        if trainer is None:
            return None
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
        results = collect_results(
            trainer,
            data,
            dataset=dataset,
            modalities=_modalities(variant.model),
            training_seconds=seconds,
        )
        return {
            **results,
            **_answers(trainer, data),
            **({"subsets": subset_scores(trainer, data["test"])} if variant == WHOLE else {}),
            "dev_curve": _dev_curve(trainer),
            "model": variant.model,
            "ablation": variant.ablation,
            "features": features_name(dataset, features, conversations),
            **({} if features is None else {"encoders": _encoders(features)}),
            "parameters": trainer.model.num_parameters(),
            "learning_rate": trainer.args.learning_rate,
            "dropout": trainer.model.config.hidden_dropout_prob,
            "loss": trainer.args.loss,
        }


def tune(
    dataset: str,
    data_dir: str | None,
    model: str,
    features: str | Path | None = None,
    conversations: int | None = None,
    known: Mapping[Settings, Sequence[float]] | None = None,
) -> Trials:
    """`TRIALS` for a model, by what each reaches on `hold_out`'s dev; test is not looked at.

    Each with the first seeds; then the best of them and the recipe's own settings with the others.

    Args:
        dataset: one of `DATASETS`.
        data_dir: its folder; the simulator and a feature set need none.
        model: one of `MODELS`.
        features: as of `run`.
        conversations: as of `run`.
        known: scores that need not be found again, by settings, of the seeds from 0.
    """
    recipe, known = recipe_settings(dataset), known or {}
    tried = list(dict.fromkeys((recipe, *TRIALS)))
    trials = Trials({settings: [] for settings in tried}, chosen_by(dataset)[1])
    first, seeds = trial_seeds(dataset)
    for seed in seeds:
        if seed == len(first):
            tried = list(dict.fromkeys((recipe, trials.best())))
        data = None
        for settings in tried:
            scores = known.get(settings, ())
            if len(scores) > seed:
                trials.scores[settings].append(scores[seed])
                continue
            if data is None:
                data = _load(dataset, data_dir, model, seed, features, conversations)
                data = hold_out(dataset, data, seed)
            with tempfile.TemporaryDirectory() as folder:
                trainer = _trainer(dataset, data, Variant(model), seed, settings, folder)
                assert trainer is not None  # no ablation that may change nothing
                trainer.train()
                trials.scores[settings].append(trainer.state.best_metric)
    return trials


def chosen_by(dataset: str) -> tuple[str, bool]:
    """The metric that chooses the epoch on dev, and whether more of it is better."""
    training = RECIPES[dataset].training
    names = ("metric_for_best_model", "greater_is_better")
    metric, greater = (training.get(n, getattr(SyncTVATrainingArguments, n)) for n in names)
    return metric, greater


def recipe_settings(dataset: str) -> Settings:
    """What a model without trials is run with."""
    recipe = RECIPES[dataset]
    config = AutoConfig.from_pretrained(PRESETS / recipe.preset)
    return Settings(recipe.training["learning_rate"], config.hidden_dropout_prob)


def _modalities(model: str) -> list[str]:
    """What a model is given."""
    return SINGLE.get(model, list(MODALITIES))


def _load(
    dataset: str,
    data_dir: str | None,
    model: str,
    seed: int,
    features: str | Path | None,
    conversations: int | None,
) -> DatasetDict:
    """What a model is trained and scored on."""
    return load_conversations(
        *((dataset, data_dir) if features is None else ("features", features)),
        seed=seed,
        modalities=_modalities(model),
        max_train_conversations=conversations,
    )


def _trainer(
    dataset: str,
    data: DatasetDict,
    variant: Variant,
    seed: int,
    settings: Settings | None,
    folder: str,
) -> SyncTVATrainer | None:
    """A model with its trainer, ready to train; None if the ablation changes nothing here."""
    recipe = RECIPES[dataset]
    config = build_config(recipe.preset, data)
    if variant.model in BASELINES:
        config.use_enhancement = False  # they have no strengths to report
    arguments = SyncTVATrainingArguments(
        output_dir=folder,
        seed=seed,
        report_to=[],
        **{**recipe.training, "disable_tqdm": True, "save_only_model": True},
    )
    if settings is not None:
        arguments.learning_rate = settings.learning_rate
        config.hidden_dropout_prob = settings.dropout
    if variant.ablation is not None:
        ablation = ABLATIONS[variant.ablation]
        if not ablation.changes(config, arguments, set(feature_widths(data))):
            return None
        for target, values in ((config, ablation.config), (arguments, ablation.training)):
            for field, value in values.items():
                setattr(target, field, value)
    set_seed(seed)
    return SyncTVATrainer(
        model=BASELINES.get(variant.model, SyncTVAForEmotionRecognition)(config),
        args=arguments,
        train_dataset=data["train"],
        eval_dataset=data["dev"],
    )


def _answers(trainer: SyncTVATrainer, data: DatasetDict) -> dict[str, Any]:
    """The class ids on dev and test; on test also the confusion matrix and the interval."""
    found: dict[str, Any] = {"answers": {}}
    for split in ("dev", "test"):
        output = trainer.predict_fields(data[split])
        answers = output["logits"].argmax(-1)  # (conversations, N)
        found["answers"][split] = pack_answers(answers, conversation_lengths(data[split]))
    labels = output["labels"]
    labelled = labels != IGNORE_INDEX
    conversation = np.broadcast_to(np.arange(len(labels))[:, None], labels.shape)
    found["confusion_matrix"] = confusion_matrix(
        output["logits"][labelled], labels[labelled], trainer.label_names_in_order
    ).tolist()
    found["test_interval"] = bootstrap_interval(
        answers[labelled], labels[labelled], conversation[labelled]
    )
    return found


def _dev_curve(trainer: SyncTVATrainer) -> dict[str, list[float]]:
    """Scores of dev after each epoch."""
    entries = [entry for entry in trainer.state.log_history if "eval_weighted_f1" in entry]
    keys = {"epoch": "epoch", "weighted_f1": "eval_weighted_f1", "nll": "eval_nll"}
    return {name: [round(entry[key], 4) for entry in entries] for name, key in keys.items()}


def _encoders(features: str | Path) -> dict[str, str]:
    """What made the features of a feature set, in its words, by modality."""
    modalities = read_schema(features)["modalities"]
    return {name: modality["encoder"] for name, modality in modalities.items()}


__all__ = ["DATASETS", "MODELS", "SINGLE", "WHOLE", "chosen_by", "recipe_settings", "run", "tune"]
