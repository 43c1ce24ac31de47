"""The files of IEMOCAP's official release, one conversation at a time.

    Session{1..5}/dialog/EmoEvaluation/<conversation>.txt      times, name, agreed label of utterances
    Session{1..5}/dialog/transcriptions/<conversation>.txt     what was said
    Session{1..5}/sentences/wav/<conversation>/<utterance>.wav

Read from generated trees in this format; not run on the real release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from synctva.datasets_scripts.labels import IEMOCAP_CODES, label_id

from .text_repair import decode, repair_text

ROOT_NAME = "IEMOCAP_full_release"
SESSIONS = (1, 2, 3, 4, 5)

# Ses01F_script01_2_M003: the conversation, then who speaks. The F of "Ses01F" is not the speaker: it
# says which of the two actors wore the markers.
_NAME = re.compile(r"(?P<conversation>(?P<session>Ses\d\d)[FM]_\w+)_(?P<speaker>[FM])[0-9A-Z]+")
_TIMES = r"\[\s*(?P<start>\d+(?:\.\d*)?)\s*-\s*(?P<end>\d+(?:\.\d*)?)\s*\]"
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
_EVALUATION = re.compile(rf"{_TIMES}\s*(?P<name>\S+)\s+(?P<code>\S+)\s+\[.*\]\s*")
# Ses01F_impro01_F000 [006.2901-008.2357]: What was said.
_SPOKEN = re.compile(rf"(?P<name>\S+)\s*{_TIMES}\s*:?(?P<text>.*)")


@dataclass(frozen=True)
class Dialogue:
    """Where the parts of a conversation lie; its transcript and its wavs may be missing."""

    name: str
    session: int
    evaluation: Path
    transcript: Path
    wavs: Path

    def recorded(self) -> set[str]:
        """Names of the utterances that have a wav."""
        return {path.stem for path in self.wavs.glob("[!.]*.wav")}


@dataclass(frozen=True)
class Utterance:
    """What EmoEvaluation says of an utterance: times in seconds, `code` one of IEMOCAP_CODES."""

    name: str
    speaker: str
    start: float
    end: float
    code: str


def release_root(folder: Path) -> Path | None:
    """`folder`, or the release in it, whichever holds Session1; None where neither does."""
    roots = (folder, folder / ROOT_NAME)
    return next((root for root in roots if (root / "Session1").is_dir()), None)


def find_dialogues(root: Path) -> list[Dialogue]:
    """The conversations of all sessions, by session and name.

    Raises:
        FileNotFoundError: a session lacks its labels or transcripts.
        ValueError: a conversation lies in the folder of another session.
    """
    conversations = []
    for session in SESSIONS:
        folder = root / f"Session{session}"
        evaluations = folder / "dialog" / "EmoEvaluation"
        transcripts = folder / "dialog" / "transcriptions"
        # The pattern passes over the hidden "._Ses*.txt" that macOS left in the archive.
        files = sorted(evaluations.glob("Ses*.txt"))
        if not files:
            raise FileNotFoundError(f"{evaluations} has no Ses*.txt; expected {ROOT_NAME}.")
        if not transcripts.is_dir():
            raise FileNotFoundError(f"There is no folder {transcripts}; expected {ROOT_NAME}.")
        for file in files:
            if not file.name.startswith(f"Ses{session:02}"):
                raise ValueError(
                    f"{file}: expected the name of a conversation of session {session}."
                )
            wavs = folder / "sentences" / "wav" / file.stem
            conversations.append(Dialogue(file.stem, session, file, transcripts / file.name, wavs))
    return conversations


def read_evaluation(conversation: Dialogue) -> list[Utterance]:
    """The utterances of a conversation in the order of their starts, then of their names.

    Lines that do not begin with "[" are the header or the single annotators' opinions.

    Raises:
        ValueError: an unreadable line, an unknown label, an utterance twice or of another conversation
            (the message names file, line and value), or no utterance at all.
    """
    utterances: dict[str, Utterance] = {}
    lines = decode(conversation.evaluation.read_bytes()).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("["):
            continue
        where = f"{conversation.evaluation}, line {number}"
        match = _EVALUATION.fullmatch(line)
        if match is None:
            raise ValueError(
                f"{where}: {line!r} is not readable; expected "
                "[start - end], name, label and [valence, activation, dominance]."
            )
        name, code = match["name"], match["code"]
        parts = _NAME.fullmatch(name)
        if parts is None or parts["conversation"] != conversation.name:
            raise ValueError(
                f"{where}: {name!r} is not an utterance of this conversation; expected a name such as "
                f"{conversation.name}_F000."
            )
        label_id(code, IEMOCAP_CODES, where)
        if name in utterances:
            raise ValueError(f"{where}: duplicate utterance id {name!r}; expected each id once.")
        utterances[name] = Utterance(
            name,
            f"{parts['session']}_{parts['speaker']}",
            float(match["start"]),
            float(match["end"]),
            code,
        )
    if not utterances:
        raise ValueError(
            f"{conversation.evaluation} has no line of the form [start - end] name label."
        )
    return sorted(utterances.values(), key=lambda u: (u.start, u.name))


def read_transcript(conversation: Dialogue) -> tuple[dict[str, str], int]:
    """Texts by utterance, and the number of lines that name no utterance.

    The release has lines without a name ("M: ...") and names without a label ("..._FXX0"): neither
    is an error. Where a name stands twice, the first line counts.
    """
    if not conversation.transcript.is_file():
        return {}, 0
    texts: dict[str, str] = {}
    nameless = 0
    for line in decode(conversation.transcript.read_bytes()).splitlines():
        match = _SPOKEN.fullmatch(line.strip())
        if match is not None:
            texts.setdefault(match["name"], repair_text(match["text"]))
        elif line.strip():
            nameless += 1
    return texts, nameless
