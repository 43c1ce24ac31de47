"""Tokenise conversations: each utterance with its context, or in windows of many utterances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers.utils import logging

from .text_reading import spoken

logger = logging.get_logger(__name__)


def contextual_tokens(
    texts: Sequence[str],
    speakers: Sequence[str | None] | None,
    tokenizer: Any,
    past: int,
    future: int,
    max_length: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokenise every utterance with its context, for a backbone that is trained end to end.

    Each turn is written "speaker: text". Utterance t becomes
    `[CLS] turns t-past .. t-1 [SEP] turn t [SEP] turns t+1 .. t+future [SEP]`; a side without turns
    is left out together with its separator. If this is too long, the context is cut at its far
    ends. The utterance is cut, at its end, only if it is too long even without context; a warning
    names it.

    Args:
        texts: N texts.
        speakers: N names, None where unknown.
        tokenizer: any tokenizer with a class (or begin) and a separator (or end) token.
        past, future: number of turns of context.
        max_length: maximal number of tokens of an utterance with its context, at least 8, with two
            special tokens.

    Returns:
        `input_ids` (N, L) int64, `text_attention_mask` (N, L) bool, and `utterance_token_mask`
        (N, L) bool, True for the tokens of turn t, including its speaker's name.

    Raises:
        ValueError: the tokenizer lacks these special tokens.
    """
    start, separator = _special_tokens(tokenizer)
    turns = _turn_ids(texts, speakers, tokenizer, max_length - 2)
    rows = [
        _assemble(turns, t, past, future, max_length, start, separator) for t in range(len(turns))
    ]
    longest = max(len(ids) for ids, _ in rows)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    input_ids = np.full((len(rows), longest), padding, dtype=np.int64)
    attention = np.zeros((len(rows), longest), dtype=bool)
    own = np.zeros((len(rows), longest), dtype=bool)
    for t, (ids, span) in enumerate(rows):
        input_ids[t, : len(ids)] = ids
        attention[t, : len(ids)] = True
        own[t, span] = True
    return input_ids, attention, own


class TokenWindow(NamedTuple):
    """A part of a conversation that an encoder reads in one pass.

    Attributes:
        input_ids: L token ids.
        owners: for each token, the utterance that it belongs to, counted from `start`; -1 for
            context and special tokens.
        start, stop: the window embeds the utterances from start to stop - 1.
    """

    input_ids: list[int]
    owners: list[int]
    start: int
    stop: int


def conversation_windows(
    texts: Sequence[str],
    speakers: Sequence[str | None] | None,
    tokenizer: Any,
    tokens: int,
    past: int,
    future: int,
    turn: int,
) -> list[TokenWindow]:
    """Split a conversation into windows of whole turns, with turns of context on both sides.

    A window is `[CLS] turn [SEP] turn [SEP] ...`, where a turn is "speaker: text". The encoder
    embeds all utterances of a window in one pass, by pooling the tokens of each. With
    `contextual_tokens` it would read every turn again for each of its neighbours, which takes about
    five times as many tokens for MELD.

    Args:
        texts: N texts.
        speakers: N names, None where unknown.
        tokenizer: any tokenizer with a class (or begin) and a separator (or end) token.
        tokens: maximal number of tokens of the turns that a window embeds, with separators.
        past, future: maximal number of tokens of the turns before and after them.
        turn: maximal number of tokens of a turn, less than `tokens`; a longer turn is cut at its
            end, and a warning names it.

    Returns:
        Windows that cover every utterance exactly once, in order, each with at most
        1 + past + tokens + future tokens.

    Raises:
        ValueError: `turn` does not fit into `tokens`, or the tokenizer lacks these special tokens.

    Example:
        >>> windows = conversation_windows(["Hi.", "Hello!"], ["Ann", "Ben"], tokenizer,
        ...     tokens=256, past=128, future=48, turn=100)  # doctest: +SKIP
        >>> [(window.start, window.stop) for window in windows]  # doctest: +SKIP
        [(0, 2)]
    """
    if not 1 <= turn < tokens:
        raise ValueError(f"turn = {turn}: expected at least 1 and less than tokens = {tokens}")
    begin, separator = _special_tokens(tokenizer)
    turns = [[*ids[:turn], separator] for ids in _turn_ids(texts, speakers, tokenizer, turn)]
    sizes = [len(ids) for ids in turns]
    windows = []
    start = 0
    while start < len(turns):
        stop, filled = start, 0
        while stop < len(turns) and filled + sizes[stop] <= tokens:
            filled += sizes[stop]
            stop += 1
        first = start
        while first > 0 and sum(sizes[first - 1 : start]) <= past:
            first -= 1
        last = stop
        while last < len(turns) and sum(sizes[stop : last + 1]) <= future:
            last += 1
        ids, owners = [begin], [-1]
        for t in range(first, last):
            ids += turns[t]
            owners += [t - start if start <= t < stop else -1] * (sizes[t] - 1) + [-1]
        windows.append(TokenWindow(ids, owners, start, stop))
        start = stop
    return windows


