"""The model card: usage, scores, how the model was made, and what is out of scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from synctva.cards.example import CardExample, usage
from synctva.cards.tables import (
    calibration_section,
    class_table,
    confusion_table,
    score_table,
    seed_table,
    subset_table,
)
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig

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
) -> ModelCard:
    """Return the card of a trained model, with its scores in the metadata.

    Args:
        results: content of `results.json`.
        config: of the model.
        runs: results of several seeds of the same recipe, including this one, for means with 95%
            intervals.
        model_name: the name by which users load it.
        text_encoder: spec of the frozen text encoder, if the model reads texts.
        example: the model's answers to an invented conversation, see `run_example`. Its plots must
            be beside the card, see `write_example_plots`.

    Returns:
        A card with metadata, to save as README.md. Scores are fractions, as in `results`.
    """
    name, about_data = DATASETS.get(results["dataset"], (results["dataset"], ""))
    labels = [config.id2label[index] for index in range(config.num_labels)]
    parent = results.get("parent") or {}
    data = ModelCardData(
        base_model=parent["name"] if parent.get("on_hub") else None,
        license="apache-2.0",
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
        f"## Data\n\n**{name}.** {about_data}\n\n"
        f"Trained on the training split, selected on {results.get('selected_on')}; the test split "
        "was used only for the tables below.",
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
    if "calibration" in results:
        measured = calibration_section(results["calibration"], results.get("selected_on"))
        sections.append(f"## Calibration\n\n{measured}")
    sections += [
        f"## How it was made\n\n{_making(results)}",
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


def _making(results: Mapping[str, Any]) -> str:
    lines = []
    if "command" in results:
        lines.append(f"```\n{results['command']}\n```\n")
    versions = ", ".join(f"{name} {value}" for name, value in results.get("versions", {}).items())
    changed = " with uncommitted changes" if results.get("uncommitted_changes") else ""
    lines.append(f"- Seed {results['seed']}")
    lines.append(f"- Source at commit {results.get('commit', 'unknown')}{changed}")
    lines.append(f"- {versions}")
    if "parent" in results:
        lines.append(f"- {_start(results['parent'])}")
    if "training_seconds" in results:
        lines.append(f"- Trained in {results['training_seconds']:.0f} s")
    return "\n".join(lines)


def _start(parent: Mapping[str, Any]) -> str:
    """Return from which model the training started, and what of it was kept."""
    name = parent["name"]
    shown = f"[{name}](https://huggingface.co/{name})" if parent["on_hub"] else f"`{name}`"
    frozen = "" if parent["frozen"] == "none" else f"; not trained: {parent['frozen']}"
    return (
        f"Started from {shown}, whose terms and limits apply too; its feature statistics were "
        f"{parent['statistics']}{frozen}"
    )


def _limits(results: Mapping[str, Any], config: SyncTVAConfig) -> str:
    scores = results["test" if "test" in results else "dev"]["per_class_f1"]
    by_class = {name: f1 for name, f1 in scores.items() if f1 is not None}
    weakest = sorted(by_class, key=by_class.__getitem__)[:2]
    calibrated = (
        "not calibrated" if config.conformal_thresholds is None else "calibrated on this data only"
    )
    weak = " and ".join(f"{name} (F1 {by_class[name]:.2f})" for name in weakest)
    return (
        f"- Weakest on {weak}: read the scores of each class, not only the average.\n"
        "- Other languages, cultures and recording conditions, and spontaneous speech, were not "
        "tested: expect lower scores. How much lower, and how they differ between groups of "
        "people, is unknown.\n"
        f"- Probabilities are {calibrated} (ECE above).\n"
        "- Speakers are distinguished by the names in the input: a wrong diarisation changes the "
        "answers."
    )


def _numbered(labels: Sequence[str]) -> str:
    return "\n".join(f"{index}. {label}" for index, label in enumerate(labels))


def _join(names: Sequence[str]) -> str:
    names = list(names)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


__all__ = ["DATASETS", "OUT_OF_SCOPE", "model_card"]
