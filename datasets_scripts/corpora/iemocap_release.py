"""IEMOCAP (Busso et al. 2008) with six or four emotions, from the tree of its official release.

Read from generated trees in the release's format (see `iemocap_tree`); not run on the real release.

The release has 7,380 utterances of the six labels. The literature's feature files have 7,433: they
count as "hap" another 53, on whose label the annotators did not agree. We take the release as it
is: numbers on its six classes are near the literature's, but not on quite the same data.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets import DatasetDict

from synctva.datasets_scripts.builder import (
    ConversationBuilder,
    ConversationConfig,
    Reading,
    build,
    data_folder,
    fingerprint,
)
from synctva.datasets_scripts.labels import IEMOCAP_PROTOCOLS, SplitSize, size_differences
from synctva.datasets_scripts.schema import Conversation, new_conversation

from .iemocap_files import (
    ROOT_NAME,
    SESSIONS,
    Dialogue,
    Utterance,
    find_dialogues,
    read_evaluation,
    read_transcript,
    release_root,
)

logger = logging.getLogger(__name__)


@dataclass
class IemocapReleaseConfig(ConversationConfig):
    """Configuration of `IemocapRelease`; data_dir is the folder that holds Session1."""

    protocol: str = "6-class"
    test_session: int = 5


class IemocapRelease(ConversationBuilder):
    """Builder of IEMOCAP's release; use it through `load_iemocap_release`."""

    BUILDER_CONFIG_CLASS = IemocapReleaseConfig
    config: IemocapReleaseConfig

    def read(self) -> Reading:
        name = self.config.protocol
        protocol = IEMOCAP_PROTOCOLS[name]
        by_session: dict[int, list[Conversation]] = {session: [] for session in SESSIONS}
        left_out: Counter[str] = Counter()
        stray, empty = 0, 0
        for dialogue in find_dialogues(Path(self.config.data_dir or "")):
            utterances = read_evaluation(dialogue)
            texts, nameless = read_transcript(dialogue)
            stray += nameless + len(texts.keys() - {u.name for u in utterances})
            labels = [protocol.label_of(u.code) for u in utterances]
            kept = [(u, n) for u, n in zip(utterances, labels, strict=True) if n is not None]
            left_out.update(u.code for u, n in zip(utterances, labels, strict=True) if n is None)
            if kept:
                by_session[dialogue.session].append(_conversation(dialogue, kept, texts))
            else:
                empty += 1
        conversations = _splits(by_session, self.config.test_session)
        notes = [
            f"{name}: {number} utterances labelled {code} left out"
            for code, number in sorted(left_out.items())
        ]
        if empty:
            notes.append(f"{name}: {empty} dialogues without any of its labels left out")
        if stray:
            notes.append(f"{stray} lines of the transcriptions belong to no labelled utterance")
        return Reading(conversations, notes + _missing(conversations))


def load_iemocap_release(
    data_dir: str | Path,
    protocol: str = "6-class",
    test_session: int = 5,
    *,
    check_counts: bool = True,
    cache_dir: str | Path | None = None,
) -> DatasetDict:
    """Loads the splits train, dev and test of IEMOCAP from the tree of its official release.

    Text alone: the release has no table of acoustic measures. Read from generated trees in its
    format; not run on the real release.

    Args:
        data_dir: the folder that holds Session1 to Session5, or the one above it.
        protocol: "6-class" (hap, sad, neu, ang, exc, fru) or "4-class" (hap, which takes in exc;
            sad, neu, ang). Utterances with other labels are left out, and counted in the log.
        test_session: 1 to 5. Its two speakers are in no other split. A tenth of the other sessions'
            dialogues is dev: those whose names have the smallest SHA-256, a choice that is the same
            everywhere and that no result has swayed. Its speakers are also in train.
        check_counts: warn when the sessions do not have the official sizes.
        cache_dir: where `datasets` keeps what it built; by default its own cache.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`. Utterances are in the order of
        their starts, in seconds from the start of the dialogue; speakers are "Ses01_F", "Ses01_M",
        ...; media_paths are the wavs of the sentences.

    Raises:
        FileNotFoundError: the tree lacks a session, or a session its labels or transcripts.
        ValueError: an unknown protocol or session, a split without a conversation, or a file of
            labels with an unreadable line, an unknown label, an utterance twice, one of another
            dialogue, or none at all.
    """
    if protocol not in IEMOCAP_PROTOCOLS:
        raise ValueError(f"protocol = {protocol!r}: expected one of {tuple(IEMOCAP_PROTOCOLS)}.")
    if test_session not in SESSIONS:
        raise ValueError(f"test_session = {test_session!r}: expected one of {SESSIONS}.")
    folder = data_folder(data_dir)
    root = release_root(folder)
    if root is None:
        raise FileNotFoundError(f"data_dir {folder} lacks Session1; expected {ROOT_NAME}.")
    dialogues = find_dialogues(root)
    files = [path for d in dialogues for path in (d.evaluation, d.transcript) if path.is_file()]
    builder = IemocapRelease(
        cache_dir=cache_dir and str(cache_dir),
        data_dir=str(root),
        label_names=IEMOCAP_PROTOCOLS[protocol].label_names,
        protocol=protocol,
        test_session=test_session,
        fingerprint=fingerprint(files, [name for d in dialogues for name in sorted(d.recorded())]),
    )
    splits = build(builder, None)
    if check_counts:
        _check_sessions(splits, protocol)
    return splits


