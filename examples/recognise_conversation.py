"""Recognise the emotion of every utterance of a conversation, and print a table.

    python examples/recognise_conversation.py
    python examples/recognise_conversation.py "Ann: I got the job!" "Bo: bo.wav" "Ann: ann.mp4"

Each argument is an utterance: the speaker, and a text or a file with audio or video, which needs
`pip install '.[media]'`.
"""

import sys
from pathlib import Path

from transformers import pipeline

import synctva  # noqa: F401  (registers the model with transformers)

CONVERSATION = [
    "Ann: I got the job!",
    "Bo: That is wonderful!",
    "Ann: But I have to move to Alaska.",
]


def utterance(line: str) -> dict[str, str]:
    speaker, _, content = line.partition(": ")
    # The sound track of a video is used as well, and a sound file is a video without frames.
    return {"speaker": speaker, "video" if Path(content).is_file() else "text": content}


def main(lines: list[str]) -> None:
    recognise = pipeline("emotion-recognition")  # or model="runs/my-model", for your own
    answers = recognise([utterance(line) for line in lines])
    print(f"{'emotion':10} score  {'read from':16} utterance")
    for line, answer in zip(lines, answers, strict=True):
        modalities = ", ".join(answer["modalities"])
        print(f"{answer['label']:10} {answer['score']:5.2f}  {modalities:16} {line}")


if __name__ == "__main__":
    main(sys.argv[1:] or CONVERSATION)
