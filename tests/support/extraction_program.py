"""Extracts a folder of clips but never finishes conversation 2, so that a test can kill it.

Arguments: clips, output, and a file that receives the id of the process that is stuck.
"""

import os
import sys
import time
from pathlib import Path

from synctva.audio.encoder import PROSODY_SPEC
from synctva.features.extraction import extract_features, load_clips, media
from synctva.video.encoder import FACE_SPEC

CLIPS, OUTPUT, STUCK = sys.argv[1:]
audio_vector = media.audio_vector


def audio_vector_or_stuck(utterance, encoder):
    if Path(utterance["video"]).parent.name == "2":
        Path(f"{STUCK}.new").write_text(str(os.getpid()))
        os.replace(f"{STUCK}.new", STUCK)
        time.sleep(600)
    return audio_vector(utterance, encoder)


media.audio_vector = audio_vector_or_stuck  # in the workers too: they import this file

if __name__ == "__main__":
    extract_features(
        load_clips(CLIPS),
        OUTPUT,
        audio_encoder=PROSODY_SPEC,
        visual_encoder=FACE_SPEC,
        text_encoder=None,
        workers=2,
    )
