"""The page that Help opens: at the right place, with links that are followed, without the network."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QUrl
from qtpy.QtWidgets import QWidget

from napari_blindspot.core.errors import FileError
from napari_blindspot.widgets.batch import BatchWidget
from napari_blindspot.widgets.shared.help_page import HelpPage


@pytest.fixture
def page(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    page = HelpPage(parent)
    yield page
    page.close()


def is_seen(page, heading: str) -> bool:
    """Whether a heading of a page lies in the window."""
    block = page.document().firstBlock()
    while block.isValid():
        if block.blockFormat().headingLevel() and block.text() == heading:
            top = page.document().documentLayout().blockBoundingRect(block).top()
            return 0 <= top - page.verticalScrollBar().value() < page.viewport().height()
        block = block.next()
    return False


def test_help_opens_the_page_at_the_dock_that_asks(bare_viewer, qtbot):
    batch = BatchWidget(bare_viewer)
    qtbot.addWidget(batch.native)
    help_ = next(child for child in batch[-1] if child.text == "Help")
    help_.native.click()
    (page,) = batch.native.window().findChildren(HelpPage)
    qtbot.waitUntil(lambda: is_seen(page, "Batch denoise"), timeout=5000)
    assert page.verticalScrollBar().value() > 0
    assert page.isVisible() and page.windowTitle() == "napari-blindspot: Denoise in napari"
    # The same window is used again.
    help_.native.click()
    assert batch.native.window().findChildren(HelpPage) == [page]
    batch.closed()


def test_links_lead_to_other_pages_and_to_headings(page, qtbot):
    page.open_page("napari")
    qtbot.waitUntil(lambda: is_seen(page, "Denoise in napari"), timeout=5000)
    page._follow(QUrl("batch.md#one-model-for-all-files"))
    qtbot.waitUntil(lambda: is_seen(page, "One model for all files"), timeout=5000)
    page._follow(QUrl("#job-files"))
    assert is_seen(page, "Job files")
    assert "![" not in page.toPlainText()
    # A page that only the site has is no link here.
    page.open_page("napari")
    assert "A tour has a picture of each step" in page.toPlainText()
    assert "tour.md" not in page.toHtml()


def test_a_page_that_is_not_there_is_said(page):
    with pytest.raises(FileError, match=r"lacks its page nothing\.md"):
        page.open_page("nothing")
