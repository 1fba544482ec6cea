"""Sample the INR four times as finely as the pixels, and find where its gradient is steepest."""

import numpy as np

from napari_blindspot import fit, samples

model = fit(samples.confocal((64, 64)).noisy, "fast")
fine = model.sample(zoom=4, region=(0, 0, 16, 16))
steepness, direction = model.inr.sample_gradient(4)
row, column = np.unravel_index(np.argmax(steepness.values), steepness.values.shape)
print(f"{fine.values.shape} samples, {fine.step} pixels apart")
print(f"steepest near y = {row / 4:.2f}, x = {column / 4:.2f} pixels")
