"""Make a feature set of conversations with media; see `extract_features`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import DatasetDict

from synctva.csv_output import write_csv
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
    read_extracted,
    work_table,
)
from synctva.features.extraction.workers import extract_all, result_file, unfinished_rows
from synctva.features.feature_sets import write_feature_set
from synctva.features.text import add_text_features
from synctva.files import explained, only_run, require_new_folder
from synctva.modeling_synctva.configuration_synctva import MODALITIES, counted
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.recordings.sources import import_av

SKIPPED_FILE = "skipped.csv"


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction made.

    Attributes:
        schema: of the feature set.
        present: unmasked utterances, by modality.
        without_media: utterances without a file.
        skipped: files that could not be read.
        extracted: conversations extracted by this run; an earlier run had finished the others.
    """

    schema: dict[str, Any]
    present: dict[str, int]
    without_media: int
    skipped: list[Skipped]
    extracted: int

    def __str__(self) -> str:
        """Return a summary for the terminal: sizes, and what is missing."""
        lines = [
            f"{split}: {counted(size['conversations'], 'conversation')}, "
            f"{counted(size['utterances'], 'utterance')}"
            for split, size in self.schema["splits"].items()
        ]
        total = sum(size["utterances"] for size in self.schema["splits"].values())
        for modality, count in self.present.items():
            made = self.schema["modalities"].get(modality, {}).get("encoder", "no features")
            lines.append(f"{modality}: {count:,} of {total:,} utterances ({made})")
        if self.without_media:
            lines.append(f"without a file: {counted(self.without_media, 'utterance')}")
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
    """Make a feature set of conversations with media.

    A model trained on the feature set accepts raw media: the same functions make its features.

    Finished conversations are kept in `<output>.partial` until all are done, so that a run that was
    killed continues where it stopped. A file or an encoder that has changed in the meantime is
    extracted again. The result does not depend on the number of workers.

    A file that cannot be read masks its utterance's modality and is listed in `skipped.csv` in the
    output. A video without a face, a file without a sound track and silence mask the modality too,
    but are not errors.

    Args:
        data: splits with the columns of `synctva.datasets_scripts.schema`. media_paths says what to
            read; existing audio and visual features are replaced.
        output: a new or empty folder.
        audio_encoder, visual_encoder: specs, see `AudioEncoder` and `VisualEncoder`; None masks the
            modality. Where an audio measure is undefined, the mean of the training split replaces
            it and is stored as `fill` in the feature set's spec. A spec that already has a `fill`,
            such as that of the checkpoint that the features are for, keeps it.
        text_encoder: spec of the encoder that embeds the texts; None keeps the text features that
            the data has, if any.
        cut_by_time: False: each file is one utterance. Times are ignored, because in the releases
            of MELD and IEMOCAP they count from the start of an episode or a conversation. True:
            files are recordings, and an utterance is the part between its start and end, in seconds
            from the start of the recording.
        workers: processes, with one thread each. With several, a script must guard its code by
            `if __name__ == "__main__":`.
        source: where the conversations come from, for the card.

    Raises:
        FileExistsError: the output is not empty.
        ValueError: no utterance has a file; utterances share a file and are not cut by time; there
            is neither a training split nor a fill; an encoder's spec is unknown; or workers is
            below 1.
        RuntimeError: a worker process died, or another run is writing to the output.
        WriteError: the disk is full or write-protected.
        ImportError: PyAV or a package that an encoder needs is not installed.
    """
    extraction = Extraction(
        data,
        Path(output),
        audio_encoder=audio_encoder,
        visual_encoder=visual_encoder,
        text_encoder=text_encoder,
        cut_by_time=cut_by_time,
        source=source,
    )
    with only_run(extraction.output):
        extracted = extraction.run(workers)
        return extraction.finish(extracted)


