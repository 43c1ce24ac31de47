"""What training prints: a line per epoch in place of dictionaries."""

import pytest

from synctva.trainer.epoch_lines import SCORES
from synctva.trainer.trainer import SyncTVATrainer, SyncTVATrainingArguments
from tests.support.toy import toy_dataset, toy_model


def rows(printed):
    """Return the lines of the epochs below the titles, as lists of cells."""
    titles, *lines = printed.splitlines()
    assert titles.split() == ["epoch", "loss", *" ".join(SCORES.values()).split(), "seconds"]
    return [line.split() for line in lines]


@pytest.mark.parametrize("disable_tqdm", [True, False])
def test_each_epoch_is_a_line_with_the_scores_of_the_log(tmp_path, capsys, disable_tqdm):
    arguments = SyncTVATrainingArguments(
        str(tmp_path), num_train_epochs=3, use_cpu=True, report_to="none", disable_tqdm=disable_tqdm
    )
    trainer = SyncTVATrainer(toy_model(), arguments, toy_dataset(8, 0), toy_dataset(8, 1))
    trainer.train()
    trainer.evaluate()  # prints nothing
    found = rows(capsys.readouterr().out)
    log = trainer.state.log_history
    scores = [entry for entry in log if "eval_loss" in entry][:3]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    best = max(entry["eval_weighted_f1"] for entry in scores)
    assert len(found) == len(losses) == 3
    highest = 0.0
    for number, (cells, entry, loss) in enumerate(zip(found, scores, losses, strict=True), 1):
        expected = [loss, *(entry[f"eval_{name}"] for name in SCORES)]
        assert cells[:5] == [str(number), *(f"{value:.4f}" for value in expected)]
        assert (cells[-1] == "best") == (entry["eval_weighted_f1"] > highest)
        highest = max(highest, entry["eval_weighted_f1"])
    assert highest == best


def test_without_an_evaluation_there_are_losses(tmp_path, capsys):
    arguments = SyncTVATrainingArguments(
        str(tmp_path), num_train_epochs=2, use_cpu=True, report_to="none", disable_tqdm=True,
        eval_strategy="no", save_strategy="no", load_best_model_at_end=False,
    )  # fmt: skip
    trainer = SyncTVATrainer(toy_model(), arguments, toy_dataset(8, 0))
    trainer.train()
    found = rows(capsys.readouterr().out)
    assert [cells[0] for cells in found] == ["1", "2"]
    assert all(cells[1] != "-" and cells[2:5] == ["-"] * 3 for cells in found)
