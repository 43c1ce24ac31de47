"""The model card: its metadata, sections, and tables."""

import math

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from scipy import stats

from synctva.cards.card_plots import LEARNING_CURVE
from synctva.cards.example import CONVERSATION, EXAMPLE_PLOTS, CardExample
from synctva.cards.model_card import DATASETS, OUT_OF_SCOPE, model_card
from synctva.cards.tables import mean_and_interval
from synctva.plots import CALIBRATION_PLOTS
from tests.support.toy import LABELS, toy_config

SCORES = {
    "n": 500,
    "accuracy": 0.625,
    "weighted_f1": 0.61239,
    "macro_f1": 0.5,
    "per_class_f1": {"calm": 0.7, "glad": 0.2, "cross": 0.6},
    "nll": 1.1,
    "ece": 0.05,
}
RESULTS = {
    "dataset": "meld",
    "seed": 3,
    "commit": "c" * 40,
    "uncommitted_changes": False,
    "selected_on": "dev",
    "modalities": ["text", "audio"],
    "versions": {"synctva": "0.1.0", "torch": "2.13.0"},
    "training_seconds": 84.0,
    "command": "synctva train --dataset meld --seed 3",
    "dev": {**SCORES, "accuracy": 0.6},
    "test": SCORES,
    "majority": {**SCORES, "accuracy": 0.48},
}
SETS = {
    "coverage": 0.89,
    "coverage_by_conversation": 0.905,
    "coverage_of_worst_class": 0.5,
    "mean_size": 2.25,
}
CALIBRATION = {
    "temperature": 1.2345,
    "before": {"nll": 1.1, "ece": 0.05, "brier": 0.52},
    "after": {"nll": 1.0, "ece": 0.02, "brier": 0.51},
    "abstention": {
        "abstain_below": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "coverage": [1.0, 0.9, 0.8, 0.7, 0.6, 0.5],
        "risk": [0.4, 0.35, 0.3, 0.25, 0.2, 0.15],
    },
    "prediction_sets": {"0.9": SETS},
}
CURVE = [
    {"epoch": 1.0, "loss": 1.9, "dev_loss": 1.8, "weighted_f1": 0.4, "macro_f1": 0.3, "nll": 1.4,
     "best": False},
    {"epoch": 2.0, "loss": 1.5, "dev_loss": 1.7, "weighted_f1": 0.6, "macro_f1": 0.5, "nll": 1.2,
     "best": True},
    {"epoch": 3.0, "loss": 1.2, "dev_loss": 1.9, "weighted_f1": 0.5, "macro_f1": 0.4, "nll": 1.3,
     "best": False},
]  # fmt: skip
ARGUMENTS = {
    "loss": "focal",
    "focal_gamma": 1.5,
    "class_balanced_beta": 0.999,
    "learning_rate": 0.002,
    "backbone_learning_rate": 3e-5,
    "num_train_epochs": 8,
    "max_steps": -1,
    "gradient_accumulation_steps": 1,
    "modality_dropout": 0.0,
    "bf16": False,
    "hub_token": "hf_secret",
}
ENCODER = {"name": "some/encoder"}
EXAMPLE = CardExample(
    from_text=[{"label": "glad", "score": 0.876}] * len(CONVERSATION),
    answers=[],
    explanation={"label": "calm", "modalities": ["text"], "shapley": {"text": 0.25}},
)


@pytest.fixture(scope="module")
def card():
    return model_card(RESULTS, toy_config(), model_name="me/synctva-meld", text_encoder=ENCODER)


def test_metadata(card):
    data = card.data.to_dict()
    assert "license" not in data  # nobody has given one
    assert "No licence is stated here" in card.text
    assert data["library_name"] == "transformers"
    assert data["language"] == "en"
    assert data["datasets"] == ["meld"]
    assert {"emotion-recognition", "multimodal", "synctva"} <= set(data["tags"])
    assert "pipeline_tag" not in data
    assert "simulated" not in str(data)


@pytest.mark.parametrize("dataset", ["table", "meld"])
def test_a_licence_is_stated_if_it_is_given(dataset):
    stated = model_card({**RESULTS, "dataset": dataset}, toy_config(), license="cc-by-nc-4.0")
    assert stated.data.license == "cc-by-nc-4.0"
    assert "No licence" not in stated.text


