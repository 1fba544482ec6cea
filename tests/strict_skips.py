"""The option --strict-skips: where all that the tests ask for is there, a test that is skipped has failed.

Which reasons are good ones even there is written here once; why a test is skipped is its own affair.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

GOOD_REASONS = (
    # Hardware that the machine has or has not.
    r"torch finds no NVIDIA GPU on this machine",
    r"this machine has a CUDA device",
    # Other systems than the one that the tests run on.
    r"Windows .*",
    r"only Linux .*",
    # Rivals of the benchmark whose licence or requirements keep them out of the extra "test".
    r"(bm3d|careamics|pywt) is not installed",
    # Fluidity cannot be measured beside other work.
    r"other programs keep this computer busy: .*",
    r"this computer is too busy to measure: .*",
    # Files of others, which are not part of this repository.
    r"the (real images|files of real microscopes) are not beside this checkout, in \.\./shared/.*",
    # Packages of formats that are not made for the newest Python.
    r"CZI needs pylibCZIrw, .*",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--strict-skips",
        action="store_true",
        help="Fail where a test is skipped for a reason that tests/strict_skips.py does not name.",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--strict-skips"):
        config.pluginmanager.register(StrictSkips())


class StrictSkips:
    """Turn skips for other reasons than the good ones into failures."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if not hasattr(report, "wasxfail"):
            _judge(report)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Judge files and folders that are skipped as a whole."""
        report = yield
        _judge(report)
        return report


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if not any(re.fullmatch(good, reason) for good in GOOD_REASONS):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which --strict-skips does not allow: {reason}"
