"""Denoise a folder of files, and read the table of what became of each."""

import csv
from pathlib import Path

from napari_blindspot import ImageFile, Settings, samples, write_image
from napari_blindspot.batch import BatchOptions, plan_batch, run_batch

Path("data").mkdir(exist_ok=True)
for seed in (0, 1):
    image = ImageFile(samples.confocal((48, 48), seed).noisy, "YX")
    write_image(f"data/cells_{seed}.ome.tif", image, image.array.__getitem__, "uint16")

options = BatchOptions(output="results", settings=Settings.from_preset("fast"), existing="overwrite")
for _ in run_batch(plan_batch(["data"], options)):
    pass
with Path("results/batch_report.csv").open(encoding="utf-8-sig") as table:
    for row in csv.DictReader(table):
        print(Path(row["file"]).name, row["state"])