def test_model_index(card):
    name, evaluated = model_index_to_eval_results(card.data.to_dict()["model-index"])
    assert name == "me/synctva-meld"
    found = {(e.dataset_split, e.metric_name): e.metric_value for e in evaluated}
    assert found["test", "Accuracy"] == 0.625
    assert found["test", "Weighted F1"] == 0.6124
    assert found["dev", "Accuracy"] == 0.6
    assert len(found) == len(evaluated) == 6
    assert {e.dataset_type for e in evaluated} == {"meld"}


def test_order_of_the_sections(card):
    full = {**RESULTS, "calibration": CALIBRATION, "subsets": {"text": SCORES}}
    full["learning_curve"] = CURVE
    runs = [RESULTS, {**RESULTS, "seed": 4}]
    text = model_card(full, toy_config(), runs=runs, arguments=ARGUMENTS).text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# synctva",
        "## Labels, in this order",
        "## How to use",
        "## Data",
        "## Results",
        "### Over seeds",
        "### When modalities are missing",
        "## Calibration",
        "## How it was made",
        "### Hyperparameters",
        "### Learning curve",
        "## Limits",
        "## Out of scope",
    ]
    assert text.endswith(f"## Out of scope\n\n{OUT_OF_SCOPE}\n")


def test_text(card):
    text = card.text
    positions = [text.index(f"{index}. {label}") for index, label in enumerate(LABELS)]
    assert positions == sorted(positions)
    assert "from text and audio features" in text
    assert 'pipeline("emotion-recognition", model="me/synctva-meld")' in text
    assert "`some/encoder`" in text
    assert "synctva train --dataset meld --seed 3" in text
    assert "c" * 40 in text
    assert "with uncommitted changes" not in text
    assert "selected on dev" in text
    assert "| test | 500 | 0.6250 | 0.6124 | 0.5000 | 1.1000 | 0.0500 |" in text
    assert "| majority class, test | 500 | 0.4800 |" in text
    assert "| glad | 0.2000 | 0.2000 | 0.2000 |" in text
    assert "glad (F1 0.20) and cross (F1 0.60)" in text
    assert "Over seeds" not in text
    for phrase in ("Out of scope", "work or in education", "European Union", "internal state"):
        assert phrase in text
    assert "research" in text


def test_newer_results_have_uar_support_and_a_confusion_matrix(card):
    newer = {"uar": 0.55, "confusion_matrix": [[18, 1, 1], [4, 3, 3], [2, 1, 17]]}
    results = RESULTS | {"test": SCORES | newer, "subsets": {"text": SCORES | newer}}
    text = model_card(results, toy_config()).text
    assert "| split | utterances | accuracy | UAR | weighted F1 |" in text
    assert "| test | 500 | 0.6250 | 0.5500 | 0.6124 |" in text
    assert "| dev | 500 | 0.6000 | - | 0.6124 |" in text
    assert "| text | 0.6250 | 0.5500 |" in text
    matrix = text.partition("### Confusion matrix")[2].partition("## ")[0].splitlines()
    assert "Answers on test, a row for each true class" in matrix[2]
    assert matrix[4:9] == [
        "| true, answered | calm | glad | cross | all |",
        "| --- | --- | --- | --- | --- |",
        "| calm | 18 | 1 | 1 | 20 |",
        "| glad | 4 | 3 | 3 | 10 |",
        "| cross | 2 | 1 | 17 | 20 |",
    ]
    names = {e.metric_name for e in model_card(results, toy_config()).data.eval_results}
    assert "Unweighted average recall" in names
    assert "UAR" not in card.text and "Confusion matrix" not in card.text


def test_runs_of_which_some_lack_a_score_have_no_mean_of_it():
    newer = {split: SCORES | {"uar": 0.55} for split in ("dev", "test")}
    text = model_card(RESULTS, toy_config(), runs=[RESULTS | newer, RESULTS | newer]).text
    assert "| test | 0.6250 ± 0.0000 | 0.5500 ± 0.0000 |" in text
    text = model_card(RESULTS, toy_config(), runs=[RESULTS | newer, RESULTS]).text
    assert "| test | 0.6250 ± 0.0000 | 0.6124 ± 0.0000 |" in text


