"""Data sets as conversations: MELD, IEMOCAP-6, your own tables, and a simulator."""

from .corpora.iemocap import load_iemocap
from .corpora.iemocap_release import leave_one_session_out, load_iemocap_release
from .corpora.meld import load_meld
from .corpora.simulated import SimulatorParameters, load_simulated, simulate
from .labels import IEMOCAP4_LABELS, IEMOCAP6_LABELS, MELD_LABELS, PROSODY_MEASURES, SPLITS
from .legacy_pickles.loading import FeaturePickle, import_feature_pickle, read_feature_pickle
from .legacy_pickles.safe_globals import PickleRefused
from .schema import conversation_features, validate_conversation
from .table.checking import TableError
from .table.loading import load_table, read_table

__all__ = [
    "IEMOCAP4_LABELS",
    "IEMOCAP6_LABELS",
    "MELD_LABELS",
    "PROSODY_MEASURES",
    "SPLITS",
    "FeaturePickle",
    "PickleRefused",
    "SimulatorParameters",
    "TableError",
    "conversation_features",
    "import_feature_pickle",
    "leave_one_session_out",
    "load_iemocap",
    "load_iemocap_release",
    "load_meld",
    "load_simulated",
    "load_table",
    "read_feature_pickle",
    "read_table",
    "simulate",
    "validate_conversation",
]
