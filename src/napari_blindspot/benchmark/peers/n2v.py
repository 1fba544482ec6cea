"""Noise2Void as its makers ship it: CAREamics, trained on the one image that is to be denoised.

Krull, Buchholz, Jug, "Noise2Void" (CVPR 2019). Default U-Net and augmentations of CAREamics, patches of 64
pixels in batches of 16, as its own examples have them.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.benchmark.method_protocol import Method

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

__all__ = ["METHODS", "noise2void"]

METHODS = (Method("n2v", f"{__name__}:noise2void", place=30, needs=("careamics",), extra="bench-n2v"),)

EPOCHS, BATCHES_PER_EPOCH = 100, 100
"""10,000 batches in all."""

PATCH_SIDE, BATCH_SIZE = 64, 16
"""Side of a patch in pixels, and patches in a batch, as CAREamics' own examples have them."""


def noise2void(request: Request) -> Denoiser:
    """Return N2V with the request's device, seed and, if given, its number of iterations in one epoch."""
    if request.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is loaded: the trainer takes what it sees
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from careamics import CAREamist
    from careamics.config import create_n2v_config
    from lightning.pytorch import seed_everything

    epochs, steps = (EPOCHS, BATCHES_PER_EPOCH) if request.iterations is None else (1, request.iterations)

    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        seed_everything(request.seed, verbose=False)
        config = create_n2v_config(
            experiment_name="benchmark",
            data_type="array",
            axes="YX",
            patch_size=[PATCH_SIDE, PATCH_SIDE],
            batch_size=BATCH_SIZE,
            num_epochs=epochs,
            num_steps=steps,
            n_val_patches=1,
        )
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            careamist = CAREamist(config, work_dir=folder, enable_progress_bar=False)
            # An epoch sees each image about once, so one image alone would make epochs of a few batches.
            patches = max(1, image.shape[0] // PATCH_SIDE) * max(1, image.shape[1] // PATCH_SIDE)
            careamist.train(
                train_data=[np.asarray(image, np.float32)] * math.ceil(steps * BATCH_SIZE / patches)
            )
            predictions, _ = careamist.predict(np.asarray(image, np.float32))
        estimate: npt.NDArray[Any] = np.squeeze(predictions[0])
        return estimate

    return denoise
