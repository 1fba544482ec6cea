"""The pages of the documentation: their blocks, and which are not run, with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))

SIDE = 24
"""Pixels along each side of the planes that blocks are run on."""

_BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- not run: (?P<reason>[^\n]+?) -->\n *)?"
    r"```(?P<language>\w+)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of a page: its language, its text, the line that it starts in, and why it is not run."""

    page: str
    language: str
    text: str
    line: int
    reason: str | None

    @property
    def commands(self) -> list[str]:
        """The commands of napari-blindspot in it, without comments."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        commands = (re.sub(r"\s+#.*", "", line).strip() for line in lines)
        return [command for command in commands if command.startswith("napari-blindspot ")]


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(
            page,
            found["language"],
            re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            text.count("\n", 0, found.start("text")) + 1,
            found["reason"],
        )
        for found in _BLOCK.finditer(text)
    ]
