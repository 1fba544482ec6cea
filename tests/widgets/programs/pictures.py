"""Takes the pictures of the documentation, in one program; the command line is that of each script."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "docs"))

import batch_screenshots
import inspect_screenshots
import screenshots
import tour_screenshots

for script in (screenshots, batch_screenshots, tour_screenshots, inspect_screenshots):
    script.main()
