"""RTTM, which has speakers and times, and Audacity's labels, which have all in a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from synctva.answered import Answered, plain
from synctva.transcripts.line import emotion_mark

from .spans import spans, unique

NOBODY = "<NA>"
"""What RTTM has in place of a name."""


def rttm(answered: Sequence[Answered]) -> str:
    """Return who speaks when as RTTM, whose fields have no blanks: they become "_"."""
    found = spans(answered)
    speakers = list(dict.fromkeys(span.speaker for span in found if span.speaker))
    names = unique("_".join(name.split()) for name in speakers)
    fields = dict(zip(speakers, ("_".join(name.split()) for name in names), strict=True))
    file = next((item["file"] for item in answered if item.get("file")), "")
    recording = "_".join(plain(PurePath(file).stem).split()) or "recording"
    return "".join(
        f"SPEAKER {recording} 1 {span.start / 1000:.3f} {(span.end - span.start) / 1000:.3f} "
        f"<NA> <NA> {fields.get(span.speaker, NOBODY)} <NA> <NA>\n"
        for span in found
    )


def audacity(answered: Sequence[Answered]) -> str:
    """Return the utterances as a label track of Audacity."""
    lines = []
    for span in spans(answered):
        words = (span.line + emotion_mark(span.emotion)).strip()
        lines.append(f"{span.start / 1000:.6f}\t{span.end / 1000:.6f}\t{words}\n")
    return "".join(lines)


__all__ = ["audacity", "rttm"]
