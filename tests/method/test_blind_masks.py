"""Targets, holes, fills and symmetries of the measured presets."""

import pytest
import torch

from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.fill import gaussian, normalised_convolution
from napari_blindspot.method.masks import place_targets, punch_holes, scattered_targets
from napari_blindspot.method.symmetry import SYMMETRIES, turn, turn_back


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_cell_of_the_grid_has_one_target():
    targets = scattered_targets(3, 30, 24, 6, generator())
    assert targets.shape == (3, 1, 30, 24)
    cells = targets.view(3, 5, 6, 4, 6).sum(dim=(2, 4))
    assert torch.equal(cells, torch.ones(3, 5, 4, dtype=torch.long))


def test_targets_fall_on_every_place_of_a_cell():
    targets = scattered_targets(500, 6, 6, 3, generator())
    hits = targets.float().mean(dim=(0, 1)).view(2, 3, 2, 3)
    assert (hits - 1 / 9).abs().max() < 0.06


def test_a_plane_that_the_cells_do_not_divide_is_cut_off():
    assert scattered_targets(1, 17, 20, 7, generator()).shape == (1, 1, 17, 20)


def test_the_number_of_a_pixel_in_its_cell_is_row_major():
    mask = place_targets(torch.tensor([[[0, 5]]]), 3, 3, 6)[0, 0]
    assert mask.nonzero().tolist() == [[0, 0], [1, 5]]


@pytest.mark.parametrize("radius", [0.0, 1.3, 2.3, 3.3])
def test_no_visible_pixel_lies_within_the_hole_of_a_target(radius):
    targets = scattered_targets(1, 40, 40, 9, generator())
    visible = punch_holes(targets, radius)[0, 0]
    seen = visible.nonzero().float()
    assert len(seen) > 0
    for pixel in targets[0, 0].nonzero():
        assert (seen - pixel).norm(dim=1).min() > radius
    hidden = (~visible).nonzero().float()
    nearest = torch.cdist(hidden, targets[0, 0].nonzero().float()).min(dim=1).values
    assert nearest.max() <= radius + 1e-6


def test_the_fill_is_the_weighted_mean_of_what_is_visible_and_of_nothing_else():
    image = torch.rand(2, 1, 20, 20, generator=generator())
    visible = (torch.rand(2, 1, 20, 20, generator=generator(1)) < 0.5).float()
    line = gaussian(1.0, 3)
    fill = normalised_convolution(image, visible, line)
    by_hand = sum(
        line[dy + 3] * line[dx + 3] * image[1, 0, 10 + dy, 9 + dx] * visible[1, 0, 10 + dy, 9 + dx]
        for dy in range(-3, 4)
        for dx in range(-3, 4)
    )
    weight = sum(
        line[dy + 3] * line[dx + 3] * visible[1, 0, 10 + dy, 9 + dx]
        for dy in range(-3, 4)
        for dx in range(-3, 4)
    )
    assert fill[1, 0, 10, 9].item() == pytest.approx((by_hand / weight).item(), rel=1e-5)
    shouting = torch.where(visible > 0, image, torch.full_like(image, 1e6))
    assert torch.allclose(normalised_convolution(shouting, visible, line), fill, atol=1e-5)


def test_a_constant_image_is_filled_with_its_constant_up_to_the_border():
    visible = (torch.rand(1, 1, 20, 20, generator=generator()) < 0.6).float()
    fill = normalised_convolution(torch.full((1, 1, 20, 20), 3.0), visible, gaussian(1.0, 3))
    assert torch.allclose(fill, torch.full_like(fill, 3.0), atol=1e-5)


def test_the_eight_symmetries_differ_and_are_undone():
    image = torch.rand(1, 1, 5, 7, generator=generator())
    turned = [turn(image, k) for k in range(SYMMETRIES)]
    for k, other in enumerate(turned):
        assert torch.equal(turn_back(other, k), image)
    for a in range(SYMMETRIES):
        for b in range(a):
            assert turned[a].shape != turned[b].shape or not torch.equal(turned[a], turned[b])


def test_the_compact_unet_starts_as_no_correction_and_keeps_the_shape():
    network = CompactUNet(0, 16, generator())
    out = network(torch.rand(2, 2, 32, 48))
    assert out.shape == (2, 1, 32, 48)
    assert torch.equal(out, torch.zeros_like(out))


def test_the_compact_unet_of_auto_has_about_a_quarter_of_the_papers_parameters():
    assert sum(p.numel() for p in CompactUNet(0, 16, generator()).parameters()) == 236_545


def test_the_narrowest_compact_unet_still_has_filters_on_every_level():
    assert CompactUNet(0, 4, generator())(torch.rand(1, 2, 16, 16)).shape == (1, 1, 16, 16)
