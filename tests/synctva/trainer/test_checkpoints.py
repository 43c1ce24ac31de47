import shutil

import pytest
from transformers.trainer_utils import get_last_checkpoint

from synctva.trainer.checkpoints import last_complete_checkpoint, remove_checkpoints
from tests.support.training_program import toy_trainer


def test_an_incomplete_checkpoint_is_skipped(tmp_path):
    assert last_complete_checkpoint(tmp_path / "absent") is None
    for step, state in ((5, '{"global_step": 5}'), (10, '{"global_st'), (15, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / "checkpoint-5")


def test_the_newest_checkpoint_is_removed_first(tmp_path, monkeypatch):
    for step in (5, 10, 100):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(f'{{"global_step": {step}}}')
    remove = shutil.rmtree

    def killed(folder, **options):
        if not options:
            raise KeyboardInterrupt  # before any of its files is removed
        remove(folder, **options)

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        remove_checkpoints(tmp_path)
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
    monkeypatch.setattr("shutil.rmtree", remove)
    remove_checkpoints(tmp_path)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_the_newest_and_the_best_are_kept_and_their_paths_recorded(tmp_path):
    steps = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 2, "eval_steps": 2}
    trainer = toy_trainer(tmp_path, **steps, max_steps=8, save_total_limit=1)
    trainer.train()
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"checkpoint-8", f"checkpoint-{trainer.state.best_global_step}"}
    best = tmp_path / f"checkpoint-{trainer.state.best_global_step}"
    assert trainer.state.best_model_checkpoint == str(best)
    assert f'"best_model_checkpoint": "{best}"' in (best / "trainer_state.json").read_text()
    assert get_last_checkpoint(str(tmp_path)) == str(tmp_path / "checkpoint-8")
