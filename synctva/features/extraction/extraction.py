"""Conversations with media → a feature set; see `extract_features`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import DatasetDict

from synctva.commands.csv_output import write_csv
from synctva.features.extraction.columns import (
    Skipped,
    results_by_split,
    skipped_files,
    with_extracted,
)
from synctva.features.extraction.media import (
    Extracted,
    MediaExtractor,
    Spec,
    read_results,
    work_table,
)
from synctva.features.extraction.workers import extract_all, result_file
from synctva.features.feature_sets import write_feature_set
from synctva.features.text import add_text_features
from synctva.files import explained, only_run, require_new_folder
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.recordings.sources import import_av

SKIPPED_FILE = "skipped.csv"


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction made.

    Attributes:
        schema: of the feature set.
        present: utterances by modality, those not masked.
        without_media: utterances for which there is no file.
        skipped: files that could not be read.
        extracted: conversations extracted by this run; the others an earlier run had left.
    """

    schema: dict[str, Any]
    present: dict[str, int]
    without_media: int
    skipped: list[Skipped]
    extracted: int

    def __str__(self) -> str:
        """Sizes, and what is missing, for reading."""
        lines = [
            f"{split}: {size['conversations']:,} conversations, {size['utterances']:,} utterances"
            for split, size in self.schema["splits"].items()
        ]
        total = sum(size["utterances"] for size in self.schema["splits"].values())
        for modality, count in self.present.items():
            made = self.schema["modalities"].get(modality, {}).get("encoder", "no features")
            lines.append(f"{modality}: {count:,} of {total:,} utterances ({made})")
        if self.without_media:
            lines.append(f"without a file: {self.without_media:,} utterances")
        lines.append(f"skipped: {len(self.skipped):,}")
        lines += [f"  {item.modality}: {item.reason}" for item in self.skipped[:3]]
        if len(self.skipped) > 3:
            lines.append(f"  and {len(self.skipped) - 3:,} more, see {SKIPPED_FILE}")
        return "\n".join(lines)


def extract_features(
    data: DatasetDict,
    output: str | Path,
    *,
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
    text_encoder: Spec | None = MINILM_SPEC,
    cut_by_time: bool = False,
    workers: int = 1,
    source: str = "own media",
) -> ExtractionReport:
    """Make a feature set of conversations with media, by the encoders that read raw media later.

    A model trained on the feature set takes raw media: the same functions make its features.

    What is finished is kept beside the output, in `<output>.partial`, until all is: a run that was
    killed goes on where it stood. What has changed meanwhile, a file or an encoder, is extracted
    anew. The result does not depend on the number of workers.

    A file that cannot be read masks its utterance's modality and is listed in `skipped.csv` in the
    output. No face, no sound and silence mask the modality and are no errors.

    Args:
        data: splits with the columns of `synctva.datasets_scripts.schema`, of which media_paths
            says what to read. Audio and visual features that it has are replaced.
        output: a new or an empty folder.
        audio_encoder, visual_encoder: specs, see `AudioEncoder` and `VisualEncoder`; None:
            the modality is masked. Where an audio measure is undefined, the training split's mean
            takes its place, and stands as `fill` in the feature set's spec; a `fill` that
            is given is used instead, as that of the checkpoint that the features are for.
        text_encoder: spec of what embeds the texts; None: the texts get no features but
            those that the data has.
        cut_by_time: False: a file is an utterance, whatever the times say, which in MELD's and
            IEMOCAP's releases count from the beginning of an episode or a conversation. True: files are
            recordings, and an utterance is what lies between its start and end, in seconds from the
            recording's beginning.
        workers: processes, of one thread each. With several, a script has to guard what it runs by
            `if __name__ == "__main__":`.
        source: where the conversations are from, for the card.

    Raises:
        FileExistsError: the output has something in it.
        ValueError: no utterance has a file; utterances share one and are not cut by time; there is
            no training split and no fill; an encoder's spec is not known, or a number of
            workers below 1.
        RuntimeError: a worker process died, or another run is writing there.
        WriteError: the disk is full, or may not be written to.
        ImportError: PyAV, or what an encoder needs, is not installed.
    """
    output = Path(output)
    if workers < 1:
        raise ValueError(f"workers = {workers}: expected at least 1")
    work = prepare_extraction(
        data,
        output,
        audio_encoder=audio_encoder,
        visual_encoder=visual_encoder,
        text_encoder=text_encoder,
        cut_by_time=cut_by_time,
    )
    folder = partial_folder(output)
    with only_run(output):
        extracted = extract_all(work, folder, audio_encoder, visual_encoder, workers)
        keys = dict.fromkeys(work["key"].to_pylist())
        return finish_extraction(
            data,
            work,
            read_results(result_file(folder, key) for key in keys),
            output,
            audio_encoder=audio_encoder,
            visual_encoder=visual_encoder,
            text_encoder=text_encoder,
            source=source,
            extracted=extracted,
        )


