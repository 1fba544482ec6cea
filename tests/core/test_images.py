"""Images of a result: those that a run gives, and those that are made of them."""

import numpy as np

from napari_blindspot import denoise
from napari_blindspot.core import images


def test_a_derived_image_is_part_of_every_result_of_its_dtype_and_shape(monkeypatch):
    def residual(plane, given):
        return (plane - given["denoised"]).astype(np.float32)

    kind = images.ImageKind("residual", "residual", "what was removed", derive=residual)
    monkeypatch.setitem(images.IMAGES, "residual", kind)
    noisy = np.random.default_rng(0).poisson(30, (32, 40))
    for image in (noisy, np.full((32, 40), 7)):
        result = denoise(image, "fast", device="cpu", iterations=2, refine_iterations=())
        assert list(result.images) == ["denoised", "inr", "residual"]
        assert np.array_equal(result.images["residual"], residual(image, result.images))
