"""Many files: what there is to do, doing it, and saying what became of it; resumable at any moment.

A batch knows files and planes and nothing of screens; how a plane is denoised belongs to
`napari_blindspot.stack`, how a file is read and written to the readers and writers.
"""

from __future__ import annotations

from napari_blindspot.batch.items import Batch, Item, plan_batch
from napari_blindspot.batch.options import BatchOptions, Input
from napari_blindspot.batch.run import run_batch
from napari_blindspot.core.batch_control import BatchControl

__all__ = ["Batch", "BatchControl", "BatchOptions", "Input", "Item", "plan_batch", "run_batch"]
