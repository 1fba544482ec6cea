"""What all runs have: a clock with phases, the record of losses, and results that tell of both."""

import functools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_blindspot import Control, Result, Settings, denoise
from napari_blindspot.core.events import Finished, Step
from napari_blindspot.engine import run
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.run import Clock, LossRecord
from napari_blindspot.method.losses import LOSSES

CPU = torch.device("cpu")
NOISY = np.random.default_rng(0).poisson(30, (64, 64))
QUICK = {
    "auto": {"iterations": 20, "refine_iterations": (10,), "symmetries": 2},
    "paper": {"iterations": 20, "passes": 10, "unet_width": 8},
}
PHASES = {
    "auto": {
        "measuring the noise",
        "blind fit",
        "blind prediction",
        "refinement",
        "prediction",
        "intensities given back",
    },
    "paper": {"joint fit", "prediction"},
}


@pytest.fixture
def passes(monkeypatch):
    """Let time pass only when it is told to."""
    now = [1000.0]

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(run, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return pass_by


def test_a_phase_within_another_counts_for_itself_alone(passes):
    clock = Clock()
    with clock.phase("outer"):
        passes(1)
        with clock.phase("inner"):
            passes(2)
            with clock.phase("innermost"):
                passes(4)
        passes(8)
    assert clock.phases == {"outer": 9, "inner": 2, "innermost": 4}
    assert sum(clock.phases.values()) == clock.elapsed


def test_a_phase_that_comes_again_goes_on_where_it_was_also_within_itself(passes):
    clock = Clock()
    for _ in range(2):
        with clock.phase("fit"):
            passes(1)
            with clock.phase("INR"):
                passes(2)
            with clock.phase("fit"):
                passes(4)
    assert clock.phases == {"fit": 10, "INR": 4}


def test_a_pause_belongs_to_no_phase_and_not_to_the_whole(passes):
    clock = Clock()
    with clock.phase("fit"):
        passes(1)
        passes(30)
        clock.skip(30)
    assert clock.phases == {"fit": 1}
    assert clock.elapsed == 1


def test_what_lies_between_two_phases_belongs_to_none(passes):
    clock = Clock()
    with clock.phase("fit"):
        passes(1)
    passes(2)
    with clock.phase("prediction"):
        passes(4)
    assert clock.phases == {"fit": 1, "prediction": 4}
    assert clock.elapsed == 7


def test_a_phase_that_ends_by_an_error_is_counted(passes):
    clock = Clock()
    with pytest.raises(ZeroDivisionError), clock.phase("outer"):
        passes(1)
        with clock.phase("inner"):
            passes(2)
            raise ZeroDivisionError
    assert clock.phases == {"outer": 1, "inner": 2}


@functools.cache
def whole(preset: str) -> Result:
    """A run that nobody stops; only to be looked at."""
    return denoise(NOISY, preset, device="cpu", **QUICK[preset])


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_the_phases_of_a_run_add_up_to_the_whole_within_a_tenth(preset):
    result = whole(preset)
    assert set(result.phases) == PHASES[preset]
    assert all(seconds > 0 for seconds in result.phases.values())
    assert sum(result.phases.values()) <= result.seconds
    assert sum(result.phases.values()) == pytest.approx(result.seconds, rel=0.1)


def test_a_run_without_a_refinement_has_no_such_phase():
    quick = {"iterations": 2, "refine_iterations": (), "symmetries": 1}
    phases = denoise(NOISY, "auto", device="cpu", **quick).phases
    assert PHASES["auto"] - set(phases) == {"refinement", "prediction"}


def test_a_plane_that_is_left_as_it_is_has_no_phases_and_no_iterations():
    result = denoise(np.ones((32, 32)), device="cpu")
    assert result.phases == {}
    assert (result.iterations, result.planned_iterations, result.seconds) == (0, 0, 0.0)
    assert len(result.history) == 0


def stopped(preset: str, at: int, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(run, "REPORT_INTERVAL", 0.0)
    settings = Settings.from_preset(preset, device="cpu", **QUICK[preset])
    control = Control()
    for event in fit_plane(NOISY, settings, control=control):
        if isinstance(event, Step) and event.iteration == at:
            control.stop()
        if isinstance(event, Finished):
            return event.result
    raise AssertionError("the run has no result")


@pytest.mark.parametrize(("preset", "planned"), [("auto", 20 + 10), ("paper", 20)])
def test_a_stopped_run_says_how_many_iterations_there_would_have_been(preset, planned, monkeypatch):
    result = stopped(preset, 5, monkeypatch)
    assert result.stopped
    assert (result.iterations, result.planned_iterations) == (5, planned)
    assert len(result.history) == 5
    assert len(result.history["denoising"]) == 5


@pytest.mark.parametrize(("preset", "planned"), [("auto", 20 + 10), ("paper", 20)])
def test_a_run_that_nobody_stops_does_as_many_iterations_as_were_planned(preset, planned):
    result = whole(preset)
    assert not result.stopped
    assert result.iterations == result.planned_iterations == planned


def test_a_run_that_is_stopped_in_the_refinement_counts_the_iterations_of_both_phases(monkeypatch):
    result = stopped("auto", 23, monkeypatch)
    assert (result.iterations, result.planned_iterations) == (23, 30)
    assert {"blind fit", "refinement"} <= set(result.phases)


def test_the_record_gives_the_losses_of_the_iterations_that_are_done():
    record = LossRecord(4, CPU)
    for value in (1.0, 2.0):
        record.write("denoising", torch.tensor(value))
        record.done += 1
    assert record.total == 4
    assert record.of("denoising").tolist() == [1.0, 2.0]
    assert torch.isnan(record.of("inr")).all()
    history = record.history()
    assert len(history) == 2
    assert list(history.losses) == list(LOSSES)
    assert history["denoising"].dtype == np.float32
    assert history["denoising"].tolist() == [1.0, 2.0]
    assert np.isnan(history["consistency"]).all()


def test_the_latest_losses_are_those_of_the_last_iteration_that_have_a_value():
    record = LossRecord(3, CPU)
    record.write("inr", torch.tensor(5.0))
    record.done += 1
    record.write_all(torch.tensor([1.0, math.nan, 3.0]))
    record.done += 1
    assert record.latest() == {"denoising": 1.0, "consistency": 3.0}


def test_a_loss_that_an_iteration_does_not_take_is_that_of_the_one_before():
    record = LossRecord(3, CPU)
    record.write("inr", torch.tensor(5.0))
    record.done += 1
    record.repeat("inr")
    record.done += 1
    assert record.of("inr").tolist() == [5.0, 5.0]
    assert list(record.latest()) == ["inr"]


def test_a_record_does_not_change_with_the_tensor_that_was_written():
    record, loss = LossRecord(2, CPU), torch.tensor(1.0)
    record.write("denoising", loss)
    record.done += 1
    loss.fill_(2.0)
    assert record.latest() == {"denoising": 1.0}
