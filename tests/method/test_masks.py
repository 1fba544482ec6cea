import pytest
import torch

from napari_blindspot.method.masks import MASKS, dilate, invisible_set, sample_visible

ALL = torch.ones(64, 64, dtype=torch.bool)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_visible_set_holds_the_asked_fraction_of_the_pixels():
    many = sample_visible(ALL.expand(200, 64, 64), 0.1, generator())
    # 819,200 draws: five standard errors are 0.0017.
    assert abs(many.float().mean().item() - 0.1) < 0.0017


def test_every_draw_is_a_new_set():
    g = generator()
    assert not torch.equal(sample_visible(ALL, 0.5, g), sample_visible(ALL, 0.5, g))


def test_the_same_seed_draws_the_same_set():
    first = sample_visible(ALL, 0.3, generator(7))
    assert torch.equal(first, sample_visible(ALL, 0.3, generator(7)))


def test_dilation_grows_a_pixel_into_a_diamond_of_its_radius():
    mask = torch.zeros(9, 9, dtype=torch.bool)
    mask[4, 4] = True
    y, x = torch.meshgrid(torch.arange(9), torch.arange(9), indexing="ij")
    for radius in range(4):
        diamond = (y - 4).abs() + (x - 4).abs() <= radius
        assert torch.equal(dilate(mask, radius), diamond)


def test_dilation_at_the_border_does_not_wrap_around():
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[0, 0] = True
    grown = dilate(mask, 2)
    assert grown[7].sum() == 0
    assert grown[:, 7].sum() == 0


def test_no_invisible_pixel_lies_within_the_dilation_of_a_visible_one():
    for radius in range(4):
        visible = sample_visible(ALL, 0.05, generator(radius))
        invisible = invisible_set(visible, ALL, radius)
        assert invisible.any()
        seen = visible.nonzero()
        for pixel in invisible.nonzero():
            assert (seen - pixel).abs().sum(dim=1).min() > radius


def test_without_dilation_the_two_sets_split_the_plane():
    visible = sample_visible(ALL, 0.4, generator())
    assert torch.equal(invisible_set(visible, ALL, 0), ~visible)


def test_pixels_without_a_value_are_in_neither_set():
    valid = ALL.clone()
    valid[10:20, 10:20] = False
    visible = sample_visible(valid, 0.5, generator())
    assert not visible[10:20, 10:20].any()
    assert not invisible_set(visible, valid, 1)[10:20, 10:20].any()


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize(("gap", "fraction"), [(0, 8 / 9), (1, 28 / 49), (2, 28 / 49)])
def test_every_mask_has_each_pixel_as_a_hidden_target_once(name, gap, fraction):
    mask = MASKS[name](gap, fraction)
    covers = list(mask.cover(30, 41, generator()))
    assert len(covers) == mask.covers == mask.spacing**2
    assert torch.equal(
        sum(targets.int() for targets, _ in covers), torch.ones(1, 1, 30, 41, dtype=torch.int)
    )
    assert not any((targets & visible).any() for targets, visible in covers)


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize(("gap", "fraction"), [(0, 8 / 9), (2, 28 / 49)])
def test_every_mask_draws_hidden_targets_and_leaves_about_the_asked_fraction_visible(name, gap, fraction):
    targets, visible = MASKS[name](gap, fraction).draw(20, 70, 63, generator())
    assert targets.shape == visible.shape == (20, 1, 70, 63)
    assert targets.any()
    assert not (targets & visible).any()
    # Holes may overlap, and the last cells are cut off.
    assert fraction - 0.02 < visible.float().mean().item() < fraction + 0.15


def test_a_mask_fills_its_holes_by_weights_that_sum_to_one_and_look_past_them():
    for gap in range(4):
        weights = MASKS["disc"](gap, 8 / 9 if gap == 0 else 28 / 49).fill_weights
        assert sum(weights) == pytest.approx(1)
        assert len(weights) // 2 > gap
