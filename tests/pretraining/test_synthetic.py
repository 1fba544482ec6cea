"""The synthetic planes that the pretrained weights come from."""

import numpy as np
import pytest

from napari_blindspot.pretraining.synthetic import StructureDraw, random_plane

SIDE = 192


def test_a_seed_always_gives_the_same_plane_and_another_seed_another():
    first, again, other = (random_plane(seed, SIDE) for seed in (7, 7, 8))
    assert np.array_equal(first.clean, again.clean)
    assert first.sigma == again.sigma
    assert abs(np.corrcoef(first.clean.ravel(), other.clean.ravel())[0, 1]) < 0.5


def test_a_plane_with_its_noise_is_on_the_scale_of_a_fit():
    for seed in range(40):
        plane = random_plane(seed, SIDE)
        assert plane.clean.dtype == np.float32
        assert plane.clean.mean() == pytest.approx(0, abs=1e-4)
        assert plane.clean.var() + plane.sigma**2 == pytest.approx(1, abs=1e-3)
        assert 0.05 < plane.sigma < 0.9


@pytest.mark.parametrize(
    "kind",
    ["filaments", "fibres", "nuclei", "points", "membranes", "patchwork", "texture", "overlapping"],
)
def test_every_kind_of_structure_is_finite_bright_and_not_flat(kind):
    for seed in range(8):
        structure = getattr(StructureDraw(np.random.default_rng(seed), SIDE), kind)()
        assert structure.shape == (SIDE, SIDE)
        assert np.isfinite(structure).all()
        assert structure.min() >= 0
        assert 0.2 < structure.max() < 100
        assert structure.std() > 0.005
