"""A search tries its trials once, continues, and sets the best."""

import csv

import pytest
from datasets import DatasetDict

from synctva import SyncTVAProcessor
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.preparation import PreparedTraining
from synctva.trainer.search import search_hyperparameters
from synctva.trainer.search_space import RANGES, search_space, starting_point
from synctva.trainer.trainer import SyncTVATrainer
from tests.support.toy import WIDTHS, toy_dataset, toy_model

optuna = pytest.importorskip("optuna", reason="optuna is not installed")


def arguments(folder, **changes):
    settings = {"num_train_epochs": 2, "learning_rate": 1e-2, "use_cpu": True, "report_to": "none"}
    return SyncTVATrainingArguments(str(folder), disable_tqdm=True, **(settings | changes))


def prepared():
    data = DatasetDict(train=toy_dataset(12), dev=toy_dataset(6, seed=1))
    return PreparedTraining(data, SyncTVAProcessor(*WIDTHS.values()), toy_model(), {})


def trials(folder):
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_search_continues_and_the_best_is_what_training_reaches(tmp_path):
    given, tried = prepared(), arguments(tmp_path)
    search_hyperparameters(given, tried, 1)
    first = trials(tmp_path)
    assert float(first[0]["learning_rate"]) == 1e-2  # the arguments as they are
    with pytest.raises(ValueError, match=r"is of another run: learning_rate = 0.01: expected 0.5"):
        search_hyperparameters(given, arguments(tmp_path, learning_rate=0.5), 2)
    tried = arguments(tmp_path)
    found = search_hyperparameters(given, tried, 2)
    both = trials(tmp_path)
    assert both[0] == first[0] and len(both) == 2
    assert both[1]["learning_rate"] != both[0]["learning_rate"]
    best = max((row for row in both if row["score"]), key=lambda row: float(row["score"]))
    assert found["best"]["trial"] == int(best["trial"])
    assert tried.learning_rate == float(best["learning_rate"]) and tried.loss == best["loss"]
    trainer = SyncTVATrainer(
        given.model, tried, train_dataset=given.data["train"], eval_dataset=given.data["dev"]
    )
    trainer.train()
    assert trainer.score(given.data["dev"])["weighted_f1"] == pytest.approx(float(best["score"]))
    assert found["best"]["score"] == pytest.approx(float(best["score"]))


@pytest.mark.slow
def test_the_score_of_a_trial_is_that_of_its_best_epoch(tmp_path):
    plain = arguments(tmp_path, num_train_epochs=3)
    trainer = SyncTVATrainer(
        model_init=lambda: toy_model(),
        args=plain,
        train_dataset=toy_dataset(12),
        eval_dataset=toy_dataset(6, seed=1),
    )
    best = trainer.hyperparameter_search(  # at a rate that makes the later epochs worse
        lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 0.5, 0.5)}, n_trials=1
    )
    history = trainer.state.log_history
    scores = [entry["eval_weighted_f1"] for entry in history if "eval_weighted_f1" in entry]
    assert len(scores) == 3 and best.objective == max(scores) > scores[-1]


def test_the_default_space_is_around_the_arguments(tmp_path):
    own = arguments(tmp_path, loss="class_balanced", modality_dropout=0.1)
    trial = optuna.trial.FixedTrial(starting_point(own))
    tried = search_space(own, [3, 4, 1])(trial)
    assert tried == {name: getattr(own, name) for name in tried}
    assert set(tried) == {"learning_rate", "loss", *RANGES}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    drawn = [search_space(own, [3, 0, 1])(study.ask()) for _ in range(50)]
    assert {values["loss"] for values in drawn} == {"cross_entropy", "focal"}
    assert all(2.5e-3 <= values["learning_rate"] <= 4e-2 for values in drawn)
    assert "weight_decay" not in starting_point(arguments(tmp_path, weight_decay=0.0))
