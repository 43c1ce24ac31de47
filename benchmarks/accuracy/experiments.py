"""Train and score one model with one seed on one data set; and tune it."""

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
from synctva.trainer.arguments import LOWER_IS_BETTER, SyncTVATrainingArguments
from synctva.trainer.preparation import PRESETS, build_config
from synctva.trainer.recipes import RECIPES, feature_widths, load_conversations
from synctva.trainer.statistics import conversation_lengths
from synctva.trainer.trainer import SyncTVATrainer

from .ablations import ABLATIONS
from .answers import pack_answers
from .baselines import BASELINES
from .held_out import hold_out, trial_seeds
from .runs import Variant, features_name
from .trials import TRIALS, Settings, Trials

DATASETS = ("simulated", "meld", "iemocap")

SINGLE = {f"synctva-{name}": [name] for name in MODALITIES}
"""Sync-TVA on one modality; `synctva-text` is the control next to every multimodal number."""

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
    """Train and score one model with one seed, by the recipe of the data set.

    Args:
        dataset: one of `DATASETS`.
        data_dir: folder of the data set; the simulator and a feature set need none.
        variant: which model, without which part.
        seed: of all random draws, and of the simulator's training set.
        features: folder of a feature set of this data set, to use instead of its frozen features.
        conversations: to train on; None: the recipe's number on the simulator, all on others.
        settings: to use instead of the recipe's.

    Returns:
        The results of `collect_results`; model, ablation, features and their encoders; answers on
        dev and test; the confusion matrix and the interval on test; the scores of dev after each
        epoch; and for the whole model the scores on test for each subset of its modalities. None
        if the ablation changes nothing here: the data lacks its modality, or the recipe has that
        value already.
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
    """Score a model with each of `TRIALS` on the dev of `hold_out`; test is never used.

    All settings run with the first seeds; only the best of them and the recipe's own settings run
    with the remaining seeds.

    Args:
        dataset: one of `DATASETS`.
        data_dir: folder of the data set; the simulator and a feature set need none.
        model: one of `MODELS`.
        features: as in `run`.
        conversations: as in `run`.
        known: scores that need not be found again, by settings, for the seeds from 0.
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
                assert trainer is not None  # only an ablation may change nothing
                trainer.train()
                trials.scores[settings].append(trainer.state.best_metric)
    return trials


def chosen_by(dataset: str) -> tuple[str, bool]:
    """Return the metric that chooses the epoch on dev, and whether higher is better."""
    default = SyncTVATrainingArguments.metric_for_best_model
    metric = RECIPES[dataset].training.get("metric_for_best_model", default)
    return metric, not metric.endswith(LOWER_IS_BETTER)


def recipe_settings(dataset: str) -> Settings:
    """Return the settings of a model without trials."""
    recipe = RECIPES[dataset]
    config = AutoConfig.from_pretrained(PRESETS / recipe.preset)
    return Settings(recipe.training["learning_rate"], config.hidden_dropout_prob)


def _modalities(model: str) -> list[str]:
    """Return the modalities that a model sees."""
    return SINGLE.get(model, list(MODALITIES))


def _load(
    dataset: str,
    data_dir: str | None,
    model: str,
    seed: int,
    features: str | Path | None,
    conversations: int | None,
) -> DatasetDict:
    """Load the data that a model is trained and scored on."""
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
    """Make a model with its trainer; None if the ablation changes nothing here."""
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
    """Return the class ids on dev and test, and the confusion matrix and interval on test."""
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
    """Return the scores of dev after each epoch."""
    entries = [entry for entry in trainer.state.log_history if "eval_weighted_f1" in entry]
    keys = {"epoch": "epoch", "weighted_f1": "eval_weighted_f1", "nll": "eval_nll"}
    return {name: [round(entry[key], 4) for entry in entries] for name, key in keys.items()}


def _encoders(features: str | Path) -> dict[str, str]:
    """Return the encoders that a feature set names, by modality."""
    modalities = read_schema(features)["modalities"]
    return {name: modality["encoder"] for name, modality in modalities.items()}


__all__ = ["DATASETS", "MODELS", "SINGLE", "WHOLE", "chosen_by", "recipe_settings", "run", "tune"]
