"""Annotation in tiers: Praat's TextGrids and ELAN's documents. A tier is a speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from xml.parsers import expat

from .line import FORMS, Line, Transcript, TranscriptError, quoted, split_speaker, times

_NO_SPEAKER = re.compile(
    r"(transcript(ion)?|text|utterances?|sentences?|speech|segments?|default)?", re.IGNORECASE
)
"""Names of tiers that are not the names of people."""
# Forced aligners name their tiers like this, or with a name before: "Ann - words".
_PARTS = re.compile(r"(?:.*[\W_])?(words?|phones?|phonemes?|syllables?)", re.IGNORECASE | re.DOTALL)
_EMOTIONS = re.compile(r".* - emotion", re.DOTALL)
"""Names of the tiers that we write beside those with words."""
_SILENCE = re.compile(r"|sp|sil|spn|#|<[^<>]*>", re.IGNORECASE)


@dataclass
class Tier:
    """A tier and the utterances in it."""

    name: str
    speaker: str | None = None
    """In place of the name, where the file says who speaks."""
    lines: list[Line] = field(default_factory=list)
    unread: str | None = None
    """Why the tier is not read; None: it is."""


def from_tiers(tiers: Sequence[Tier]) -> Transcript:
    """Return the utterances of all tiers in the order of their starts.

    Raises:
        TranscriptError: no tier has an utterance.
    """
    found: list[Line] = []
    notes: list[str] = []
    for tier in tiers:
        parts = "it has parts of utterances" if _PARTS.fullmatch(tier.name.strip()) else None
        if _EMOTIONS.fullmatch(tier.name):
            continue
        unread = tier.unread or parts
        if unread:
            notes.append(f"the tier {tier.name!r} is not read: {unread}")
            continue
        name = (tier.speaker or tier.name).strip()
        for line in tier.lines:
            if _SILENCE.fullmatch(line.text.strip()):
                continue
            speaker, text = split_speaker(" ".join(line.text.split()))
            if not _NO_SPEAKER.fullmatch(name):
                speaker, text = name, " ".join(line.text.split())
            found.append(replace(line, text=text, speaker=speaker))
    if not found:
        reason = f" ({'; '.join(notes)})" if notes else ""
        raise TranscriptError(
            f"there is no utterance{reason}: expected a tier of utterances for each speaker"
        )
    return Transcript([sorted(found, key=lambda line: line.start or 0.0)], notes=notes)


# A TextGrid is read as Praat reads it, whether it is long or short: only numbers, text between
# quotation marks and flags count that stand free; all else, and what follows a "!", is a comment.
_TOKEN = re.compile(
    r'"(?P<text>[^"]*(?:""[^"]*)*)"|(?<!\S)(?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)'
    r"|(?P<flag><exists>|<absent>)|![^\n]*"
)


def is_textgrid(text: str) -> bool:
    return re.match(r'(File type = )?"ooTextFile', text.lstrip()) is not None


def read_textgrid(text: str) -> Transcript:
    """Read a Praat TextGrid as text, long or short.

    Raises:
        TranscriptError: it is not a TextGrid, or has no utterance.
    """
    tokens = _tokens(text)

    def take(kind: str, what: str) -> tuple[int, str]:
        number, found, value = next(tokens, (text.count("\n") + 1, None, "the end"))
        if found != kind:
            raise TranscriptError(f"line {number}, {quoted(value)}: expected {what} of a TextGrid")
        return number, value

    take("text", "the file type")
    number, kind = take("text", "the object class")
    if kind != "TextGrid":
        raise TranscriptError(f"line {number}, {kind!r}: expected a 'TextGrid'")
    take("number", "the start")
    take("number", "the end")
    if take("flag", "whether there are tiers")[1] == "<absent>":
        return from_tiers([])
    tiers: list[Tier] = []
    for _ in range(_count(*take("number", "the number of tiers"))):
        points = take("text", "the class of a tier")[1] == "TextTier"
        tiers.append(Tier(take("text", "the name of a tier")[1]))
        take("number", "the start of a tier")
        take("number", "the end of a tier")
        for _ in range(_count(*take("number", "the number of intervals"))):
            number, start = take("number", "the start of an interval")
            if points:
                tiers[-1].unread = "it has points in time"
                take("text", "the text of a point")
                continue
            end = take("number", "the end of an interval")[1]
            words = take("text", "the text of an interval")[1]
            if words.strip():
                begin, stop = times(f"line {number}", float(start), float(end))
                tiers[-1].lines.append(Line(number, words, None, begin, stop))
    return from_tiers(tiers)


def _tokens(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, kind, value) of what counts."""
    line, position = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if match.lastgroup:
            yield line, match.lastgroup, match[match.lastgroup].replace('""', '"')


