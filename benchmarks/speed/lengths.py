"""Cost against the length of a conversation, and against the size of a batch."""

from __future__ import annotations

from typing import Any

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

from .shapes import Size, batch
from .shapes import lengths as corpus_lengths
from .timing import interleaved, medians
from .whole_models import MODELS, answer, training_step

DENSE = "transformer-3"
DENSE_LONGEST = 1_000
"""The dense model's attention grows with the square: beyond this it would take all the time."""


def measure(size: Size) -> dict[str, Any]:
    """Measure microseconds of thread time per utterance.

    Returns:
        `by_length`: of one conversation of N utterances, by "train" or "inference", model, N;
        `by_batch`: of MELD's lengths, by "train" or "inference", number of conversations. The
        first includes building the graph; in the second the graph comes with the batch.
    """
    config = size.build_config("meld")
    models = {"synctva": SyncTVAForEmotionRecognition(config), DENSE: MODELS[DENSE](config)}
    by_length: dict[str, Any] = {kind: {name: {} for name in models} for kind in KINDS}
    # All lengths take turns, so that ratios compare the same minutes.
    for kind, make in KINDS.items():
        runs = {
            (name, length): make(model, batch(config, "meld", [length], graph=False))
            for length in size.lengths
            for name, model in models.items()
            if name != DENSE or length <= DENSE_LONGEST
        }
        for (name, length), seconds in medians(interleaved(runs, size.rounds)).items():
            by_length[kind][name][str(length)] = 1e6 * seconds / length
    by_batch: dict[str, Any] = {}
    for kind, make in KINDS.items():
        sizes = {number: corpus_lengths("meld", number) for number in size.batch_sizes}
        batches = {
            number: make(models["synctva"], batch(config, "meld", these))
            for number, these in sizes.items()
        }
        by_batch[kind] = {
            str(number): 1e6 * seconds / sum(sizes[number])
            for number, seconds in medians(interleaved(batches, size.rounds)).items()
        }
    return {"by_length": by_length, "by_batch": by_batch}


KINDS = {"train": training_step, "inference": answer}


__all__ = ["measure"]