@dataclass(eq=False)
class Extraction:
    """A feature set in the making: conversations, encoders, and what is finished so far.

    Creating the object checks everything that would otherwise fail after hours of work. `run`
    extracts what is not finished yet, and `finish` writes the feature set. Instead of `run`, a
    `ConversationExtractor(**extraction.extractor)` can process the rows of `remaining()` anywhere,
    in any order. The caller holds `only_run(output)` meanwhile.

    Attributes:
        data, output, audio_encoder, visual_encoder, text_encoder, cut_by_time, source: see
            `extract_features`; so are the errors.
        work: what there is to extract, a row of `WORK_SCHEMA` per conversation.
    """

    data: DatasetDict
    output: Path
    _: KW_ONLY
    audio_encoder: Spec | None
    visual_encoder: Spec | None
    text_encoder: Spec | None = field(default_factory=lambda: MINILM_SPEC)
    cut_by_time: bool = False
    source: str = "own media"
    work: pa.Table = field(init=False, repr=False)

    def __post_init__(self):
        self.output = require_new_folder(self.output)
        import_av()
        MediaExtractor(self.audio_encoder, self.visual_encoder)
        if self.text_encoder is not None:
            TextEncoder.from_spec(self.text_encoder)
        audio = self.audio_encoder
        if audio is not None and audio.get("fill") is None and "train" not in self.data:
            raise ValueError(
                f"splits = {list(self.data)}: expected 'train', whose means replace undefined "
                "measures, or the audio encoder of the checkpoint that the features are for, with "
                "its fill"
            )
        self.work = work_table(self.data, audio, self.visual_encoder, self.cut_by_time)

    @property
    def folder(self) -> Path:
        """The folder of unfinished work: beside the output, so that a rename completes it."""
        output = self.output.absolute()
        return output.with_name(f"{output.name}.partial")

    @property
    def extractor(self) -> dict[str, Any]:
        """The arguments of the `ConversationExtractor` that does this work."""
        return {
            "folder": self.folder,
            "audio_encoder": self.audio_encoder,
            "visual_encoder": self.visual_encoder,
        }

    def remaining(self) -> pa.Table:
        """Return the rows of `work` that have no result yet, one for each key."""
        return self.work.take(pa.array(unfinished_rows(self.work, self.folder), pa.int64()))

    def run(self, workers: int = 1) -> int:
        """Extract the remaining conversations on this machine.

        Args:
            workers: processes, with one thread each; 1 uses this process.

        Returns:
            The number of conversations extracted.
        """
        if workers < 1:
            raise ValueError(f"workers = {workers}: expected at least 1")
        return extract_all(self.work, self.extractor, workers)

    def finish(self, extracted: int) -> ExtractionReport:
        """Write the feature set, whole or not at all, and remove the folder of unfinished work.

        Args:
            extracted: conversations extracted by this run, for the report.

        Raises:
            ValueError: a conversation has no result.
        """
        results = results_by_split(self.work, self._results())
        complete, specs = with_extracted(
            self.data, results, self.audio_encoder, self.visual_encoder
        )
        encoders = {
            name: f"{spec['name']}, version {spec['version']}" for name, spec in specs.items()
        }
        if self.text_encoder is not None:
            embedder = TextEncoder.from_spec(self.text_encoder)
            complete = add_text_features(complete, embedder)
            specs["text"] = embedder.spec
            encoders["text"] = f"{embedder.spec['name']}, frozen"
        elif "text_features" in next(iter(complete.values())).column_names:
            encoders["text"] = "as given"
        skipped = skipped_files(self.data, results)
        schema = self._write(complete, encoders, specs, skipped)
        masks = [
            mask for split in complete.values() for row in split["modality_mask"] for mask in row
        ]
        present = {
            name: sum(mask[index] for mask in masks) for index, name in enumerate(MODALITIES)
        }
        paths = [path for row in self.work["media_paths"].to_pylist() for path in row]
        return ExtractionReport(schema, present, paths.count(None), skipped, extracted)

    def _results(self) -> dict[str, Extracted]:
        """Return the results that are there, by key."""
        keys = dict.fromkeys(self.work["key"].to_pylist())
        files = (result_file(self.folder, key) for key in keys)
        return read_extracted(file for file in files if file.is_file())

    def _write(
        self,
        data: DatasetDict,
        encoders: Mapping[str, str],
        specs: Mapping[str, Any],
        skipped: list[Skipped],
    ) -> dict[str, Any]:
        """Write the feature set and the list of skipped files; return the set's schema."""
        made = self.folder / "feature_set"
        shutil.rmtree(made, ignore_errors=True)  # left by a run that was killed at this point
        schema = write_feature_set(data, made, encoders=encoders, source=self.source, specs=specs)
        with explained(made), (made / SKIPPED_FILE).open("w", encoding="utf-8", newline="") as file:
            write_csv(file, [field.name for field in fields(Skipped)], map(asdict, skipped))
        if self.output.exists():
            self.output.rmdir()
        made.rename(self.output)
        shutil.rmtree(self.folder)
        return schema


__all__ = ["SKIPPED_FILE", "Extraction", "ExtractionReport", "extract_features"]