def test_a_class_that_test_lacks_is_a_dash_and_no_weakness():
    test = SCORES | {"per_class_f1": {"calm": 0.7, "glad": None, "cross": 0.6}}
    text = model_card(RESULTS | {"test": test}, toy_config()).text
    assert "| glad | 0.2000 | - | 0.2000 |" in text
    assert "No utterance in test is labelled glad: macro F1 and UAR are means over" in text
    assert "No utterance in dev" not in text
    assert "Weakest on cross (F1 0.60) and calm (F1 0.70)" in text


def test_huggingface_hub_can_read_the_card(card, tmp_path):
    path = tmp_path / "README.md"
    path.write_text(str(card))
    loaded = ModelCard.load(path)
    assert loaded.data.to_dict() == card.data.to_dict()
    assert yaml.safe_load(str(card).split("---")[1])["datasets"] == ["meld"]


def test_several_seeds_have_an_interval():
    runs = [
        {**RESULTS, "seed": seed, "test": {**SCORES, "weighted_f1": value}}
        for seed, value in enumerate((0.60, 0.62, 0.61))
    ]
    half = stats.t.ppf(0.975, 2) * 0.01 / math.sqrt(3)
    assert mean_and_interval([0.60, 0.62, 0.61]) == pytest.approx((0.61, half))
    text = model_card(RESULTS, toy_config(), runs=runs).text
    assert "Mean of seeds 0, 1, 2" in text
    assert f"0.6100 ± {half:.4f}" in text
    assert math.isnan(mean_and_interval([0.5])[1])


def test_missing_modalities_have_a_table(card):
    subsets = {"text": {**SCORES, "accuracy": 0.55}, "audio": {**SCORES, "accuracy": 0.45}}
    text = model_card({**RESULTS, "subsets": subsets}, toy_config()).text
    rows = [
        line for line in text.splitlines() if line.startswith(("| text ", "| audio ", "| text+"))
    ]
    assert rows == [
        "| text | 0.5500 | 0.6124 | 0.5000 | 1.1000 | 0.0500 |",
        "| audio | 0.4500 | 0.6124 | 0.5000 | 1.1000 | 0.0500 |",
        "| text+audio | 0.6250 | 0.6124 | 0.5000 | 1.1000 | 0.0500 |",
    ]
    assert "modalities are missing" not in card.text
    assert "modalities are missing" not in model_card({**RESULTS, "subsets": {}}, toy_config()).text


def test_the_example_is_shown_with_its_output(card):
    text = model_card(RESULTS, toy_config(), text_encoder=ENCODER, example=EXAMPLE).text
    printed = "\n".join(f"glad     0.88  {words}" for _, words, _ in CONVERSATION)
    assert f"```\n```\n{printed}\n```\n" in text
    assert "(Shapley values in nats: text +0.25)" in text
    assert "invented prosody" not in text
    for name, title in EXAMPLE_PLOTS.items():
        assert f"![{title}]({name})" in text
        assert name not in card.text
    assert "| reliability" not in card.text


def test_limits_name_what_was_not_tested(card):
    limits = card.text.partition("## Limits")[2].partition("## Out of scope")[0]
    for phrase in ("Other languages", "groups of people", "ECE above", "diarisation"):
        assert phrase in limits


def test_a_calibrated_model_has_tables_and_plots(card):
    text = model_card({**RESULTS, "calibration": CALIBRATION}, toy_config()).text
    assert "by a temperature, 1.234, fitted on dev" in text
    assert "| before | 1.1000 | 0.0500 | 0.5200 |" in text
    assert "| after | 1.0000 | 0.0200 | 0.5100 |" in text
    assert "| 0.100 | 100.0% | 60.0% |" in text
    assert "| 0.600 | 50.0% | 85.0% |" in text
    assert "| 90% | 90.5% | 89.0% | 50.0% | 2.25 |" in text
    for plot in CALIBRATION_PLOTS:
        assert f"]({plot})" in text
    assert "next to nothing" not in text
    assert "## Calibration" not in card.text


