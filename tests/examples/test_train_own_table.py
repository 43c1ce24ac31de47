from pathlib import Path

from examples import train_own_table
from synctva import SyncTVAForEmotionRecognition

TABLE = Path(__file__).parents[2] / "examples/data/conversations.csv"


def test_a_table_becomes_a_model_that_answers(tmp_path, monkeypatch, toy_encoder_spec, capsys):
    for module in ("examples.train_own_table", "synctva.trainer.recipes"):
        monkeypatch.setattr(f"{module}.MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    quick = {"num_train_epochs": 1, "use_cpu": True, "report_to": "none", "disable_tqdm": True}
    for name, value in quick.items():
        monkeypatch.setitem(train_own_table.RECIPES["table"].training, name, value)
    train_own_table.main(str(TABLE), str(tmp_path / "model"))
    *_, scores, one, other = capsys.readouterr().out.splitlines()
    assert (
        scores.startswith("UAR 0.")
        and ", weighted F1 0." in scores
        and scores.endswith("over 7 test utterances")
    )
    config = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "model").config
    assert {one.split()[0], other.split()[0]} <= set(config.id2label.values())
