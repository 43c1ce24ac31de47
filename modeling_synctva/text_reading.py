"""What a text encoder can read: emoji as words, and texts in the languages that it has learnt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from transformers.models.whisper.tokenization_whisper import LANGUAGES
from transformers.utils import logging

# Inside `try`, so that a checkpoint's code can be loaded without the package.
try:
    import py3langid
except ImportError:
    py3langid = None

logger = logging.get_logger(__name__)

# Pictographs, and of the older symbols those that are drawn as emoji, without the notes of songs.
_EMOJI = "[\U0001f000-\U0001faff\u2600-\u2668\u2670-\u27bf\u2b00-\u2bff\u231a\u231b\u23e9-\u23fa]"
# What joins and varies them: joiner, variation selectors, the keycap's frame, tags of flags.
_JOINT = "[\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]"
_SEQUENCE = re.compile(rf"\s*{_EMOJI}(?:{_JOINT}|\s*{_EMOJI})*\s*")
_KEYCAP = re.compile("([0-9#*])\ufe0f?\u20e3")
# Skin tones, and the sign that makes a joined figure a woman or a man.
_SILENT = re.compile(f"{_JOINT}[\u2640\u2642]|{_JOINT}|[\U0001f3fb-\U0001f3ff]")
_FLAG = re.compile("([\U0001f1e6-\U0001f1ff])([\U0001f1e6-\U0001f1ff])")
# In the names of old symbols these mean filled, outlined and thick.
_DRAWN = re.compile(r"\b(black|white|heavy) ")


def spoken(text: str) -> str:
    """Return a text with its emoji as words: their Unicode names.

    Skin tones and variation selectors are left out, a flag becomes "flag" and its two letters, the
    parts of a joined emoji follow each other, and an emoji that is repeated at once is read once.
    A text without emoji is returned unchanged; ":)" is none.

    Example:
        >>> spoken("I lost my phone \\N{LOUDLY CRYING FACE}\\N{LOUDLY CRYING FACE}")
        'I lost my phone loudly crying face'
    """
    read = _SEQUENCE.sub(_words, _KEYCAP.sub(r"\1", text))
    return read if read == text else read.strip()


def _words(sequence: re.Match[str]) -> str:
    """Return the words of a run of emoji, with a space on either side."""
    signs = _FLAG.sub(
        lambda pair: "".join(chr(ord(letter) - 0x1F1E6 + ord("A")) for letter in pair.groups()),
        _SILENT.sub("", sequence[0]),
    )
    flags_apart = re.findall(r"[A-Z]{2}|\S", signs)
    names = [f"flag {sign}" if len(sign) == 2 else _name(sign) for sign, _ in groupby(flags_apart)]
    return f" {' '.join(names)} " if names else sequence[0]


def _name(sign: str) -> str:
    name = unicodedata.name(sign, sign).lower()  # an emoji newer than this Python stays as it is
    return _DRAWN.sub("", name) if sign < "\U0001f000" else name


_ENGLISH = re.compile(
    r"all-(MiniLM|mpnet|distilroberta)[\w-]*|(distil)?roberta-(base|large)"
    r"|(distil)?bert-(base|large)-(un)?cased|deberta-v3-(xsmall|small|base|large)"
)

MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""An encoder of 50 languages to train with, of the default encoder's kind. It was not run here."""

EVIDENCE = 10.0
"""Log-likelihood ratio, in nats, by which a text must seem to be in another language. The rest of
the conversation counts at most as much."""

# Codes of the identifier that are no other language: "no language", and English-based Pidgin.
_KIN = {"en": {"en", "pcm"}}
_NO_LANGUAGE = "zxx"

_SCRIPTS = {
    **dict.fromkeys(("be", "bg", "kk", "mk", "mn", "ru", "sr", "uk"), ("CYRILLIC",)),
    **dict.fromkeys(("ar", "fa", "ps", "ur"), ("ARABIC",)),
    **dict.fromkeys(("hi", "mr", "ne", "sa"), ("DEVANAGARI",)),
    "bn": ("BENGALI",), "el": ("GREEK",), "he": ("HEBREW",), "hy": ("ARMENIAN",),
    "ka": ("GEORGIAN",), "ta": ("TAMIL",), "te": ("TELUGU",), "th": ("THAI",), "zh": ("CJK",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), "ko": ("HANGUL", "CJK"),
}  # fmt: skip
"""Scripts of the languages that are not written in Latin letters, as Unicode's names begin."""


