"""Registration of Sync-TVA with transformers' auto classes and `pipeline()`."""

from __future__ import annotations

import logging
from pathlib import Path

from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification, AutoProcessor
from transformers.pipelines import PIPELINE_REGISTRY

from .modeling_synctva.configuration_synctva import SyncTVAConfig
from .modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition, SyncTVAModel
from .modeling_synctva.pipeline_synctva import EmotionRecognitionPipeline
from .modeling_synctva.processing_synctva import SyncTVAProcessor

TASK = "emotion-recognition"


SHIPPED, SHIPPED_CAUSAL = "synctva-meld", "synctva-meld-causal"
"""The names by which commands and cards call the checkpoints that ship with the package."""

_INSTALLED = {SHIPPED: "checkpoint", SHIPPED_CAUSAL: "causal_checkpoint"}


def checkpoint_folder(name: str = SHIPPED) -> Path:
    """Return the folder of a checkpoint that ships with the package, as an absolute path.

    This is `synctva/checkpoint/` or `synctva/causal_checkpoint/` in a built package, and the
    repository's folder of that name in an editable installation. It is looked up by path, because
    an editable installation does not find a nested package without `__init__.py`, which a model
    folder does not have.
    """
    package = Path(__file__).resolve().parent
    installed = package / _INSTALLED[name]
    return installed if installed.is_dir() else package.parent / name


SYNCTVA_MELD = str(checkpoint_folder(SHIPPED))
SYNCTVA_MELD_CAUSAL = str(checkpoint_folder(SHIPPED_CAUSAL))
"""Their folders, for `from_pretrained` and `pipeline` in any working directory."""


def _is_not_about_our_default(record: logging.LogRecord) -> bool:
    """Hide that no model was supplied where that is ours, which is no model of the Hub."""
    return not record.getMessage().startswith(
        f"No model was supplied, defaulted to {SYNCTVA_MELD} and "
    )


def register() -> None:
    """Register configuration, models, processor and pipeline; `import synctva` calls this."""
    AutoConfig.register(SyncTVAConfig.model_type, SyncTVAConfig, exist_ok=True)
    AutoModel.register(SyncTVAConfig, SyncTVAModel, exist_ok=True)
    AutoModelForTokenClassification.register(
        SyncTVAConfig, SyncTVAForEmotionRecognition, exist_ok=True
    )
    AutoProcessor.register(SyncTVAConfig, SyncTVAProcessor, exist_ok=True)
    # After this, `save_pretrained` writes the code beside the weights.
    SyncTVAConfig.register_for_auto_class()
    SyncTVAModel.register_for_auto_class("AutoModel")
    SyncTVAForEmotionRecognition.register_for_auto_class("AutoModelForTokenClassification")
    SyncTVAProcessor.register_for_auto_class("AutoProcessor")
    if TASK not in PIPELINE_REGISTRY.supported_tasks:
        PIPELINE_REGISTRY.register_pipeline(
            TASK,
            pipeline_class=EmotionRecognitionPipeline,
            pt_model=AutoModelForTokenClassification,
            # A folder and not a name: it is found from any directory, without the Hub.
            default={"model": (SYNCTVA_MELD, "main")},
            type="multimodal",
        )
        logging.getLogger("transformers.pipelines").addFilter(_is_not_about_our_default)


__all__ = [
    "SHIPPED",
    "SHIPPED_CAUSAL",
    "SYNCTVA_MELD",
    "SYNCTVA_MELD_CAUSAL",
    "TASK",
    "checkpoint_folder",
    "register",
]
