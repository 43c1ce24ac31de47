import numpy as np
import pytest

from synctva.audio.spectrum import BANDS, DESCRIPTORS, mel_filters, spectral_descriptors
from tests.support.sounds import glide, noise, tone


def descriptor(name, sound, rate=16_000):
    return spectral_descriptors(sound, rate)[1][:, DESCRIPTORS.index(name)]


def test_filters_average_and_cover():
    filters = mel_filters(1024, 16_000)
    np.testing.assert_allclose(filters.sum(0), 1)
    assert (filters.sum(1)[3:-3] > 0).all()  # 47 Hz to 7.95 kHz
    out_of_reach = mel_filters(1024, 8_000).sum(0)
    assert out_of_reach[0] == pytest.approx(1)
    assert out_of_reach[-1] == 0


def test_a_frame_by_hand():
    """White noise is so loud in all bands that the rounding does not matter."""
    sound = noise(0.025)
    framed = (sound - sound.mean()) * np.hanning(402)[1:-1]
    spectrum = np.fft.rfft(framed, 1024)
    power = np.abs(spectrum) ** 2 / (np.hanning(402) ** 2).sum() / 16_000
    energy = np.log(power @ mel_filters(1024, 16_000))
    times, descriptors = spectral_descriptors(sound, 16_000)
    assert times.tolist() == [0.0125]
    for k in range(1, 14):
        cosine = np.array([np.cos(np.pi * k * (b + 0.5) / BANDS) for b in range(BANDS)])
        assert descriptors[0, k - 1] == pytest.approx((energy @ cosine) * np.sqrt(2 / BANDS))
    hertz = np.arange(513) * 16_000 / 1024
    low, high = power[(hertz >= 50) & (hertz < 1000)], power[(hertz >= 1000) & (hertz < 5000)]
    alpha = 10 * np.log10(low.sum() / high.sum())
    assert descriptors[0, DESCRIPTORS.index("alpha_ratio")] == pytest.approx(alpha)
    inside = (hertz >= 50) & (hertz < 500)
    slope = np.polyfit(hertz[inside] / 1000, 10 * np.log10(power[inside]), 1)[0]
    assert descriptors[0, DESCRIPTORS.index("slope_50_500")] == pytest.approx(slope, rel=1e-6)


def test_white_noise_is_flat():
    sound = noise(5.0)
    assert descriptor("centroid", sound).mean() == pytest.approx(4000, rel=0.02)
    assert descriptor("spread", sound).mean() == pytest.approx(8000 / np.sqrt(12), rel=0.02)
    assert descriptor("slope_50_500", sound).mean() == pytest.approx(0, abs=1)
    assert descriptor("alpha_ratio", sound).mean() == pytest.approx(
        10 * np.log10(950 / 4000), abs=0.3
    )


def test_a_sine_is_at_its_frequency():
    assert descriptor("centroid", tone(1000)) == pytest.approx(1000, rel=0.01)
    assert descriptor("hammarberg_index", tone(1000)).min() > 40
    assert descriptor("hammarberg_index", tone(3000)).max() < -40
    assert descriptor("flux", tone(1000))[1:].max() < 0.05 < descriptor("flux", noise())[1:].min()


def test_amplification_does_not_matter():
    sound = glide(100, 300) + noise(deviation=0.01)
    np.testing.assert_allclose(
        spectral_descriptors(3 * sound, 16_000)[1],
        spectral_descriptors(sound, 16_000)[1],
        rtol=1e-3,
        atol=0.01,
    )


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_sample_rate_hardly_matters(rate):
    """The same sum of sines up to 7 kHz, sampled twice."""
    rng = np.random.default_rng(0)
    sines = [(hertz, rng.uniform(0, 7)) for hertz in range(60, 7000, 35)]

    def sampled(rate):
        time = np.arange(rate) / rate
        return sum(0.01 * np.sin(2 * np.pi * f * time + p) for f, p in sines)

    here, there = (spectral_descriptors(sampled(r), r)[1].mean(0) for r in (16_000, rate))
    order = slice(0, DESCRIPTORS.index("alpha_ratio"))
    np.testing.assert_allclose(there[order], here[order], atol=0.35)
    np.testing.assert_allclose(there[DESCRIPTORS.index("centroid")], here[17], rtol=0.01)


def test_frames_are_computed_alike_in_every_block():
    sound = noise(3.0)  # more frames than one block
    times, descriptors = spectral_descriptors(sound, 16_000)
    assert len(times) == 298
    start = round(times[270] * 16_000) - 200
    alone = spectral_descriptors(sound[start : start + 400], 16_000)[1]
    np.testing.assert_allclose(alone[0, :-1], descriptors[270, :-1])
    assert alone[0, -1] == 0  # no frame before it
    start -= 160
    pair = spectral_descriptors(sound[start : start + 560], 16_000)[1]
    np.testing.assert_allclose(pair[1], descriptors[270])


def test_silence_is_finite():
    assert np.isfinite(spectral_descriptors(np.zeros(4000), 4_000)[1]).all()
    assert spectral_descriptors(np.zeros(0), 16_000)[1].shape == (0, 20)
