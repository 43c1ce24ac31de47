"""Features of conversations with media: clips and recordings in, a feature set out.

`extract_features` does it on one machine. `Extraction` has its steps, for other ways of running
them: `examples/extract_features_ray.py` spreads the work over the machines of a cluster.
"""

from synctva.features.extraction.columns import Skipped
from synctva.features.extraction.extraction import (
    SKIPPED_FILE,
    Extraction,
    ExtractionReport,
    extract_features,
)
from synctva.features.extraction.media import MediaExtractor
from synctva.features.extraction.sources import SOURCES, load_clips, load_media
from synctva.features.extraction.workers import ConversationExtractor

__all__ = [
    "SKIPPED_FILE",
    "SOURCES",
    "ConversationExtractor",
    "Extraction",
    "ExtractionReport",
    "MediaExtractor",
    "Skipped",
    "extract_features",
    "load_clips",
    "load_media",
]
