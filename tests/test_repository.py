"""What stands in the repository beside the package agrees with it: versions, forms, workflows, recipe."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def load(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def name_and_bound(requirement: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?\s*(>=[\w.]+)?.*", requirement).groups()
    return name.lower().replace("torch", "pytorch"), bound


def test_the_citation_and_the_recipe_have_the_version_of_the_package():
    assert load("CITATION.cff")["version"] == PROJECT["version"]
    assert load("conda/recipe.yaml")["context"]["version"] == PROJECT["version"]


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
