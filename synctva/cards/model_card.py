"""The model card: usage, scores, how the model was made, and what is out of scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from synctva.cards.calibration import calibration_section
from synctva.cards.example import CardExample, usage
from synctva.cards.making import making_section
from synctva.cards.tables import (
    class_table,
    confusion_table,
    score_table,
    seed_table,
    split_table,
    subset_table,
)
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig, counted

PAPER = "https://arxiv.org/abs/2507.21395"

DATASETS = {
    "simulated": (
        "Simulated conversations",
        "Drawn by `synctva.datasets_scripts.corpora.simulated`, with a known optimum. No person "
        "spoke them: the model shows that the method works, but does not recognise anybody's "
        "emotions.",
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
        "in the literature's splits by session. Licensed by its makers for research only.",
    ),
    "emorynlp": (
        "EmoryNLP",
        "Scenes of the television series Friends (Zahiri and Choi, 2018), official splits: "
        "scripted comedy in English, only text. It shares scenes with MELD. The rights in the "
        "series are its owners'.",
    ),
    "dailydialog": (
        "DailyDialog",
        "Dialogues for learners of English (Li et al., 2017), only text, most of it neutral. "
        "Licensed CC BY-NC-SA 4.0: not for commercial use.",
    ),
    "features": (
        "User's feature set",
        "Prepared features; the terms of their source also apply to the model.",
    ),
    "table": ("User's own table", "A table of the user's own; its terms also apply to the model."),
}
"""Name and description of each data set."""

OUT_OF_SCOPE = """\
- **Inferring the emotions of people at work or in education.** Placing on the market, putting into
  service or using an AI system for that is prohibited in the European Union since 2 February 2025
  (Regulation (EU) 2024/1689, Article 5(1)(f); medical and safety reasons excepted).
- Decisions about a person: hiring, grading, insurance, credit, policing, migration, lie detection,
  diagnosis.
- Reading a score as an internal state. The labels are what annotators perceived in a recording; the
  score is a probability of such a label, not a measurement of what someone feels.
