"""How long each phase of a measured run is, and what an iteration of it sees."""

import pytest

from napari_blindspot.engine.schedule import Schedule, with_patches
from napari_blindspot.settings import PlannedSettings
from planned import planned

LARGE = (1024, 1024)
"""A plane of which no fit here sees too much."""


def of(shape: tuple[int, int], *, warm: bool = False, **changes) -> Schedule:
    settings = with_patches(planned(**changes), shape)
    return Schedule.of(settings, shape, warm=warm)


def views(shape: tuple[int, int], **changes) -> float:
    """Return how often the blind fit sees each pixel on average."""
    settings = with_patches(planned(**changes), shape)
    seen = settings.batch_size * settings.patch_size**2 / (shape[0] * shape[1])
    return sum(Schedule.of(settings, shape).legs) * seen


def patches(shape: tuple[int, int], **changes) -> tuple[int, int]:
    settings = with_patches(planned(**changes), shape)
    return settings.patch_size, settings.batch_size


def test_a_run_is_its_blind_fit_and_all_rounds_of_refinement():
    schedule = of(LARGE, iterations=300, least_iterations=300, refine_iterations=(80, 50))
    assert (schedule.legs, schedule.rounds) == ((300,), (80, 50))
    assert schedule.iterations == schedule.usual_iterations == 300 + 80 + 50


def test_each_leg_of_the_blind_fit_after_the_first_is_as_long_as_all_before_it():
    schedule = of(LARGE, iterations=500, least_iterations=100, refine_iterations=(40,))
    assert schedule.legs == (100, 100, 200, 100)
    assert (schedule.iterations, schedule.usual_iterations) == (540, 140)


@pytest.mark.parametrize("changes", [{"unet_weights": "random"}, {"gap": 2}])
def test_from_random_weights_and_on_correlated_noise_there_is_only_one_leg(changes):
    legs = of(LARGE, iterations=500, least_iterations=100, **changes).legs
    assert legs == ((200,) if "gap" in changes else (500,))


def test_the_inr_takes_one_iteration_for_twenty_of_the_first_leg_and_one_for_each_of_the_refinement():
    changes = {"least_iterations": 1000}
    assert of(LARGE, iterations=300, refine_iterations=(80, 50), **changes).inr_iterations == 15 + 130
    assert of(LARGE, iterations=301, **changes).inr_iterations == 16
    assert of(LARGE, iterations=301, least_iterations=40).inr_iterations == 2
    assert of(LARGE, iterations=1).inr_iterations == 1


def test_to_apply_a_model_only_the_inr_learns():
    schedule = Schedule.of_model()
    assert (schedule.iterations, schedule.rounds) == (0, ())
    assert schedule.inr_iterations > 0


@pytest.mark.parametrize(("gap", "weights", "iterations"), [(0, "random", 200), (2, "random", 60)])
def test_from_random_weights_correlated_noise_is_fitted_for_less_than_a_third_as_long(
    gap, weights, iterations
):
    assert of(LARGE, gap=gap, unet_weights=weights, iterations=200).legs == (iterations,)


def test_from_pretrained_weights_correlated_noise_is_fitted_for_two_legs_in_one():
    correlated, white = (of(LARGE, gap=gap, iterations=200, refine_iterations=(1,)) for gap in (2, 0))
    assert correlated.legs == (sum(white.legs[:2]),)
    assert correlated.iterations == correlated.usual_iterations == white.usual_iterations + white.legs[1]


def test_a_warm_start_makes_the_blind_fit_five_times_shorter_and_nothing_else():
    lengths = {"iterations": 200, "least_iterations": 100, "refine_iterations": (40,)}
    anew, warm = (of(LARGE, warm=warm, **lengths) for warm in (False, True))
    assert (anew.legs, warm.legs) == ((100, 100), (20, 20))
    assert anew.rounds == warm.rounds == (40,)


def test_even_the_shortest_fit_has_an_iteration():
    assert of(LARGE, warm=True, iterations=1).legs == (1,)


@pytest.mark.parametrize(("weights", "most"), [("pretrained", 64), ("random", 4 * 64)])
def test_the_blind_fit_sees_a_small_plane_no_more_often_than_a_multiple_of_its_side(weights, most):
    assert views((64, 64), unet_weights=weights, iterations=100_000) == pytest.approx(most, rel=0.02)


def test_no_plane_is_seen_more_than_500_times():
    assert views((2048, 2048), unet_weights="random", iterations=1_000_000) == pytest.approx(500, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "side", "count"), [((128, 128), 64, 2), ((256, 256), 128, 2), ((512, 512), 128, 8)]
)
def test_an_iteration_sees_half_of_a_plane_up_to_512_pixels(shape, side, count):
    assert patches(shape, batch_size=8, patch_size=128) == (side, count)
    assert count * side**2 == shape[0] * shape[1] / 2


def test_an_iteration_sees_no_more_and_no_larger_patches_than_the_settings_say():
    assert patches((4096, 4096), batch_size=3, patch_size=96) == (96, 3)
    assert patches((512, 512), batch_size=2) == (96, 2)


def test_settings_with_patches_are_the_same_but_for_the_patches():
    given = planned(seed=5, batch_size=8)
    chosen = with_patches(given, (512, 512))
    assert isinstance(chosen, PlannedSettings)
    assert chosen.model_copy(update={"patch_size": given.patch_size, "batch_size": 8}) == given


def test_the_same_settings_with_patches_again_are_the_same():
    once = with_patches(planned(batch_size=8), (300, 170))
    assert with_patches(once, (300, 170)) == once
