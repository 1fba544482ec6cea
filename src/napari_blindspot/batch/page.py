"""The report's page: one HTML file with everything in it, readable without a network or scripts.

How it looks is in the template ``page.html.jinja``, which escapes all that it is given; what its cells hold
in `napari_blindspot.batch.columns`.
"""

from __future__ import annotations

import functools
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING

from napari_blindspot.batch.columns import COLUMNS
from napari_blindspot.batch.find import locate
from napari_blindspot.batch.thumbnail import Pictures
from napari_blindspot.core.words import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template

    from napari_blindspot.batch.items import Batch

__all__ = ["page"]

_TEMPLATE = "page.html.jinja"


@functools.cache
def _template() -> Template:
    """Compile the template, once: the page is written anew again and again."""
    from jinja2 import Environment

    text = resources.files("napari_blindspot.batch").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return Environment(autoescape=True, keep_trailing_newline=True).from_string(text)


def page(batch: Batch, pictures: Mapping[int, Pictures]) -> str:
    """Return the page.

    Parameters
    ----------
    batch : Batch
        As it is now.
    pictures : mapping of int to Pictures
        For the items that have some, by their number.
    """
    shown = [(column, column.html) for column in COLUMNS if column.html is not None]
    rows = [
        [(column, html(item, pictures.get(number, Pictures()))) for column, html in shown]
        for number, item in enumerate(batch.items)
    ]
    return _template().render(
        batch=batch,
        columns=[column for column, _ in shown],
        duration=duration(sum(item.seconds for item in batch.items)),
        failed=[(number, item) for number, item in enumerate(batch.items) if item.state == "failed"],
        folder=locate(batch.options.output),
        rows=rows,
        settings=batch.options.settings,
        version=version("napari-blindspot"),
    )
