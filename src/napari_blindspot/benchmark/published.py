"""What others have published, kept apart from what was measured here: mostly on FMDD's raw test images.

The 48 raw images of ``test_mix``, 512×512. Re-runs of one method differ by 1-1.5 dB between papers, and
SSIM by the toolbox, so these rows are for orientation only.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ABLATIONS", "AWGN25_BSD68", "COMPLEXITY", "FMDD", "Published", "PublishedCost"]


@dataclass(frozen=True, slots=True)
class Published:
    """A figure from the literature.

    Attributes
    ----------
    method : str
    psnr : float
        dB.
    ssim : float or None
        None where the source gives none.
    source : str
        Who published the figure, which need not be who invented the method.
    """

    method: str
    psnr: float
    ssim: float | None
    source: str


@dataclass(frozen=True, slots=True)
class PublishedCost:
    """What a method costs on an image of 256 by 256 pixels, by the literature.

    Attributes
    ----------
    method : str
    seconds : float
        On an NVIDIA 3090.
    parameters : float
        Millions.
    gmacs : float
        Billions of multiply-adds of one forward pass; the paper calls them FLOPs.
    """

    method: str
    seconds: float
    parameters: float
    gmacs: float


_PAPER = "Quan et al., CVPR 2025, Table 1"

_FMD = "Zhang et al., CVPR 2019 (FMD), authors' scripts"

FMDD: tuple[Published, ...] = (
    Published("BM3D", 30.06, 0.771, _PAPER),
    Published("DIP", 32.90, 0.854, _PAPER),
    Published("Self2Self", 30.76, 0.695, _PAPER),
    Published("PD-denoising", 33.01, 0.856, _PAPER),
    Published("NN+BM3D", 32.21, 0.831, _PAPER),
    Published("APBSN-single", 28.43, 0.804, _PAPER),
    Published("ScoreDVI", 33.10, 0.865, _PAPER),
    Published("MASH", 33.71, 0.882, _PAPER),
    Published("implicit neural sampling (this method)", 33.95, 0.885, _PAPER),
    Published("CVF-SID, trained on FMD", 32.73, 0.843, _PAPER),
    Published("APBSN, trained on FMD", 31.99, 0.836, _PAPER),
    Published("VST + NLM", 31.25, None, _FMD),
    Published("PURE-LET", 31.95, None, _FMD),
    Published("VST + BM3D", 32.71, None, _FMD),
    Published("ZS-N2N", 31.65, 0.767, "DMID and NLR papers"),
    Published("Pixel2Pixel", 33.26, 0.830, "NLR paper; another source has 32.34"),
    Published("Pixel Refilling", 33.47, 0.882, "NLR paper"),
    Published("ZS-HPD", 32.54, 0.830, "ZS-HPD paper"),
)
"""Mean over the 48 images."""

AWGN25_BSD68: tuple[Published, ...] = (
    Published("BM3D", 28.56, 0.801, "Quan et al., CVPR 2025, supplement, Table 2"),
    Published("Self2Self", 28.70, 0.803, "Quan et al., CVPR 2025, supplement, Table 2"),
    Published("this method, p0 = 0.5", 27.51, 0.712, "Quan et al., CVPR 2025, Table 3"),
    Published("this method, p0 = 0.3", 27.13, 0.683, "Quan et al., CVPR 2025, Table 3"),
    Published("this method, p0 = 0.1", 26.81, 0.677, "Quan et al., CVPR 2025, Table 3"),
    Published("this method, p0 = 0.05", 26.74, 0.676, "Quan et al., CVPR 2025, Table 3"),
)
"""σ = 25 on the 68 grayscale images of BSD68."""

ABLATIONS: tuple[Published, ...] = (
    Published("p0 = 0.5", 34.84, 0.849, "Table 3"),
    Published("p0 = 0.3", 35.02, 0.857, "Table 3"),
    Published("p0 = 0.1", 35.31, 0.868, "Table 3"),
    Published("p0 = 0.05", 35.25, 0.866, "Table 3"),
    Published("L_dn", 29.13, 0.567, "Table 4"),
    Published("L_dn + L_inr", 34.75, 0.849, "Table 4"),
    Published("L_dn + L_mc", 35.14, 0.857, "Table 4"),
    Published("L_dn + L_inr + L_mc", 35.31, 0.868, "Table 4"),
    Published("without dilation", 35.27, 0.866, "Table 5"),
    Published("dilation = 1", 35.29, 0.866, "Table 5"),
    Published("dilation = 2", 35.31, 0.868, "Table 5"),
    Published("dilation = 3", 35.25, 0.865, "Table 5"),
)
"""The paper's ablations on the validation images of SIDD."""

COMPLEXITY: tuple[PublishedCost, ...] = (
    PublishedCost("DIP", 48.7, 13.4, 31.06),
    PublishedCost("Self2Self", 1182, 1.0, 9.55),
    PublishedCost("PD-denoising", 0.12, 0.7, 46.94),
    PublishedCost("NN+BM3D", 299.2, 13.4, 31.06),
    PublishedCost("APBSN-single", 40.47, 3.66, 234.63),
    PublishedCost("ScoreDVI", 27.07, 13.5, 37.87),
    PublishedCost("MASH", 25.11, 0.99, 11.44),
    PublishedCost("implicit neural sampling (this method)", 25.96, 1.0, 11.82),
)
"""The paper's Table 2."""
