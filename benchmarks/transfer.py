"""What a checkpoint to start from is worth: learning curves on IEMOCAP, with it and from nothing.

    python -m benchmarks.transfer --data_dir FOLDER                   # the runs that are missing
    python -m benchmarks.transfer --data_dir FOLDER --learning_rates  # chooses the rate, on dev

Both starts read the same features and see the same conversations: of each seed's order of the
training conversations, the first 5, 10, 25, 50 and 100 percent. Both have the settings of IEMOCAP's
recipe, and so the same number of epochs. Dev, which is always whole, chooses the epoch; test is
scored once, with that epoch.

Each run is a line of results/transfer.jsonl; runs that are there are not repeated. Prints the table
and writes the figure.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
from datasets import DatasetDict
from matplotlib.figure import Figure
from transformers import set_seed

from benchmarks.accuracy.answers import Truth, pack_answers, read_truth
from benchmarks.accuracy.comparisons import lead
from benchmarks.accuracy.plots import DOTS_AN_INCH, IMAGES
from benchmarks.accuracy.records import Record, read_records, write_record
from synctva import MODALITIES, SyncTVATrainer, SyncTVATrainingArguments, prepare_training
from synctva.metrics.scores import score
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva.provenance import provenance
from synctva.trainer.recipes import RECIPES, embed_texts, load_splits
from synctva.trainer.statistics import conversation_lengths

RESULTS = Path(__file__).parent / "results" / "transfer.jsonl"
FIGURE = IMAGES / "transfer.png"

CHECKPOINT = "synctva-meld"
NOTHING = "nothing"
STARTS = (CHECKPOINT, NOTHING)
SCORES = ("weighted_f1", "macro_f1", "accuracy", "nll")
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
SEEDS = range(5)
RATE = RECIPES["iemocap"].training["learning_rate"]
RATES = (RATE, RATE / 2, RATE / 5)
"""Learning rates among which dev chooses for the checkpoint, with seeds of their own."""
TRIAL_SEEDS = (5, 6)
TRIAL_SHARES = (0.1, 0.5)


class Setting(NamedTuple):
    """What a run is: its key in the file of results."""

    modalities: str
    share: float
    seed: int
    start: str
    learning_rate: float

    @classmethod
    def of(cls, record: Record) -> Setting:
        return cls(**{name: record[name] for name in cls._fields})


def settings(modalities: Sequence[str] = MODALITIES) -> Iterator[Setting]:
    """Yield the runs of the table."""
    for share in SHARES:
        for seed in SEEDS:
            for start in STARTS:
                yield Setting(" ".join(modalities), share, seed, start, RATE)


def trials() -> Iterator[Setting]:
    """Yield the runs that choose the learning rate."""
    for seed in TRIAL_SEEDS:
        for share in TRIAL_SHARES:
            for rate in RATES:
                yield Setting(" ".join(MODALITIES), share, seed, CHECKPOINT, rate)


def load(data_dir: str) -> DatasetDict:
    """Load IEMOCAP with the text features that the checkpoint reads."""
    return embed_texts(load_splits("iemocap", data_dir), MINILM_SPEC)


def draw(data: DatasetDict, share: float, seed: int) -> DatasetDict:
    """Keep a share of the training conversations; a larger share has those of a smaller one."""
    number = len(data["train"])
    order = np.random.default_rng(seed).permutation(number)
    return DatasetDict({**data, "train": data["train"].select(order[: round(share * number)])})


def run(data: DatasetDict, setting: Setting) -> Record:
    """Train and score one model; dev chooses the epoch."""
    set_seed(setting.seed)
    prepared = prepare_training(
        draw(data, setting.share, setting.seed),
        None if setting.start == NOTHING else setting.start,
        recipe="iemocap",
        modalities=setting.modalities.split(),
    )
    given = {**prepared.arguments, "learning_rate": setting.learning_rate}
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as null:
        arguments = SyncTVATrainingArguments(
            folder,
            seed=setting.seed,
            report_to="none",
            disable_tqdm=True,
            save_only_model=True,
            **given,
        )
        trainer = SyncTVATrainer(
            prepared.model,
            arguments,
            train_dataset=prepared.data["train"],
            eval_dataset=prepared.data["dev"],
            processing_class=prepared.processor,
        )
        started = time.process_time()
        with redirect_stdout(null):
            trainer.train()
        seconds = time.process_time() - started
        record = {
            "dataset": "iemocap",
            "model": "synctva",
            **setting._asdict(),
            "conversations": len(prepared.data["train"]),
            "utterances": sum(conversation_lengths(prepared.data["train"])),
            "steps": trainer.state.global_step,
            "best_step": trainer.state.best_global_step,
            "processor_seconds": round(seconds, 1),
            "answers": {},
            **provenance(),
        }
        for split in ("dev", "test"):
            output = trainer.predict_fields(prepared.data[split])
            logits, labels = output["logits"], output["labels"]
            lengths = conversation_lengths(prepared.data[split])
            record["answers"][split] = pack_answers(logits.argmax(-1), lengths)
            labelled = labels != IGNORE_INDEX  # (conversations, N)
            scored = score(logits[labelled], labels[labelled], trainer.label_names_in_order)
            record[split] = {name: scored[name] for name in SCORES}
    return record


Curve = dict[float, list[Record]]
"""The runs of each share, in the order of their seeds."""


def curves(records: Sequence[Record], modalities: Sequence[str]) -> dict[str, Curve]:
    """Return the runs of the table, by start and share."""
    wanted = set(settings(modalities))
    found: dict[str, Curve] = {start: {} for start in STARTS}
    for record in sorted(records, key=lambda record: record["seed"]):
        if Setting.of(record) in wanted:
            found[record["start"]].setdefault(record["share"], []).append(record)
    return found


def scores(runs: Sequence[Record], split: str) -> np.ndarray:
    """Return the weighted F1 of each run, in percent."""
    return 100 * np.array([run[split]["weighted_f1"] for run in runs])


def spread(runs: Sequence[Record], split: str) -> str:
    """Return the mean and the deviation of the runs' weighted F1, in percent."""
    these = scores(runs, split)
    return f"{these.mean():.1f} ± {these.std(ddof=1):.1f}"


