"""Toy folders in the formats of the official releases, with invented sentences, for the tests."""

import wave
from pathlib import Path

from synctva.datasets_scripts import MELD_LABELS

from .corpora import MELD_HEADER, meld_row, write_csv

EVALUATION_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
OPINIONS = ["C-E2:\tNeutral;\t()", "C-F1:\tAnger; Other;\t([tense])", "A-E3:\tval 3; act 2;\t()"]

IEMOCAP_TURNS = [
    ("F000", 1.5, 2.25, "neu", "Is it raining?"),
    ("M000", 2.5, 4.0, "fru", "It never stops."),
    ("F001", 4.25, 5.0, "exc", "Look, the sun!"),
    ("M001", 5.5, 6.0, "xxx", "Where?"),
    ("M002", 6.25, 7.0, "hap", "There it is."),
]
"""Name, start, end, label and text of utterances."""


def iemocap_conversations():
    """Return three conversations for each session, all with the same turns."""
    names = ("F_impro01", "F_script01_2", "M_impro05a")
    return {f"Ses{session:02}{name}": IEMOCAP_TURNS for session in range(1, 6) for name in names}


def write_iemocap_release(root: Path, conversations=None, odd=True, wavs=True):
    """Write IEMOCAP_full_release with these conversations.

    Args:
        conversations: turns by conversation, like `IEMOCAP_TURNS`; by default
            `iemocap_conversations`.
        odd: add what a reader must skip: hidden files, transcript lines without a name or a label,
            files of single annotators.
        wavs: add a short wav for each utterance.
    """
    for name, turns in (conversations or iemocap_conversations()).items():
        session = root / f"Session{int(name[3:5])}"
        evaluations, transcripts = (
            session / "dialog" / folder for folder in ("EmoEvaluation", "transcriptions")
        )
        sentences = session / "sentences" / "wav" / name
        for folder in (evaluations / "Categorical", transcripts, sentences):
            folder.mkdir(parents=True, exist_ok=True)
        evaluation, transcript = [EVALUATION_HEADER, ""], []
        for turn, start, end, code, text in turns:
            times = f"[{start:.4f} - {end:.4f}]"
            evaluation += [f"{times}\t{name}_{turn}\t{code}\t[2.5000, 2.5000, 2.5000]"]
            evaluation += [*OPINIONS, ""]
            transcript.append(f"{name}_{turn} [{start:08.4f}-{end:08.4f}]: {text}")
            if wavs:
                write_wav(sentences / f"{name}_{turn}.wav")
        if odd:
            transcript.insert(1, f"{name}_FXX0 [003.0000-003.2500]: [BREATHING]")
            transcript.append("M: [LAUGHTER]")
            hidden = (evaluations / f"._{name}.txt", transcripts / f"._{name}.txt")
            for file in (*hidden, sentences / f"._{name}_F000.wav"):
                file.write_bytes(b"\x00\x05\x16\x07\xff[0 - 1]\n")
            opinion = evaluations / "Categorical" / f"{name}_e2_cat.txt"
            opinion.write_text(f"{name}_F000 :Neutral state; ()\n")
        (evaluations / f"{name}.txt").write_text("\n".join(evaluation) + "\n", "utf-8")
        (transcripts / f"{name}.txt").write_text("\n".join(transcript) + "\n", "utf-8")
    return root


def write_wav(path: Path):
    """Write ten milliseconds of silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(320))


MELD_CLIP_FOLDERS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}


def write_meld_release(root: Path, nested=("train",)):
    """Write MELD.Raw as extracted from its archives, with two utterances per split.

    There are no acoustic measures. The first utterance of each split has a clip, and in the test
    split also one that was cut again.

    Args:
        nested: splits whose CSV and clips are in a folder named like the split.
    """
    for split, clip_folder in MELD_CLIP_FOLDERS.items():
        place = root / split if split in nested else root
        clips = place / clip_folder
        clips.mkdir(parents=True)
        rows = [meld_row(0, 0, f"A {split} sentence."), meld_row(0, 1, "Another.", "Bo", "joy")]
        write_csv(place / f"{split}_sent_emo.csv", MELD_HEADER, rows)
        names = ["dia0_utt0.mp4", "._dia0_utt1.mp4", "dia9_utt9.mp4"]
        for name in names + ["final_videos_testdia0_utt0.mp4"] * (split == "test"):
            (clips / name).touch()
    return root


def write_meld_recordings(root: Path, turns, clips):
    """Write MELD.Raw with clips that can be read, and with what is known to be odd in it.

    A training clip (dia125_utt3) is damaged, a dev clip (dia110_utt7) is missing, and a test clip
    exists a second time, cut again, beside a wrong one of its name. One more training clip,
    dia1_utt0, is damaged as a download can be.

    Args:
        turns: (text, emotion) of the utterances of each conversation; the last one in train has an
            utterance of every other emotion too, without a clip.
        clips: files by emotion; the wrong ones have the emotion "other".
    """
    conversations = {"train": [0, 1, 2, 125], "dev": [0, 1, 110], "test": [0, 1]}
    for split, numbers in conversations.items():
        folder = root / split / MELD_CLIP_FOLDERS[split]
        folder.mkdir(parents=True)
        rows = []
        for number in numbers:
            first = {125: 2, 110: 6}.get(number, 0)
            others = [("Well", label) for label in MELD_LABELS if label not in clips]
            for utterance, (text, emotion) in enumerate(turns + others * (number == 125), first):
                speaker = ("Ann", "Bo")[utterance % 2]
                rows.append(meld_row(number, utterance, f"{text} {number}.", speaker, emotion))
                if emotion in clips:
                    (folder / f"dia{number}_utt{utterance}.mp4").write_bytes(clips[emotion])
        write_csv(root / split / f"{split}_sent_emo.csv", MELD_HEADER, rows)
    train, dev, test = (root / split / MELD_CLIP_FOLDERS[split] for split in conversations)
    for name in ("dia125_utt3", "dia1_utt0"):
        path = train / f"{name}.mp4"
        path.write_bytes(path.read_bytes()[:200])
    (dev / "dia110_utt7.mp4").unlink()
    (dev / "dia66_utt9.mp4").write_bytes(clips["other"])  # belongs to no utterance
    (test / "final_videos_testdia0_utt0.mp4").write_bytes(clips[turns[0][1]])
    (test / "dia0_utt0.mp4").write_bytes(clips["other"])
    (test / "._dia0_utt1.mp4").write_bytes(b"\x00\x05\x16\x07")
    return root
