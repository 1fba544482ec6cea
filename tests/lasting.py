"""A fit that lasts, for the tests that interfere with one."""

from napari_blindspot import Settings


def lasting(iterations: int = 1_000_000) -> Settings:
    """Return the preset that takes as many steps as it is told on every plane, 100 in about a second."""
    return Settings.from_preset("paper", iterations=iterations, passes=1, unet_width=8, device="cpu")
