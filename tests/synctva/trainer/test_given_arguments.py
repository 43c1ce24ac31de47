"""Arguments of transformers' Trainer: used, or refused by name."""

import dataclasses
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers import (
    BertTokenizerFast,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition, SyncTVAModel
from synctva.modeling_synctva.objective import IGNORE_INDEX, cross_entropy
from synctva.trainer.arguments import FIXED, SyncTVATrainingArguments
from synctva.trainer.collator import SyncTVACollator
from synctva.trainer.trainer import SyncTVATrainer
from tests.support.toy import toy_config, toy_dataset, toy_model
from tests.support.training_program import logged

PAGE = Path(__file__).parents[3] / "docs/training.md"


def arguments(folder, **changes):
    settings = {
        "per_device_train_batch_size": 4, "num_train_epochs": 1, "logging_steps": 1,
        "use_cpu": True, "report_to": "none", "disable_tqdm": True,
    }  # fmt: skip
    return SyncTVATrainingArguments(output_dir=str(folder), **(settings | changes))


def make(folder, changes=None, **given):
    """A trainer of the toy model."""
    given = {"model": toy_model(), "train_dataset": toy_dataset(12), **given}
    given.setdefault("eval_dataset", toy_dataset(6, seed=1))
    return SyncTVATrainer(args=arguments(folder, **(changes or {})), **given)


def uar(prediction):
    labelled = prediction.label_ids != IGNORE_INDEX
    right = prediction.predictions.argmax(-1)[labelled] == prediction.label_ids[labelled]
    return {"uar_of_mine": right.mean(), "accuracy": -1.0}


def test_scores_of_the_user_are_added_to_ours(tmp_path):
    ours = make(tmp_path).evaluate()
    trainer = make(tmp_path, {"metric_for_best_model": "uar_of_mine"}, compute_metrics=uar)
    both = trainer.evaluate(metric_key_prefix="dev")
    assert both["dev_uar_of_mine"] == pytest.approx(ours["eval_accuracy"])
    assert both["dev_accuracy"] == -1
    assert both["dev_weighted_f1"] == ours["eval_weighted_f1"]
    assert trainer.predict(toy_dataset(3)).metrics["test_accuracy"] == -1
    trainer.train()
    assert trainer.state.best_metric == max(logged(trainer, "eval_uar_of_mine"))


def test_scores_of_the_user_are_a_dictionary(tmp_path):
    trainer = make(tmp_path, compute_metrics=lambda prediction: 0.5)
    with pytest.raises(TypeError, match=r"compute_metrics = 0.5: expected it to return a dict"):
        trainer.evaluate()


class Steps(TrainerCallback):
    def __init__(self):
        self.steps = []

    def on_step_end(self, args, state, control, **kwargs):
        self.steps.append(state.global_step)


@pytest.mark.parametrize("callbacks", [None, [], ()])
def test_no_callbacks(tmp_path, callbacks):
    make(tmp_path, {"max_steps": 1}, callbacks=callbacks).train()


def test_callbacks(tmp_path):
    seen = Steps()
    make(tmp_path, {"max_steps": 2}, callbacks=[seen]).train()
    assert seen.steps == [1, 2]


class Seen(SyncTVACollator):
    rows = 0

    def __call__(self, rows):
        self.rows += len(rows)
        assert "texts" in rows[0]  # the whole rows
        return super().__call__(rows)


def test_a_collator_of_the_user_makes_all_batches(tmp_path):
    collator = Seen(toy_config())
    trainer = make(tmp_path, data_collator=collator)
    trainer.train()
    assert collator.rows == 12 + 6
    ours = make(tmp_path / "ours")
    ours.train()
    assert logged(trainer) == logged(ours)


def squared(outputs, labels, num_items_in_batch=None):
    return outputs.logits[labels != IGNORE_INDEX].square().sum() / (num_items_in_batch or 1)


def test_a_loss_of_the_user(tmp_path):
    longer = {"learning_rate": 0.02, "num_train_epochs": 5}
    trainer = make(tmp_path, longer, compute_loss_func=squared)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert trainer.evaluate()["eval_loss"] < 0.9 * before


def test_our_loss_as_one_of_the_user(tmp_path):
    def ours(outputs, labels, num_items_in_batch=None):
        return model.emotion_loss(outputs, labels, cross_entropy, num_items_in_batch)

    model = toy_model()
    trainer = make(tmp_path, model=model, compute_loss_func=ours)
    trainer.train()
    reference = make(tmp_path / "reference")
    reference.train()
    assert logged(trainer) == logged(reference)


def test_optimizers_of_the_user(tmp_path):
    model = toy_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    trainer = make(tmp_path, {"max_steps": 1}, model=model, optimizers=(optimizer, schedule))
    trainer.train()
    assert logged(trainer, "learning_rate") == [0.5]
    chosen = (torch.optim.SGD, {"lr": 0.25})
    trainer = make(tmp_path, {"max_steps": 1}, optimizer_cls_and_kwargs=chosen)
    trainer.train()
    assert isinstance(trainer.optimizer.optimizer, torch.optim.SGD)


def test_several_evaluation_sets(tmp_path):
    sets = {"near": toy_dataset(6, seed=1), "far": toy_dataset(5, seed=2)}
    trainer = make(tmp_path, {"metric_for_best_model": "far_nll"}, eval_dataset=sets)
    assert trainer.args.greater_is_better is False
    trainer.train()
    assert trainer.state.best_metric == logged(trainer, "eval_far_nll")[0]
    scores = trainer.evaluate()
    for name, data in sets.items():
        assert scores[f"eval_{name}_nll"] == pytest.approx(trainer.score(data)["nll"], rel=1e-5)
    expected = r"'weighted_f1': expected one of 'near_weighted_f1', 'far_weighted_f1', because"
    for best in (True, False):  # transformers looks for the best in either case
        with pytest.raises(ValueError, match=expected):
            make(tmp_path, {"load_best_model_at_end": best}, eval_dataset=sets)
    changes = {"load_best_model_at_end": False, "metric_for_best_model": None}
    make(tmp_path, changes, eval_dataset=sets).train()


def test_a_model_made_by_a_function(tmp_path):
    made = []

    def model():
        made.append(toy_model(past_window=1 + len(made)))
        return made[-1]

    trainer = make(tmp_path, {"max_steps": 1}, model=None, model_init=model)
    trainer.train()
    assert trainer.model is made[1] and trainer.config is made[1].config
    # The graphs of the batches are those of this model, not of the first.
    assert trainer.data_collator.config is trainer.train_collator.config is made[1].config


def test_a_search_tries_our_arguments_and_takes_the_best(tmp_path):
    optuna = pytest.importorskip("optuna", reason="optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trainer = make(tmp_path, {"max_steps": 2}, model=None, model_init=lambda: toy_model())
    losses = []
    trainer.add_callback(RecordCriterion(trainer, losses))
    best = trainer.hyperparameter_search(
        hp_space=lambda trial: {
            "loss": trial.suggest_categorical("loss", ["focal", "class_weighted"]),
            "modality_dropout": trial.suggest_float("modality_dropout", 0.1, 0.9),
        },
        n_trials=3,
        sampler=optuna.samplers.RandomSampler(0),
    )
    assert 0 < best.objective <= 1  # a weighted F1, not a sum of scores
    assert len({dropout for _, dropout in losses}) == 3


class RecordCriterion(TrainerCallback):
    """Records the loss and the modality dropout with which each training begins."""

    def __init__(self, trainer, seen):
        self.trainer, self.seen = trainer, seen

    def on_train_begin(self, args, state, control, **kwargs):
        dropout = self.trainer.train_collator.modality_dropout
        assert dropout == args.modality_dropout
        self.seen.append((self.trainer.criterion, dropout))


def test_persistent_workers_read_the_data_that_is_given(tmp_path):
    workers = {"dataloader_num_workers": 1, "dataloader_persistent_workers": True}
    trainer = make(tmp_path, workers)
    other = toy_dataset(5, seed=3)
    n = trainer.evaluate()["eval_n"]
    assert trainer.evaluate(other)["eval_n"] == sum(map(len, other["labels"])) != n
    assert trainer.evaluate()["eval_n"] == n


def test_scores_are_of_all_the_data(tmp_path):
    incomplete = {"dataloader_drop_last": True, "per_device_eval_batch_size": 4}
    trainer = make(tmp_path, incomplete)
    assert trainer.evaluate()["eval_n"] == sum(map(len, trainer.eval_dataset["labels"]))
    assert len(trainer.predict_fields(toy_dataset(7))["logits"]) == 7
    assert len(trainer.get_train_dataloader()) == 3 and trainer.args.dataloader_drop_last


def test_rows_keep_their_speakers_if_unused_columns_are_removed(tmp_path):
    losses = []
    for data in (toy_dataset(12), list(toy_dataset(12))):
        trainer = make(tmp_path, {"remove_unused_columns": True}, train_dataset=data)
        trainer.train()
        losses.append(logged(trainer))
    reference = make(tmp_path)
    reference.train()
    assert losses == [logged(reference)] * 2


@pytest.mark.parametrize(
    ("metric", "greater"),
    [("weighted_f1", True), ("nll", False), ("eval_dev_ece", False), ("loss", False),
     ("f1_glad", True), (None, False)],
)  # fmt: skip
def test_whether_a_higher_score_is_better_follows_from_its_name(tmp_path, metric, greater):
    assert arguments(tmp_path, metric_for_best_model=metric).greater_is_better is greater
    forced = arguments(tmp_path, metric_for_best_model=metric, greater_is_better=not greater)
    assert forced.greater_is_better is not greater


CALLS = {
    "args = TrainingArguments": lambda f: SyncTVATrainer(
        toy_model(), TrainingArguments(str(f), use_cpu=True)
    ),
    "args = Seq2SeqTrainingArguments": lambda f: SyncTVATrainer(
        toy_model(), Seq2SeqTrainingArguments(str(f), use_cpu=True)
    ),
    "model = SyncTVAModel": lambda f: make(f, model=SyncTVAModel(toy_config())),
    "model = Linear": lambda f: make(f, model=torch.nn.Linear(2, 2)),
    "processing_class = BertTokenizer": lambda f: make(f, processing_class=BertTokenizerFast()),
    "train_dataset = SyncTVACollator": lambda f: make(
        f, train_dataset=SyncTVACollator(toy_config())
    ),
    "preprocess_logits_for_metrics": lambda f: make(
        f, preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1)
    ),
    "modality_dropout = 0.3: expected 0": lambda f: make(
        f, {"modality_dropout": 0.3}, data_collator=SyncTVACollator(toy_config())
    ),
    "data_collator.modality_dropout = 0.3: expected 0": lambda f: make(
        f, data_collator=SyncTVACollator(toy_config(), modality_dropout=0.3)
    ),
    "loss = 'focal': expected": lambda f: make(f, {"loss": "focal"}, compute_loss_func=squared),
    "label_smoothing_factor = 0.1: expected": lambda f: make(
        f, {"label_smoothing_factor": 0.1}, compute_loss_func=squared
    ),
    "the batch has .* expected labels": lambda f: make(
        f, data_collator=lambda rows: {"audio_features": torch.zeros(1, 2, 5)}
    ).train(),
    "prediction_loss_only = True": lambda f: make(
        f, {"prediction_loss_only": True, "metric_for_best_model": "loss"}
    ).score(toy_dataset(3)),
}


@pytest.mark.parametrize("message", CALLS)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, message):
    with pytest.raises((TypeError, ValueError), match=message):
        CALLS[message](tmp_path)


