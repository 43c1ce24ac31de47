"""The audio encoder that a checkpoint names: waveforms → vectors."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from synctva.audio.contours import analyse, checked_samples
from synctva.audio.functionals import FUNCTIONALS, functionals
from synctva.audio.prosody import PROSODY_MEASURES, prosody
from synctva.audio.resampling import resampled
from synctva.audio.speech_models import POOLINGS, hub_model, pooled, unit_names, whisper_base

SHORTEST = 6.4 / 100  # s: one frame of the intensity curve
QUIETEST = 2**-15
"""One step of 16 bits: a sound whose samples differ by less is silent."""

PROSODY_SPEC: dict[str, Any] = {
    "name": "prosody",
    "version": 1,
    "width": len(PROSODY_MEASURES),
    "sample_rate": None,
}
"""The eight measures of `PROSODY_MEASURES`, as in the tables of MELD and IEMOCAP."""

PROSODY_MFCC_SPEC: dict[str, Any] = {
    "name": "prosody+mfcc",
    "version": 1,
    "width": len(PROSODY_MEASURES) + len(FUNCTIONALS),
    "sample_rate": None,
}
"""The eight measures, then `FUNCTIONALS`: statistics of spectrum, pitch and level."""

_DEFAULTS: dict[str, Any] = {
    "version": 1,
    "width": None,
    "sample_rate": None,
    "fill": None,
    "layer": None,
    "pooling": None,
}

HUB_PREFIX = "hub:"


class _Extractor(NamedTuple):
    """The function that computes an encoder's values, with their description."""

    version: int
    """Increased whenever the same sound would give other values."""
    names: tuple[str, ...]
    licence: str
    sample_rate: int | None
    """The only sample rate that it reads, in Hz; None for any."""
    extract: Callable[[np.ndarray, float], np.ndarray]
    """(N,) float64 and Hz → (width,), NaN where a value is undefined."""


class AudioEncoder:
    """Describes the sound of an utterance by a vector of fixed width.

    The measures are computed at the sound's own sample rate, like those of the tables: resampling
    would change them. Networks that read speech get the rate that they have learnt. The sound has
    one channel. The decoder decides how to mix several channels down, which shifts levels by up to
    10 dB.

    Attributes:
        spec: the requested spec with defaults filled in:
            `name`: "prosody", "prosody+mfcc", "whisper-base", "prosody+whisper-base",
            "opensmile-egemaps", or "hub:" followed by the Hub name or folder of a model that reads
            waveforms; `version` of the definition of the values; `width`: values per utterance,
            None for no check; `sample_rate`: in Hz, None for no check; `fill`: for each value, the
            replacement where it is undefined; None keeps NaN. Of networks that read speech also
            `layer`: which hidden states are read, from 0 for the first layer's input; None for the
            last of a Hub model and the third of Whisper base; and `pooling` over time: "mean", the
            default of Hub models, or "mean+deviation", that of Whisper.
        width: values per utterance.
        names: names of the values, in order.
        licence: licence of the code or weights that compute them.
        sample_rate: in Hz, to which `encode` resamples; None if it does not.

    A measure may be undefined: the mean pitch if no frame is voiced, the articulation rate if there
    is no syllable nucleus. In the tables this is an empty cell, which `datasets_scripts` fills with
    the training set's mean. Raw sound has to be treated the same way, so a checkpoint's spec has
    these means in `fill`. Without `fill`, as during extraction, the value is NaN.

    Example:
        >>> encoder = AudioEncoder.from_spec(PROSODY_SPEC)
        >>> encoder.encode(0.1 * np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000), 16_000)[3]
        np.float32(200.0)
    """

    def __init__(self, spec: Mapping[str, Any], extractor: _Extractor):
        self.spec = {**_DEFAULTS, **spec}
        self.names = extractor.names
        self.width: int = len(extractor.names)
        self.licence = extractor.licence
        self.sample_rate = extractor.sample_rate
        self._extract = extractor.extract
        for field in ("version", "width", "sample_rate"):
            actual = getattr(extractor if field == "version" else self, field)
            if self.spec[field] is not None and self.spec[field] != actual:
                raise ValueError(
                    f"audio encoder {self.spec['name']!r}, {field} = {self.spec[field]!r}: "
                    f"expected {actual!r}, which the installed package has"
                )
        fill = self.spec["fill"]
        if fill is not None and not (len(fill) == self.width and np.isfinite(fill).all()):
            raise ValueError(
                f"audio encoder fill = {fill!r}: expected {self.width} finite numbers, or None"
            )

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> AudioEncoder:
        """Return the encoder of a spec; each is loaded once per process.

        Raises:
            ValueError: the spec has an unknown or missing field, an unknown name, or
                another version, width or sample rate than the encoder.
            ImportError: the package that the encoder needs is not installed.
            OSError: a Hub model is neither a folder, nor in the cache, nor could be downloaded.
        """
        unknown = sorted(set(spec) - {"name", *_DEFAULTS})
        if "name" not in spec or unknown:
            raise ValueError(
                f"audio encoder spec = {dict(spec)!r}: expected 'name', and optionally any of "
                f"{sorted(_DEFAULTS)}"
            )
        with _LOADING:
            return _load(json.dumps({**_DEFAULTS, **spec}, sort_keys=True))

    def encode(self, samples: np.ndarray, sample_rate: float) -> np.ndarray | None:
        """Encode one utterance.

        Args:
            samples: (N,) float in [-1, 1], one channel; divide 16-bit samples by 32768.
            sample_rate: in Hz, at least 4000; below 16 kHz, the spectral numbers miss what lies
                above half of it.

        Returns:
            (width,) float32. None if the sound is shorter than 0.064 s or is silent, that is, stays
            within one step of 16 bits: mask the modality.

        Raises:
            ValueError: the samples are not finite floats of one channel in [-1, 1]; or the sample
                rate is too low.
        """
        samples = checked_samples(samples, sample_rate)
        if self.sample_rate is not None and sample_rate != self.sample_rate:
            samples = resampled(samples, int(sample_rate), self.sample_rate)
            sample_rate = self.sample_rate
        if len(samples) / sample_rate < SHORTEST or np.ptp(samples) < QUIETEST:
            return None
        values = self._extract(samples, sample_rate)
        if self.spec["fill"] is not None:
            values = np.where(np.isnan(values), self.spec["fill"], values)
        return values.astype(np.float32)

    def __deepcopy__(self, memo: dict) -> AudioEncoder:
        return self  # nothing in it changes, and a Hub model's weights must not be copied


