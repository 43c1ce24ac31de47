"""Labels, calibration and scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from datasets import DatasetDict
from transformers import pipeline

from synctva.calibration_fitting import calibrate as fit_calibration
from synctva.calibration_fitting import calibration_report
from synctva.commands import calibrate
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.registration import SYNCTVA_MELD
from synctva.results import calibration_lines, note_on_absent_classes
from synctva.trainer.finishing import finish_training
from synctva.trainer.trainer import SyncTVATrainer
from tests.support.toy import toy_config, toy_dataset, toy_model
from tests.support.training_program import toy_trainer

from . import said, situation

FRENCH = ("neutre", "surprise", "peur", "tristesse", "joie", "dégoût", "colère")


@situation("a checkpoint is loaded for another number of labels")
def new_labels(folder: Path) -> str:
    words = said(
        lambda: SyncTVAForEmotionRecognition.from_pretrained(
            SYNCTVA_MELD, id2label={0: "no", 1: "yes"}, ignore_mismatched_sizes=True
        )
    )
    return "synctva-meld" + words.rpartition(SYNCTVA_MELD)[2]  # after transformers' report


@situation("a checkpoint is loaded with other names for as many labels")
def other_names(folder: Path) -> str:
    return said(
        lambda: SyncTVAForEmotionRecognition.from_pretrained(
            SYNCTVA_MELD, id2label=dict(enumerate(FRENCH))
        )
    ).replace(SYNCTVA_MELD, "synctva-meld")


@situation("`id2label` and `label2id` disagree")
def disagreeing_labels(folder: Path) -> str:
    return said(lambda: SyncTVAConfig(id2label={0: "no", 1: "yes"}, label2id={"yes": 0, "no": 1}))


@situation("`config.id2label` is changed after the calibration, and scores are asked for")
def renamed_labels(folder: Path) -> str:
    recognise = pipeline("emotion-recognition", model=SYNCTVA_MELD)
    recognise.model.config.id2label = dict(enumerate(FRENCH))
    return said(lambda: recognise(["I got the job!"]))


@situation("training starts from a calibrated checkpoint")
def trained_on(folder: Path) -> str:
    trainer = toy_trainer(folder, config={"calibration_temperature": 0.9}, max_steps=1)
    return said(trainer.train)


@situation("dev has too few conversations to calibrate on")
def small_dev(folder: Path) -> str:
    trainer = toy_trainer(folder)
    return said(lambda: trainer.calibrate(trainer.eval_dataset))


@situation("a temperature is worth nothing to conversations of dev that it was not fitted on")
def no_temperature(folder: Path) -> str:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(90, 3))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(-1)  # as likely as the scores say
    return said(lambda: fit_calibration(toy_config(), logits, labels, np.arange(90) // 6))


@situation("`finish_training` is to write a model without its processor")
def no_processor(folder: Path) -> str:
    return said(lambda: finish_training(toy_trainer(folder), DatasetDict()))


@situation("`synctva calibrate` gets a model without `results.json`, and no data set")
def which_data(folder: Path) -> str:
    toy_model().save_pretrained(folder)
    return said(lambda: calibrate.main(["--model", str(folder)]))


@situation(
    "prediction sets are hardly smaller than sets made without reading (in the table of scores)"
)
def empty_promise(folder: Path) -> str:
    trainer = toy_trainer(folder, max_steps=1)
    trainer.calibrate(toy_dataset(30, seed=1))
    output = trainer.predict_fields(toy_dataset(30, seed=2))
    labelled = output["labels"] >= 0
    logits, labels = output["logits"][labelled], output["labels"][labelled]
    report = calibration_report(trainer.config, logits, labels, labelled.nonzero()[0])
    return calibration_lines(report)[-1]


@situation("a class has no utterance in a split (below the table of scores)")
def absent_class(folder: Path) -> str:
    trainer: SyncTVATrainer = toy_trainer(folder)
    rows = toy_dataset(4).map(
        lambda row: {"labels": [min(label, 1) for label in row["labels"]]},
        load_from_cache_file=False,
    )
    return note_on_absent_classes(trainer.score(rows), "test")
