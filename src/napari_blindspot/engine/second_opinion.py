"""The estimate of a plane that has neighbours, improved by a filter over all of them.

The network estimates the neighbours as it has estimated the plane, and a Wiener filter in windows
(`napari_blindspot.engine.window_filter`) goes over them together. How far it is to be trusted is measured:
noise is put on the plane, both opinions are formed again, and compared with the plane less a multiple of
that noise. The noise of these two planes is independent, so that the comparison ranks opinions as the truth
would (Recorrupted-to-Recorrupted; Pang et al., CVPR 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.fusion import local_sigma
from napari_blindspot.engine.neighbour_choice import busiest_part
from napari_blindspot.engine.networks import step_of
from napari_blindspot.engine.refinement import wrapped
from napari_blindspot.engine.window_filter import coefficient_variances, window_filter

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from torch import nn

    from napari_blindspot.core.events import Event
    from napari_blindspot.engine.estimate import Estimate
    from napari_blindspot.engine.networks import Networks
    from napari_blindspot.engine.run import RunInput
    from napari_blindspot.engine.tiling import Input
    from napari_blindspot.settings import MeasuredSettings

    Run = RunInput[MeasuredSettings]

__all__ = ["consult"]

MORE_NOISE = 0.5
"""Standard deviation of the noise that is put on for the comparison, relative to the plane's."""

NOISE_SHARE = 0.7
"""Variance of the noise that the filter takes off, relative to the measured one: the first estimate lacks a
part of the structure, not of the noise."""

USUAL_TRUST, DOUBT = 0.5, 0.35
"""Trust in the filter before anything is compared, and its standard deviation. Conventions."""


def consult(run: Run, networks: Networks, estimate: Estimate) -> Generator[Event, None, Estimate]:
    """Improve the estimate of a plane that has neighbours by a filter over all of them."""
    watch = run.watch
    if not networks.neighbours or watch.interrupted:
        return estimate
    opinions = _improvements(networks, estimate)
    while True:
        with watch.clock.phase("filter over the planes"):
            improved = next(opinions)
        if improved is not None:
            return improved
        if watch.interrupted:
            return estimate
        if networks.losses.done and watch.report_due():
            yield step_of(run, networks)
        yield from watch.wait_while_paused(networks.losses.done)


@dataclass(frozen=True, slots=True)
class _Planes:
    """Planes that lie over each other, (K, Y, X), and which of them is the one at work."""

    noisy: torch.Tensor
    known: torch.Tensor
    """(K, Y, X) bool, where they have values."""
    slots: list[int]
    """Place of each before or after the plane at work, which has 0."""

    @property
    def middle(self) -> int:
        """Number of the plane at work."""
        return self.slots.index(0)

    def with_plane(self, plane: torch.Tensor) -> _Planes:
        """Return the same with another image, (Y, X), of the plane at work."""
        noisy = self.noisy.clone()
        noisy[self.middle] = plane
        return replace(self, noisy=noisy)

    def part(self, where: tuple[slice, slice]) -> _Planes:
        """Return a part of all planes."""
        return replace(self, noisy=self.noisy[:, *where], known=self.known[:, *where])


@torch.no_grad()
def _improvements(networks: Networks, estimate: Estimate) -> Generator[Estimate | None, None, None]:
    """Improve an estimate, in as many steps as the planes ask for.

    Yields
    ------
    None or Estimate
        None after each plane that was estimated, and the improved estimate at last.
    """
    fit = networks.fit
    planes = _planes_of(networks)
    sigma = local_sigma(fit.noisy, estimate.image, fit.valid, networks.sigma, estimate.uneven)[0, 0]
    measured = networks.restoration.correlation
    correlation = None if measured is None else torch.from_numpy(measured).to(torch.float64)
    variances = NOISE_SHARE * coefficient_variances(correlation, fit.device)
    own = estimate.image[0, 0]
    filtered = yield from _opinion(networks, estimate.refined, planes, own, sigma, variances)
    trust = yield from _trust_in_filter(networks, estimate, planes, sigma, variances, correlation)
    image = own + trust * (filtered - own)
    yield replace(estimate, image=image[None, None], trust=trust)


def _trust_in_filter(
    networks: Networks,
    estimate: Estimate,
    planes: _Planes,
    sigma: torch.Tensor,
    variances: torch.Tensor,
    correlation: torch.Tensor | None,
) -> Generator[None, None, float]:
    """Return the share of the filter's opinion that is best where more noise is put on, in [0, 1]."""
    fit = networks.fit
    where = busiest_part(networks.measurement.stabilised)
    noisy, sigma, valid = fit.noisy[0, 0][where], sigma[where], fit.valid[0, 0][where]
    noise = sigma * _noise_like(noisy, correlation, fit.generator)
    noisier = planes.part(where).with_plane(noisy + MORE_NOISE * noise)
    own = next(_estimates(networks, estimate.refined, noisier, [noisier.middle]))
    yield None
    more = sigma * (1 + MORE_NOISE**2) ** 0.5
    filtered = yield from _opinion(networks, estimate.refined, noisier, own, more, variances)
    slope = networks.restoration.slope(estimate.image[0, 0][where])
    return _trust(filtered - own, noisy - noise / MORE_NOISE - own, sigma, slope, valid)


