"""What stands in the repository beside the package agrees with it: versions, forms, workflows, recipe."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
VERSION = PYPROJECT["tool"]["hatch"]["version"]


def load(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def name_and_bound(requirement: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?\s*(>=[\w.]+)?.*", requirement).groups()
    return name.lower().replace("torch", "pytorch"), bound


def test_the_citation_the_recipe_and_the_changelog_name_one_version_and_the_package_takes_that_of_the_tag():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## (\d+\.\d+\.\d+)", changelog, re.M)[0]
    assert load("CITATION.cff")["version"] == newest
    assert load("conda/recipe.yaml")["context"]["version"] == newest
    assert "version" in PROJECT["dynamic"]
    assert VERSION["source"] == "vcs" and VERSION["fallback-version"].startswith(f"{newest}.dev")


@pytest.mark.slow
def test_a_tag_is_the_version_of_what_is_built_and_a_commit_after_it_is_a_version_of_development(tmp_path):
    clone = tmp_path / "clone"
    git = ["git", "-c", "user.name=tester", "-c", "user.email=tester@example.org", "-C", str(clone)]
    clone.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a release"], ["tag", "v7.8.9"]):
        subprocess.run([*git, *command], check=True)
    assert version_of(clone) == "7.8.9"
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "after it"], check=True)
    assert re.fullmatch(r"7\.8\.10\.dev1\+g[0-9a-f]+", version_of(clone))


def version_of(checkout: Path) -> str:
    """Return the version that the build system gives a checkout."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "version"], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_the_recipe_asks_for_what_the_package_asks_for():
    asked = dict(name_and_bound(line) for line in PROJECT["dependencies"])
    recipe = dict(line.split(" ") for line in load("conda/recipe.yaml")["requirements"]["run"][1:])
    assert recipe == asked


def test_the_workflow_tests_every_python_that_the_package_names():
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    matrix = load(".github/workflows/tests.yml")["jobs"]["matrix"]["strategy"]["matrix"]
    assert matrix["python"] == named
    assert [system.split("-")[0] for system in matrix["os"]] == ["ubuntu", "macos", "windows"]


def test_every_workflow_may_read_only_unless_a_job_says_more():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        assert load(str(path.relative_to(ROOT)))["permissions"] == {"contents": "read"}, path.name


def test_the_form_of_a_bug_asks_for_what_doctor_prints():
    fields = {field["id"]: field for field in load(".github/ISSUE_TEMPLATE/bug.yml")["body"]}
    assert "napari-blindspot doctor" in fields["doctor"]["attributes"]["label"]
    assert fields["doctor"]["validations"]["required"]


def test_every_form_has_a_name_a_description_and_fields_of_different_names():
    for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")):
        if path.name != "config.yml":
            form = load(str(path.relative_to(ROOT)))
            names = [field["id"] for field in form["body"]]
            assert form["name"] and form["description"] and len(set(names)) == len(names)


def test_links_of_the_pages_of_the_repository_lead_to_files():
    for page in ("README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (ROOT / link).exists(), f"{page}: {link}"
