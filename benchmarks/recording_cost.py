"""What a recording costs end to end, from speech recognition to emotions, on one core.

    OMP_NUM_THREADS=1 python -m benchmarks.recording_cost                # 5 minutes of 360p
    OMP_NUM_THREADS=1 python -m benchmarks.recording_cost --minutes 30 --height 720

Needs espeak-ng, faster-whisper and the weights of Whisper base and of the text encoder. The
recording has two voices of espeak-ng and a drawn face that moves and changes its expression. The
model is untrained, which costs the same; once it reads text and sound, and once faces as well.
Each runs in a process of its own. Times are of the processor. Writes results/recording_cost.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synctva.audio.encoder import PROSODY_SPEC
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva.recording_jobs.listing import ListedRecording
from synctva.recording_jobs.recogniser import RecordingRecogniser
from synctva.speech.recognition import whisper_recogniser
from synctva.video.encoder import FACE_SPEC
from tests.support.drawn_face import EXPRESSIONS, drawn_face
from tests.support.synthetic_speech import RATE, converse

from .peak_memory import peak_megabytes

RESULTS = Path(__file__).parent / "results" / "recording_cost.json"
FPS = 25


def write_call(path: Path, seconds: float, height: int) -> float:
    """Write an mp4 with two voices and a face; return its length in s."""
    import av

    samples = converse(("deep", "bright"), seconds, 0).samples
    width = height * 16 // 9
    size = height / 4
    draw: Any = partial(drawn_face, height, width, (height / 2, width / 2), size)
    faces = [draw(**expression) for expression in EXPRESSIONS.values()]
    length = len(samples) / RATE
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound = output.add_stream("aac", rate=RATE, layout="mono")
        for i in range(round(length * FPS)):
            face = faces[i // (3 * FPS) % len(faces)]
            shown = np.roll(face, round(size / 2 * np.sin(i / FPS)), axis=1)
            output.mux(video.encode(av.VideoFrame.from_ndarray(shown, "rgb24")))
        frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
        frame.sample_rate = RATE
        output.mux([*video.encode(None), *sound.encode(frame), *sound.encode(None)])
    return length


def write_model(folder: Path, faces: bool) -> None:
    widths = {"text_dim": MINILM_SPEC["width"], "audio_dim": PROSODY_SPEC["width"]}
    config = SyncTVAConfig(**widths, visual_dim=FACE_SPEC["width"])
    SyncTVAForEmotionRecognition(config).save_pretrained(folder)
    SyncTVAProcessor(
        **widths,
        visual_dim=FACE_SPEC["width"] if faces else None,
        text_encoder=MINILM_SPEC,
        audio_encoder={**PROSODY_SPEC, "fill": [0.0] * PROSODY_SPEC["width"]},
        visual_encoder=FACE_SPEC if faces else None,
    ).save_pretrained(folder)


def measure(path: str, seconds: float, faces: bool) -> dict[str, Any]:
    """Answer a recording, models loaded before; return the seconds of CPU per second, and more."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        write_model(Path(scratch, "model"), faces)
        answer = RecordingRecogniser(f"{scratch}/model", Path(scratch, "out"))
        whisper_recogniser()
        before = time.process_time()
        outcome = answer(ListedRecording("call", path))
        cpu = time.process_time() - before
        answers = json.loads(Path(scratch, "out", "call", "answers.json").read_text())
    return {
        "seconds": seconds,
        "utterances": outcome.utterances,
        "with_face": sum("visual" in one["modalities"] for one in answers),
        "cpu_seconds_per_second": round(cpu / seconds, 4),
        "peak_megabytes": round(peak_megabytes()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--height", type=int, default=360, help="of the picture, 16:9")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        path, seconds, faces = options.measure
        print(json.dumps(measure(path, float(seconds), faces == "faces")))
        return
    report: dict[str, Any] = {"height": options.height}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "call.mp4")
        seconds = write_call(path, 60 * options.minutes, options.height)
        for kind in ("text and sound", "faces"):
            command = [sys.executable, "-m", "benchmarks.recording_cost"]
            command += ["--measure", str(path), str(seconds), kind]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            report[kind] = json.loads(run.stdout.splitlines()[-1])
            print(kind, json.dumps(report[kind]), flush=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
