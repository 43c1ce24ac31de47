"""Sync-TVA: emotion recognition in conversation from text, visual and audio.

`import synctva` registers the model with transformers: with `AutoConfig`, `AutoModel`,
`AutoModelForTokenClassification`, `AutoProcessor` and `pipeline("emotion-recognition")`. The names
for data, training and evaluation are imported when they are first used.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from .modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from .modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition, SyncTVAModel
from .modeling_synctva.pipeline_synctva import EmotionRecognitionPipeline
from .modeling_synctva.processing_synctva import SyncTVAProcessor
from .registration import SYNCTVA_MELD, SYNCTVA_MELD_CAUSAL, register

if TYPE_CHECKING:
    from .cards.model_card import model_card
    from .cross_validation.running import cross_validate
    from .datasets_scripts.corpora.iemocap import load_iemocap
    from .datasets_scripts.corpora.iemocap_release import (
        leave_one_session_out,
        load_iemocap_release,
    )
    from .datasets_scripts.corpora.labelled_text import load_dailydialog, load_emorynlp
    from .datasets_scripts.corpora.meld import load_meld
    from .datasets_scripts.corpora.simulated import load_simulated
    from .datasets_scripts.legacy_pickles.loading import import_feature_pickle, read_feature_pickle
    from .datasets_scripts.table.checking import TableError
    from .datasets_scripts.table.loading import load_table
    from .features.feature_sets import (
        load_feature_set,
        push_feature_set,
        stream_feature_set,
        write_feature_set,
    )
    from .features.text import add_text_features
    from .losses import build_criterion
    from .results import read_results, write_results
    from .speech.transcription import transcribe
    from .trainer.arguments import SyncTVATrainingArguments
    from .trainer.collator import SyncTVACollator
    from .trainer.finishing import finish_training
    from .trainer.preparation import PreparedTraining, prepare_training
    from .trainer.statistics import feature_statistics
    from .trainer.trainer import SyncTVATrainer
    from .transcripts.reading import parse_transcript, read_transcript

_LAZY = {  # name -> module that has it
    "PreparedTraining": ".trainer.preparation",
    "SyncTVACollator": ".trainer.collator",
    "SyncTVATrainer": ".trainer.trainer",
    "SyncTVATrainingArguments": ".trainer.arguments",
    "TableError": ".datasets_scripts.table.checking",
    "add_text_features": ".features.text",
    "build_criterion": ".losses",
    "cross_validate": ".cross_validation.running",
    "feature_statistics": ".trainer.statistics",
    "finish_training": ".trainer.finishing",
    "import_feature_pickle": ".datasets_scripts.legacy_pickles.loading",
    "leave_one_session_out": ".datasets_scripts.corpora.iemocap_release",
    "load_dailydialog": ".datasets_scripts.corpora.labelled_text",
    "load_emorynlp": ".datasets_scripts.corpora.labelled_text",
    "load_feature_set": ".features.feature_sets",
    "load_iemocap": ".datasets_scripts.corpora.iemocap",
    "load_iemocap_release": ".datasets_scripts.corpora.iemocap_release",
    "load_meld": ".datasets_scripts.corpora.meld",
    "load_simulated": ".datasets_scripts.corpora.simulated",
    "load_table": ".datasets_scripts.table.loading",
    "model_card": ".cards.model_card",
    "parse_transcript": ".transcripts.reading",
    "prepare_training": ".trainer.preparation",
    "push_feature_set": ".features.feature_sets",
    "read_feature_pickle": ".datasets_scripts.legacy_pickles.loading",
    "read_results": ".results",
    "read_transcript": ".transcripts.reading",
    "stream_feature_set": ".features.feature_sets",
    "transcribe": ".speech.transcription",
    "write_feature_set": ".features.feature_sets",
    "write_results": ".results",
}

try:
    __version__ = version("synctva")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "unknown"

register()


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])


__all__ = [
    "MODALITIES",
    "SYNCTVA_MELD",
    "SYNCTVA_MELD_CAUSAL",
    "EmotionRecognitionPipeline",
    "PreparedTraining",
    "SyncTVACollator",
    "SyncTVAConfig",
    "SyncTVAForEmotionRecognition",
    "SyncTVAModel",
    "SyncTVAProcessor",
    "SyncTVATrainer",
    "SyncTVATrainingArguments",
    "TableError",
    "add_text_features",
    "build_criterion",
    "cross_validate",
    "feature_statistics",
    "finish_training",
    "import_feature_pickle",
    "leave_one_session_out",
    "load_dailydialog",
    "load_emorynlp",
    "load_feature_set",
    "load_iemocap",
    "load_iemocap_release",
    "load_meld",
    "load_simulated",
    "load_table",
    "model_card",
    "parse_transcript",
    "prepare_training",
    "push_feature_set",
    "read_feature_pickle",
    "read_results",
    "read_transcript",
    "stream_feature_set",
    "transcribe",
    "write_feature_set",
    "write_results",
]
