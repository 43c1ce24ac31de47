"""Praat's TextGrid and ELAN's documents: a tier of words for each speaker, and one of emotions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from mimetypes import guess_type
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import SubElement

from synctva.answered import Answered

from .spans import Span, rows_without_overlap, spans, unique

WORDS = "utterances"
"""Name of the tier of utterances without a speaker."""


def textgrid(answered: Sequence[Answered]) -> str:
    """Return the utterances as a TextGrid in Praat's long form."""
    found = spans(answered)
    end = max((span.end for span in found), default=0)
    tiers = []
    for speaker, row in rows_without_overlap(found):
        name = speaker or WORDS
        tiers.append(_intervals(name, row, end, lambda span: span.words))
        if any(span.emotion for span in row):
            tiers.append(_intervals(f"{name} - emotion", row, end, lambda span: span.emotion or ""))
    head = [
        *('File type = "ooTextFile"', 'Object class = "TextGrid"', ""),
        *("xmin = 0", f"xmax = {end / 1000}", "tiers? <exists>", f"size = {len(tiers)}"),
        "item []:",
    ]
    body = [
        line for number, tier in enumerate(tiers, 1) for line in (f"    item [{number}]:", *tier)
    ]
    return "\n".join([*head, *body]) + "\n"


def _intervals(name: str, row: Sequence[Span], end: int, words: Callable[[Span], str]) -> list[str]:
    """Return the lines of a tier, whose intervals fill all of the time."""
    filled: list[tuple[int, int, str]] = []
    now = 0
    for span in row:
        if span.start > now:
            filled.append((now, span.start, ""))
        filled.append((span.start, span.end, words(span)))
        now = span.end
    if now < end:
        filled.append((now, end, ""))
    lines = [
        *('class = "IntervalTier"', f"name = {_quoted(name)}", "xmin = 0", f"xmax = {end / 1000}"),
        f"intervals: size = {len(filled)}",
    ]
    for number, (start, stop, text) in enumerate(filled, 1):
        lines += [
            f"intervals [{number}]:",
            *(f"    xmin = {start / 1000}", f"    xmax = {stop / 1000}"),
            f"    text = {_quoted(text)}",
        ]
    return [f"        {line}" for line in lines]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def elan(answered: Sequence[Answered]) -> str:
    """Return the utterances as an ELAN document; the emotions are tiers that depend on the words'.

    Its `file` is the recording, as it is named from the folder of the document.
    """
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "",
            # Required, and the same for the same answers.
            "DATE": "1970-01-01T00:00:00+00:00",
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _INSTANCE,
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    for file in dict.fromkeys(item["file"] for item in answered if item.get("file")):
        quoted = quote(file, errors="surrogateescape")  # a name need not be UTF-8
        url = quoted if file.startswith("../") else f"./{quoted}"
        kind = guess_type(file)[0] or "video/unknown"
        SubElement(
            header, "MEDIA_DESCRIPTOR", MEDIA_URL=url, RELATIVE_MEDIA_URL=url, MIME_TYPE=kind
        )
    found = spans(answered)
    rows = rows_without_overlap(found)
    order = SubElement(root, "TIME_ORDER")
    # Moments in the order of time, as ELAN writes them.
    moments = sorted({moment for span in found for moment in (span.start, span.end)})
    slots = {moment: f"ts{number}" for number, moment in enumerate(moments, 1)}
    for moment, slot in slots.items():
        SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(moment))
    emotions = any(span.emotion for span in found)
    ids = iter(range(1, 2 * len(found) + 1))
    names = unique(speaker or WORDS for speaker, _ in rows)
    felt_names = unique([*names, *(f"{name} - emotion" for name in names)])[len(names) :]
    for (speaker, row), name, felt_name in zip(rows, names, felt_names, strict=True):
        said = SubElement(root, "TIER", LINGUISTIC_TYPE_REF="utterance", TIER_ID=name)
        if speaker:
            said.set("PARTICIPANT", speaker)
        felt = ElementTree.Element(
            "TIER", LINGUISTIC_TYPE_REF="emotion", PARENT_REF=name, TIER_ID=felt_name
        )
        for span in row:
            key = f"a{next(ids)}"
            holder = SubElement(
                SubElement(said, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                ANNOTATION_ID=key,
                TIME_SLOT_REF1=slots[span.start],
                TIME_SLOT_REF2=slots[span.end],
            )
            SubElement(holder, "ANNOTATION_VALUE").text = span.words
            if span.emotion:
                depends = SubElement(
                    SubElement(felt, "ANNOTATION"),
                    "REF_ANNOTATION",
                    ANNOTATION_ID=f"a{next(ids)}",
                    ANNOTATION_REF=key,
                )
                SubElement(depends, "ANNOTATION_VALUE").text = span.emotion
        if emotions:
            root.append(felt)
    kinds = {"GRAPHIC_REFERENCES": "false"}
    SubElement(
        root, "LINGUISTIC_TYPE", kinds, LINGUISTIC_TYPE_ID="utterance", TIME_ALIGNABLE="true"
    )
    if emotions:
        SubElement(
            root,
            "LINGUISTIC_TYPE",
            kinds,
            CONSTRAINTS="Symbolic_Association",
            LINGUISTIC_TYPE_ID="emotion",
            TIME_ALIGNABLE="false",
        )
        SubElement(
            root,
            "CONSTRAINT",
            DESCRIPTION="1-1 association with a parent annotation",
            STEREOTYPE="Symbolic_Association",
        )
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


__all__ = ["elan", "textgrid"]
