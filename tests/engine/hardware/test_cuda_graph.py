"""Steps that are replayed are the steps; where that cannot be, the fit goes on without, and says so."""

import functools
import gc
import weakref

import numpy as np
import pytest
import torch

from napari_blindspot import Control, Settings, denoise
from napari_blindspot.core.events import Finished, Paused, Step
from napari_blindspot.engine.blind_fit import BlindFit, BlindLoss
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.hardware import cuda_graph
from napari_blindspot.engine.hardware.adam import DeviceAdam, HostAdam
from napari_blindspot.engine.hardware.cuda_graph import WARM_UP, StepReplay
from napari_blindspot.engine.inr_fit import InrFit
from napari_blindspot.engine.paper_fit import PaperFit
from napari_blindspot.engine.patches import Patches
from napari_blindspot.engine.refinement import RefinementLoss
from napari_blindspot.engine.run import LossRecord
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.losses import LOSSES
from planned import planned
from recorder import Counting, Recording, record

CPU = torch.device("cpu")
QUICK = {
    "auto": {"iterations": 12, "refine_iterations": (6, 6), "patch_size": 32, "symmetries": 2},
    "paper": {"iterations": 12, "passes": 2},
}
CHEAP = {"device": "cpu", "unet_width": 8, "inr_features": 8, "precision": "float32"}
NOISY = np.random.default_rng(0).poisson(30, (48, 48))
STEPS = {"blind": (0, 2), "refinement": (0, 2), "INR": (0,), "taught INR": (0,), "paper": (0,)}


@pytest.fixture
def numbers_on_device(monkeypatch):
    """Let a CPU keep the numbers of a step in tensors, as GPUs do; nothing is recorded."""
    monkeypatch.setattr(cuda_graph, "keeps_numbers", lambda device: True)


@pytest.fixture
def recordings(numbers_on_device, monkeypatch):
    """Let a CPU replay steps as GPUs do; returns weak references to what was recorded."""
    made = []

    def remembered(work, generator):
        recording = record(work, generator)
        made.append(weakref.ref(recording))
        return recording

    monkeypatch.setattr(cuda_graph, "possible", lambda device: True)
    monkeypatch.setattr(cuda_graph, "record", remembered)
    return made


def run(preset: str = "auto", **changes):
    return denoise(NOISY, preset, **CHEAP | QUICK[preset] | changes)


