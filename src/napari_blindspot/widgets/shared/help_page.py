"""The pages of the documentation that the docks open, in a window that needs no network.

A wheel carries them in ``help``; in a checkout they are those of ``docs``. Pictures are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QTextBrowser

from napari_blindspot.core.errors import FileError
from napari_blindspot.widgets.shared.fields import button

if TYPE_CHECKING:
    from magicgui.widgets import PushButton
    from magicgui.widgets.bases import Widget
    from qtpy.QtGui import QTextBlock
    from qtpy.QtWidgets import QWidget

__all__ = ["HelpPage", "help_button"]

PACKAGE = Path(__file__).parents[2]
FOLDERS = (PACKAGE / "help", PACKAGE.parents[1] / "docs")

SIZE = (760, 680)


class HelpPage(QTextBrowser):  # type: ignore[misc]
    """Shows a page, and whatever it links to.

    Parameters
    ----------
    parent : QWidget
        With whose window it closes.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent.window())
        self.setWindowFlag(Qt.WindowType.Window)
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)
        self.resize(*SIZE)

    def open_page(self, name: str, heading: str = "") -> None:
        """Show a page at one of its headings.

        Parameters
        ----------
        name : str
            Such as ``napari``.
        heading : str
            Its text, or what a link has for it; the beginning of the page if there is none.

        Raises
        ------
        FileError
            If this installation has no such page.
        """
        self.setMarkdown(_read(name))
        title = self.document().firstBlock().text()
        self.setWindowTitle(f"napari-blindspot: {title}")
        self.show()
        self.raise_()
        # The page is laid out once it is shown.
        QTimer.singleShot(0, lambda: self.go_to(heading))

    def go_to(self, heading: str) -> None:
        """Scroll to a heading."""
        block = self.document().firstBlock()
        while block.isValid():
            if block.blockFormat().headingLevel() and _slug(block.text()) == _slug(heading):
                self.verticalScrollBar().setValue(self._top(block))
                return
            block = block.next()
        self.verticalScrollBar().setValue(0)

    def _top(self, block: QTextBlock) -> int:
        return int(self.document().documentLayout().blockBoundingRect(block).top())

    def _follow(self, url: QUrl) -> None:
        if url.scheme():
            QDesktopServices.openUrl(url)
            return
        name, heading = Path(url.path()).stem, url.fragment()
        if not name:
            self.go_to(heading)
            return
        if url.path() == f"{name}.md" and any((folder / f"{name}.md").is_file() for folder in FOLDERS):
            self.open_page(name, heading)


def help_button(beside: Widget, heading: str) -> PushButton:
    """Return a button that opens the page on napari at what a dock is about.

    Parameters
    ----------
    beside : Widget
        Of the dock, with whose window the page closes.
    heading : str
        Of the page.
    """
    made = button("Help", "How this is used, in a window; no network is needed.")
    shown: list[HelpPage] = []

    def open_it(_: object) -> None:
        if not shown:
            shown.append(HelpPage(beside.native))
        shown[0].open_page("napari", heading)

    made.changed.connect(open_it)
    return made


def _read(name: str) -> str:
    for folder in FOLDERS:
        path = folder / f"{name}.md"
        if path.is_file():
            text = re.sub(r"^ *!\[.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            return re.sub(r"\[([^\]]+)\]\(([^)#:]+\.md)[^)]*\)", _link_or_text, text)
    raise FileError(f"This installation lacks its page {name}.md; install napari-blindspot again.")


def _link_or_text(link: re.Match[str]) -> str:
    """Return a link as it is, or its text alone where this window cannot show the page."""
    there = any((folder / link[2]).is_file() for folder in FOLDERS) and "/" not in link[2]
    return link[0] if there else link[1]


def _slug(heading: str) -> str:
    """Return a heading as links name it."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))