def leave_one_session_out(
    data_dir: str | Path,
    protocol: str = "6-class",
    *,
    check_counts: bool = True,
    cache_dir: str | Path | None = None,
) -> Iterator[DatasetDict]:
    """The five folds of `load_iemocap_release`: tested on session 1, then on 2, 3, 4 and 5.

    Arguments and errors are its, but for `test_session`. No speaker of a test session is in
    training or dev: each session has two actors of its own.

    Yields:
        Splits train, dev and test of a fold.
    """
    for session in SESSIONS:
        yield load_iemocap_release(
            data_dir, protocol, session, check_counts=check_counts, cache_dir=cache_dir
        )


def _conversation(
    dialogue: Dialogue, labelled: list[tuple[Utterance, int]], texts: dict[str, str]
) -> Conversation:
    """The conversation of a dialogue's utterances that have a label of the protocol."""
    utterances, labels = zip(*labelled, strict=True)
    names = [u.name for u in utterances]
    conversation = new_conversation(
        dialogue.name,
        names,
        [u.speaker for u in utterances],
        [texts.get(name, "") for name in names],
        labels,
    )
    conversation["starts"] = [u.start for u in utterances]
    conversation["ends"] = [u.end for u in utterances]
    recorded = dialogue.recorded()
    conversation["media_paths"] = [
        str(dialogue.wavs / f"{name}.wav") if name in recorded else None for name in names
    ]
    return conversation


def _splits(
    by_session: dict[int, list[Conversation]], test_session: int
) -> dict[str, list[Conversation]]:
    others = [c for session in SESSIONS if session != test_session for c in by_session[session]]
    names = [conversation["dialogue_id"] for conversation in others]
    names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = set(names[: max(1, round(len(names) / 10))])
    conversations = {
        "train": [c for c in others if c["dialogue_id"] not in held_out],
        "dev": [c for c in others if c["dialogue_id"] in held_out],
        "test": by_session[test_session],
    }
    for split, rows in conversations.items():
        if not rows:
            raise ValueError(f"{split} has no conversation; expected the dialogues of {ROOT_NAME}.")
    return conversations


def _missing(conversations: dict[str, list[Conversation]]) -> list[str]:
    """Notes on utterances without text or sound."""
    notes = []
    for split, rows in conversations.items():
        untold = sum(int((~row["modality_mask"][:, 0]).sum()) for row in rows)
        if untold:
            notes.append(f"{split}: {untold} utterances without text are masked")
        silent = sum(row["media_paths"].count(None) for row in rows)
        if silent:
            notes.append(f"{split}: {silent} utterances without a wav")
    return notes


def _check_sessions(splits: DatasetDict, protocol: str) -> None:
    """Warns of sessions that do not have the official size."""
    utterances: Counter[int] = Counter()
    dialogues: Counter[int] = Counter()
    for rows in splits.values():
        for name, ids in zip(rows["dialogue_id"][:], rows["utterance_ids"][:], strict=True):
            session = int(name[3:5])
            dialogues[session] += 1
            utterances[session] += len(ids)
    sizes = IEMOCAP_PROTOCOLS[protocol].session_sizes
    found = {f"session {s}": SplitSize(utterances[s], dialogues[s]) for s in sizes}
    for difference in size_differences({f"session {s}": n for s, n in sizes.items()}, found):
        logger.warning("iemocap_release, %s, is not the official release: %s", protocol, difference)
