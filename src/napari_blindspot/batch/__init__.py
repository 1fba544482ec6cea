"""Many files: what there is to do, doing it, and saying what became of it; resumable at any moment.

A batch knows files and planes and nothing of screens; how a plane is denoised belongs to
`napari_blindspot.stack`, what is done with one file to `napari_blindspot.jobs`.
"""

from __future__ import annotations

from napari_blindspot.batch.items import Batch, Item, plan_batch
from napari_blindspot.batch.options import BatchOptions, Input
from napari_blindspot.batch.run import run_batch

__all__ = ["Batch", "BatchOptions", "Input", "Item", "plan_batch", "run_batch"]
