"""Lengths like the corpora's, and how the benchmark takes times."""

import numpy as np
import pytest

from benchmarks.speed.shapes import CORPORA, TOY, batch, conversations, dataset, lengths
from benchmarks.speed.timing import BUDGET, LEAST_ROUNDS, WARM_UP, interleaved, quantile
from synctva.trainer.collator import SyncTVACollator
from synctva.trainer.streaming import ConversationRows


@pytest.mark.parametrize("corpus", CORPORA)
def test_lengths_are_like_the_corpus(corpus):
    like, found = CORPORA[corpus], lengths(corpus, 1_000)
    assert min(found) >= like.shortest and max(found) <= like.longest
    assert np.mean(found) == pytest.approx(like.mean, rel=0.02)
    assert np.std(found) == pytest.approx(like.deviation, rel=0.15)
    assert np.mean(lengths(corpus, like.batch_size)) == pytest.approx(like.mean, rel=0.05)


def test_a_stored_batch_is_the_same():
    config = TOY.build_config("meld")
    rows = conversations(config, [3, 2], speakers=2)
    stored = ConversationRows(dataset(config, rows)).__getitems__([0, 1])
    read, given = SyncTVACollator(config)(stored), batch(config, "meld", [3, 2])
    assert (read["attention_mask"] == given["attention_mask"]).all()
    assert (SyncTVACollator(config)(rows)["text_features"] == read["text_features"]).all()
    assert (read["speaker_ids"] == SyncTVACollator(config)(rows)["speaker_ids"]).all()


def test_subjects_take_turns():
    calls: list[str] = []
    subjects = {name: lambda name=name: calls.append(name) for name in "ABC"}
    seconds = interleaved(subjects, rounds=3)
    assert "".join(calls[3 * WARM_UP :]) == "ABCBCACAB"
    assert {name: len(values) for name, values in seconds.items()} == dict.fromkeys("ABC", 3)


def test_rounds_end_with_the_budget(monkeypatch):
    monkeypatch.setattr("benchmarks.speed.timing.thread_seconds", lambda run: BUDGET)
    assert len(interleaved({"slow": lambda: None}, rounds=9)["slow"]) == LEAST_ROUNDS


def test_a_quantile_is_one_of_the_values():
    values = [3.0, 1.0, 2.0, 4.0]
    assert [quantile(values, share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 3.0, 4.0, 4.0]
