"""The module for `evaluate`, loaded without a network."""

import socket

import evaluate
import pytest

from synctva.metrics import METRIC_PATH, compute, confusion_matrix

NAMES = ["calm", "glad", "cross"]


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the metric opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_evaluate_loads_the_module_by_path_offline(answers, no_network, tmp_path):
    logits, labels = answers
    metric = evaluate.load(str(METRIC_PATH), cache_dir=str(tmp_path))
    scores = metric.compute(predictions=logits, references=labels, label_names=NAMES)
    assert scores == compute(logits, labels, NAMES)
    assert scores["confusion_matrix"] == confusion_matrix(logits, labels, NAMES).tolist()
