from pathlib import Path

import pytest

from examples import train_own_table
from synctva import SyncTVAForEmotionRecognition
from synctva.trainer.recipes import RECIPES

TABLE = Path(__file__).parents[2] / "examples/data/conversations.csv"


@pytest.fixture
def quick(tmp_path, monkeypatch, toy_encoder_spec):
    """One epoch with the toy encoder."""
    for module in ("preparation", "recipes"):
        monkeypatch.setattr(f"synctva.trainer.{module}.MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    settings = {"num_train_epochs": 1, "use_cpu": True, "report_to": "none", "disable_tqdm": True}
    for name, value in settings.items():
        monkeypatch.setitem(RECIPES["table"].training, name, value)


def test_a_table_becomes_a_model_that_answers(quick, tmp_path, capsys):
    train_own_table.main(str(TABLE), str(tmp_path / "model"))
    *_, scores, one, other = capsys.readouterr().out.splitlines()
    assert (
        scores.startswith("UAR 0.")
        and ", weighted F1 0." in scores
        and scores.endswith("over 7 test utterances")
    )
    config = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "model").config
    assert {one.split()[0], other.split()[0]} <= set(config.id2label.values())

    parent, child = str(tmp_path / "model"), str(tmp_path / "child")
    train_own_table.main(str(TABLE), child, parent, "text")
    own = SyncTVAForEmotionRecognition.from_pretrained(child)
    assert own.config.label_names == config.label_names