@functools.cache
def stepwise(preset: str):
    """The result of a run with the numbers of a step on the device, of which nothing is replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda_graph, "keeps_numbers", lambda device: True)
        patch.setattr(cuda_graph, "possible", lambda device: False)
        return run(preset)


def losses_of(record: LossRecord) -> list[torch.Tensor]:
    return [record.of(name) for name in LOSSES]


def step_of(name: str, gap: int):
    """Return a step as a function without arguments, and what tells how far it has come."""
    noisy = torch.from_numpy(np.random.default_rng(1).normal(size=(64, 72)).astype(np.float32))
    valid = torch.ones_like(noisy, dtype=torch.bool)
    valid[3, 5:9] = False
    if name == "paper":
        settings = Settings.from_preset("paper", iterations=20, **CHEAP)
        joint = PaperFit(noisy, valid, settings)
        return (
            joint.step,
            lambda: [*joint._tensors(), *losses_of(joint.losses)],
            joint.generator,
            joint.replay,
        )
    settings = planned(gap=gap, patch_size=32, **CHEAP)
    fit = BlindFit(noisy, valid, settings)
    if "INR" in name:
        inr = InrFit(noisy, valid, fit.fill[0, 0], settings, 30, fit.generator)
        if name == "taught INR":
            inr.estimate = noisy.flatten() + 1
        losses = LossRecord(WARM_UP + 5, CPU)

        def step() -> None:
            inr.step(losses)
            losses.done += 1

        written = "consistency" if name == "taught INR" else "inr"
        return step, lambda: [*inr._tensors(), losses.of(written)], fit.generator, inr.replay
    trainer = Trainer(fit.network, 30, 1e-3, 0.9)
    replay = StepReplay(fit.generator, fit.compromises)
    sigma, correlation = torch.full_like(fit.noisy, 0.3), torch.eye(9) if gap else None
    refinement = RefinementLoss(fit, fit.noisy, 0.5 * fit.noisy, sigma, correlation)
    loss = BlindLoss(fit) if name == "blind" else refinement
    return lambda: fit.learn(trainer, loss, replay), trainer.tensors, fit.generator, replay


@pytest.mark.parametrize(("name", "gap"), [(n, gap) for n, gaps in STEPS.items() for gap in gaps])
def test_a_replayed_step_is_the_step_with_new_patches_random_numbers_and_learning_rates(
    name, gap, recordings, monkeypatch
):
    outcomes = []
    for replays in (True, False):
        monkeypatch.setattr(cuda_graph, "possible", lambda device, replays=replays: replays)
        step, tensors, generator, replay = step_of(name, gap)
        for _ in range(WARM_UP + 5):
            step()
        assert (replay.graph is not None) == replays, replay.compromises
        assert not replays or replay.graph.replays == 5
        outcomes.append([x.detach().clone() for x in [*tensors(), generator.get_state()]])
    for replayed, plain in zip(*outcomes, strict=True):
        assert not torch.isnan(plain).any()
        assert torch.equal(replayed, plain)


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_a_run_of_replayed_steps_gives_the_pixels_of_one_without(preset, recordings):
    replayed = run(preset)
    # The blind fit, both rounds of refinement, and the INR, which learns another estimate in the second.
    assert len(recordings) >= (4 if preset == "auto" else 1)
    assert replayed.warnings == ()
    plain = stepwise(preset)
    assert np.array_equal(replayed.denoised, plain.denoised)
    assert np.array_equal(replayed.inr, plain.inr)
    assert np.array_equal(replayed.history["denoising"], plain.history["denoising"])


@pytest.mark.parametrize(
    ("preset", "changes"),
    # Not the refinement for white noise: it draws noise by the rank of a pixel, which rounding can change.
    [
        ("auto", {"refine_iterations": ()}),
        ("auto", {"iterations": 40, "gap": 2}),
        ("paper", {"losses": ("denoising", "inr")}),
    ],
)
def test_numbers_that_are_kept_on_the_device_give_the_pixels_of_those_that_are_not(
    preset, changes, monkeypatch
):
    expected = run(preset, **changes)
    monkeypatch.setattr(cuda_graph, "keeps_numbers", lambda device: True)
    result = run(preset, **changes)
    # The same random numbers; only what is rounded is rounded otherwise.
    assert np.allclose(result.denoised, expected.denoised, atol=0.01)
    assert np.allclose(result.inr, expected.inr, atol=0.01)
    assert np.allclose(result.history["denoising"], expected.history["denoising"], rtol=1e-3)


class Wrong(Recording):
    """What is replayed is not quite what was recorded."""

    @torch.no_grad()
    def replay(self) -> None:
        super().replay()
        for function, args, _, _ in self.operations:
            if function.overloadpacket.__name__ == "_foreach_sub_":
                for parameter in args[0]:
                    parameter.add_(1e-3)


class Broken(Recording):
    def replay(self) -> None:
        super().replay()
        raise RuntimeError("CUDA error: invalid argument\nCompile with TORCH_USE_CUDA_DSA")


class Stuck(Recording):
    """Every replay draws the same random numbers and leaves the generator where it was."""

    def replay(self) -> None:
        generator = next(k["generator"] for _, _, k, _ in self.operations if k.get("generator"))
        position = generator.get_state()
        super().replay()
        generator.set_state(position)


def unable(*_):
    raise RuntimeError("operation not permitted when stream is capturing\nSearch for…")


def without_memory(*_):
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 MiB.")


def another_kind(kind):
    def recorded(work, generator):
        recording = record(work, generator)
        recording.__class__ = kind
        return recording

    return recorded


FAILURES = [
    (unable, "its steps could not be recorded as a CUDA graph (operation not permitted when stream is"),
    (without_memory, "its steps could not be recorded as a CUDA graph (CUDA out of memory. Tried to alloc"),
    (another_kind(Wrong), "a CUDA graph of its steps did not compute what the steps do."),
    (another_kind(Stuck), "a CUDA graph of its steps did not compute what the steps do."),
    (
        another_kind(Broken),
        "a CUDA graph of its steps could not be replayed (CUDA error: invalid argument).",
    ),
]


@pytest.mark.parametrize("preset", ["auto", "paper"])
@pytest.mark.parametrize(("failure", "reason"), FAILURES)
def test_where_replaying_fails_the_run_is_as_if_it_had_not_been_tried_and_says_so(
    failure, reason, preset, recordings, monkeypatch
):
    tries = []

    def tried(work, generator):
        tries.append(1)
        return failure(work, generator)

    monkeypatch.setattr(cuda_graph, "record", tried)
    result = run(preset)
    assert tries == [1]
    assert len(result.warnings) == 1
    assert f"slower than it could be on this GPU, because {reason}" in result.warnings[0]
    assert "\n" not in result.warnings[0]
    plain = stepwise(preset)
    assert np.array_equal(result.denoised, plain.denoised)
    assert np.array_equal(result.inr, plain.inr)


def test_patches_that_were_halved_before_the_recording_are_replayed_as_they_are_then(
    recordings, monkeypatch
):
    forward = CompactUNet.forward

    def greedy(self, x):
        if self.training and x.requires_grad is False and x.shape[0] * x.shape[-1] ** 2 > 32**2:
            torch.empty(2**52, dtype=torch.uint8)
        return forward(self, x)

    monkeypatch.setattr(CompactUNet, "forward", greedy)
    settings = planned(patch_size=32, symmetries=1, **CHEAP)
    noisy = torch.from_numpy(NOISY.astype(np.float32)) / 30
    fit = BlindFit(noisy, torch.ones_like(noisy, dtype=torch.bool), settings)
    # As on a GPU, which takes all patches in one piece.
    fit.groups = lambda count: [slice(None)]
    trainer, replay = Trainer(fit.network, 20, 1e-3, 0.9), StepReplay(fit.generator, fit.compromises)
    loss = BlindLoss(fit)
    losses = [fit.learn(trainer, loss, replay).item() for _ in range(8)]
    assert fit.patches.most == 1
    assert replay.graph is not None
    assert len(set(losses)) == 8 and np.isfinite(losses).all()


@pytest.mark.parametrize("preset", ["auto", "paper"])
@pytest.mark.parametrize("abandoned", [False, True])
def test_what_was_recorded_dies_with_the_run(preset, abandoned, recordings):
    settings = Settings.from_preset(preset, **CHEAP | QUICK[preset])
    gc.collect()
    gc.disable()
    try:
        events = fit_plane(NOISY, settings)
        for event in events:
            if abandoned and isinstance(event, Step) and event.iteration == 10:
                assert any(reference() is not None for reference in recordings)
                break
        events.close()
        # Not only once the collector comes by.
        assert recordings and all(reference() is None for reference in recordings)
    finally:
        gc.enable()


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_a_run_of_replayed_steps_can_be_paused_and_stopped(preset, recordings, monkeypatch):
    monkeypatch.setattr("napari_blindspot.engine.run.REPORT_INTERVAL", 0.0)
    settings = Settings.from_preset(preset, **CHEAP | QUICK[preset])
    control, paused = Control(), 0
    for event in fit_plane(NOISY, settings, control=control):
        if isinstance(event, Step) and event.iteration == WARM_UP + 4:
            control.pause()
        if isinstance(event, Paused):
            paused += 1
            control.resume()
        if isinstance(event, Finished):
            assert np.array_equal(event.result.denoised, stepwise(preset).denoised)
    assert paused == 1
    control = Control()
    for event in fit_plane(NOISY, settings, control=control):
        if isinstance(event, Step) and event.iteration == WARM_UP + 4:
            control.stop()
        if isinstance(event, Finished):
            assert event.result.stopped
            assert event.result.iterations == WARM_UP + 4


@pytest.mark.parametrize(("name", "ceiling"), [("blind", 4), ("INR", 2), ("paper", 3)])
def test_beside_the_graph_a_replayed_step_starts_next_to_nothing(name, ceiling, recordings):
    step, _, _, replay = step_of(name, 0)
    for _ in range(WARM_UP + 1):
        step()

    class Nothing:
        def replay(self) -> None:
            pass

    replay.graph = Nothing()
    with Counting() as counting:
        step()
    # Where patches lie is drawn on the host.
    counting.kernels.pop("randint", None)
    assert counting.kernels.total() <= ceiling, counting.kernels
    assert not counting.waits


def test_patches_that_only_the_device_can_place_are_the_same_patches(monkeypatch):
    settings = Settings.from_preset("auto", patch_size=32, batch_size=9, seed=3)
    stack = torch.rand(1, 3, 50, 61)
    cut = []
    for kept in (False, True):
        monkeypatch.setattr(cuda_graph, "keeps_numbers", lambda device, kept=kept: kept)
        patches = Patches((50, 61), settings, 8, CPU)
        patches.place(9)
        cut.append(patches.cut(stack))
        patches.halve()
        patches.side = 16
        patches.place(9)
        cut.append(patches.cut(stack))
    assert cut[0].shape == (9, 3, 32, 32) and cut[1].shape == (4, 3, 16, 16)
    assert torch.equal(cut[0], cut[2])
    assert torch.equal(cut[1], cut[3])


@pytest.mark.parametrize("steps", [1, 2, 10, 40])
def test_both_forms_of_adam_have_the_same_schedule_and_take_the_same_steps(steps, monkeypatch):
    noisy = torch.zeros(16, 16)
    settings = planned(**CHEAP)
    finals = []
    for kept in (False, True):
        monkeypatch.setattr(cuda_graph, "keeps_numbers", lambda device, kept=kept: kept)
        fit = BlindFit(noisy, torch.ones_like(noisy, dtype=torch.bool), settings)
        inr = InrFit(noisy, fit.valid[0, 0], fit.fill[0, 0], settings, steps, fit.generator)
        trainer = Trainer(fit.network, steps, 1e-3, 0.9)
        assert isinstance(trainer.optimizer, DeviceAdam if kept else HostAdam)
        for optimizer, network in ((trainer.optimizer, fit.network), (inr.optimizer, inr.siren)):
            generator = torch.Generator().manual_seed(1)
            for _ in range(steps):
                optimizer.advance()
                for parameter in optimizer.parameters:
                    parameter.grad = torch.empty_like(parameter).normal_(generator=generator)
                optimizer.step()
            finals.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    for host, device in ((finals[0], finals[2]), (finals[1], finals[3])):
        assert torch.allclose(host, device, rtol=1e-5, atol=1e-6)


def test_only_nvidia_gpus_replay_and_not_where_the_environment_forbids_it(monkeypatch):
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.delenv("BLINDSPOT_CUDA_GRAPHS", raising=False)
    assert cuda_graph.possible(cuda)
    assert not cuda_graph.possible(CPU)
    assert cuda_graph.keeps_numbers(cuda) and not cuda_graph.keeps_numbers(CPU)
    monkeypatch.setenv("BLINDSPOT_CUDA_GRAPHS", "0")
    assert not cuda_graph.possible(cuda)
    monkeypatch.delenv("BLINDSPOT_CUDA_GRAPHS")
    monkeypatch.setattr(cuda_graph, "_failed", [object()])
    assert not cuda_graph.possible(cuda)
    monkeypatch.setattr(cuda_graph, "_failed", [])
    monkeypatch.setattr(torch.version, "cuda", None)
    assert not cuda_graph.possible(cuda)
