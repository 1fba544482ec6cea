"""What measures time is not disturbed by the other worker."""

import itertools
import json
import subprocess
import sys

from test_strict_skips import environment

TESTS = """
import json, pathlib, time
import pytest

def work(name):
    begin = time.monotonic()
    time.sleep(0.1)
    pathlib.Path(__file__).with_name(name + ".json").write_text(json.dumps([begin, time.monotonic()]))

@pytest.mark.parametrize("number", range(10))
def test_that_may_run_beside_others(number):
    work(f"beside-{number}")

@pytest.mark.alone
@pytest.mark.parametrize("number", range(2))
def test_that_measures_time(number):
    work(f"alone-{number}")
"""


def test_a_test_that_measures_time_runs_alone(tmp_path):
    (tmp_path / "test_times.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone: measures time\n")
    plugins = ["-p", "xdist.plugin", "-p", "two_workers", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "-n", "2", "--dist", "worksteal"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert "12 passed" in done.stdout, done.stdout + done.stderr
    times = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    for alone, other in itertools.product(("alone-0", "alone-1"), times):
        (begin, end), (other_begin, other_end) = times[alone], times[other]
        assert alone == other or end <= other_begin or other_end <= begin
