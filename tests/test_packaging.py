"""What is shipped: built for real, installed for real into fresh environments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "tests" / "constraints.txt"

FIND_MANIFEST = """
import sys
from npe2 import PluginManifest
manifest = PluginManifest.from_distribution("napari-blindspot")
widgets = [widget.display_name for widget in manifest.contributions.widgets]
print(manifest.name, manifest.package_version, widgets, "torch" in sys.modules)
"""


def read_command(word: str) -> str:
    """Return the one command line of the README that contains `word`."""
    lines = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if word in line]
    assert len(lines) == 1
    return lines[0]


def test_ci_runs_the_readmes_test_command_exactly():
    command = read_command("bin/pytest")
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_both_commands_of_the_readme_make_the_environment_and_use_the_constraints():
    for word in ("bin/pytest", "bin/napari-blindspot demo"):
        command = read_command(word)
        assert command.startswith(
            "python3 -m venv .venv && .venv/bin/pip install -c tests/constraints.txt -e "
        )


def test_what_the_readme_links_to_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for link in [part.split(")")[0] for part in text.split("](")[1:]]:
        name, _, heading = link.partition("#")
        assert name.startswith("http") or (ROOT / name).exists(), link
        if heading:
            page = (ROOT / name).read_text(encoding="utf-8").lower().replace(" ", "-")
            assert f"#-{heading}\n" in page, link


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_wheel_holds_the_package_with_its_manifest_and_types_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size < 3_000_000
    names = zipfile.ZipFile(wheel).namelist()
    package = [name for name in names if name.startswith("napari_blindspot/")]
    assert {"napari_blindspot/napari.yaml", "napari_blindspot/py.typed"} <= set(package)
    kinds = ("white", "correlated", "white_stacks", "correlated_stacks")
    weights = {f"napari_blindspot/method/{kind}.npz" for kind in kinds}
    assert {name for name in package if name.endswith(".npz")} == weights
    assert {name.split("/")[0].split("-")[0] for name in names} == {"napari_blindspot"}
    pages = {"napari", "batch", "settings", "start", "formats", "limits", "presets", "python-api"}
    assert {name for name in package if name.endswith(".md")} == {
        f"napari_blindspot/help/{page}.md" for page in pages
    }
    data = {name for name in package if not name.endswith((".py", ".npz", ".md"))}
    assert data == {
        f"napari_blindspot/{name}"
        for name in ("batch/page.html.jinja", "cli/report.html.jinja", "napari.yaml", "py.typed")
    }
    sources = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}
    assert {name for name in package if name.endswith(".py")} == sources
    manifest = zipfile.ZipFile(wheel).read("napari_blindspot/napari.yaml")
    assert manifest == (ROOT / "napari.yaml").read_bytes()


@pytest.mark.slow
def test_the_sdist_holds_what_is_needed_to_build_test_and_read(built):
    (sdist,) = built.glob("*.tar.gz")
    assert sdist.stat().st_size < 3_000_000
    names = {name.split("/", 1)[1] for name in tarfile.open(sdist).getnames() if "/" in name}
    assert {"napari.yaml", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= names
    assert {"tests/conftest.py", "tests/constraints.txt", "docs/index.md"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", "site/"))]


@pytest.mark.slow
def test_the_container_is_given_all_that_the_package_is_built_from(tmp_path):
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert let_through[0] == "*"
    context = tmp_path / "context"
    for pattern in let_through[1:]:
        for path in ROOT.glob(pattern.removeprefix("!")):
            target = context / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__", "napari.yaml"))
            else:
                shutil.copy(path, target)
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--wheel",
        "--outdir",
        str(tmp_path),
        str(context),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.glob("*.whl"))


@pytest.fixture(scope="session")
def python(tmp_path_factory) -> Path:
    """The Python of a fresh environment with what napari reads manifests by, and what builds packages."""
    environment = tmp_path_factory.mktemp("fresh") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    install(python, "--constraint", str(CONSTRAINTS), "npe2", "hatchling", "hatch-vcs", "editables")
    return python


def install(python: Path, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "install", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def checkout(sdist: Path, folder: Path) -> Path:
    """Return a folder that holds what Git holds of the package, and no copy of the manifest in src."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    assert not (root / "src" / "napari_blindspot" / "napari.yaml").exists()
    return root


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_napari_finds_the_manifest_in_every_kind_of_install(kind, built, python, tmp_path):
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    what = {"wheel": [str(wheel)], "sdist": [str(sdist)]}
    if kind == "editable":
        what[kind] = ["--editable", str(checkout(sdist, tmp_path / "checkout"))]
    # No network any more: all that a build needs is there.
    install(python, "--no-index", "--no-deps", "--no-build-isolation", "--force-reinstall", *what[kind])
    # What is found must be what was installed, not the sources that the tests themselves are run with.
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", FIND_MANIFEST],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=elsewhere,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("napari-blindspot 0.")
    assert "'Denoise'" in done.stdout
    assert done.stdout.strip().endswith("False")


def test_git_holds_the_manifest_once_and_no_link_to_it():
    assert not [path for path in ROOT.glob("src/**/*") if path.is_symlink()]
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/src/napari_blindspot/napari.yaml" in ignored
