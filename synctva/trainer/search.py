"""Hyperparameter search with Optuna: the default space, and trials that can be continued."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synctva.csv_output import write_csv
from synctva.files import write_whole
from synctva.modeling_synctva.configuration_synctva import how_to_install
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.epoch_lines import EpochLines
from synctva.trainer.preparation import PreparedTraining
from synctva.trainer.run_settings import refuse_other_settings, run_settings
from synctva.trainer.search_space import starting_point
from synctva.trainer.trainer import SyncTVATrainer

TRIALS_FILE = "trials.csv"

STUDY_FILE = "search.log"
"""Optuna's record of the trials, from which an interrupted search continues."""


def search_hyperparameters(
    prepared: PreparedTraining, arguments: SyncTVATrainingArguments, trials: int
) -> dict[str, Any]:
    """Search for the arguments that are best on dev, and set them.

    The first trial has the arguments as they are. Each trial starts from the same weights and is
    judged by its best epoch, as training chooses it; test is not read. Bad trials end early. An
    interrupted search continues when it is started again. `output_dir` gets `trials.csv`.

    Args:
        prepared: the data with train and dev, and the model to start from.
        arguments: the learning rate is the middle of those that are tried, `metric_for_best_model`
            is what they are judged by. The best arguments are set in place.
        trials: their number, with those of an interrupted search.

    Returns:
        `metric`, `trials` (their number) and `best`: its `trial`, `score` and arguments.

    Raises:
        ImportError: Optuna is not installed.
        ValueError: several processes share the training, or the folder has trials of other
            settings.
    """
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise ImportError(
            f"search_trials = {trials}: expected Optuna to be installed: {how_to_install('search')}"
        ) from None
    if arguments.world_size > 1:
        raise ValueError(f"world_size = {arguments.world_size}: expected 1 for a search")
    folder = Path(arguments.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / STUDY_FILE)))
    known: Any = {"study_name": "synctva", "storage": storage, "load_if_exists": True}
    known |= {"direction": "maximize" if arguments.greater_is_better else "minimize"}
    study = optuna.create_study(**known)
    settings = run_settings(prepared, arguments)
    if study.trials:
        refuse_other_settings(folder, study.user_attrs["settings"], settings)
    study.set_user_attr("settings", settings)
    unsaved: Any = {"save_strategy": "no", "load_best_model_at_end": False, "push_to_hub": False}
    unsaved |= {"disable_tqdm": True}  # Optuna prints a line per trial
    trainer = SyncTVATrainer(
        model_init=lambda trial: copy.deepcopy(prepared.model),
        args=replace(arguments, **unsaved),
        train_dataset=prepared.data["train"],
        eval_dataset=prepared.data["dev"],
        processing_class=prepared.processor,
    )
    trainer.pop_callback(EpochLines)
    if not study.trials:
        study.enqueue_trial(starting_point(arguments))
    left = trials - len(_ended(study))
    if left > 0:
        trainer.hyperparameter_search(
            n_trials=left,
            backend="optuna",
            hp_name=lambda trial: f"trial-{trial.number}",
            # Another seed after an interruption, which would draw the first trials again.
            sampler=optuna.samplers.TPESampler(seed=arguments.seed + len(study.trials)),
            **known,
        )
    best = study.best_trial
    _write_trials(folder, _ended(study))
    for name, value in best.params.items():
        setattr(arguments, name, value)
    return {
        "metric": arguments.metric_for_best_model,
        "trials": len(_ended(study)),
        "best": {"trial": best.number, "score": best.value, **best.params},
    }


def _ended(study: Any) -> list[Any]:
    """Return the trials that have a score; of a killed run, the last one has none."""
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def _write_trials(folder: Path, trials: Sequence[Any]) -> None:
    """Write `trials.csv`; the score of a trial that was ended early is that of its last epoch."""
    rows = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "score": trial.value,
            "seconds": round(trial.duration.total_seconds(), 1),
            **trial.params,
        }
        for trial in trials
    ]
    text = io.StringIO()
    write_csv(text, list(rows[0]), rows)
    write_whole(folder / TRIALS_FILE, text.getvalue())


def search_lines(search: Mapping[str, Any]) -> str:
    """Return what a search has found, in words."""
    trial, score, *values = search["best"].values()
    names = list(search["best"])[2:]
    shown = [v if isinstance(v, str) else f"{v:.3g}" for v in values]
    best = ", ".join(f"{name} {value}" for name, value in zip(names, shown, strict=True))
    return (
        f"best of {search['trials']} trials on dev: trial {trial}, {search['metric']} {score:.4f}, "
        f"{best}"
    )


def remove_trials(output_dir: str | Path) -> None:
    """Remove the record of a search that is over, or that is started anew."""
    (Path(output_dir) / STUDY_FILE).unlink(missing_ok=True)


__all__ = ["TRIALS_FILE", "remove_trials", "search_hyperparameters", "search_lines"]
