"""The report's page: one HTML file with everything in it, readable without a network or scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from napari_blindspot.batch.thumbnail import Pictures
from napari_blindspot.words import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_blindspot.batch.plan import Batch, Item

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem; }
h1 { font-size: 1.3rem; margin: 0; }
p { margin: .3rem 0 1.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem .8rem .5rem 0; border-top: 1px solid #8884; }
th { border: 0; font-weight: 600; }
td.name { overflow-wrap: anywhere; min-width: 12rem; }
img { display: block; min-width: 160px; max-width: 224px; image-rendering: pixelated; }
.failed, .stopped { color: #c33; }
.done { color: #2a2; }
small { opacity: .7; display: block; }
pre { white-space: pre-wrap; }
"""


def page(batch: Batch, pictures: Mapping[int, Pictures]) -> str:
    """Return the page.

    Parameters
    ----------
    batch : Batch
        As it is now.
    pictures : mapping of int to Pictures
        For the items that have some, by their number.
    """
    from napari_blindspot import __version__

    rows = "\n".join(_row(item, pictures.get(n, Pictures())) for n, item in enumerate(batch.items))
    settings = escape(batch.options.settings.model_dump_json(indent=2))
    seconds = sum(item.seconds for item in batch.items)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Batch report: {escape(batch.options.output.name)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(str(batch.options.output))}</h1>
<p>{escape(batch.in_words)} · preset {escape(batch.options.settings.preset)} · \
{duration(seconds)} of computing · napari-blindspot {__version__}</p>
<table>
<tr><th>File</th><th>State</th><th>Image</th><th>Noise</th><th>Time</th><th>Noisy</th><th>Denoised</th></tr>
{rows}
</table>
<details><summary>Settings</summary><pre>{settings}</pre></details>
</body>
</html>
"""


def _row(item: Item, pictures: Pictures) -> str:
    shape = "×".join(str(side) for side in item.shape)
    image = f"{item.axes} {shape} {item.dtype}".strip()
    planes = f"<small>{item.finished} of {item.planes} planes</small>" if item.planes > 1 else ""
    notes = "".join(f"<small>{escape(text)}</small>" for text in (item.reason, *item.warnings) if text)
    cells = [
        f'<td class="name">{escape(item.source.name)}<small>{escape(str(item.source.parent))}</small></td>',
        f'<td><span class="{item.state}">{item.state}</span>{notes}</td>',
        f"<td>{escape(image)}{planes}</td>",
        f"<td>{escape(item.noise)}</td>",
        f"<td>{duration(item.seconds) if item.seconds else ''}</td>",
        f"<td>{_image(pictures.noisy, 'noisy')}</td>",
        f"<td>{_image(pictures.denoised, 'denoised')}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _image(url: str, what: str) -> str:
    return f'<img src="{url}" alt="{what}">' if url else ""
