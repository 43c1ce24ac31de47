import numpy as np
import pytest


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.choice(3, size=300, p=[0.6, 0.3, 0.1])
    return rng.normal(size=(300, 3)) + 1.5 * np.eye(3)[labels], labels
