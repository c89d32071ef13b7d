"""Many runs written at once: on PostgreSQL by one statement for all, and everywhere as if one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import attrs
import pytest
from journal_store import LEASE_MS, STARTED, new_run, start, step

from flowlang.errors import FlowlangError, LeaseLost, RunAlreadyExists
from flowlang.runtime.journal.event import ActionCompleted, LogWritten, RunCompleted
from flowlang.runtime.journal.journal import (
    Append,
    Counters,
    Effects,
    Journal,
    Lease,
    NewChild,
    NewMessage,
    RunFilter,
    RunStatus,
)
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.clock import VirtualClock
from flowlang.testing.postgres_server import PostgresServer
from flowlang.testing.proxy import Proxy

MANY = 20
ENDED = RunCompleted(True, b'{"$ok":1}')


def new_runs(prefix: str, count: int = MANY) -> list[NewChild]:
    return [NewChild(new_run(f"{prefix}-{number:02}"), [STARTED]) for number in range(count)]


def test_runs_created_together_are_whole_and_in_order(journal: Journal) -> None:
    journal.create_many(new_runs("a"))
    journal.create_many(new_runs("b"))
    assert [run.run_id for run in journal.find(RunFilter(prefix="b"), limit=MANY)] in (
        [f"b-{number:02}" for number in range(MANY)],
        [f"b-{number:02}" for number in reversed(range(MANY))],
    )
    for run_id, records in journal.read_many(
        [f"{prefix}-{number:02}" for prefix in "ab" for number in range(MANY)]
    ).items():
        assert not isinstance(records, FlowlangError), run_id
        assert [record.event for record in records] == [STARTED]
    claims = journal.claim_due(journal.new_owner(), limit=2 * MANY)
    assert [claim.lease.run_id for claim in claims] == [f"{prefix}-{n:02}" for prefix in "ab" for n in range(MANY)]
    assert all(claim.lease.token == claim.run.token == 2 for claim in claims)


HOSTILE = ['"', "\\", "{,}", "NULL", "", "'; DROP TABLE run; --", "\x00\n\t", "\ud800", "ü\U0001f600", '\\"{}\\']


@pytest.mark.parametrize("together", [1, len(HOSTILE)])
def test_any_text_and_any_bytes_are_written_as_they_are(journal: Journal, together: int) -> None:
    """Alone and in groups, in rows of runs and in records: nothing in a value is taken for something else."""
    news = [
        NewChild(attrs.evolve(new_run(f"run-{at:02}"), correlation=text), [STARTED]) for at, text in enumerate(HOSTILE)
    ]
    for begin in range(0, len(news), together):
        journal.create_many(news[begin : begin + together])
    claims = journal.claim_due(journal.new_owner(), limit=len(HOSTILE))
    assert [claim.run.correlation for claim in claims] == HOSTILE
    payloads = [bytes([0, 92, 34, 123, 125, 44, at]) * 10 for at in range(len(HOSTILE))]
    appends = [
        Append(
            claim.lease,
            1,
            [LogWritten((1, 1), "info", text), ActionCompleted((1,), payload)],
            Counters(),
            RunStatus.RUNNING,
        )
        for claim, text, payload in zip(claims, HOSTILE, payloads, strict=True)
    ]
    for begin in range(0, len(appends), together):
        assert journal.append_many(appends[begin : begin + together]) == [3] * len(appends[begin : begin + together])
    for claim, text, payload in zip(claims, HOSTILE, payloads, strict=True):
        line, answer = journal.read(claim.lease.run_id, 1)
        assert line.event == LogWritten((1, 1), "info", text)
        assert answer.event == ActionCompleted((1,), payload)


def test_code_that_was_removed_meanwhile_is_stored_again(store: Any, journal: Journal) -> None:
    journal.create_many(new_runs("a", 2))
    for claim in journal.claim_due(journal.new_owner(), limit=2):
        journal.append(claim.lease, 1, [ENDED], Counters(), RunStatus.COMPLETED, Effects(outcome=b"null"))
        store.open().delete(claim.lease.run_id)
    journal.create_many(new_runs("b", 2))
    assert journal.modules("b-01")["etl.flow"]


def test_one_refused_step_of_many_hinders_no_other(journal: Journal) -> None:
    journal.create_many(new_runs("run"))
    claims = journal.claim_due(journal.new_owner(), limit=MANY)
    leases = [claim.lease for claim in claims]
    leases[3] = Lease(leases[3].run_id, leases[3].owner, leases[3].token - 1)
    appends = [Append(lease, 1, step(0), Counters(3, 2, 1), RunStatus.RUNNING) for lease in leases]
    appends[5] = Append(leases[5], 1, [ENDED], Counters(), RunStatus.COMPLETED, Effects(outcome=b"null"))
    appends[6] = Append(leases[6], 1, [ENDED], Counters(), RunStatus.COMPLETED, Effects(outcome=b"null"))
    results = journal.append_many(appends)
    assert isinstance(results[3], LeaseLost)
    assert [result for at, result in enumerate(results) if at != 3] == [3, 3, 3, 3, 2, 2] + [3] * (MANY - 7)
    for at, lease in enumerate(leases):
        records = journal.read(lease.run_id)
        assert len(records) == journal.run(lease.run_id).sequence == (1 if at == 3 else results[at])


def test_runs_put_down_together_are_due_where_a_message_came(store: Any, journal: Journal) -> None:
    """The owner has not seen it, and nobody else would wake the run."""
    journal.create_many(new_runs("run"))
    leases = [claim.lease for claim in journal.claim_due(journal.new_owner(), limit=MANY)]
    store.open().post(NewMessage(leases[7].run_id, "signal", "go", "k", b"1"))
    parked = Effects(wake_at_ms=None, seen=0)
    journal.append_many([Append(lease, 1, step(0), Counters(), RunStatus.WAITING, parked) for lease in leases])
    due = {lease.run_id for lease in leases if journal.run(lease.run_id).due_at_ms is not None}
    assert due == {leases[7].run_id}
    assert journal.count(RunFilter()) == {RunStatus.WAITING: MANY}


def test_starts_of_many_threads_share_commits_and_a_taken_id_is_refused(journal: Journal) -> None:
    start(journal, "run-03")
    refused: list[str] = []
    gate = threading.Barrier(MANY)

    def create(new: NewChild) -> None:
        gate.wait()
        try:
            journal.create_many([new])
        except RunAlreadyExists:
            refused.append(new.run.run_id)

    threads = [threading.Thread(target=create, args=(new,)) for new in new_runs("run")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["run-03"]
    assert len(journal.find(RunFilter(), limit=100)) == MANY


@pytest.fixture
def cut_off(postgres_server: PostgresServer) -> Iterator[tuple[SqlJournal, Proxy]]:
    database = postgres_server.create_database()
    with closing(Proxy(postgres_server.port)) as proxy:
        url = postgres_server.url(database, port=proxy.port)
        with closing(SqlJournal(url, clock=VirtualClock(), lease_ms=LEASE_MS)) as journal:
            yield journal, proxy
    postgres_server.drop_database(database)


def test_runs_whose_creation_was_not_answered_exist_once(cut_off: tuple[SqlJournal, Proxy]) -> None:
    journal, proxy = cut_off
    journal.create_many(new_runs("a", 3))
    proxy.cut_reply(0, b"pg_notify")
    journal.create_many(new_runs("b", 3))
    assert proxy.cuts == 1
    assert journal.count(RunFilter()) == {RunStatus.SUSPENDED: 6}
    with pytest.raises(RunAlreadyExists):
        journal.create_many(new_runs("b", 3))


def test_steps_whose_commit_was_not_answered_are_written_once(cut_off: tuple[SqlJournal, Proxy]) -> None:
    journal, proxy = cut_off
    journal.create_many(new_runs("run"))
    leases = [claim.lease for claim in journal.claim_due(journal.new_owner(), limit=MANY)]
    proxy.cut_reply(0, b"unnest")
    appends = [Append(lease, 1, step(0), Counters(), RunStatus.RUNNING) for lease in leases]
    assert journal.append_many(appends) == [3] * MANY
    assert proxy.cuts == 1
    assert all(len(journal.read(lease.run_id)) == 3 for lease in leases)