def _planes_of(networks: Networks) -> _Planes:
    fit = networks.fit
    half = fit.neighbours.shape[1] // 2
    slots = [*range(-half, 0), *range(1, half + 1)]
    there = [n for n in range(2 * half) if bool(fit.neighbours[0, n].isfinite().any())]
    before = sum(slots[n] < 0 for n in there)
    planes = [fit.neighbours[0, n] for n in there]
    planes.insert(before, torch.where(fit.valid, fit.noisy, torch.nan)[0, 0])
    noisy = torch.stack(planes)
    places = [slots[n] for n in there]
    places.insert(before, 0)
    return _Planes(noisy, noisy.isfinite(), places)


def _opinion(
    networks: Networks,
    network: nn.Module,
    planes: _Planes,
    own: torch.Tensor,
    sigma: torch.Tensor,
    variances: torch.Tensor,
) -> Generator[None, None, torch.Tensor]:
    """Return what the filter makes of the plane at work, whose estimate is `own`, (Y, X)."""
    others = [number for number in range(len(planes.slots)) if number != planes.middle]
    pilots = []
    for estimate in _estimates(networks, network, planes, others):
        pilots.append(estimate)
        yield None
    pilots.insert(planes.middle, own)
    pilot = torch.stack(pilots)
    noisy = torch.where(planes.known, planes.noisy, pilot)
    return window_filter(noisy, pilot, sigma, variances)[planes.middle]


def _estimates(
    networks: Networks, network: nn.Module, planes: _Planes, numbers: Sequence[int]
) -> Iterator[torch.Tensor]:
    """Give what the network makes of some of the planes, (Y, X) each, with the others beside it."""
    inputs = (_input(networks, planes, number) for number in numbers)
    for estimate in networks.fit.apply_to_all(network, inputs):
        yield estimate[0, 0]


def _input(networks: Networks, planes: _Planes, number: int) -> Input:
    """Return one of the planes, where it has values, and the others beside it."""
    fit = networks.fit
    half = fit.neighbours.shape[1] // 2
    beside = planes.noisy.new_full((1, 2 * half, *planes.noisy.shape[1:]), torch.nan)
    for other, place in enumerate(planes.slots):
        step = place - planes.slots[number]
        if 0 < abs(step) <= half:
            beside[0, half + step - (step > 0)] = planes.noisy[other]
    known = planes.known[number][None, None]
    image = torch.where(known, planes.noisy[number], 0.0)
    return image, known, beside


def _noise_like(
    plane: torch.Tensor, correlation: torch.Tensor | None, generator: torch.Generator
) -> torch.Tensor:
    """Draw noise of standard deviation 1, (Y, X), correlated as the plane's."""
    white = torch.randn(plane.shape, device=plane.device, generator=generator)
    if correlation is None:
        return white
    height, width = plane.shape
    kernel = wrapped(correlation, (height, width)).to(plane.device)
    power = torch.fft.rfft2(kernel).real.clamp_min(0)
    shaped: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * power.sqrt(), plane.shape)
    return shaped / shaped.std()


def _trust(
    step: torch.Tensor, wanted: torch.Tensor, sigma: torch.Tensor, slope: torch.Tensor, valid: torch.Tensor
) -> float:
    """Return which share of a step makes the least squared error of intensities, in [0, 1].

    Parameters
    ----------
    step : Tensor
        (Y, X), from the network's opinion to the filter's, stabilised.
    wanted : Tensor
        (Y, X), from there to the judge.
    sigma : Tensor
        (Y, X), standard deviation of the plane's noise.
    slope : Tensor
        (Y, X), how much larger a difference is in intensities.
    valid : Tensor
        (Y, X) bool.
    """
    step, wanted = (slope * step)[valid], (slope * wanted)[valid]
    power = float((step**2).sum())
    if power == 0.0:
        return USUAL_TRUST
    best = float((wanted * step).sum()) / power
    noise = (slope * sigma)[valid] * (1 + 1 / MORE_NOISE**2) ** 0.5
    chance = float(((step * noise) ** 2).sum()) / power**2
    certain = DOUBT**2 / (DOUBT**2 + chance)
    return min(max(USUAL_TRUST + certain * (best - USUAL_TRUST), 0.0), 1.0)
