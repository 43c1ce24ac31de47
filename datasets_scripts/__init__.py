"""Data sets as conversations: MELD, IEMOCAP-6, others, your own tables, and a simulator.

Names are imported when they are first used, because `datasets` takes a second to import.
"""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = {
    "IEMOCAP4_LABELS": ".labels",
    "IEMOCAP6_LABELS": ".labels",
    "MELD_LABELS": ".labels",
    "PROSODY_MEASURES": ".labels",
    "SPLITS": ".labels",
    "FeaturePickle": ".legacy_pickles.loading",
    "PickleRefused": ".legacy_pickles.safe_globals",
    "SimulatorParameters": ".corpora.simulated",
    "TableError": ".table.checking",
    "conversation_features": ".schema",
    "import_feature_pickle": ".legacy_pickles.loading",
    "leave_one_session_out": ".corpora.iemocap_release",
    "load_dailydialog": ".corpora.labelled_text.dailydialog",
    "load_emorynlp": ".corpora.labelled_text.emorynlp",
    "load_iemocap": ".corpora.iemocap",
    "load_iemocap_release": ".corpora.iemocap_release",
    "load_meld": ".corpora.meld",
    "load_simulated": ".corpora.simulated",
    "load_table": ".table.loading",
    "read_feature_pickle": ".legacy_pickles.loading",
    "read_table": ".table.loading",
    "simulate": ".corpora.simulated",
    "validate_conversation": ".schema",
}

__all__ = list(_LAZY)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value