_LOADING = threading.Lock()  # when several threads ask first, only one loads


@functools.lru_cache(maxsize=4)
def _load(key: str) -> AudioEncoder:
    spec = json.loads(key)
    name = spec["name"]
    if name.startswith(HUB_PREFIX) or name in _WHISPER:
        return AudioEncoder(spec, _speech(name, spec["layer"], spec["pooling"]))
    if name not in _EXTRACTORS:
        raise ValueError(
            f"audio encoder name = {name!r}, version = {spec['version']!r}: expected one of "
            f"{sorted([*_EXTRACTORS, *_WHISPER])}, which the installed package has, or "
            f"{HUB_PREFIX!r} and the name of a Hub model"
        )
    for field in ("layer", "pooling"):
        if spec[field] is not None:
            raise ValueError(f"audio encoder {name!r}, {field} = {spec[field]!r}: expected None")
    return AudioEncoder(spec, _EXTRACTORS[name]())


def _prosody() -> _Extractor:
    def extract(samples: np.ndarray, sample_rate: float) -> np.ndarray:
        return prosody(analyse(samples, sample_rate))

    return _Extractor(1, PROSODY_MEASURES, "Apache-2.0", None, extract)


def _prosody_mfcc() -> _Extractor:
    def extract(samples: np.ndarray, sample_rate: float) -> np.ndarray:
        contours = analyse(samples, sample_rate)
        return np.concatenate([prosody(contours), functionals(contours)])

    return _Extractor(1, (*PROSODY_MEASURES, *FUNCTIONALS), "Apache-2.0", None, extract)


def _egemaps() -> _Extractor:
    """Return the extractor of the 88 functionals of eGeMAPSv02."""
    try:
        import opensmile
    except ImportError as error:
        raise ImportError(
            "audio encoder opensmile-egemaps needs the package opensmile, which is licensed for "
            "non-commercial use only: pip install opensmile"
        ) from error
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )

    def extract(samples: np.ndarray, sample_rate: float) -> np.ndarray:
        table = smile.process_signal(samples.astype(np.float32), int(sample_rate))
        return table.to_numpy(np.float64)[0]

    names = tuple(smile.feature_names)
    return _Extractor(1, names, "audEERING: research, non-commercial", None, extract)


def _speech(name: str, layer: int | None, pooling: str | None) -> _Extractor:
    """Return the extractor that pools a network's states, after the measures if they are named."""
    whisper = name in _WHISPER
    pooling = pooling or ("mean+deviation" if whisper else "mean")
    if pooling not in POOLINGS:
        raise ValueError(
            f"audio encoder pooling = {pooling!r}: expected one of {POOLINGS}, or None"
        )
    model = whisper_base(layer) if whisper else hub_model(name.removeprefix(HUB_PREFIX), layer)
    measures = PROSODY_MEASURES if name.startswith("prosody+") else ()

    def extract(samples: np.ndarray, sample_rate: float) -> np.ndarray:
        values = pooled(model.read(samples), pooling)
        if not measures:
            return values
        return np.concatenate([prosody(analyse(samples, sample_rate)), values])

    names = (*measures, *unit_names(model.width, pooling))
    return _Extractor(1, names, model.licence, model.sample_rate, extract)


_EXTRACTORS: dict[str, Callable[[], _Extractor]] = {
    "prosody": _prosody,
    "prosody+mfcc": _prosody_mfcc,
    "opensmile-egemaps": _egemaps,
}

_WHISPER = ("whisper-base", "prosody+whisper-base")
"""Whisper base's encoder by itself, and after the eight measures, both at 16 kHz."""

__all__ = ["PROSODY_MFCC_SPEC", "PROSODY_SPEC", "AudioEncoder"]
