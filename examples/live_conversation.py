"""Recognise the emotion of each utterance as soon as it is typed.

    python examples/live_conversation.py

    synctva train --dataset table --data_dir own.csv --config meld-causal --output_dir runs/live
    python examples/live_conversation.py runs/live

Type lines such as `Ann: I got the job!`; end with Ctrl-D. Only a causal model can answer before
the next utterance is known, hence the preset. docs/live.md says how to keep a conversation's state.
"""

import sys

from synctva import SYNCTVA_MELD_CAUSAL, SyncTVAForEmotionRecognition, SyncTVAProcessor


def main(folder: str = SYNCTVA_MELD_CAUSAL) -> None:
    model = SyncTVAForEmotionRecognition.from_pretrained(folder).eval()
    processor = SyncTVAProcessor.from_pretrained(folder)
    stream = model.stream()
    for line in sys.stdin:
        speaker, _, text = line.strip().partition(": ")
        utterance = processor.utterance_features({"speaker": speaker, "text": text})
        answer = stream.push(utterance)
        print(f"{answer['label']:10} {answer['score']:.2f}  {line.strip()}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