@pytest.mark.parametrize(
    ("size", "known", "told"),
    [
        (2.25, {"blind_size": 2.8}, False),
        (2.65, {"blind_size": 2.8}, True),
        (3.0, {"blind_size": 2.8}, True),
        (2.39, {"blind_size": 2.8, "labels": 3}, False),
        (2.41, {"blind_size": 2.8, "labels": 3}, True),  # more than 80% of the labels
        (3.0, {}, False),  # of an older version
    ],
)
def test_prediction_sets_that_say_nothing_are_called_so(size, known, told):
    sets = {
        "0.8": {**SETS, "blind_size": 2.8, "labels": 3},
        "0.95": SETS | {"mean_size": size} | known,
    }
    text = model_card(
        {**RESULTS, "calibration": CALIBRATION | {"prediction_sets": sets}}, toy_config()
    )
    assert ("**The sets for 95% say next to nothing**" in text.text) == told


def test_the_limits_say_whether_the_probabilities_are_calibrated(card):
    assert "- Probabilities are not calibrated (ECE above)." in card.text
    config = toy_config(conformal_thresholds=[0.5] * 99)
    assert "- Probabilities are not calibrated" in model_card(RESULTS, config).text
    config.calibration_temperature = 1.2
    said = "- Probabilities are calibrated on this data only (ECE above)."
    assert said in model_card(RESULTS, config).text


def test_simulated_model_shows_features_and_the_optimum():
    results = {**RESULTS, "dataset": "simulated", "bayes_optimal": {**SCORES, "accuracy": 0.8}}
    card = model_card(results, toy_config())
    assert "optimum, test" in card.text
    assert "audio_features=torch.randn(1, 5, 5)" in card.text
    assert "visual_features" not in card.text  # not trained on
    assert "No person spoke them" in card.text
    assert not {"language", "datasets"} & card.data.to_dict().keys()


def test_the_sizes_of_the_splits_and_the_support_of_every_label(card):
    counts = {"calm": 4000, "glad": 50, "cross": 7}
    size = {"conversations": 1234, "utterances": 5678, "label_counts": counts}
    splits = {"train": size, "test": size | {"conversations": 9}}
    text = model_card({**RESULTS, "splits": splits}, toy_config()).text
    table = text.partition("|  | train | test |")[2].splitlines()[2:7]
    assert table == [
        "| conversations | 1,234 | 9 |",
        "| utterances | 5,678 | 5,678 |",
        "| calm | 4,000 | 4,000 |",
        "| glad | 50 | 50 |",
        "| cross | 7 | 7 |",
    ]


def test_a_model_without_a_test_split_does_not_speak_of_one():
    only_dev = {key: value for key, value in RESULTS.items() if key != "test"}
    text = model_card(only_dev, toy_config()).text
    assert "Trained on the training split, selected on dev.\n" in text
    assert "test split" not in text
    whole = model_card({**RESULTS, "selected_on": None}, toy_config()).text
    assert "Trained on the training split; the test split was used only for the tables" in whole


def test_hyperparameters_are_those_that_have_an_effect(card):
    text = model_card(RESULTS, toy_config(), arguments=ARGUMENTS).text
    table = text.partition("### Hyperparameters")[2].partition("## ")[0]
    rows = dict(line.strip("| ").split(" | ") for line in table.splitlines() if line[:1] == "|")
    assert rows.pop("hidden_size") == str(toy_config().hidden_size)
    shown = ("loss", "focal_gamma", "learning_rate", "num_train_epochs")
    assert {name: rows[name] for name in shown} == {n: str(ARGUMENTS[n]) for n in shown}
    assert not rows.keys() & (ARGUMENTS.keys() - set(shown))
    assert "hf_secret" not in text and "Hyperparameters" not in card.text
    steps = model_card(RESULTS, toy_config(), arguments=ARGUMENTS | {"max_steps": 7}).text
    assert "| max_steps | 7 |" in steps and "num_train_epochs" not in steps


