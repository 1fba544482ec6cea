"""What is said where the package that reads a format is not installed."""

from __future__ import annotations

import sys

import pytest

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import open_image

STARTS = {
    "CZI": (b"ZISRAWFILE", "pylibCZIrw.czi", "pylibCZIrw"),
    "LIF": (b"\x70\x00\x00\x00", "liffile", "liffile"),
    "ND2": (b"\xda\xce\xbe\x0a", "nd2", "nd2"),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_reader_that_is_not_installed_is_named_with_the_command_that_installs_it(
    tmp_path, monkeypatch, name
):
    start, module, package = STARTS[name]
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "cells.tif"  # the first bytes count, not the name
    path.write_bytes(start + bytes(100))
    with pytest.raises(FileError) as caught:
        open_image(path)
    assert str(caught.value).startswith(f"{name} needs the package {package}, which is not installed")
    assert str(caught.value).endswith('install it with: pip install "napari-blindspot[formats]".')
