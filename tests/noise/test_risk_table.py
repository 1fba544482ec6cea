"""The risk over gap and visible fraction, as it is shown to people."""

import numpy as np

from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.risk_table import tabulate_risk
from napari_blindspot.samples import confocal, wide_field


def test_where_noise_is_white_a_wider_gap_and_fewer_visible_pixels_cost_more():
    noisy = confocal((96, 96)).noisy
    table = tabulate_risk(noisy, estimate_noise(noisy), (8 / 9, 0))
    assert table.risk.shape == (3, 4)
    assert (table.risk[:, -1] > 1.2 * table.risk[:, 0]).all()
    assert (np.diff(table.risk[:, 0]) < 0).all()
    assert table.chosen == (8 / 9, 0, table.risk[2, 0])


def test_where_noise_is_correlated_no_gap_costs_most():
    noisy = wide_field((128, 128)).noisy
    risk = tabulate_risk(noisy, estimate_noise(noisy)).risk[-1]
    assert risk[0] > risk[1]
