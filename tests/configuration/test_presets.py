"""The presets can be loaded by path and have the labels and widths of their data."""

import json
from pathlib import Path

import pytest
from transformers import AutoConfig

import synctva  # noqa: F401  registers the model type
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig

ROOT = Path(__file__).parents[2]
PRESETS = ROOT / "configuration" / "presets"
MELD = ["neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"]
IEMOCAP = ["hap", "sad", "neu", "ang", "exc", "fru"]


@pytest.mark.parametrize(
    ("name", "labels", "widths"),
    [
        ("meld", MELD, (2688, 263, 8)),
        ("meld-causal", MELD, (2688, 263, 8)),
        ("iemocap", IEMOCAP, (2688, 263, 8)),
        ("simulated", MELD, (24, 16, 12)),
    ],
)
def test_a_preset_has_the_labels_and_widths_of_its_data(name, labels, widths, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = AutoConfig.from_pretrained(f"configuration/presets/{name}")
    assert isinstance(config, SyncTVAConfig)
    assert [config.id2label[index] for index in range(config.num_labels)] == labels
    assert config.label2id == {label: index for index, label in enumerate(labels)}
    assert (config.text_dim, config.visual_dim, config.audio_dim) == widths
    assert config.auto_map["AutoModel"] == "modeling_synctva.SyncTVAModel"


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*/config.json")), ids=lambda p: p.parent.name)
def test_a_preset_has_only_known_fields(path):
    """transformers accepts unknown fields silently, so a misspelt one would have no effect."""
    fields = json.loads(path.read_text())
    known = set(SyncTVAConfig().to_dict()) | {"label2id", "id2label"}
    assert set(fields) <= known
    # Unlike checkpoints, presets have no code in their folder.
    assert "auto_map" not in fields


def test_every_preset_is_tested():
    names = {path.parent.name for path in PRESETS.glob("*/config.json")}
    expected = {"meld", "meld-causal", "iemocap", "simulated"}
    assert names == expected


def test_the_causal_preset_differs_only_in_causal_fields():
    whole, causal = (
        json.loads((PRESETS / name / "config.json").read_text()) for name in ("meld", "meld-causal")
    )
    added = {name: value for name, value in causal.items() if name not in whole}
    assert {**whole, **added} == causal
    assert added.pop("causal") is True
    assert set(added) == {name for name in SyncTVAConfig().to_dict() if "future" in name}
