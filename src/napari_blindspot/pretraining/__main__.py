"""``python -m napari_blindspot.pretraining white FOLDER`` makes the weights for white noise anew."""

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003 (typer reads the annotations at run time)
from typing import TYPE_CHECKING, Annotated

import torch
import typer

from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.weights import NoiseKind, read_pretrained, take_weights, write_pretrained
from napari_blindspot.pretraining.batches import Draws
from napari_blindspot.pretraining.plane_patches import PlanePatches
from napari_blindspot.pretraining.stack_patches import StackPatches
from napari_blindspot.pretraining.train import train
from napari_blindspot.settings import MOST_NEIGHBOURS, PRETRAINED_WIDTH

if TYPE_CHECKING:
    from napari_blindspot.pretraining.batches import Source

app = typer.Typer(add_completion=False)

PLANE_RATE, STACK_RATE, FURTHER_RATE = 3e-3, 2e-3, 1.5e-3
"""Peaks of the learning rate: from random weights, from those of the planes, and from those of stacks."""

STACKS_OF_A_SEED = 1_000_000
"""Numbers of stacks between those of two seeds, so that another seed sees other stacks."""

SAVE_EVERY = 1000
"""Iterations between two states of the weights on the disk."""


@app.command()
def make_weights(
    noise: Annotated[NoiseKind, typer.Argument(help="Kind of noise.")],
    folder: Annotated[Path, typer.Argument(help="Where the weights are written.")],
    stacks: Annotated[
        bool, typer.Option(help="Weights that look at neighbouring planes, from those that do not.")
    ] = False,
    further: Annotated[
        bool, typer.Option(help="With --stacks, from the package's weights for stacks instead.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="For everything random.")] = 0,
    iterations: Annotated[int | None, typer.Option(min=2, help="Iterations of the training.")] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="Planes or stacks to draw patches from.")
    ] = None,
) -> None:
    """Train the denoiser on synthetic planes or stacks."""
    if further and not stacks:
        raise typer.BadParameter("--further goes on from weights for stacks: give --stacks too.")
    folder.mkdir(parents=True, exist_ok=True)
    start, recent = time.perf_counter(), []
    generator = torch.Generator().manual_seed(seed)
    network = CompactUNet(2 * MOST_NEIGHBOURS if stacks else 0, PRETRAINED_WIDTH, generator)
    draws = Draws(generator, correlated=noise == "correlated")
    source: Source
    if stacks:
        # What looks at neighbours begins at nothing; the rest begins with what the planes have taught.
        known = read_pretrained(noise, stacks=further)
        network.load_state_dict({n: torch.from_numpy(w) for n, w in known.items()}, strict=further)
        stacks_of = StackPatches(draws, images or 400, MOST_NEIGHBOURS, first=STACKS_OF_A_SEED * seed)
        iterations, source = iterations or 20_000, stacks_of
        rate = FURTHER_RATE if further else STACK_RATE
    else:
        iterations, source = iterations or 50_000, PlanePatches(draws, images or 1500)
        rate = PLANE_RATE

    def save(trained: CompactUNet) -> None:
        write_pretrained(take_weights({"": trained}), folder, noise, stacks=stacks)

    def report(iteration: int, loss: float, mean: CompactUNet) -> None:
        recent.append(loss)
        if iteration % SAVE_EVERY == 0:
            average = sum(recent) / len(recent)
            recent.clear()
            typer.echo(
                f"{iteration} of {iterations}: loss {average:.4f}, {time.perf_counter() - start:.0f} s"
            )
            save(mean)

    save(train(network, source, iterations, rate, report))


if __name__ == "__main__":
    app()
