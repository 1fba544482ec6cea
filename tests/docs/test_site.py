"""The site has all pages, and its sentences about errors are those of the program."""

from __future__ import annotations

import ast
import re

import yaml
from pages import PAGES, ROOT

SOURCE = ROOT / "src" / "napari_blindspot"


class _Site(yaml.SafeLoader):
    """Reads mkdocs.yml, whose tags name functions of Python."""


_Site.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def pages_in(navigation: object) -> list[str]:
    if isinstance(navigation, str):
        return [navigation]
    entries = navigation.values() if isinstance(navigation, dict) else navigation
    return [page for entry in entries for page in pages_in(entry)]


def test_every_page_is_in_the_navigation_once():
    site = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Site)
    assert sorted(f"docs/{page}" for page in pages_in(site["nav"])) == PAGES


def sentences_of_the_program() -> str:
    """Return all texts of the source, with … where a value is put in."""
    texts = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                texts.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def test_the_sentences_that_troubleshooting_quotes_are_said_by_the_program():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    said = sentences_of_the_program()
    quoted = re.findall(r'"([^"\n]{12,})"', re.sub(r"`[^`\n]*`", "", page))
    assert len(quoted) > 30
    parts = [part.strip() for sentence in quoted for part in sentence.split("…")]
    assert [part for part in parts if part not in said] == []
