"""``python -m napari_blindspot.pretraining white FOLDER`` makes the weights for white noise anew."""

from __future__ import annotations

import time
from pathlib import Path  # noqa: TC003 (typer reads the annotations at run time)
from typing import Annotated

import typer

from napari_blindspot.method.weights import NoiseKind, take_weights, write_pretrained
from napari_blindspot.pretraining.train import train
from napari_blindspot.settings import PRETRAINED_WIDTH


def make_weights(
    noise: Annotated[NoiseKind, typer.Argument(help="Kind of noise.")],
    folder: Annotated[Path, typer.Argument(help="Where the weights are written.")],
    iterations: Annotated[int, typer.Option(min=2, help="Iterations of the training.")] = 50_000,
    planes: Annotated[int, typer.Option(min=1, help="Synthetic planes to draw patches from.")] = 1500,
) -> None:
    """Train the denoiser on synthetic planes."""
    folder.mkdir(parents=True, exist_ok=True)
    start, recent = time.perf_counter(), []

    def report(iteration: int, loss: float) -> None:
        recent.append(loss)
        if iteration % 1000 == 0:
            mean = sum(recent) / len(recent)
            recent.clear()
            typer.echo(f"{iteration} of {iterations}: loss {mean:.4f}, {time.perf_counter() - start:.0f} s")

    network = train(noise, PRETRAINED_WIDTH, iterations, planes, report)
    write_pretrained(take_weights({"": network}), folder, noise)


if __name__ == "__main__":
    typer.run(make_weights)