def partial_folder(output: str | Path) -> Path:
    """Where unfinished work for an output lies: beside it, so that a rename finishes it."""
    output = Path(output).absolute()
    return output.with_name(f"{output.name}.partial")


def prepare_extraction(
    data: DatasetDict,
    output: str | Path,
    *,
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
    text_encoder: Spec | None,
    cut_by_time: bool = False,
) -> pa.Table:
    """The work of `extract_features`, a row a conversation; what would fail after hours, at once.

    Arguments and errors are those of `extract_features`.
    """
    require_new_folder(output)
    import_av()
    MediaExtractor(audio_encoder, visual_encoder)
    if text_encoder is not None:
        TextEncoder.from_spec(text_encoder)
    if audio_encoder is not None and audio_encoder.get("fill") is None and "train" not in data:
        raise ValueError(
            f"splits = {list(data)}: expected 'train', whose means stand for undefined measures; "
            "or the audio encoder of the checkpoint that the features are for, with its fill"
        )
    return work_table(data, audio_encoder, visual_encoder, cut_by_time)


def finish_extraction(
    data: DatasetDict,
    work: pa.Table,
    results: Mapping[str, Extracted],
    output: str | Path,
    *,
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
    text_encoder: Spec | None,
    source: str,
    extracted: int,
) -> ExtractionReport:
    """Write the feature set, whole or not at all, and remove the partial folder.

    Args:
        work: what `prepare_extraction` returned.
        results: by the keys of `work`.
        extracted: for the report.
        others: as in `extract_features`.
    """
    by_split = results_by_split(work, results)
    complete, specs = with_extracted(data, by_split, audio_encoder, visual_encoder)
    encoders = {name: f"{spec['name']}, version {spec['version']}" for name, spec in specs.items()}
    if text_encoder is not None:
        embedder = TextEncoder.from_spec(text_encoder)
        complete = add_text_features(complete, embedder)
        specs["text"] = embedder.spec
        encoders["text"] = f"{embedder.spec['name']}, frozen"
    elif "text_features" in next(iter(complete.values())).column_names:
        encoders["text"] = "as given"
    skipped = skipped_files(data, by_split)

    output, folder = Path(output), partial_folder(output)
    made = folder / "feature_set"
    shutil.rmtree(made, ignore_errors=True)  # of a run that was killed here
    schema = write_feature_set(complete, made, encoders=encoders, source=source, specs=specs)
    with explained(made):
        _write_skipped(made / SKIPPED_FILE, skipped)
    if output.exists():
        output.rmdir()
    made.rename(output)
    shutil.rmtree(folder)
    masks = [mask for split in complete.values() for row in split["modality_mask"] for mask in row]
    present = {name: sum(mask[index] for mask in masks) for index, name in enumerate(MODALITIES)}
    paths = [path for row in work["media_paths"].to_pylist() for path in row]
    return ExtractionReport(schema, present, paths.count(None), skipped, extracted)


def _write_skipped(path: Path, skipped: list[Skipped]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, [field.name for field in fields(Skipped)], map(asdict, skipped))


__all__ = [
    "SKIPPED_FILE",
    "ExtractionReport",
    "extract_features",
    "finish_extraction",
    "partial_folder",
    "prepare_extraction",
]
