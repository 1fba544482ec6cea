"""What CI makes of tests that are left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

def test_that_passes():
    pass

def test_without_a_screen():
    pytest.skip("there is no screen, and Xvfb is not installed")

@pytest.mark.skipif(True, reason="torch finds no NVIDIA GPU on this machine")
def test_on_a_gpu():
    pass

def test_on_files_of_others():
    pytest.skip("the files of real microscopes are not beside this checkout, in ../shared/cases/files")

@pytest.mark.xfail
def test_of_a_known_fault():
    raise ValueError
"""


def outcomes(folder: Path, *options: str) -> tuple[int, str]:
    """Run pytest in a program of its own; return its status and what it said."""
    (folder / "test_left_out.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "strict_skips", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, env=environment()
    )
    return done.returncode, done.stdout


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def test_ci_fails_where_a_test_is_left_out_for_a_reason_that_is_not_named(tmp_path):
    status, said = outcomes(tmp_path, "--strict-skips")
    assert status == 1
    assert "1 failed, 1 passed, 2 skipped, 1 xfailed" in said
    assert "does not allow: there is no screen" in said


def test_elsewhere_tests_may_be_left_out(tmp_path):
    status, said = outcomes(tmp_path)
    assert status == 0
    assert "1 passed, 3 skipped, 1 xfailed" in said


@pytest.mark.parametrize(("package", "status"), [("of_no_format", 2), ("pylibCZIrw_of_no_format", 5)])
def test_so_does_a_whole_file_that_is_left_out(tmp_path, package, status):
    reason = "CZI needs pylibCZIrw, of the extra formats" if status == 5 else "it needs another package"
    (tmp_path / "test_format.py").write_text(
        f"import pytest\npytest.importorskip({package!r}, reason={reason!r})\ndef test_format(): pass\n"
    )
    assert outcomes(tmp_path, "--strict-skips", "test_format.py")[0] == status