def pad_windows(
    windows: Sequence[TokenWindow], tokenizer: Any
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Pad windows to one batch.

    Returns:
        `input_ids` and `attention_mask`, (B, L) int64 each, and the owners (B, L), -1 at padding.
    """
    longest = max(len(window.input_ids) for window in windows)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    ids = torch.full((len(windows), longest), padding)
    mask = torch.zeros(len(windows), longest, dtype=torch.long)
    owners = torch.full((len(windows), longest), -1)
    for i, window in enumerate(windows):
        length = len(window.input_ids)
        ids[i, :length] = torch.tensor(window.input_ids)
        mask[i, :length] = 1
        owners[i, :length] = torch.tensor(window.owners)
    return {"input_ids": ids, "attention_mask": mask}, owners


def pool_windows(states: torch.Tensor, owners: torch.Tensor, size: int) -> torch.Tensor:
    """Return the mean over the tokens of each utterance; 0 for an utterance without tokens.

    Args:
        states: (B, L, D), of the tokens.
        owners: (B, L), see `TokenWindow`.
        size: at least the number of utterances that a window embeds.

    Returns:
        (B, size, D).
    """
    batch, _, width = states.shape
    own = owners >= 0
    index = (owners + size * torch.arange(batch, device=owners.device)[:, None])[own]
    total = states.new_zeros(batch * size, width).index_add(0, index, states[own])
    count = states.new_zeros(batch * size).index_add(0, index, states.new_ones(len(index)))
    return (total / count.clamp(min=1)[:, None]).view(batch, size, width)


def _turn_ids(
    texts: Sequence[str], speakers: Sequence[str | None] | None, tokenizer: Any, limit: int
) -> list[list[int]]:
    """Tokenise each turn, written "speaker: text", without special tokens; emoji are words.

    A warning names the turns with more tokens than the limit, which the caller cuts.
    """
    names = speakers if speakers is not None else [None] * len(texts)
    read = [spoken(text) for text in texts]
    turns = [f"{name}: {text}" if name else text for name, text in zip(names, read, strict=True)]
    ids = tokenizer(turns, add_special_tokens=False, truncation=False)["input_ids"]
    for t, own in enumerate(ids):
        if len(own) > limit:
            logger.warning(
                f"utterance {t}, {turns[t][:40]!r}..., has {len(own)} tokens: expected at most "
                f"{limit}. The rest is not read: split it into several utterances"
            )
    return ids


def _special_tokens(tokenizer: Any) -> tuple[int, int]:
    """Return the ids of the token that opens a sequence and of the one that separates its parts."""
    start, separator = tokenizer.cls_token_id, tokenizer.sep_token_id
    if start is None:
        start = tokenizer.bos_token_id
    if separator is None:
        separator = tokenizer.eos_token_id
    if start is None or separator is None:
        raise ValueError(
            f"{type(tokenizer).__name__} has neither [CLS] and [SEP] nor begin and end tokens: "
            "expected an encoder's tokenizer"
        )
    return start, separator


def _assemble(
    turns: list[list[int]],
    t: int,
    past: int,
    future: int,
    max_length: int,
    start: int,
    separator: int,
) -> tuple[list[int], slice]:
    """Return the tokens of turn t with its context, and the slice of its own tokens."""
    own = turns[t][: max_length - 2]
    room = max_length - len(own) - 2
    before: list[int] = []
    after: list[int] = []
    # Nearest turns first, so that lack of room cuts the farthest ones.
    for distance in range(1, max(past, future) + 1):
        for side, limit, other in ((before, past, t - distance), (after, future, t + distance)):
            if distance > limit or not 0 <= other < len(turns):
                continue
            # The first turn of a side also pays for the separator.
            fits = max(room - (not side), 0)
            if side is before:
                turn = turns[other][-fits:] if fits else []
                before[:0] = turn
            else:
                turn = turns[other][:fits]
                after += turn
            if turn:
                room -= len(turn) + (len(side) == len(turn))
            if len(turn) < len(turns[other]):
                return _join(before, own, after, start, separator)
    return _join(before, own, after, start, separator)


def _join(
    before: list[int], own: list[int], after: list[int], start: int, separator: int
) -> tuple[list[int], slice]:
    opening = [start, *before, separator] if before else [start]
    closing = [separator, *after, separator] if after else [separator]
    return [*opening, *own, *closing], slice(len(opening), len(opening) + len(own))


__all__ = [
    "TokenWindow",
    "contextual_tokens",
    "conversation_windows",
    "pad_windows",
    "pool_windows",
]