def table(curves: dict[str, Curve], truth: dict[str, Truth]) -> str:
    """Return a table in Markdown: scores, and what the checkpoint gains on test."""
    lines = [
        "| training conversations | dev, from `synctva-meld` | dev, from nothing "
        "| test, from `synctva-meld` | test, from nothing | gain on test | seeds ahead |",
        "|---|---|---|---|---|---|---|",
    ]
    for share in curves[CHECKPOINT]:
        mine, other = (curves[start].get(share, []) for start in STARTS)
        gain = lead(mine, other, truth["test"], "test")
        if gain is None:
            continue
        cells = [f"{mine[0]['conversations']} ({share:.0%})"]
        cells += [spread(runs, split) for split in ("dev", "test") for runs in (mine, other)]
        low, high = 100 * gain.low, 100 * gain.high
        cells.append(f"{100 * gain.difference:+.1f} [{low:+.1f}, {high:+.1f}]")
        ahead = (scores(mine, "test") > scores(other, "test")).sum()
        cells.append(f"{ahead} of {len(mine)}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def trial_table(records: Sequence[Record]) -> str:
    """Return a table in Markdown of the dev scores with each learning rate."""
    runs = {Setting.of(record): record for record in records}
    lines = ["| learning rate | training conversations | dev |", "|---|---|---|"]
    for rate in RATES:
        for share in TRIAL_SHARES:
            tried = [s for s in trials() if (s.learning_rate, s.share) == (rate, share)]
            dev = spread([runs[s] for s in tried if s in runs], "dev")
            lines.append(f"| {rate:g} | {share:.0%} | {dev} |")
    return "\n".join(lines)


def plot(curves: dict[str, Curve]) -> Figure:
    """Plot test scores over the training conversations: means, and the deviation of the seeds."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")  # before the ticks, which it replaces
    looks = {CHECKPOINT: ("tab:blue", "o-"), NOTHING: ("tab:orange", "s--")}
    for start, (colour, style) in looks.items():
        runs = [runs for _, runs in sorted(curves[start].items())]
        numbers = [these[0]["conversations"] for these in runs]
        values = [scores(these, "test") for these in runs]
        mean = np.array([v.mean() for v in values])
        deviation = np.array([v.std(ddof=1) for v in values])
        axes.fill_between(numbers, mean - deviation, mean + deviation, color=colour, alpha=0.2)
        axes.plot(numbers, mean, style, color=colour, label=f"from {start}")
        axes.set_xticks(numbers, [str(number) for number in numbers])
    axes.minorticks_off()
    axes.set(xlabel="training conversations", ylabel="weighted F1 on IEMOCAP's test, percent")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.transfer", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data_dir", required=True, help="folder with iemocap6.csv")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of the kept runs")
    parser.add_argument("--figure", type=Path, default=FIGURE)
    parser.add_argument("--modalities", nargs="+", default=list(MODALITIES), choices=MODALITIES)
    parser.add_argument(
        "--learning_rates", action="store_true", help="the runs that choose the learning rate"
    )
    options = parser.parse_args(arguments)
    todo = list(trials() if options.learning_rates else settings(options.modalities))
    known = {Setting.of(record) for record in read_records(options.results)}
    missing = [setting for setting in todo if setting not in known]
    data = load(options.data_dir) if missing else None
    for setting in missing:
        record = run(data, setting)
        write_record(options.results, record, Setting.of)
        dev, test = (100 * record[split]["weighted_f1"] for split in ("dev", "test"))
        print(f"{tuple(setting)} dev {dev:.1f} test {test:.1f}", flush=True)
    records = read_records(options.results)
    if options.learning_rates:
        print(trial_table(records))
        return
    truth = read_truth("iemocap", options.data_dir, None)
    assert truth is not None  # there is a folder
    found = curves(records, options.modalities)
    print(table(found, truth))
    plot(found).savefig(options.figure, dpi=DOTS_AN_INCH)


if __name__ == "__main__":
    main()
