"""A folder like one that training has written, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from synctva.commands.card import write_card
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.results import write_results
from tests.synctva.cards.test_model_card import RESULTS

from .toy import WIDTHS, toy_config


def write_model_folder(folder: Path, **results: Any) -> Path:
    """Write a toy model with processor, results and card, and return the folder."""
    torch.manual_seed(0)
    SyncTVAForEmotionRecognition(toy_config()).save_pretrained(folder)
    SyncTVAProcessor(*WIDTHS.values()).save_pretrained(folder)
    write_results(folder, RESULTS | results)
    write_card(folder)
    return folder
