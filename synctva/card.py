"""The model card: what a model is, what it reached, how it was made, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from scipy import stats

from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.results import CALIBRATION_SCORES, SCORES

PAPER = "https://arxiv.org/abs/2507.21395"

DATASETS = {
    "simulated": (
        "Simulated conversations",
        "Drawn by `synctva.datasets_scripts.simulated` with a known optimum. No person spoke them: "
        "the model shows that the method works and recognises nobody's emotions.",
    ),
    "meld": (
        "MELD",
        "Utterances of the television series Friends, official splits (Poria et al., 2019): "
        "scripted comedy, acted, in English, half of it neutral. Released for research; the "
        "rights in the series are its owners'.",
    ),
    "iemocap": (
        "IEMOCAP (6 emotions)",
        "Dyadic sessions of ten actors in English, scripted and improvised (Busso et al., 2008), "
        "in the literature's splits by session. Licensed by its makers for research alone.",
    ),
    "features": (
        "User's feature set",
        "Prepared features; the terms of their source hold for the model.",
    ),
    "table": ("User's own table", "A table of the user's own; its terms hold for the model too."),
}
"""Name of each data set, and what a reader has to know of it."""

OUT_OF_SCOPE = """\
- **Inferring the emotions of people at work or in education.** Placing on the market, putting into
  service or using an AI system for that is prohibited in the European Union since 2 February 2025
  (Regulation (EU) 2024/1689, Article 5(1)(f); medical and safety reasons excepted).
- Decisions about a person: hiring, grading, insurance, credit, policing, migration, lie detection,
  diagnosis.
- Reading a score as an internal state. The labels are what annotators perceived in a recording; the
  score is a probability of such a label, not a measurement of what someone feels.
- Watching or profiling people who do not know of it and have not agreed."""


def model_card(
    results: Mapping[str, Any],
    config: SyncTVAConfig,
    runs: Sequence[Mapping[str, Any]] = (),
    model_name: str = "synctva",
    text_encoder: Mapping[str, Any] | None = None,
) -> ModelCard:
    """The card of a trained model, with its scores in the metadata.

    Args:
        results: what `results.json` holds.
        config: of the model.
        runs: the results of several seeds of the same recipe, this one among them; gives means
            with 95% intervals.
        model_name: how users load it.
        text_encoder: specification of the frozen text encoder, if texts can be given.
    """
    name, about_data = DATASETS.get(results["dataset"], (results["dataset"], ""))
    labels = [config.id2label[index] for index in range(config.num_labels)]
    data = ModelCardData(
        license="apache-2.0",
        language=None if results["dataset"] in ("simulated", "table", "features") else "en",
        # Not token-classification, which is the auto class that serves it: the Hub would offer a
        # widget that marks words.
        library_name="transformers",
        tags=["synctva", "emotion-recognition", "conversation", "multimodal"],
        datasets=[results["dataset"]] if results["dataset"] in ("meld", "iemocap") else None,
        metrics=["accuracy", "f1"],
        model_name=model_name,
        eval_results=_eval_results(results, name),
    )
    sections = [
        f"# {model_name}",
        f"Sync-TVA ([paper]({PAPER})) recognises the emotion of every utterance of a conversation "
        f"from {_join(results.get('modalities', []))} features, whichever are present, and from "
        "the conversation around it.",
        f"## Labels, in this order\n\n{_numbered(labels)}",
        f"## How to use\n\n{_usage(model_name, results, config, text_encoder)}",
        f"## Data\n\n**{name}.** {about_data}\n\n"
        f"Trained on the training split, selected on {results.get('selected_on')}; the test split "
        "was used for nothing but the table below.",
        f"## Results\n\n{_score_table(results)}\n\n{_class_table(results, labels)}",
    ]
    if runs:
        sections.append(f"### Over seeds\n\n{_seed_table(runs)}")
    if "calibration" in results:
        calibrated_on = results.get("selected_on")
        sections.append(f"## Calibration\n\n{_calibration(results['calibration'], calibrated_on)}")
    sections += [
        f"## How it was made\n\n{_making(results)}",
        f"## Limits\n\n{_limits(results)}",
        f"## Out of scope\n\n{OUT_OF_SCOPE}",
    ]
    body = "\n\n".join(sections)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}\n")


def mean_and_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean over seeds and half the width of its Student-t interval (NaN for a single seed)."""
    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 2:
        return float(numbers.mean()), float("nan")
    quantile = stats.t.ppf(0.5 + level / 2, len(numbers) - 1)
    return float(numbers.mean()), float(quantile * numbers.std(ddof=1) / np.sqrt(len(numbers)))