OTHER_VALUES = {
    "label_names": ["emotions"], "length_column_name": "n", "batch_eval_metrics": True,
    "eval_do_concat_batches": False, "include_num_input_tokens_seen": True,
    "neftune_noise_alpha": 5.0, "use_cache": True, "use_liger_kernel": True,
    "include_for_metrics": ["inputs"], "train_sampling_strategy": "batch_rebalance",
    "accelerator_config": {"split_batches": True}, "fp16": True,
}  # fmt: skip
"""A value of each argument that is refused."""


def table_rows():
    """Yield the rows of the page's tables of arguments: the names, and what becomes of them."""
    section = PAGE.read_text(encoding="utf-8").split("## transformers' arguments\n")[1]
    for line in section.split("\n## ")[0].splitlines():
        if line.startswith("| `"):
            names, fate = line.strip("|").split("|")
            yield re.findall(r"`(\w+)`", names), fate.strip()


@pytest.mark.skipif(
    not transformers.__version__.startswith("5.24."), reason="the table is that of 5.24"
)
def test_the_page_has_every_argument_once():
    listed = [name for names, _ in table_rows() for name in names]
    parameters = list(inspect.signature(Trainer.__init__).parameters)[1:]
    fields = [field.name for field in dataclasses.fields(TrainingArguments)]
    assert sorted(listed) == sorted(parameters + fields)


