"""Measure the gain and the read noise of a camera from one image, without a fit."""

from napari_blindspot import estimate_noise, samples

sample = samples.confocal((128, 128))
noise = estimate_noise(sample.noisy)
print(f"gain: {noise.gain:.1f} (truly {sample.gain:.1f}) grey values per photon")
print(f"standard deviation at 100 grey values: {max(noise.gain * 100 + noise.offset, 0) ** 0.5:.1f}")
