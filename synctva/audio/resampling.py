"""Sound at another sample rate."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import resample_poly


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return (N,) samples at another rate (both in Hz); their new number is rounded up."""
    divisor = math.gcd(rate, wanted)
    return resample_poly(samples, wanted // divisor, rate // divisor)


__all__ = ["resampled"]
