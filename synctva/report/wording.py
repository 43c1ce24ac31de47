"""Answers and limits in words that everybody understands; exact terms stay behind a fold."""

from __future__ import annotations

from html import escape

from synctva.answered import plain

from .emotions import sureness
from .talk import UNCLEAR, Utterance

_MODALITIES = {"text": "the words", "visual": "the face", "audio": "the voice"}


def answer_in_words(one: Utterance) -> str:
    """Return what the model says of an utterance, such as "joy, quite sure (81%)"."""
    if one.unread:
        return "not read"
    if one.label is None:
        return f"unsure: no emotion is likely enough (the likeliest has {one.score:.0%})"
    if one.felt == UNCLEAR:
        return f"perhaps {one.label} ({one.score:.0%}), but the answer says little"
    return f"{one.label}, {sureness(one.score)} ({one.score:.0%})"


def facts(one: Utterance) -> list[str]:
    """Return the exact terms of an answer as lines."""
    answer = one.answer
    lines = []
    chosen = answer.get("prediction_set")
    if chosen is not None:
        lines.append(f"Prediction set: {', '.join(map(plain, chosen)) or 'empty'}")
    if "modalities" in answer:
        used = [f"{name} ({_MODALITIES.get(name, name)})" for name in answer["modalities"]]
        lines.append(f"Modalities: {', '.join(used) or 'none'}")
    for name, strength in (answer.get("strengths") or {}).items():
        lines.append(f"Strength of {plain(name)}: {strength:.2f}")
    if "informative" in answer:
        lines.append(f"Informative: {'yes' if answer['informative'] else 'no'}")
    if answer.get("confidence") is not None:
        lines.append(f"Confidence of the speech recogniser: {answer['confidence']:.2f}")
    return lines


def about(model: str | None) -> str:
    """Return the limits, the law and the exact terms as HTML."""
    named = f" The model was <bdi>{escape(plain(model))}</bdi>." if model else ""
    return f"""<section aria-labelledby="limits-title">
<h2 id="limits-title">Limits</h2>
<p>A program made this page, and it makes mistakes.{named} It does not know what somebody feels: a
percentage is the probability that a person who hears or reads the utterance would choose this name
for it. The model that ships with Sync-TVA has learnt from a television comedy in English; it
recognises fear and disgust poorly, and other languages hardly. Words and speakers that were
recognised from sound may be wrong as well.</p>
<p>In the European Union it is forbidden to infer the emotions of people at work and in education,
except for medical or safety reasons (Regulation (EU) 2024/1689, Article 5(1)(f)). Voices and faces
are personal data: ask before you record, and before you pass this page on.</p>
<details><summary>The terms that experts use</summary>
<ul>
<li><b>Score</b>: the calibrated probability of the label; <b>abstention</b>: no label, because the
score is below the limit that was asked for.</li>
<li><b>Informative</b>: whether the probabilities differ from the base rates of training; if they do
not, the answer “says little”.</li>
<li><b>Prediction set</b>: labels of which one is the true one with the probability that was asked
for, on conversations like those of training.</li>
<li><b>Modalities</b>: what was there of text, visual and audio; <b>strength</b>: how far the model
opened the gate of a modality, from 0 to 1.</li>
<li><b>Share of time</b>: by the likeliest label of each utterance; <b>change</b> at a turning
point: the total variation distance between the probabilities of the speaker's utterances before and
after it.</li>
</ul></details>
</section>"""


__all__ = ["about", "answer_in_words", "facts"]