def _eval_results(results: Mapping[str, Any], dataset_name: str) -> list[EvalResult]:
    metrics = {
        "accuracy": ("accuracy", "Accuracy"),
        "weighted_f1": ("f1", "Weighted F1"),
        "macro_f1": ("f1", "Macro F1"),
    }
    return [
        EvalResult(
            task_type="emotion-recognition",
            task_name="Emotion recognition in conversation",
            dataset_type=results["dataset"],
            dataset_name=dataset_name,
            dataset_split=split,
            metric_type=kind,
            metric_name=title,
            metric_value=round(results[split][key], 4),
        )
        for split in ("test", "dev")
        if split in results
        for key, (kind, title) in metrics.items()
    ]


def _usage(
    model_name: str,
    results: Mapping[str, Any],
    config: SyncTVAConfig,
    text_encoder: Mapping[str, Any] | None,
) -> str:
    if text_encoder is not None or config.text_backbone is not None:
        if text_encoder is not None:
            source = f"by `{text_encoder['name']}`, frozen, which is fetched separately"
        else:
            source = f"by `{config.text_backbone}`, trained with the model and saved in it"
        return (
            "```python\n"
            "from transformers import pipeline\n\n"
            "import synctva  # or, without the package, trust_remote_code=True below\n\n"
            f'recognise = pipeline("emotion-recognition", model="{model_name}")\n'
            "recognise([\n"
            '    {"speaker": "Ann", "text": "I got the job!"},\n'
            '    {"speaker": "Bo", "text": "That is wonderful!"},\n'
            "])\n"
            "```\n\n"
            f"Texts are embedded {source}. "
            "An utterance may also carry `text_features`, `audio_features` and `visual_features`, "
            "and recordings as `audio` and `video` where the processor names the encoder of that "
            "modality. "
            "An answer's `contributions` are gate values in [0, 1], not causes."
        )
    widths = {m: config.modality_dims[m] for m in results.get("modalities", [])}
    arguments = ",\n".join(
        f"    {name}_features=torch.randn(1, 5, {width})" for name, width in widths.items()
    )
    return (
        "```python\n"
        "import torch\n"
        "from transformers import AutoModelForTokenClassification\n\n"
        "import synctva  # or, without the package, trust_remote_code=True below\n\n"
        f'model = AutoModelForTokenClassification.from_pretrained("{model_name}").eval()\n'
        f"output = model(  # one conversation of five utterances\n{arguments},\n)\n"
        "output.logits.softmax(-1)  # (1, 5, emotions)\n"
        "```"
    )


