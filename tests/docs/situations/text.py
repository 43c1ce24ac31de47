"""Text that the model does not read, and answers that say nothing."""

from __future__ import annotations

from pathlib import Path

from transformers import BertTokenizerFast

from synctva.modeling_synctva.text_windows import contextual_tokens, conversation_windows

from . import said, shipped, situation

GERMAN = ["Ich habe so lange auf dich gewartet.", "Es tut mir leid, der Zug kam nicht."]


@situation("a conversation is in a language that the text encoder has not learnt")
def another_language(folder: Path) -> str:
    return said(lambda: shipped()(GERMAN))


@situation("a text is in letters that the text encoder has not learnt")
def another_script(folder: Path) -> str:
    return said(lambda: shipped()(["\u041d\u0435\u0442!"]))


@situation("such an answer is read (`cautions`; its `prediction_set` is None)")
def caution_of_a_language(folder: Path) -> str:
    return shipped()(GERMAN, prediction_set=0.9)[0]["cautions"][0]


@situation("an answer is close to the base rates (`cautions`; its `informative` is False)")
def voice_alone(folder: Path) -> str:
    measures = [3.1, 63.0, 8.1, 241.0, 64.0, 282.0, 3.7, 6.4]
    return shipped()([{"audio_features": measures}])[0]["cautions"][0]


@situation("an utterance has nothing that the model reads (`cautions`)")
def nothing_of_its_own(folder: Path) -> str:
    return shipped()(["I got the job!", {"speaker": "Ann"}])[1]["cautions"][0]


def word_tokenizer(folder: Path) -> BertTokenizerFast:
    """Return a tokenizer that knows a few words."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "no", "way"]
    (folder / "vocab.txt").write_text("\n".join(words))
    return BertTokenizerFast(vocab=str(folder / "vocab.txt"))


@situation("a turn is longer than a text encoder that reads conversations takes at once")
def long_turn_in_a_window(folder: Path) -> str:
    tokenizer = word_tokenizer(folder)
    sizes = {"tokens": 16, "past": 0, "future": 0, "turn": 8}
    return said(lambda: conversation_windows(["no way " * 9], None, tokenizer, **sizes))


@situation("a turn is longer than a text backbone takes at once")
def long_turn_of_a_backbone(folder: Path) -> str:
    tokenizer = word_tokenizer(folder)
    return said(lambda: contextual_tokens(["no way " * 9], None, tokenizer, 0, 0, 8))
