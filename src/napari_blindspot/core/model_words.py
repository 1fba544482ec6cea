"""What the notices about models say; the other notices are in `napari_blindspot.core.words`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MODEL_NOTICES"]


def _contrast_unlike_model(v: dict[str, Any]) -> str:
    more = "more" if v["more"] else "less"
    return (
        f"This plane varies {v['factor']:.1f} times {more} in units of its noise than the one that the "
        "model was fitted to: compare with a fit of its own."
    )


MODEL_NOTICES: dict[str, Callable[[dict[str, Any]], str]] = {
    "contrast-unlike-model": _contrast_unlike_model,
    "correlation-unlike-model": lambda v: (
        f"The noise of next pixels correlates by {v['here']:.2f} here, but by {v['there']:.2f} in the "
        "plane that the model was fitted to, so that a fit of its own is better."
    ),
}
"""By kind."""
