"""IEMOCAP (Busso et al. 2008) with six or four emotions, from the folders of its official release.

Tested on generated folders in the release's format (see `iemocap_release_files`), not on the real
release.

The release has 7,380 utterances of the six classes. The literature's feature files have 7,433: they
also count as "hap" 53 utterances on whose label the annotators did not agree. We use the release as
it is, so scores on its six classes are close to, but not exactly comparable with, the literature's.
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
from synctva.modeling_synctva.configuration_synctva import counted

from .iemocap_release_files import (
    ROOT_NAME,
    SESSIONS,
    ConversationFiles,
    Utterance,
    find_conversations,
    read_evaluation,
    read_transcript,
    release_root,
)

logger = logging.getLogger(__name__)


@dataclass
class IemocapReleaseConfig(ConversationConfig):
    """Configuration of `IemocapRelease`; data_dir is the folder that contains Session1."""

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
        for files in find_conversations(Path(self.config.data_dir or "")):
            utterances = read_evaluation(files)
            texts, nameless = read_transcript(files)
            stray += nameless + len(texts.keys() - {u.name for u in utterances})
            labels = [protocol.label_of(u.code) for u in utterances]
            kept = [(u, n) for u, n in zip(utterances, labels, strict=True) if n is not None]
            left_out.update(u.code for u, n in zip(utterances, labels, strict=True) if n is None)
            if kept:
                by_session[files.session].append(_conversation(files, kept, texts))
            else:
                empty += 1
        conversations = _splits(by_session, self.config.test_session)
        notes = [
            f"{name}: {counted(number, 'utterance')} labelled {code} left out"
            for code, number in sorted(left_out.items())
        ]
        if empty:
            notes.append(
                f"{name}: {counted(empty, 'conversation')} without any of its labels left out"
            )
        if stray:
            notes.append(
                f"{counted(stray, 'line')} of the transcriptions without a labelled utterance"
            )
        return Reading(conversations, notes + _missing(conversations))


def load_iemocap_release(
    data_dir: str | Path,
    protocol: str = "6-class",
    test_session: int = 5,
    *,
    check_counts: bool = True,
    cache_dir: str | Path | None = None,
) -> DatasetDict:
    """Load the splits train, dev and test of IEMOCAP from the folders of its official release.

    The only features are texts, because the release has no table of acoustic measures. Tested on
    generated folders in the release's format, not on the real release.

    Args:
        data_dir: the folder that contains Session1 to Session5, or its parent.
        protocol: "6-class" (hap, sad, neu, ang, exc, fru) or "4-class" (hap, which includes exc;
            sad, neu, ang). Utterances with other labels are left out, and counted in the log.
        test_session: 1 to 5. Its two speakers are in no other split. A tenth of the other sessions'
            conversations is dev: those whose names have the smallest SHA-256, which is the same
            choice everywhere, made without looking at any result. The speakers of dev are also in
            train.
        check_counts: warn if the sessions do not have the official sizes.
        cache_dir: where `datasets` keeps the built data set; by default its own cache.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`. Utterances are ordered by
        start; starts and ends are in seconds from the start of the conversation; speakers are
        "Ses01_F", "Ses01_M", ...; media_paths are the wavs of the sentences.

    Raises:
        FileNotFoundError: a session is missing, or its labels or transcripts are.
        ValueError: the protocol or session is unknown, a split has no conversation, or a file of
            labels has an unreadable line, an unknown label, a duplicate utterance, an utterance of
            another conversation, or no utterance.
    """
    if protocol not in IEMOCAP_PROTOCOLS:
        raise ValueError(f"protocol = {protocol!r}: expected one of {tuple(IEMOCAP_PROTOCOLS)}.")
    if test_session not in SESSIONS:
        raise ValueError(f"test_session = {test_session!r}: expected one of {SESSIONS}.")
    folder = data_folder(data_dir)
    root = release_root(folder)
    if root is None:
        raise FileNotFoundError(f"data_dir = {folder} has no Session1: expected {ROOT_NAME}")
    found = find_conversations(root)
    texts = [path for c in found for path in (c.evaluation, c.transcript) if path.is_file()]
    builder = IemocapRelease(
        cache_dir=cache_dir and str(cache_dir),
        data_dir=str(root),
        label_names=IEMOCAP_PROTOCOLS[protocol].label_names,
        protocol=protocol,
        test_session=test_session,
        fingerprint=fingerprint(texts, [name for c in found for name in sorted(c.recorded())]),
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
    """Iterate over the five folds of IEMOCAP's release, tested on session 1, 2, 3, 4 and 5.

    Arguments and errors are those of `load_iemocap_release`. No speaker of a test session is in
    train or dev, because each session has its own two actors.

    Yields:
        Splits train, dev and test of a fold.
    """
    for session in SESSIONS:
        yield load_iemocap_release(
            data_dir, protocol, session, check_counts=check_counts, cache_dir=cache_dir
        )


def _conversation(
    files: ConversationFiles, labelled: list[tuple[Utterance, int]], texts: dict[str, str]
) -> Conversation:
    """Return the conversation of those utterances that have a label of the protocol."""
    utterances, labels = zip(*labelled, strict=True)
    names = [u.name for u in utterances]
    conversation = new_conversation(
        files.name,
        names,
        [u.speaker for u in utterances],
        [texts.get(name, "") for name in names],
        labels,
    )
    conversation["starts"] = [u.start for u in utterances]
    conversation["ends"] = [u.end for u in utterances]
    recorded = files.recorded()
    conversation["media_paths"] = [
        str(files.wavs / f"{name}.wav") if name in recorded else None for name in names
    ]
    return conversation


def _splits(
    by_session: dict[int, list[Conversation]], test_session: int
) -> dict[str, list[Conversation]]:
    """Return the conversations of train, dev and test; see `load_iemocap_release`."""
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
            raise ValueError(f"{split} has no conversation: expected those of {ROOT_NAME}")
    return conversations


def _missing(conversations: dict[str, list[Conversation]]) -> list[str]:
    """Return notes on utterances without text or sound."""
    notes = []
    for split, rows in conversations.items():
        without_text = sum(int((~row["modality_mask"][:, 0]).sum()) for row in rows)
        if without_text:
            notes.append(f"{split}: {counted(without_text, 'utterance')} without text, masked")
        without_wav = sum(row["media_paths"].count(None) for row in rows)
        if without_wav:
            notes.append(f"{split}: {counted(without_wav, 'utterance')} without a wav")
    return notes


def _check_sessions(splits: DatasetDict, protocol: str) -> None:
    """Warn of sessions that do not have the official size."""
    utterances: Counter[int] = Counter()
    conversations: Counter[int] = Counter()
    for rows in splits.values():
        for name, ids in zip(rows["dialogue_id"][:], rows["utterance_ids"][:], strict=True):
            session = int(name[3:5])
            conversations[session] += 1
            utterances[session] += len(ids)
    sizes = IEMOCAP_PROTOCOLS[protocol].session_sizes
    found = {f"session {s}": SplitSize(utterances[s], conversations[s]) for s in sizes}
    for difference in size_differences({f"session {s}": n for s, n in sizes.items()}, found):
        logger.warning("iemocap_release, %s, is not the official release: %s", protocol, difference)
