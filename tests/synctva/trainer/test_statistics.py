import numpy as np
import pytest

from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.trainer.statistics import class_counts, feature_statistics
from tests.support.toy import toy_dataset


def test_class_counts_ignore_unlabelled_utterances():
    rows = [{"labels": [0, IGNORE_INDEX, 2]}, {"labels": [2, -1]}]
    assert class_counts(rows, 3).tolist() == [1, 0, 2]


def test_statistics_ignore_absent_modalities():
    dataset = toy_dataset(30)
    statistics = feature_statistics(dataset)
    for m, name in enumerate(("text", "visual", "audio")):
        present = np.concatenate(
            [
                np.array(row[f"{name}_features"])[np.array(row["modality_mask"])[:, m]]
                for row in dataset
            ]
        )
        mean, deviation = statistics[name]
        np.testing.assert_allclose(mean, present.mean(0), rtol=1e-5)
        np.testing.assert_allclose(deviation, present.std(0), rtol=1e-5)


def test_statistics_survive_large_offsets_and_many_blocks():
    dataset = toy_dataset(300, modalities=("audio",))
    shifted = dataset.map(
        lambda row: {"audio_features": [[v + 1e5 for v in u] for u in row["audio_features"]]}
    )
    deviation = feature_statistics(dataset)["audio"][1]
    np.testing.assert_allclose(feature_statistics(shifted)["audio"][1], deviation, rtol=1e-2)


def test_a_modality_that_is_never_present_has_no_statistics():
    assert feature_statistics(toy_dataset(3, modalities=("text",))).keys() == {"text"}
    masked = toy_dataset(3).map(
        lambda row: {"modality_mask": [[m[0], False, m[2]] for m in row["modality_mask"]]}
    )
    assert feature_statistics(masked).keys() == {"text", "audio"}


@pytest.mark.parametrize("label", [3, 0.5, "joy"])
def test_labels_that_are_no_ids_are_refused(label):
    with pytest.raises(
        ValueError, match=r"conversation 1, labels = .*: expected each to be 0 to 2"
    ):
        class_counts([{"labels": [0, 1]}, {"labels": [label, label]}], 3)
