"""The scripts in examples/ run, and each is shown on the page of examples."""

from __future__ import annotations

import runpy

import pytest
from pages import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_runs_and_says_something(script, tmp_path, monkeypatch, capsys, quick_presets):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_every_example_is_shown_on_the_page_of_examples():
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert EXAMPLES
    assert [script.name for script in EXAMPLES if f"examples/{script.name}" not in page] == []