@pytest.mark.skipif(torch.cuda.is_available(), reason="fp16 works on a GPU")
def test_what_the_page_calls_refused_is_refused(tmp_path):
    refused = {name for names, fate in table_rows() if "refused" in fate for name in names}
    assert refused == set(OTHER_VALUES) | {"preprocess_logits_for_metrics"} and set(FIXED) < refused
    for name, value in OTHER_VALUES.items():
        with pytest.raises(ValueError, match=name):
            arguments(tmp_path, **{name: value})


USED = {
    "activation_checkpointing": True,
    "auto_find_batch_size": True,
    "eval_accumulation_steps": 1,
    "eval_use_gather_object": True,
    "full_determinism": True,
    "include_for_metrics": ["loss"],
    "skip_memory_metrics": False,
}
"""Arguments that change how a run computes, and not what."""


@pytest.mark.parametrize("name", USED)
def test_the_same_scores_with(tmp_path, name):
    losses, scores = [], []
    for changes in ({}, {name: USED[name]}):
        trainer = make(tmp_path, changes)
        trainer.train()
        losses.append(logged(trainer))
        scores.append(trainer.evaluate()["eval_nll"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_evaluation_in_half_precision(tmp_path, dtype):
    wide = make(tmp_path).evaluate()
    narrow = make(tmp_path, {f"{dtype}_full_eval": True}).evaluate()
    assert narrow["eval_nll"] == pytest.approx(wide["eval_nll"], rel=0.02)
    assert narrow["eval_nll"] != wide["eval_nll"]


# transformers' own Trainer


def own_trainer(folder, train, **settings):
    plain = {
        "per_device_train_batch_size": 4, "max_steps": 3, "logging_steps": 1, "use_cpu": True,
        "report_to": "none", "disable_tqdm": True, "save_strategy": "no",
    }  # fmt: skip
    model = toy_model(hidden_dropout_prob=0.0)
    return Trainer(
        model,
        TrainingArguments(str(folder), **(plain | settings)),
        train_dataset=train,
        eval_dataset=toy_dataset(6, seed=1),
        data_collator=SyncTVACollator(model.config),
    )


@pytest.mark.parametrize(
    "rows", [toy_dataset, lambda n: list(toy_dataset(n))], ids=["table", "rows"]
)
def test_transformers_own_trainer_keeps_the_speakers(tmp_path, rows):
    losses, scores = [], []
    for settings in ({}, {"remove_unused_columns": False}):
        trainer = own_trainer(tmp_path, rows(12), **settings)
        trainer.train()
        losses.append(logged(trainer))
        scores.append(trainer.evaluate()["eval_loss"])
    assert losses[0] == losses[1]
    assert scores[0] == scores[1]
    silent = own_trainer(tmp_path, toy_dataset(12).remove_columns("speakers"))
    silent.train()
    assert logged(silent) != losses[0]


def test_an_adapted_model_trains_in_both_trainers(tmp_path):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    config = peft.LoraConfig(
        task_type="TOKEN_CLS", target_modules=["query.maps.text", "query.maps.audio"], r=2
    )
    for kind in ("own", "ours"):
        model = peft.get_peft_model(toy_model(), config)
        folder = tmp_path / kind
        if kind == "own":
            trainer = own_trainer(folder, toy_dataset(12))
            trainer.model = trainer.model_wrapped = model
            trainer.train()
            trainer.save_model()
        else:
            trainer = make(folder, {"learning_rate": 0.05}, model=model)
            trainer.train()
            trainer.save_model()
            assert trainer.score(toy_dataset(4))["n"] > 0
        assert (folder / "adapter_model.safetensors").is_file()
        frozen, trained = toy_model(), model.get_base_model()
        name = "synctva.layers.0.attention.query.maps.text"
        weight = trained.get_submodule(name).base_layer.weight
        assert torch.equal(weight, frozen.get_submodule(name).weight)
        assert trained.get_submodule(name).lora_B["default"].weight.any()
        base = toy_model()
        base.load_state_dict(buffers_of(trained), strict=False)
        loaded = peft.PeftModel.from_pretrained(base, folder).eval()
        batch = SyncTVACollator(base.config)(list(toy_dataset(3)))
        torch.testing.assert_close(loaded(**batch).logits, model.eval()(**batch).logits)


def buffers_of(model):
    """The statistics that training gave the toy model: a trained model has them already."""
    return dict(model.named_buffers())


def test_a_saved_model_of_the_search_is_ours(tmp_path):
    trainer = make(tmp_path, {"max_steps": 1}, model=None, model_init=lambda: toy_model())
    trainer.train()
    trainer.save_model()
    assert SyncTVAForEmotionRecognition.from_pretrained(tmp_path).config.num_labels == 3
