"""F_φ as a function of position: sampled where it is asked for, with the gradient of what is sampled."""

import numpy as np
import pytest
import torch

from napari_blindspot.method.inr_field import InrField, sample_positions
from napari_blindspot.method.siren import Siren
from napari_blindspot.noise.anscombe import Anscombe


def field_on(base: np.ndarray, *, cubic: bool = False, seed: int | None = None, **scale: float) -> InrField:
    """Return a field whose network adds nothing, unless it has a seed."""
    siren = Siren(8, 2, (0.0, 0.0), 10.0, torch.Generator().manual_seed(seed or 0))
    if seed is None:
        torch.nn.init.zeros_(siren.output.weight)
        torch.nn.init.zeros_(siren.output.bias)
    numbers = {"mean": 0.0, "scale": 1.0, "gain": 0.0, "offset": 1.0} | scale
    return InrField(siren, torch.tensor(base, dtype=torch.float32), cubic=cubic, **numbers)


def wave(
    shift: tuple[float, float] = (0.0, 0.0), zoom: int = 1, shape: tuple[int, int] = (48, 56)
) -> np.ndarray:
    """Return a wave whose crests lie `shift` pixels further, sampled `zoom` times a pixel."""
    y = (np.arange(shape[0] * zoom) + 0.5) / zoom - 0.5 - shift[0]
    x = (np.arange(shape[1] * zoom) + 0.5) / zoom - 0.5 - shift[1]
    return 5 + np.sin(2 * np.pi * y / 16)[:, None] + np.cos(2 * np.pi * x / 14)


def test_samples_divide_the_pixels_of_a_region_evenly_and_cover_its_area():
    points, shape, origin = sample_positions((3, 4, 10, 12), 4)
    assert shape == (28, 32)
    assert origin == (3 - 0.5 + 0.125, 4 - 0.5 + 0.125)
    first, last = points[0], points[-1]
    assert np.allclose(first - 0.125, (2.5, 3.5)) and np.allclose(last + 0.125, (9.5, 11.5))


def test_at_one_sample_a_pixel_it_gives_its_values_at_the_centres_of_the_pixels():
    image = wave()
    sampled = field_on(image).sample()
    assert np.allclose(sampled.values, image, atol=1e-5)
    assert (sampled.origin, sampled.step) == ((0.0, 0.0), 1.0)


def crest(values: np.ndarray, first: float, step: float, period: float) -> float:
    """Return where the crest of a wave of this period lies, in pixels."""
    at = first + np.arange(len(values)) * step
    turn = np.angle(((values - values.mean()) * np.exp(-2j * np.pi * at / period)).sum())
    return float(-turn * period / (2 * np.pi))


@pytest.mark.parametrize("cubic", [False, True])
def test_a_wave_of_known_phase_is_where_it_should_be_to_a_hundredth_of_a_pixel(cubic):
    moved = (0.30, -0.45)
    sampled = field_on(wave(moved), cubic=cubic).sample(8, (8, 10, 40, 52))
    values, (top, left), step = sampled.values, sampled.origin, sampled.step
    # The sine along y has its crest a quarter of a period behind its beginning.
    assert abs(crest(values.mean(1), top, step, 16) - 4 - moved[0]) < 0.01
    assert abs(crest(values.mean(0), left, step, 14) - moved[1]) < 0.01


@pytest.mark.parametrize("cubic", [False, True])
def test_the_gradient_is_that_of_the_function(cubic):
    field = field_on(wave(), cubic=cubic, seed=3, gain=2.0, offset=30.0, mean=20.0, scale=3.0)
    points = np.random.default_rng(0).uniform(4, 40, (40, 2))
    points = np.floor(points) + np.clip(points % 1, 0.1, 0.9)
    step = 0.02
    ahead = np.stack([field.at(points + np.array(d) * step) for d in ((1, 0), (0, 1))], axis=1)
    behind = np.stack([field.at(points - np.array(d) * step) for d in ((1, 0), (0, 1))], axis=1)
    assert np.allclose(field.gradient_at(points), (ahead - behind) / (2 * step), rtol=0.02, atol=0.05)


def test_magnitude_and_direction_are_those_of_a_slope():
    y, x = np.mgrid[:24, :30]
    steep, towards = field_on(2.0 * y + 0.0 * x).sample_gradient(2, (4, 4, 20, 20))
    assert np.allclose(steep.values, 2.0, atol=1e-3)
    assert np.allclose(towards.values, 90.0, atol=0.1)
    assert steep.values.shape == (32, 32)


@pytest.mark.parametrize(("gain", "offset"), [(3.0, 25.0), (2.0, -40.0), (0.0, 9.0), (0.0, 0.0)])
def test_its_values_become_intensities_as_those_of_the_u_net_do(gain, offset):
    values = np.random.default_rng(0).uniform(-2, 2, (20, 24))
    field = field_on(values, gain=gain, offset=offset, mean=4.0, scale=2.5)
    expected = Anscombe(gain, offset).inverse(values.astype(np.float32) * 2.5 + 4.0)
    assert np.allclose(field.sample().values, expected, rtol=1e-4, atol=1e-4)


def test_it_agrees_with_an_image_that_it_equals_and_not_with_another():
    image = np.full((20, 24), 3.0)
    field = field_on(image)
    assert np.allclose(field.inconsistency(image), 0.0, atol=1e-5)
    other = image.copy()
    other[5, 7] += 2.0
    away = field.inconsistency(other)
    assert abs(away[5, 7] - 2.0) < 1e-4 and np.count_nonzero(away > 1e-3) == 1