def unlearnt(texts: Sequence[str | None], known: Collection[str]) -> list[str | None]:
    """Say which texts of a conversation seem to be in a language or script that is not known.

    A text counts by its own words and by the rest of the conversation, but for texts that may be
    names: "Oui!" within an English one does not, and within a French one does. Log-likelihoods of
    py3langid's naive Bayes classifier of bytes are added up; without the package, only scripts are
    told apart.

    Args:
        texts: of a conversation, None where there is none.
        known: ISO 639-1 codes of the languages that the encoder has learnt.

    Returns:
        For each text None, or what it seems to be: "German", "a text in Cyrillic letters".
    """
    # Full-width letters are Latin ones, not Chinese.
    plain = [unicodedata.normalize("NFKC", text or "") for text in texts]
    words = [_SEQUENCE.sub(" ", text) for text in plain]
    scripts = {script for code in known for script in _SCRIPTS.get(code, ())} | {"LATIN"}
    found = [_unknown_script(text, scripts) for text in words]
    if py3langid is None:
        logger.warning_once(
            "py3langid is not installed: texts in another language are told only by their script. "
            "Install it with: pip install py3langid"
        )
        return found
    ranked = [dict(py3langid.rank(text)) if text.strip() else {} for text in words]
    codes = sorted(next((scores for scores in ranked if scores), ()))
    if not codes:
        return found
    scores = np.array([[row.get(code, 0.0) for code in codes] for row in ranked])  # (N, languages)
    own = {_NO_LANGUAGE}.union(*(_KIN.get(code, {code}) for code in known))
    is_known = np.array([code in own for code in codes])

    scores -= scores[:, is_known].max(-1, keepdims=True)
    evidence = scores[:, ~is_known].max(-1)
    # For the other texts none counts for more than this, however long it is, and names not at all.
    shares = scores * (EVIDENCE / np.maximum(np.abs(evidence), EVIDENCE))[:, None]
    shares[[_may_be_names(text) for text in words]] = 0.0
    total = shares.sum(0)
    rest = (total - shares)[:, ~is_known].max(-1).clip(-EVIDENCE, EVIDENCE)
    foreign = evidence + rest > EVIDENCE
    for t in np.flatnonzero(foreign):
        if any(letter.isalpha() for letter in words[t]):
            whole = total if rest[t] > 0 else scores[t]
            code = codes[int(np.where(is_known, -np.inf, whole).argmax())]
            found[t] = language_name(code)
    return found


def _may_be_names(text: str) -> bool:
    """Return whether a text has no words but capitalised ones, as "Chandler Bing!" has."""
    return all(word[0].isupper() for word in re.findall(r"[^\W\d_]+", text))


UNSURE_BELOW = 0.5
"""Mean probability of a speech recogniser's words below which they are more likely wrong than
right."""


def unsure_words(confidences: Sequence[float | None]) -> dict[int, str]:
    """Return a caution for each utterance of whose words a speech recogniser is unsure."""
    return {
        t: f"the speech recogniser is unsure of the words ({confidence:.2f})"
        for t, confidence in enumerate(confidences)
        if confidence is not None and confidence < UNSURE_BELOW
    }


def languages_of(spec: Mapping[str, Any]) -> Sequence[str] | None:
    """Return the codes of the languages that an encoder has learnt; None if that is not known.

    Args:
        spec: its `languages`, or else its `name`, which tells for well-known English encoders.
    """
    if spec.get("languages") is not None:
        return spec["languages"]
    return ["en"] if _ENGLISH.fullmatch(str(spec["name"]).split("/")[-1]) else None


def language_name(code: str) -> str:
    """Return the English name of a language, such as "German" for "de"."""
    return LANGUAGES[code].title() if code in LANGUAGES else f"another language ({code})"


def _unknown_script(text: str, known: Collection[str]) -> str | None:
    """Return what a text is if most of its letters belong to no known script."""
    letters = [letter for letter in text if letter.isalpha()]
    if not letters or all(letter < "\u0250" for letter in letters):  # Latin
        return None
    scripts = [unicodedata.name(letter, "UNKNOWN").split()[0] for letter in letters]
    unknown = [script for script in scripts if script not in known]
    if 2 * len(unknown) <= len(letters):
        return None
    script = max(sorted(set(unknown)), key=unknown.count)
    return f"a text in {script if script == 'CJK' else script.capitalize()} letters"


__all__ = [
    "EVIDENCE",
    "MULTILINGUAL",
    "UNSURE_BELOW",
    "language_name",
    "languages_of",
    "spoken",
    "unlearnt",
    "unsure_words",
]