- Watching or profiling people without their knowledge and consent."""


def model_card(
    results: Mapping[str, Any],
    config: SyncTVAConfig,
    runs: Sequence[Mapping[str, Any]] = (),
    model_name: str = "synctva",
    text_encoder: Mapping[str, Any] | None = None,
    example: CardExample | None = None,
    license: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> ModelCard:
    """Return the card of a trained model, with its scores in the metadata.

    Args:
        results: content of `results.json`.
        config: of the model.
        runs: results of several seeds of the same recipe, including this one, for means with 95%
            intervals.
        model_name: the name by which users load it.
        text_encoder: spec of the frozen text encoder, if the model reads texts.
        example: the model's answers to an invented conversation, see `run_example`.
        license: of the model, as the Hub names it; by default none is claimed, because the data
            may have terms of its own.
        arguments: training arguments as a dictionary, for the table of hyperparameters.

    Returns:
        A card with metadata, to save as README.md. Scores are fractions, as in `results`. Its
        pictures must be beside it, see `write_card_plots`.
    """
    name, _ = DATASETS.get(results["dataset"], (results["dataset"], ""))
    labels = [config.id2label[index] for index in range(config.num_labels)]
    parent = results.get("parent") or {}
    data = ModelCardData(
        base_model=parent["name"] if parent.get("on_hub") else None,
        license=license,
        language=None if results["dataset"] in ("simulated", "table", "features") else "en",
        # No pipeline_tag: for token-classification, the task of its auto class, the Hub would offer
        # a widget that marks words.
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
        "the rest of the conversation.",
        f"## Labels, in this order\n\n{_numbered(labels)}",
        f"## How to use\n\n{usage(model_name, results, config, text_encoder, example)}",
        f"## Data\n\n{_data(results, labels, license)}",
        f"## Results\n\n{score_table(results)}\n\n{class_table(results, labels)}",
    ]
    confusion = confusion_table(results, labels)
    if confusion is not None:
        sections.append(f"### Confusion matrix\n\n{confusion}")
    if runs:
        sections.append(f"### Over seeds\n\n{seed_table(runs)}")
    if results.get("subsets"):
        sections.append(
            "### When modalities are missing\n\nThe same model on test, where every utterance has "
            f"only these modalities:\n\n{subset_table(results)}"
        )
    calibration = calibration_section(results)
    if calibration is not None:
        sections.append(f"## Calibration\n\n{calibration}")
    sections += [
        f"## How it was made\n\n{making_section(results, config, arguments)}",
        f"## Limits\n\n{_limits(results, config)}",
        f"## Out of scope\n\n{OUT_OF_SCOPE}",
    ]
    body = "\n\n".join(sections)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}\n")


def _eval_results(results: Mapping[str, Any], dataset_name: str) -> list[EvalResult]:
    metrics = {
        "accuracy": ("accuracy", "Accuracy"),
        "uar": ("recall", "Unweighted average recall"),
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
        if key in results[split]
    ]


def _data(results: Mapping[str, Any], labels: Sequence[str], license: str | None) -> str:
    name, about = DATASETS.get(results["dataset"], (results["dataset"], ""))
    use = "Trained on the training split"
    if results.get("selected_on") is not None:
        use += f", selected on {results['selected_on']}"
    if "test" in results:
        use += "; the test split was used only for the tables below"
    parts = [f"**{name}.** {about}", f"{use}."]
    if "splits" in results:
        parts.append(split_table(results["splits"], labels))
    if license is None:
        parts.append("No licence is stated here: ask those who publish the model.")
    return "\n\n".join(parts)


FEW = 100
"""Utterances below which a split is too small to tell how well each class is recognised."""


def _limits(results: Mapping[str, Any], config: SyncTVAConfig) -> str:
    calibrated = (
        "calibrated on this data only" if config.calibration_temperature != 1 else "not calibrated"
    )
    split = "test" if "test" in results else "dev"
    return (
        f"- {_weakest(results[split], split)}\n"
        "- Other languages, cultures and recording conditions, and spontaneous speech, were not "
        "tested: expect lower scores. How much lower, and how they differ between groups of "
        "people, is unknown.\n"
        f"- Probabilities are {calibrated} (ECE above).\n"
        "- Speakers are distinguished by the names in the input: a wrong diarisation changes the "
        "answers."
    )


def _weakest(scores: Mapping[str, Any], split: str) -> str:
    """Return which classes are recognised worst, or why that cannot be said."""
    number = scores["n"]
    if number < FEW:
        # Half a 95% interval is at most 1.96 * sqrt(0.25 / n), about 1 / sqrt(n).
        return (
            f"The scores rest on {counted(number, 'utterance')} of {split}: too few to say which "
            f"emotions are recognised worse than others. Even the accuracy is uncertain by up to "
            f"± {100 * number**-0.5:.0f} percentage points."
        )
    by_class = {name: f1 for name, f1 in scores["per_class_f1"].items() if f1 not in (None, 1)}
    weakest = sorted(by_class, key=by_class.__getitem__)[:2]
    if not weakest:
        return f"No answer on {split} is wrong, so that it does not show where the model fails."
    support = scores.get("support", {})

    def described(name: str) -> str:
        count = f" on {counted(support[name], 'utterance')}" if name in support else ""
        return f"{name} (F1 {by_class[name]:.2f}{count})"

    return (
        f"Weakest on {' and '.join(map(described, weakest))}: read the scores of each class, not "
        "only the average."
    )


def _numbered(labels: Sequence[str]) -> str:
    return "\n".join(f"{index}. {label}" for index, label in enumerate(labels))


def _join(names: Sequence[str]) -> str:
    names = list(names)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


__all__ = ["DATASETS", "OUT_OF_SCOPE", "model_card"]