def test_the_learning_curve_has_a_plot_and_names_the_epoch(card):
    text = model_card(
        {**RESULTS, "learning_curve": CURVE, "parameters": 1234567}, toy_config()
    ).text
    assert "The weights are those after epoch 2 of 3, with a weighted F1 of 0.6000 on dev" in text
    assert f"]({LEARNING_CURVE})" in text and "- 1,234,567 parameters\n" in text
    last = [point | {"best": False} for point in CURVE]
    text = model_card({**RESULTS, "learning_curve": last}, toy_config()).text
    assert f"]({LEARNING_CURVE})" in text and "The weights are those" not in text
    assert LEARNING_CURVE not in card.text


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({"per_class_f1": dict.fromkeys(LABELS, 1.0)}, "No answer on test is wrong", "Weakest"),
        (
            {"per_class_f1": {"calm": 1.0, "glad": 0.99, "cross": 1.0}},
            "Weakest on glad (F1 0.99): read",
            "calm (F1",
        ),
        (
            {"n": 7, "per_class_f1": {"calm": 1.0, "glad": 0.0, "cross": 0.5}},
            "The scores rest on 7 utterances of test: too few",
            "Weakest",
        ),
        ({"n": 25}, "uncertain by up to ± 20 percentage points", "Weakest"),
        ({"support": {"calm": 9, "glad": 8, "cross": 7}}, "glad (F1 0.20 on 8 utterances)", "few"),
    ],
)
def test_weaknesses_are_named_where_there_are_some_to_see(changes, said, unsaid):
    text = model_card({**RESULTS, "test": SCORES | changes}, toy_config()).text
    limits = text.partition("## Limits")[2].partition("## Out of scope")[0]
    assert said in limits and unsaid not in limits


def test_a_temperature_that_does_not_help_is_said_not_to_be_used():
    held_out = {"before": 1.25, "after": 1.3}
    measured = CALIBRATION | {"temperature": 1.0}
    results = {**RESULTS, "held_out_nll": held_out, "calibration": measured}
    section = calibration_of(results)
    assert section.startswith(
        "**The scores are not calibrated**: on held-out conversations of dev a temperature does "
        "not lower the NLL (1.2500 without, 1.3000 with). On test:"
    )
    assert "| not calibrated | 1.1000 | 0.0500 | 0.5200 |" in section
    assert "| after |" not in section and "divides" not in section
    assert "| 90% | 90.5% |" in section  # the sets are made all the same
    del results["calibration"]
    assert "It was not measured on a test split." in calibration_of(results)


def test_a_temperature_that_helps_is_shown_with_what_it_is_worth():
    results = {**RESULTS, "held_out_nll": {"before": 1.25, "after": 1.2}}
    assert calibration_of(results) == (
        "The pipeline divides the logits by a temperature fitted on dev, unless `calibrate=False` "
        "is given. On held-out conversations of dev, such a temperature lowers the NLL from 1.2500 "
        "to 1.2000. It was not measured on a test split."
    )
    assert "1.234, fitted on dev" in calibration_of(results | {"calibration": CALIBRATION})


def calibration_of(results):
    text = model_card(results, toy_config()).text
    return text.partition("## Calibration\n\n")[2].partition("\n\n## ")[0]


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_data_set_has_a_card(dataset):
    assert DATASETS[dataset][0] in model_card({**RESULTS, "dataset": dataset}, toy_config()).text


@pytest.mark.parametrize("frozen", ["none", "all-but-heads"])
@pytest.mark.parametrize("on_hub", [True, False])
def test_the_model_that_training_started_from_is_named(on_hub, frozen):
    parent = {"name": "me/first", "on_hub": on_hub, "frozen": frozen, "statistics": "kept"}
    made = model_card(RESULTS | {"parent": parent}, toy_config())
    assert made.data.base_model == ("me/first" if on_hub else None)
    link = "[me/first](https://huggingface.co/me/first)" if on_hub else "`me/first`"
    end = "" if frozen == "none" else "; not trained: all-but-heads"
    assert f"- Started from {link}, whose terms" in made.text
    assert f"its feature statistics were kept{end}\n" in made.text
    assert "Started from" not in model_card(RESULTS, toy_config()).text
