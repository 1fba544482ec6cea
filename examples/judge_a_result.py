"""Ask a result whether structure was removed, and how sure each pixel is."""

import numpy as np

from napari_blindspot import Notice, denoise, samples, sentence

sample = samples.two_photon((64, 64))
result = denoise(sample.noisy, "fast")

verdict = result.verdict
print(sentence(Notice(verdict.kind, verdict.values)))

within = np.abs(result.denoised - sample.truth) < 2 * result.uncertainty
print(f"{within.mean():.0%} of the pixels lie within two standard deviations of the truth")
