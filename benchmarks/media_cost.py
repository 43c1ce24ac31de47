"""Raw media through the processor: real-time factor of a 720p clip, memory over a long recording.

    python -m benchmarks.media_cost

The clip has 10 s of h264 and AAC at 1280 x 720 and 25 frames per second. It is made here: a
scrolling image, or one with a face (`--image`), and a voice-like sound. The recordings are 1 and 30
minutes of the same at 320 x 180, each read as utterances of 6 s. Each measurement runs in a process
of its own, on one thread; times are processor time and wall time. Writes results/media_cost.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from synctva.audio.encoder import PROSODY_MFCC_SPEC
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva.video.encoder import FACE_SPEC

from .peak_memory import peak_megabytes

RESULTS = Path(__file__).parent / "results" / "media_cost.json"
RATE, FPS, TURN = 16_000, 25, 6.0


def write_recording(
    path: Path, seconds: int, size: tuple[int, int], image: np.ndarray | None = None
) -> None:
    """Write an mp4 that scrolls by a pixel per frame, with a voice of rising pitch each second."""
    import av

    width, height = size
    if image is None:
        image = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        image = image.repeat(8, 0).repeat(8, 1)
    scene = np.zeros((height, width, 3), np.uint8)
    scene[: image.shape[0], : image.shape[1]] = image[:height, :width]
    clock = np.arange(RATE) / RATE
    phase = 2 * np.pi * (110 * clock + 30 * clock**2)
    voice = 0.2 * (np.sin(phase) + 0.5 * np.sin(2 * phase)) * np.sin(np.pi * clock) ** 2
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound = output.add_stream("aac", rate=RATE, layout="mono")
        for second in range(seconds):
            for i in range(FPS):
                shown = np.roll(scene, second * FPS + i, axis=1)
                output.mux(video.encode(av.VideoFrame.from_ndarray(shown, "rgb24")))
            samples = voice[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
            frame.sample_rate, frame.pts = RATE, second * RATE
            output.mux(sound.encode(frame))
        output.mux(video.encode(None))
        output.mux(sound.encode(None))


def read(path: str, seconds: float) -> dict[str, Any]:
    """Measure the processor on a recording, read utterance by utterance."""
    import torch

    torch.set_num_threads(1)
    processor = SyncTVAProcessor(
        text_dim=MINILM_SPEC["width"],
        visual_dim=FACE_SPEC["width"],
        audio_dim=PROSODY_MFCC_SPEC["width"],
        text_encoder=MINILM_SPEC,
        audio_encoder={**PROSODY_MFCC_SPEC, "fill": [0.0] * PROSODY_MFCC_SPEC["width"]},
        visual_encoder=FACE_SPEC,
    )
    starts = np.arange(0, seconds, TURN)
    turns: list[dict[str, Any]] = [
        {"text": "So what is it?", "video": path, "start": s, "end": min(s + TURN, seconds)}
        for s in starts.tolist()
    ]
    processor([turns[:1]])  # the encoders are loaded once per process
    wall, processor_time = time.perf_counter(), time.process_time()
    batch = processor([turns])
    return {
        "utterances": len(turns),
        "present": batch["modality_mask"][0].float().mean(0).tolist(),
        "seconds_per_second": (time.perf_counter() - wall) / seconds,
        "processor_seconds_per_second": (time.process_time() - processor_time) / seconds,
        "peak_megabytes": peak_megabytes(),
    }


def apart(path: Path, seconds: float) -> dict[str, Any]:
    """Call `read` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.media_cost", "--read", str(path), str(seconds)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--image", help="image with a face for the clip")
    parser.add_argument("--minutes", type=int, default=30, help="length of the long recording")
    parser.add_argument("--read", nargs=2, metavar=("FILE", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        print(json.dumps(read(options.read[0], float(options.read[1]))))
        return
    image = None
    if options.image:
        from matplotlib.image import imread

        image = imread(options.image)[..., :3]
        if image.dtype != np.uint8:
            image = (255 * image).astype(np.uint8)
    with tempfile.TemporaryDirectory() as scratch:
        report = {}
        for name, seconds, size in (
            ("clip_720p", 10, (1280, 720)),
            ("recording_1_minute", 60, (320, 180)),
            (f"recording_{options.minutes}_minutes", 60 * options.minutes, (320, 180)),
        ):
            path = Path(scratch, f"{name}.mp4")
            write_recording(path, seconds, size, image if name == "clip_720p" else None)
            report[name] = apart(path, seconds)
            print(name, json.dumps(report[name]), flush=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
