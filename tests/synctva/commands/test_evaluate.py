"""`synctva evaluate` on a trained folder."""

import re

import pytest

from synctva.commands import evaluate
from synctva.results import read_results


def test_prints_the_scores_of_the_training(simulated, capsys, tmp_path):
    evaluate.main(["--model", str(simulated), "--use_cpu", "--output_dir", str(tmp_path)])
    again, before = read_results(tmp_path), read_results(simulated)
    for key in ("dev", "test", "majority", "bayes_optimal", "strength_auc"):
        for nested in ("per_class_f1", "support", "confusion_matrix"):
            found, other = (part.pop(nested, {}) for part in (again[key], before[key]))
            assert found == (pytest.approx(other) if nested == "per_class_f1" else other), key
        assert again[key] == pytest.approx(before[key], rel=1e-6), key
    printed = re.findall(r"^Sync-TVA .*$", capsys.readouterr().out, re.MULTILINE)
    assert len(printed) == 2
    assert f"{before['test']['weighted_f1']:.4f}" in printed[1]


def test_a_folder_without_results_needs_a_data_set(tmp_path):
    with pytest.raises(SystemExit, match=r"has no results.json: expected --dataset"):
        evaluate.main(["--model", str(tmp_path)])
