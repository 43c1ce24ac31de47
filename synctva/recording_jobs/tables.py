"""The tables over all recordings of a job: utterances, a summary by speaker, and failures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synctva.answer_files.tables import COLUMNS, rows
from synctva.csv_output import write_csv
from synctva.files import written_whole

SUMMARY, UTTERANCES, FAILURES = TABLES = ("summary.csv", "utterances.csv", "failures.csv")
"""Files of the tables."""

ANSWERS = "answers"
"""Files of a recording's answers, without their suffix."""

MADE_FROM = "made_from.json"
"""File that says what a recording's answers were made from. It is written last."""

UNSURE = "unsure"
"""In place of a label that was not given."""


def write_tables(output: Path, names: Iterable[str], errors: Mapping[str, str]) -> None:
    """Write the tables over the recordings that have been answered, and those that have failed.

    Args:
        output: folder of the results.
        names: of the job's recordings; those without a result are left out.
        errors: name -> why the recording was not answered.
    """
    answered = [name for name in names if name not in errors]
    answered = [name for name in answered if (output / name / MADE_FROM).is_file()]
    labels: dict[str, None] = {}
    for name in answered:
        labels |= dict.fromkeys(read_json(output / name / MADE_FROM)["labels"])
    shares = [f"share_{label}" for label in (*labels, UNSURE)]
    scores = [f"score_{label}" for label in labels]
    failures = ({"recording": name, "reason": reason} for name, reason in errors.items())
    with written_whole(output) as unfinished:
        for table, columns, found in (
            (SUMMARY, [*_SUMMARY, *shares, "cautions"], _summary(output, answered, [*labels])),
            (UTTERANCES, ["recording", *_UTTERANCE, *scores], _utterances(output, answered)),
            (FAILURES, ["recording", "reason"], failures),
        ):
            with (unfinished / table).open(
                "w", encoding="utf-8", errors="backslashreplace", newline=""
            ) as file:
                write_csv(file, columns, found)


_NOT_HERE = ("conversation", "file")
_UTTERANCE = [name for name in COLUMNS if name not in _NOT_HERE]


def _utterances(output: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        answers = _answered(output / name)
        for row in rows([answers]):
            yield {"recording": name, **{c: row[c] for c in row if c not in _NOT_HERE}}


_SUMMARY = ["recording", "speaker", "utterances", "not_answered", "seconds"]


def _summary(output: Path, names: Sequence[str], labels: list[str]) -> Iterator[dict[str, Any]]:
    """Yield a row for each recording and speaker, in order of appearance."""
    for name in names:
        by_speaker: dict[str, list[dict[str, Any]]] = {}
        for answer in _answered(output / name):
            by_speaker.setdefault(answer.get("speaker") or "", []).append(answer)
        for speaker, answers in by_speaker.items():
            yield {"recording": name, "speaker": speaker, **summarise(answers, labels)}


def summarise(answers: Sequence[Mapping[str, Any]], labels: Iterable[str]) -> dict[str, Any]:
    """Return how much somebody speaks, and the share of that time that each emotion has.

    Args:
        answers: of one speaker's utterances, with `start` and `end` in s. Where one of them lacks
            its times, all utterances count the same, and `seconds` is missing.
        labels: for which a share is given, beside that of `UNSURE`.
    """
    given = [answer for answer in answers if "error" not in answer]
    timed = all("start" in answer and "end" in answer for answer in answers)
    lengths = [answer["end"] - answer["start"] if timed else 1.0 for answer in given]
    total = sum(lengths)
    shares = dict.fromkeys((*labels, UNSURE), 0.0)
    for answer, length in zip(given, lengths, strict=True):
        shares[answer["label"] or UNSURE] += length / total if total else 1 / len(given)
    cautions = dict.fromkeys(caution for answer in given for caution in answer["cautions"])
    return {
        "utterances": len(answers),
        "not_answered": len(answers) - len(given),
        **({"seconds": round(sum(a["end"] - a["start"] for a in answers), 3)} if timed else {}),
        **({f"share_{label}": round(share, 4) for label, share in shares.items()} if given else {}),
        "cautions": "; ".join(cautions),
    }


def _answered(folder: Path) -> list[dict[str, Any]]:
    return read_json(folder / f"{ANSWERS}.json")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


__all__ = ["ANSWERS", "FAILURES", "MADE_FROM", "SUMMARY", "TABLES", "UTTERANCES", "write_tables"]
