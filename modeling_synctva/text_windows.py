"""Texts of a conversation → tokens: of each utterance with its context, or window by window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch


def contextual_tokens(
    texts: Sequence[str],
    speakers: Sequence[str | None] | None,
    tokenizer: Any,
    past: int,
    future: int,
    max_length: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokenise every utterance within its conversation, for a backbone trained end to end.

    Each turn is written "speaker: text". Utterance t becomes
    `[CLS] turns t-past .. t-1 [SEP] turn t [SEP] turns t+1 .. t+future [SEP]`, where a side without
    turns is left out with its separator. What does not fit is cut from the far ends of the context;
    the utterance itself is cut, at its end, only where it does not fit alone.

    Args:
        texts: N texts.
        speakers: N names, None where unknown.
        tokenizer: any tokenizer with a class (or begin) and a separator (or end) token.
        past, future: turns of context.
        max_length: tokens of one utterance with its context, at least 8.

    Returns:
        `input_ids` (N, L) int64, `text_attention_mask` (N, L) bool, `utterance_token_mask` (N, L)
        bool: which tokens are turn t's own, its speaker's name included.

    Raises:
        ValueError: the tokenizer has no such special tokens.
    """
    start, separator = _special_tokens(tokenizer)
    turns = _turn_ids(texts, speakers, tokenizer)
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
    """A stretch of a conversation that an encoder reads in one pass.

    Attributes:
        input_ids: L token ids.
        owners: of each token the utterance whose text it is, counted from `start`; -1 for context
            and special tokens.
        start, stop: the window answers for the utterances from start to before stop.
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
    """Cut a conversation into windows of whole turns, each with turns of context on both sides.

    A window reads `[CLS] turn [SEP] turn [SEP] ...` with "speaker: text" for a turn. An encoder
    that pools each utterance's own tokens answers for all utterances of a window in one pass, where
    `contextual_tokens` would read every turn again for each of its neighbours: about five times
    fewer tokens for MELD.

    Args:
        texts: N texts.
        speakers: N names, None where unknown.
        tokenizer: any tokenizer with a class (or begin) and a separator (or end) token.
        tokens: of the turns that a window answers for, with their separators.
        past, future: tokens of whole turns before and after them.
        turn: tokens of one turn, at most `tokens` - 1; a longer one is cut at its end.

    Returns:
        Windows that cover every utterance exactly once, in order; at most
        1 + past + tokens + future tokens each.

    Raises:
        ValueError: `turn` does not fit into `tokens`, or the tokenizer has no such special tokens.

    Example:
        >>> windows = conversation_windows(["Hi.", "Hello!"], ["Ann", "Ben"], tokenizer,
        ...     tokens=256, past=128, future=48, turn=100)  # doctest: +SKIP
        >>> [(window.start, window.stop) for window in windows]  # doctest: +SKIP
        [(0, 2)]
    """
    if not 1 <= turn < tokens:
        raise ValueError(f"turn = {turn}: expected at least 1 and less than tokens = {tokens}")
    begin, separator = _special_tokens(tokenizer)
    turns = [[*ids[:turn], separator] for ids in _turn_ids(texts, speakers, tokenizer)]
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
    """Windows as one batch.

    Returns:
        `input_ids` and `attention_mask`, (B, L) int64 each, and the owners, (B, L), -1 on padding.
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
    """Mean of each utterance's own tokens; 0 for one without tokens.

    Shapes:
        states (B, L, D), owners (B, L) → (B, size, D), where `size` is at least the number of
        utterances that a window answers for.
    """
    batch, _, width = states.shape
    own = owners >= 0
    index = (owners + size * torch.arange(batch, device=owners.device)[:, None])[own]
    total = states.new_zeros(batch * size, width).index_add(0, index, states[own])
    count = states.new_zeros(batch * size).index_add(0, index, states.new_ones(len(index)))
    return (total / count.clamp(min=1)[:, None]).view(batch, size, width)


def _turn_ids(
    texts: Sequence[str], speakers: Sequence[str | None] | None, tokenizer: Any
) -> list[list[int]]:
    """Tokens of each turn, written "speaker: text", without special tokens."""
    names = speakers if speakers is not None else [None] * len(texts)
    turns = [f"{name}: {text}" if name else text for name, text in zip(names, texts, strict=True)]
    return tokenizer(turns, add_special_tokens=False, truncation=False)["input_ids"]


def _special_tokens(tokenizer: Any) -> tuple[int, int]:
    """Identifiers of the token that opens a sequence and of the one that separates its parts."""
    start, separator = tokenizer.cls_token_id, tokenizer.sep_token_id
    if start is None:
        start = tokenizer.bos_token_id
    if separator is None:
        separator = tokenizer.eos_token_id
    if start is None or separator is None:
        raise ValueError(
            f"{type(tokenizer).__name__} has no [CLS] or [SEP] token, nor begin and end tokens: "
            "expected a tokenizer of an encoder"
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
    """Tokens of turn t with its context, and where its own lie."""
    own = turns[t][: max_length - 2]
    room = max_length - len(own) - 2
    before: list[int] = []
    after: list[int] = []
    # Nearest turns first, so that what is cut for want of room is what is farthest away.
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