def _count(line: int, number: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", number):
        raise TranscriptError(f"line {line}, {number!r}: expected a whole number of a TextGrid")
    return int(number)


def is_xml(text: str) -> bool:
    return text.lstrip().startswith(("<?xml", "<ANNOTATION_DOCUMENT"))


def read_elan(text: str) -> Transcript:
    """Read an ELAN document: its tiers with times of their own, and not those that depend on them.

    Documents with a DOCTYPE are refused, so that there are no entities to expand.

    Raises:
        TranscriptError: it is not an ELAN document, or has no utterance.
    """
    slots: dict[str, float | None] = {}
    tiers: list[Tier] = []
    found: list[tuple[int, Tier, str, str, list[str]]] = []
    open_elements: list[str] = []
    # The document is decoded already, whatever encoding it names.
    parser = expat.ParserCreate("utf-8")

    def refuse(*_: object) -> None:
        raise TranscriptError(
            f"line {parser.CurrentLineNumber}: has a DOCTYPE: expected an ELAN document, which has "
            "none"
        )

    def start(element: str, attributes: dict[str, str]) -> None:
        number = parser.CurrentLineNumber
        if not open_elements and element != "ANNOTATION_DOCUMENT":
            raise TranscriptError(
                f"line {number}, <{element}>: is not understood: expected {FORMS}"
            )
        open_elements.append(element)
        if element == "TIME_SLOT":
            name, value = attributes.get("TIME_SLOT_ID", ""), attributes.get("TIME_VALUE")
            slots[name] = None if value is None else _slot(number, value)
        elif element == "TIER":
            name, parent = attributes.get("TIER_ID", ""), attributes.get("PARENT_REF")
            unread = parent and f"it depends on {parent!r}"
            tiers.append(Tier(name, attributes.get("PARTICIPANT"), unread=unread or None))
        elif element == "ALIGNABLE_ANNOTATION" and tiers:
            first, last = (attributes.get(f"TIME_SLOT_REF{end}", "") for end in (1, 2))
            found.append((number, tiers[-1], first, last, []))

    def data(words: str) -> None:
        if open_elements[-2:] == ["ALIGNABLE_ANNOTATION", "ANNOTATION_VALUE"] and found:
            found[-1][4].append(words)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_elements.pop()
    parser.CharacterDataHandler = data
    try:
        parser.Parse(text.encode(errors="surrogatepass"), True)
    except expat.ExpatError as error:
        raise TranscriptError(
            f"line {error.lineno}: is not XML ({expat.ErrorString(error.code)}): expected an ELAN "
            "document"
        ) from None
    for number, tier, first, last, words in found:
        if "".join(words).strip():
            begin, stop = times(f"line {number}", slots.get(first), slots.get(last))
            tier.lines.append(Line(number, "".join(words), None, begin, stop))
    return from_tiers(tiers)


def _slot(line: int, value: str) -> float:
    """Return the time of a slot, in s."""
    if not value.isdecimal():
        raise TranscriptError(
            f"line {line}, TIME_VALUE = {quoted(value)}: expected whole milliseconds"
        )
    return float(value) / 1000


__all__ = ["Tier", "from_tiers", "is_textgrid", "is_xml", "read_elan", "read_textgrid"]
