"""Read the files of IEMOCAP's official release, one conversation at a time.

    Session{1..5}/dialog/EmoEvaluation/<conversation>.txt      utterances: times, name, agreed label
    Session{1..5}/dialog/transcriptions/<conversation>.txt     texts
    Session{1..5}/sentences/wav/<conversation>/<utterance>.wav

Tested on generated folders in this format, not on the real release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from synctva.datasets_scripts.labels import IEMOCAP_CODES, label_id
from synctva.datasets_scripts.text_repair import decode, repair_text

ROOT_NAME = "IEMOCAP_full_release"
SESSIONS = (1, 2, 3, 4, 5)

# Ses01F_script01_2_M003: the conversation, then the speaker. The F of "Ses01F" is not the speaker
# but the one of the two actors who wore the motion capture markers.
_NAME = re.compile(r"(?P<conversation>(?P<session>Ses\d\d)[FM]_\w+)_(?P<speaker>[FM])[0-9A-Z]+")
_TIMES = r"\[\s*(?P<start>\d+(?:\.\d*)?)\s*-\s*(?P<end>\d+(?:\.\d*)?)\s*\]"
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
_EVALUATION = re.compile(rf"{_TIMES}\s*(?P<name>\S+)\s+(?P<code>\S+)\s+\[.*\]\s*")
# Ses01F_impro01_F000 [006.2901-008.2357]: The text.
_SPOKEN = re.compile(rf"(?P<name>\S+)\s*{_TIMES}\s*:?(?P<text>.*)")


@dataclass(frozen=True)
class ConversationFiles:
    """Paths of a conversation's files; its transcript and its wavs may be missing."""

    name: str
    session: int
    evaluation: Path
    transcript: Path
    wavs: Path

    def recorded(self) -> set[str]:
        """Return the names of the utterances that have a wav."""
        return {path.stem for path in self.wavs.glob("[!.]*.wav")}


@dataclass(frozen=True)
class Utterance:
    """An utterance as EmoEvaluation describes it: times in seconds, `code` in IEMOCAP_CODES."""

    name: str
    speaker: str
    start: float
    end: float
    code: str


def release_root(folder: Path) -> Path | None:
    """Return `folder` or its subfolder `ROOT_NAME`, whichever has Session1, else None."""
    roots = (folder, folder / ROOT_NAME)
    return next((root for root in roots if (root / "Session1").is_dir()), None)


def find_conversations(root: Path) -> list[ConversationFiles]:
    """Find the files of the conversations of all sessions, by session and name.

    Raises:
        FileNotFoundError: a session has no labels or no transcripts.
        ValueError: a conversation lies in the folder of another session.
    """
    conversations = []
    for session in SESSIONS:
        folder = root / f"Session{session}"
        evaluations = folder / "dialog" / "EmoEvaluation"
        transcripts = folder / "dialog" / "transcriptions"
        # The pattern excludes hidden files, "._Ses*.txt", which macOS left in the archive.
        files = sorted(evaluations.glob("Ses*.txt"))
        if not files:
            raise FileNotFoundError(f"{evaluations} has no Ses*.txt: expected {ROOT_NAME}")
        if not transcripts.is_dir():
            raise FileNotFoundError(f"{transcripts} is missing: expected {ROOT_NAME}")
        for file in files:
            if not file.name.startswith(f"Ses{session:02}"):
                raise ValueError(
                    f"{file} is in Session{session}: expected a file named Ses{session:02}*.txt"
                )
            transcript = transcripts / file.name
            wavs = folder / "sentences" / "wav" / file.stem
            conversations.append(ConversationFiles(file.stem, session, file, transcript, wavs))
    return conversations


def read_evaluation(files: ConversationFiles) -> list[Utterance]:
    """Read the utterances of a conversation, ordered by start time, then by name.

    Lines that do not begin with "[" are skipped: the header and the single annotators' opinions.

    Raises:
        ValueError: the file has an unreadable line, an unknown label, a duplicate utterance, an
            utterance of another conversation, or no utterance. The message names the file, line and
            value.
    """
    utterances: dict[str, Utterance] = {}
    lines = decode(files.evaluation.read_bytes()).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("["):
            continue
        where = f"{files.evaluation}, line {number}"
        match = _EVALUATION.fullmatch(line)
        if match is None:
            raise ValueError(
                f"{where} = {line!r}: expected "
                "[start - end], name, label and [valence, activation, dominance]"
            )
        name, code = match["name"], match["code"]
        parts = _NAME.fullmatch(name)
        if parts is None or parts["conversation"] != files.name:
            raise ValueError(
                f"{where}, name = {name!r}: expected an utterance of this conversation, such as "
                f"{files.name}_F000"
            )
        label_id(code, IEMOCAP_CODES, f"{where}, label")
        if name in utterances:
            raise ValueError(f"{where}, name = {name!r}: expected a name that no other line has")
        utterances[name] = Utterance(
            name,
            f"{parts['session']}_{parts['speaker']}",
            float(match["start"]),
            float(match["end"]),
            code,
        )
    if not utterances:
        raise ValueError(
            f"{files.evaluation} has no utterance: expected lines [start - end] name label"
        )
    return sorted(utterances.values(), key=lambda u: (u.start, u.name))


def read_transcript(files: ConversationFiles) -> tuple[dict[str, str], int]:
    """Read the texts of a conversation by utterance, and count the lines without an utterance.

    The release has lines without a name ("M: ...") and names without a label ("..._FXX0"); neither
    is an error. If two lines have the same name, the first one counts.
    """
    if not files.transcript.is_file():
        return {}, 0
    texts: dict[str, str] = {}
    nameless = 0
    for line in decode(files.transcript.read_bytes()).splitlines():
        match = _SPOKEN.fullmatch(line.strip())
        if match is not None:
            texts.setdefault(match["name"], repair_text(match["text"]))
        elif line.strip():
            nameless += 1
    return texts, nameless
