"""Features of conversations with media: clips and recordings in, a feature set out.

`extract_features` does it on one machine. What it is made of also runs elsewhere, as
`examples/extract_features_ray.py` shows: `prepare_extraction` lists the work, a `MediaExtractor`
turns rows of it into results, wherever it runs, and `finish_extraction` writes the feature set.
"""

from synctva.features.extraction.columns import Skipped
from synctva.features.extraction.extraction import (
    SKIPPED_FILE,
    ExtractionReport,
    extract_features,
    finish_extraction,
    partial_folder,
    prepare_extraction,
)
from synctva.features.extraction.media import MediaExtractor, read_results
from synctva.features.extraction.sources import SOURCES, load_clips, load_media

__all__ = [
    "SKIPPED_FILE",
    "SOURCES",
    "ExtractionReport",
    "MediaExtractor",
    "Skipped",
    "extract_features",
    "finish_extraction",
    "load_clips",
    "load_media",
    "partial_folder",
    "prepare_extraction",
    "read_results",
]
