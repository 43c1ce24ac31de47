"""The section of a model card on temperature, abstention and prediction sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synctva.calibration_fitting import helps, why_not_calibrated
from synctva.cards.tables import markdown
from synctva.metrics.confidence import says_nothing
from synctva.results import CALIBRATION_SCORES


def calibration_section(results: Mapping[str, Any]) -> str | None:
    """Return what was fitted on dev, and what it does on test; None if nothing was fitted.

    Args:
        results: content of `results.json`. Those of older versions have no `held_out_nll`, and
            those of data without a test split no `calibration`.
    """
    measured, held_out = results.get("calibration"), results.get("held_out_nll")
    if measured is None and held_out is None:
        return None
    used = helps(held_out) if held_out else True
    if used:
        temperature = f", {measured['temperature']:.3f}," if measured else ""
        parts = [
            f"The pipeline divides the logits by a temperature{temperature} fitted on dev, unless "
            "`calibrate=False` is given."
        ]
        if held_out:
            parts[0] += (
                " On held-out conversations of dev, such a temperature lowers the NLL from "
                f"{held_out['before']:.4f} to {held_out['after']:.4f}."
            )
    else:
        parts = [f"**The scores are not calibrated**: {why_not_calibrated(held_out or {})}."]
    if measured is None:
        return f"{parts[0]} It was not measured on a test split."
    parts[0] += " On test:"
    rows = {"before": measured["before"], "after": measured["after"]}
    if not used:
        rows = {"not calibrated": measured["before"]}
    return "\n\n".join(
        [
            *parts,
            markdown(
                ["", *CALIBRATION_SCORES.values()],
                [
                    [when, *(f"{scores[key]:.4f}" for key in CALIBRATION_SCORES)]
                    for when, scores in rows.items()
                ],
            ),
            "![Accuracy by score](calibration.png)",
            *_abstention(measured["abstention"]),
            *_prediction_sets(measured["prediction_sets"]),
        ]
    )


def _abstention(curve: Mapping[str, Any]) -> list[str]:
    points = zip(curve["abstain_below"], curve["coverage"], curve["risk"], strict=True)
    answered = [
        [f"{limit:.3f}", f"{coverage:.1%}", f"{1 - risk:.1%}"]
        for limit, coverage, risk in list(points)[::5]
    ]
    return [
        "With `abstain_below=0.6` it gives no label to utterances with a lower score:",
        markdown(["abstain_below", "answered", "correct among them"], answered),
        "![Share of wrong answers by share of utterances answered](coverage_risk.png)",
    ]


def _prediction_sets(sets: Mapping[str, Mapping[str, float]]) -> list[str]:
    rows = [
        [
            f"{float(asked):.0%}",
            f"{had['coverage_by_conversation']:.1%}",
            f"{had['coverage']:.1%}",
            f"{had['coverage_of_worst_class']:.1%}",
            f"{had['mean_size']:.2f}" + (f" of {had['labels']}" if "labels" in had else ""),
        ]
        for asked, had in sets.items()
    ]
    header = [
        "requested coverage",
        "by conversation",
        "by utterance",
        "of the worst class",
        "labels on average",
    ]
    parts = [
        "With `prediction_set=0.9` it also gives a set of labels that contains the true one with "
        "at least this probability, for an utterance drawn at random from a conversation that is "
        "like those of dev. This does not hold for each single utterance or emotion, nor for other "
        "data. Coverage of the sets on test:",
        markdown(header, rows),
    ]
    useless = [f"{float(asked):.0%}" for asked, had in sets.items() if says_nothing(had)]
    if useless:
        parts.append(
            f"**The sets for {', '.join(useless)} say next to nothing**: they have nearly all "
            "labels, or are hardly smaller than sets of the most frequent emotions would have to "
            "be for the same coverage."
        )
    return parts


__all__ = ["calibration_section"]
