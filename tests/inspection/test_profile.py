"""Profiles along a line and the width of their peak."""

import numpy as np

from napari_blindspot.inspection.profile import find_peak, line_points, read_line


def test_the_width_of_a_gaussian_is_2_355_sigma():
    distance = np.linspace(-10, 10, 2001)
    values = 7 + 3 * np.exp(-(distance**2) / (2 * 1.5**2))
    assert abs(find_peak(distance, values).width - 2.3548 * 1.5) < 0.01


def test_a_peak_that_does_not_fall_to_its_half_has_no_width():
    distance = np.linspace(0, 10, 101)
    assert find_peak(distance, distance) is None
    assert find_peak(distance, np.ones(101)) is None


def test_a_line_is_read_linearly_between_the_pixels():
    y, x = np.mgrid[:20, :30]
    points = line_points((2.25, 3.5), (10.75, 20.0), 11)
    assert np.allclose(points[[0, -1]], [(2.25, 3.5), (10.75, 20.0)])
    assert np.allclose(read_line(3.0 * y + x, points), 3 * points[:, 0] + points[:, 1])