def _references(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    last = "test" if "test" in results else "dev"
    rows = {split: results[split] for split in ("dev", "test") if split in results}
    for title, key in (("majority class", "majority"), ("optimum", "bayes_optimal")):
        if key in results:
            rows[f"{title}, {last}"] = results[key]
    return rows


def _score_table(results: Mapping[str, Any]) -> str:
    rows = [
        [title, str(scores["n"]), *(f"{scores[key]:.4f}" for key in SCORES)]
        for title, scores in _references(results).items()
    ]
    return _markdown(["split", "utterances", *SCORES.values()], rows)


def _class_table(results: Mapping[str, Any], labels: Sequence[str]) -> str:
    references = _references(results)
    rows = [
        [label, *(f"{scores['per_class_f1'][label]:.4f}" for scores in references.values())]
        for label in labels
    ]
    return _markdown(["F1 of each class", *references], rows)


def _seed_table(runs: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for split in ("dev", "test"):
        if all(split in run for run in runs):
            cells = []
            for key in SCORES:
                mean, half = mean_and_interval([run[split][key] for run in runs])
                cells.append(f"{mean:.4f} ± {half:.4f}")
            rows.append([split, *cells])
    seeds = ", ".join(str(run["seed"]) for run in runs)
    return (
        f"Mean of seeds {seeds}, each selected on dev, with the 95% Student-t interval of the "
        f"mean:\n\n{_markdown(['split', *SCORES.values()], rows)}"
    )


def _calibration(calibration: Mapping[str, Any], fitted_on: str | None) -> str:
    """What the temperature, abstaining and prediction sets do on test."""
    rows = [
        [when, *(f"{calibration[when][key]:.4f}" for key in CALIBRATION_SCORES)]
        for when in ("before", "after")
    ]
    sets = [
        [
            f"{float(asked):.0%}",
            f"{had['coverage_by_conversation']:.1%}",
            f"{had['coverage']:.1%}",
            f"{had['coverage_of_worst_class']:.1%}",
            f"{had['mean_size']:.2f}",
        ]
        for asked, had in calibration["prediction_sets"].items()
    ]
    curve = calibration["abstention"]
    points = zip(curve["abstain_below"], curve["coverage"], curve["risk"], strict=True)
    answered = [
        [f"{limit:.3f}", f"{coverage:.1%}", f"{1 - risk:.1%}"]
        for limit, coverage, risk in list(points)[::5]
    ]
    asked_for = ["coverage asked for", "had, by conversation", "by utterance", "of the worst class"]
    return "\n\n".join(
        [
            "The pipeline divides the logits by a temperature, "
            f"{calibration['temperature']:.3f}, fitted on {fitted_on}; `calibrate=False` leaves "
            "them. On test:",
            _markdown(["", *CALIBRATION_SCORES.values()], rows),
            "![Reliability diagram](reliability.png)",
            "With `abstain_below=0.6` it gives no label where the score is lower:",
            _markdown(["abstain_below", "answered", "right among them"], answered),
            "![Share of wrong answers against the share answered](coverage_risk.png)",
            "With `prediction_set=0.9` it also gives a set of labels that holds the true one in at "
            "least that share of cases: of an utterance drawn from each conversation, if the "
            f"conversations are like those of {fitted_on}. That says nothing of a single utterance "
            "or emotion, nor of other data.",
            _markdown([*asked_for, "labels on average"], sets),
        ]
    )


def _making(results: Mapping[str, Any]) -> str:
    lines = []
    if "command" in results:
        lines.append(f"```\n{results['command']}\n```\n")
    versions = ", ".join(f"{name} {value}" for name, value in results.get("versions", {}).items())
    changed = " with uncommitted changes" if results.get("uncommitted_changes") else ""
    lines.append(f"- Seed {results['seed']}")
    lines.append(f"- Source at commit {results.get('commit', 'unknown')}{changed}")
    lines.append(f"- {versions}")
    if "training_seconds" in results:
        lines.append(f"- Trained in {results['training_seconds']:.0f} s")
    return "\n".join(lines)


def _limits(results: Mapping[str, Any]) -> str:
    by_class = results[("test" if "test" in results else "dev")]["per_class_f1"]
    weakest = sorted(by_class, key=by_class.get)[:2]
    weak = " and ".join(f"{name} (F1 {by_class[name]:.2f})" for name in weakest)
    return (
        f"- Weakest on {weak}: read the table of the classes, not the average alone.\n"
        "- Other languages, cultures, recording conditions and spontaneous speech were not tested: "
        "expect lower scores there; by how much, and how it differs between groups of people, is "
        "unknown.\n"
        "- Probabilities are calibrated on this data at best (ECE above), and nowhere else.\n"
        "- Speakers are told apart by the names that are given: a wrong diarisation changes the "
        "answers."
    )


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _numbered(labels: Sequence[str]) -> str:
    return "\n".join(f"{index}. {label}" for index, label in enumerate(labels))


def _join(names: Sequence[str]) -> str:
    names = list(names)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


__all__ = ["DATASETS", "OUT_OF_SCOPE", "mean_and_interval", "model_card"]
