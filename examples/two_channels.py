"""Write an image of two channels with its voxel size, denoise it, and keep what the file said."""

import numpy as np

from napari_blindspot import ImageFile, denoise_stack, open_image, samples, write_image
from napari_blindspot.files.spacing import Spacing

noisy = np.stack([samples.confocal((48, 48), seed).noisy for seed in (0, 1)])
pixel = Spacing(0.1, "µm")
image = ImageFile(noisy, "CYX", spacing={"Y": pixel, "X": pixel}, channel_names=("DAPI", "GFP"))
write_image("two_channels.ome.tif", image, lambda index: noisy[index], "uint16")

image = open_image("two_channels.ome.tif")
clean = denoise_stack(image.array, "fast", axes=image.axes).denoised
write_image("two_channels_clean.ome.tif", image, lambda index: clean[index], "float32")
print(open_image("two_channels_clean.ome.tif").channel_names)
