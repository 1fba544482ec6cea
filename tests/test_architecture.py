"""The house plan, held: arrows point down, no circles, files that are read in one sitting."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_blindspot"
MOST_LINES = 400
MARK = "mark." + "endurance"


def fences() -> dict:
    """Return what pyproject.toml tells import-linter."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]


def test_arrows_between_the_rooms_point_down_only():
    command = (
        "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    )
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(fences()['contracts'])} kept, 0 broken." in done.stdout


def test_no_modules_import_each_other_in_a_circle_not_even_for_their_types():
    graph = grimp.build_graph("napari_blindspot", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    for contract in fences()["contracts"]:
        for arrow in contract.get("ignore_imports", ()):
            importer, imported = arrow.split(" -> ")
            imports[importer].discard(imported)
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_every_module_is_read_in_one_sitting():
    lines = {
        path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def public_names(path: Path) -> list[str]:
    """Return the names of the classes and functions of a module that others may use."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    return [node.name for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def test_no_public_class_or_function_has_the_name_of_another():
    homes: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in public_names(path):
            homes.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_no_function_is_too_complex_to_be_read():
    command = [sys.executable, "-m", "ruff", "check", "--select", "C901", str(PACKAGE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert settings["mccabe"]["max-complexity"] <= 12


def test_the_documentation_lists_every_file_with_a_check_that_a_run_of_all_tests_leaves_out():
    files = (ROOT / "tests").rglob("test_*.py")
    marked = {path.relative_to(ROOT).as_posix() for path in files if MARK in path.read_text("utf-8")}
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(tests/.*?)`", text, re.MULTILINE)) == marked
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".venv/bin/pytest -m endurance" in script.splitlines()
