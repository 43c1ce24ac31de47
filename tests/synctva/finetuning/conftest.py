"""A corpus for fine-tuning."""

import numpy as np
import pytest
from datasets import Dataset, DatasetDict

from synctva.datasets_scripts.schema import conversation_features, new_conversation


def conversations(count, seed):
    """The words tell the emotion: "good", "bad", or neither."""
    generator = np.random.default_rng(seed)
    words = ["good", "bad", "day"]
    rows = []
    for index in range(count):
        labels = generator.integers(0, 3, generator.integers(1, 8)).tolist()
        texts = [f"{words[label]} {generator.choice(['hello', 'way', '!'])}" for label in labels]
        speakers = generator.choice(["ann", "bo"], len(labels)).tolist()
        ids = [f"{index}_{t}" for t in range(len(labels))]
        rows.append(new_conversation(f"{index}", ids, speakers, texts, labels))
    features = conversation_features(["glad", "cross", "calm"])
    return Dataset.from_list(rows, features=features)


@pytest.fixture(scope="package")
def data():
    return DatasetDict({"train": conversations(60, 0), "dev": conversations(12, 1)})
