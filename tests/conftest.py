"""What holds for every test: one thread per process, and examples that do not depend on luck in CI.

With ``CI`` set, Hypothesis draws the same examples each time; with ``BOSQUET_FORBID_SKIPS`` set,
a skipped test is a failed one (the machine is meant to have everything).
"""

import os
from collections.abc import Generator
from typing import TypeVar

import hypothesis
import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# Two test processes share the cores: each takes one thread, PyTorch too. These are read when numpy
# or PyTorch is loaded, so they cost nothing where PyTorch is missing or unused.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A busy machine must not fail a test: no deadline.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def refuse_skip(report: Report) -> Report:
    """Turn a skip into a failure where skips are forbidden; expected failures stay as they are."""
    if (
        os.environ.get("BOSQUET_FORBID_SKIPS")
        and report.skipped
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip((yield))
