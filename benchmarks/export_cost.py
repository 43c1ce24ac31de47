"""What ONNX and int8 cost and gain: size, speed on one thread, answers on MELD's test split.

    python -m benchmarks.export_cost --data_dir <folder with MELD's CSVs>

The shipped checkpoint runs in torch, as an ONNX file, and as that file with int8 weights, in turn
on the same batches. Times are processor time, which other work on the machine does not stretch.
Writes results/export_cost.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synctva import metrics
from synctva.export import export_onnx, largest_difference, quantize_onnx, random_conversations
from synctva.export.agreement import answers, open_session
from synctva.metrics.bootstrap import paired_bootstrap
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.provenance import provenance
from synctva.registration import checkpoint_folder
from synctva.trainer.collator import SyncTVACollator
from synctva.trainer.recipes import load_conversations

RESULTS = Path(__file__).parent / "results" / "export_cost.json"
LENGTHS = (1, 10, 33, 110)
"""Utterances of the single conversations that are timed; MELD's longest in test has 33."""

Runtime = Callable[[Mapping[str, Tensor]], Tensor]
"""A batch → logits (B, N, C)."""


def runtimes(model: SyncTVAForEmotionRecognition, files: Mapping[str, Path]) -> dict[str, Runtime]:
    """Return the model in torch and each file in onnxruntime, by name; one thread each."""
    torch.set_num_threads(1)

    @torch.inference_mode()
    def in_torch(batch: Mapping[str, Tensor]) -> Tensor:
        return model(**batch).logits

    def of_file(path: Path) -> Runtime:
        session = open_session(path, threads=1)
        return lambda batch: answers(session, batch)["logits"]

    return {"torch": in_torch, **{name: of_file(path) for name, path in files.items()}}


def processor_ms(
    by_name: Mapping[str, Runtime], batches: Sequence[Mapping[str, Tensor]], rounds: int
) -> dict[str, float]:
    """Return each runtime's milliseconds per conversation: the median over rounds, taking turns."""
    conversations = sum(len(batch["attention_mask"]) for batch in batches)
    taken: dict[str, list[float]] = {name: [] for name in by_name}
    names = list(by_name)
    for turn in range(rounds + 1):
        seconds = dict.fromkeys(names, 0.0)
        for number, batch in enumerate(batches):
            first = (turn + number) % len(names)
            for name in names[first:] + names[:first]:
                started = time.process_time()
                by_name[name](batch)
                seconds[name] += time.process_time() - started
        if turn:  # the first round warms up
            for name in names:
                taken[name].append(1000 * seconds[name] / conversations)
    return {name: median(values) for name, values in taken.items()}


def scores(
    by_name: Mapping[str, Runtime], batches: Sequence[Mapping[str, Tensor]], labels: Sequence[str]
) -> dict[str, Any]:
    """Return the scores of each runtime, and each file's difference from torch."""
    true = [batch["labels"] for batch in batches]
    labelled = [truth >= 0 for truth in true]

    def chosen(values: Sequence[Tensor]) -> np.ndarray:
        pairs = zip(values, labelled, strict=True)
        return torch.cat([value[mask] for value, mask in pairs]).numpy()

    inputs = [{k: v for k, v in batch.items() if k != "labels"} for batch in batches]
    logits = {name: chosen([run(batch) for batch in inputs]) for name, run in by_name.items()}
    truth = chosen(true)
    conversation = chosen(
        [torch.full_like(values, number) for number, values in enumerate(true)]
    )  # batches of one
    report: dict[str, Any] = {}
    for name, values in logits.items():
        found = metrics.compute(values, truth, labels)
        report[name] = {key: found[key] for key in ("n", "accuracy", "weighted_f1", "nll")}
        if name != "torch":
            reference = logits["torch"]
            predicted, others = values.argmax(-1), reference.argmax(-1)
            paired = paired_bootstrap(predicted, others, truth, conversation)
            report[name] |= {
                "largest_difference": float(np.abs(values - reference).max()),
                "changed_answers": int((predicted != others).sum()),
                "weighted_f1_minus_torch": paired._asdict(),
            }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data_dir", required=True, help="folder with MELD's CSVs")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    model = SyncTVAForEmotionRecognition.from_pretrained(checkpoint_folder()).eval()
    config = model.config
    data = load_conversations("meld", options.data_dir, modalities=["text", "audio"])["test"]
    collate = SyncTVACollator(config, build_graph=False)
    rows = [data[index] for index in range(len(data))]
    # The files need every input, and the collator leaves out a modality that nobody has.
    empty = {"visual_features": torch.zeros(1, 1, config.visual_dim)}

    def batches(size: int) -> list[dict[str, Tensor]]:
        made = [collate(rows[start : start + size]) for start in range(0, len(rows), size)]
        for batch in made:
            shape = batch["attention_mask"].shape
            batch |= {name: value.expand(*shape, -1) for name, value in empty.items()}
            batch["modality_mask"][..., 1] = False
        return made

    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        files = {"onnx": export_onnx(model, Path(folder, "model.onnx"))}
        seconds = time.process_time() - started
        files["onnx_int8"] = quantize_onnx(files["onnx"], Path(folder, "model-int8.onnx"))
        size = {name: path.stat().st_size / 1e6 for name, path in files.items()}
        by_name = runtimes(model, files)
        labels = [config.id2label[index] for index in range(config.num_labels)]
        single, sixteen = batches(1), batches(16)
        report = {
            "export_processor_seconds": seconds,
            "megabytes": {
                "torch": (checkpoint_folder() / "model.safetensors").stat().st_size / 1e6,
                **size,
            },
            "largest_difference_on_200_random_conversations": {
                name: largest_difference(model, path) for name, path in files.items()
            },
            "meld_test": scores(by_name, single, labels),
            "processor_ms_per_conversation": {
                "meld_test_one_by_one": processor_ms(by_name, single, options.rounds),
                "meld_test_in_batches_of_16": processor_ms(by_name, sixteen, options.rounds),
                **{
                    f"one_of_{length}": processor_ms(
                        by_name, [random_conversations(config, [length])] * 10, options.rounds
                    )
                    for length in LENGTHS
                },
            },
        }
    packages = ("onnx", "onnxscript", "onnxruntime")
    report |= {**provenance(), "packages": {name: version(name) for name in packages}}
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
