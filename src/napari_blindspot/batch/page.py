"""The report's page: one HTML file with everything in it, readable without a network or scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from napari_blindspot.batch.find import locate
from napari_blindspot.batch.thumbnail import Pictures
from napari_blindspot.core.words import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_blindspot.batch.items import Batch, Item

__all__ = ["page"]

_COLUMNS = ("File", "State", "Image", "Noise", "Time", "Noisy", "Denoised")

_STYLE = """
:root {
  color-scheme: light dark;
  --line: #8886; --faint: #555; --good: #1b6e1b; --bad: #b3261e; --open: #7a5300;
}
@media (prefers-color-scheme: dark) {
  :root { --faint: #b0b0b0; --good: #79d279; --bad: #ff9a8f; --open: #f0c060; }
}
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem; }
h1, p, tbody th, .state { overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; margin: 0; }
p { margin: .3rem 0 0; }
a { color: inherit; }
table { border-collapse: collapse; width: 100%; margin: 1.2rem 0; }
th, td {
  text-align: left; vertical-align: top; padding: .5rem .8rem .5rem 0; border-top: 1px solid var(--line);
}
thead th { border: 0; }
tbody th { font-weight: inherit; width: 28%; }
.state { width: 24%; }
.noise { min-width: 8.5rem; }
.whole { white-space: nowrap; }
img { display: block; width: 160px; image-rendering: pixelated; }
.done { color: var(--good); }
.failed { color: var(--bad); }
.stopped { color: var(--open); }
small { color: var(--faint); display: block; }
:target { outline: 2px solid var(--bad); }
pre { white-space: pre-wrap; }
@media (max-width: 68rem) {
  body { margin: 1rem; }
  table, tbody, tbody th, td { display: block; }
  thead { display: none; }
  tr {
    display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .2rem 1rem;
    padding: .8rem 0; border-top: 1px solid var(--line);
  }
  tbody th, td, .state { border: 0; padding: 0; width: auto; grid-column: 1 / -1; }
  td:empty { display: none; }
  td[data-what]::before { content: attr(data-what) ": "; color: var(--faint); }
  td.picture { grid-column: auto; }
  img { width: 100%; max-width: 224px; }
}
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

    rows = "\n".join(_row(n, item, pictures.get(n, Pictures())) for n, item in enumerate(batch.items))
    settings = escape(batch.options.settings.model_dump_json(indent=2))
    seconds = sum(item.seconds for item in batch.items)
    folder = locate(batch.options.output)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Batch report: {escape(folder.name)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Batch report: {escape(str(folder))}</h1>
<p>{escape(batch.in_words)} · preset {escape(batch.options.settings.preset)} · \
{duration(seconds)} of computing · napari-blindspot {__version__}</p>
{_failures(batch)}<table>
<thead><tr>{"".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
<details><summary>Settings</summary><pre>{settings}</pre></details>
</body>
</html>
"""


def _failures(batch: Batch) -> str:
    """Lead from the top of a long page to what has gone wrong."""
    links = [
        f'<a href="#file-{number}">{escape(item.source.name)}</a>'
        for number, item in enumerate(batch.items)
        if item.state == "failed"
    ]
    return f'<p class="failed">Failed: {", ".join(links)}</p>\n' if links else ""


def _row(number: int, item: Item, pictures: Pictures) -> str:
    shape = "×".join(str(side) for side in item.shape)
    planes = f", {item.finished} of {item.planes} planes" if item.planes > 1 else ""
    image = f"{item.axes} {shape}<small>{item.dtype}{planes}</small>" if shape else ""
    warnings = "".join(f"<small>{escape(text)}</small>" for text in item.warnings)
    name, folder = escape(item.source.name), escape(str(item.source.parent))
    cells = [
        f'<th scope="row">{name}<small>{folder}</small></th>',
        f'<td class="state"><span class="{item.state}">{item.state}</span>'
        f"{f'<br>{escape(item.reason)}' if item.reason else ''}{warnings}</td>",
        f'<td class="whole">{image}</td>',
        f'<td data-what="Noise" class="noise">{escape(item.noise)}</td>',
        f'<td data-what="Time" class="whole">{duration(item.seconds) if item.seconds else ""}</td>',
        f'<td data-what="Noisy" class="picture">{_image(pictures.noisy, f"{name}, noisy")}</td>',
        f'<td data-what="Denoised" class="picture">{_image(pictures.denoised, f"{name}, denoised")}</td>',
    ]
    return f'<tr id="file-{number}">{"".join(cells)}</tr>'


def _image(url: str, what: str) -> str:
    return f'<img src="{url}" alt="{what}">' if url else ""
