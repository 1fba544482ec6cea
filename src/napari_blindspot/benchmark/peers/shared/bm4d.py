"""BM4D on a stack, for its time: the noise of one plane is measured, as for BM3D.

The filter is its authors' package ``bm4d`` (Mäkinen, Marchesini, Foi, "Ring Artifact and Poisson Noise
Attenuation via Volumetric Multiscale Nonlocal Collaborative Filtering of Spatially Correlated Noise", J.
Synchrotron Radiation 2022), free for non-commercial research. How good it is stands in
`napari_blindspot.benchmark.stacks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.benchmark.method_protocol import Method
from napari_blindspot.benchmark.planes_alike import planes_alike
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.estimate import estimate_noise

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

__all__ = ["BM4D", "bm4d_between", "filtered_stack"]

BM4D = Method("bm4d", f"{__name__}:filtered_stack", needs=("bm4d",))


def filtered_stack(request: Request) -> Denoiser:
    """Return a function that filters planes like the image and gives back the first of them.

    ``length`` in the overrides is the number of planes.
    """
    import bm4d  # noqa: F401 (its import must not be timed)

    length = request.overrides["length"]

    def filtered(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        planes = planes_alike(image, length)
        first: npt.NDArray[np.float64] = bm4d_between(Anscombe.of(estimate_noise(planes[0])), planes)[0]
        return first

    return filtered


def bm4d_between(stabiliser: Anscombe, planes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return planes, (N, Y, X), denoised by BM4D between a transform and its inverse."""
    import bm4d

    return stabiliser.inverse(bm4d.bm4d(stabiliser.forward(planes), 1.0))
