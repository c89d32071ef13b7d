"""Runs that write to the database of their own journal, and what that database holds afterwards."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from flowlang.actions import postgres_transaction, shipped_actions, sqlite
from flowlang.actions.postgres_pool import ActionConnection
from flowlang.actions.sqlite import SqliteConnection
from flowlang.errors import FlowlangError
from flowlang.lang.values.convert import to_host
from flowlang.lang.values.result import Ok
from flowlang.runtime import joint_outcome
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import ActionCompleted, AttemptStarted
from flowlang.runtime.journal.locate import open_journal
from flowlang.runtime.journal.verify import verify_all
from flowlang.runtime.outcome import RunOutcome
from flowlang.runtime.payload_codec import PayloadCodec, encoded_journal
from flowlang.testing.fork import forked

TABLE = "CREATE TABLE item (name TEXT, amount INTEGER)"


class JointWorld:
    """A project folder whose database `main` is where its journal is: a file, or the one of `url`. `journal_url` may
    lead to the same database by another way."""

    def __init__(self, root: Path, url: str | None, *, journal_url: str | None = None) -> None:
        self.root = root
        self.url = url
        self.location: Any = (journal_url or url) if url else root / "shop.db"
        self.codec: PayloadCodec | None = None
        (root / "pyproject.toml").write_text(f'[tool.flowlang.databases]\nmain = "{url or "shop.db"}"\n')

    @classmethod
    def of_kind(cls, root: Path, kind: str, request: Any) -> JointWorld:
        return cls(root, None if kind == "sqlite" else request.getfixturevalue("postgres_url"))

    def execute(self, statement: str, *parameters: Any) -> list[Any]:
        """What another program does to the database, with `?` for parameters."""
        if self.url is None:
            with closing(sqlite3.connect(self.root / "shop.db", isolation_level=None)) as connection:
                return connection.execute(statement, parameters).fetchall()
        with psycopg.connect(self.location.replace("+psycopg", ""), autocommit=True) as other:
            cursor = other.execute(statement.replace("?", "%s").encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def drive(self, body: str, run_id: str = "run", *, resumes: bool = False, hooks: Hooks | None = None) -> RunOutcome:
        """Drives a run of a flow with that body to its end, or takes it up again."""
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        script = self.root / f"{run_id}.flow"
        script.write_text(
            f"def _main(fctx):\n    sql = fctx.actions.sql\n{lines}\nmain = flow(implementation = _main)\n"
        )
        journal: Any = open_journal(self.location, SystemClock())
        if self.codec is not None:
            journal = encoded_journal(journal, self.codec)
        driver = RunDriver(self.root, journal, hooks=hooks or Hooks(), actions=shipped_actions())
        try:
            if resumes:
                return driver.resume(run_id)
            return driver.start(driver.build_script(script), flow="main", run_id=run_id)
        finally:
            driver.close()
            journal.close()

    def value(self, body: str, run_id: str = "run") -> Any:
        """What such a run gives."""
        outcome = self.drive(body, run_id)
        assert isinstance(outcome.result, Ok), outcome
        return to_host(outcome.result.value)

    def events(self, run_id: str = "run") -> list[Any]:
        """The records of a run, read as they are stored."""
        journal = open_journal(self.location, SystemClock())
        try:
            return [record.event for record in journal.read(run_id)]
        except FlowlangError:
            return []
        finally:
            journal.close()

    def completed(self, run_id: str = "run") -> int:
        return sum(isinstance(event, ActionCompleted) for event in self.events(run_id))

    def attempts(self, run_id: str = "run") -> int:
        """How many further attempts there were."""
        return sum(isinstance(event, AttemptStarted) for event in self.events(run_id))

    def problems(self) -> dict[str, list[str]]:
        """What is wrong with the runs in the journal."""
        journal = open_journal(self.location, SystemClock())
        try:
            return {run_id: found for run_id, found in verify_all(journal).items() if found}
        finally:
            journal.close()

    def written(self, name: str = "run") -> int:
        """How many rows there are of that name."""
        return int(self.execute("SELECT count(*) FROM item WHERE name = ?", name)[0][0])


@contextmanager
def joint_commits() -> Iterator[list[str]]:
    """The runs whose writes are committed with their records meanwhile, one entry for each."""
    found: list[str] = []
    settle = joint_outcome._Recorder.settle

    def watched(self: Any) -> None:
        found.append(self.activation.identity.run_id)
        settle(self)

    joint_outcome._Recorder.settle = watched  # type: ignore[method-assign]
    try:
        yield found
    finally:
        joint_outcome._Recorder.settle = settle  # type: ignore[method-assign]


class Killer:
    """Ends this process at the n-th thing that happens, from the first transaction on."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.has_begun = False

    def __call__(self, statement: Any = "") -> None:
        text = statement.decode() if isinstance(statement, bytes) else statement
        self.has_begun = self.has_begun or text.startswith("BEGIN")
        self.left -= self.has_begun
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_at(at: int) -> None:
    """Ends this process before the n-th statement of a connection of an action, or before the journal is told that a
    commit was made, whatever comes first."""
    killer = Killer(at)
    settle = joint_outcome._Recorder.settle
    connect, execute = SqliteConnection.__init__, psycopg.Cursor.execute

    def watched_connect(self: Any, *arguments: Any, **options: Any) -> None:
        connect(self, *arguments, **options)
        self.raw.set_trace_callback(killer)

    def watched_execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(self.connection, ActionConnection):
            killer(query)
        return execute(self, query, *arguments, **options)

    def watched_settle(self: Any) -> None:
        killer()
        settle(self)

    SqliteConnection.__init__ = watched_connect  # type: ignore[method-assign]
    psycopg.Cursor.execute = watched_execute  # type: ignore[method-assign]
    joint_outcome._Recorder.settle = watched_settle  # type: ignore[method-assign]


def two_commits() -> None:
    """Plants a bug: the write is committed, and its record in a transaction that follows."""
    record, commit = sqlite._commit_recorded, postgres_transaction.JointTransaction.commit

    def record_apart(connection: Any, *arguments: Any) -> None:
        connection.own("COMMIT")
        connection.own("BEGIN IMMEDIATE")
        record(connection, *arguments)

    def commit_apart(self: Any, connection: Any, counts: list[int]) -> None:
        connection.execute("COMMIT")
        connection.execute("BEGIN")
        commit(self, connection, counts)

    sqlite._commit_recorded = record_apart
    postgres_transaction.JointTransaction.commit = commit_apart  # type: ignore[method-assign]


def kill_campaign(root: str, url: str | None, body: str, plant: Callable[[], None] | None) -> tuple[int, list[str]]:
    """Kills a run at every point of its write in turn, and lets it go on afterwards. Gives at how many points, and what
    was not as it should be; with a plant it ends with the first problem. For a process without threads."""
    world = JointWorld(Path(root), url)
    world.value("return None", "warm")  # so that children need not import what runs need
    problems: list[str] = []
    at = 0
    while plant is None or not problems:
        at += 1
        if not forked(_die, world, body, f"run-{at}", at, plant).killed:
            return at - 1, problems
        for when, (rows, records) in forked(_go_on, world, body, f"run-{at}").value.items():
            if rows != records or (when == "after" and rows != 1):
                problems.append(f"point {at}, {when} the run went on: {rows} rows, {records} records")
    return at, problems


def killed_in_between(root: str, url: str | None, body: str, at: int) -> bool:
    """Drives a run up to a point of its writes. For a process without threads."""
    return forked(_die, JointWorld(Path(root), url), body, "run", at, None).killed


def _die(world: JointWorld, body: str, run_id: str, at: int, plant: Callable[[], None] | None) -> None:
    if plant is not None:
        plant()
    kill_at(at)
    world.drive(body, run_id)


def _go_on(world: JointWorld, body: str, run_id: str) -> dict[str, tuple[int, int]]:
    """Rows and records before and after a run goes on whose process was killed; only before if it had not begun."""
    found = {"before": (world.written(run_id), world.completed(run_id))}
    if world.events(run_id):
        world.drive(body, run_id, resumes=True)
        found["after"] = (world.written(run_id), world.completed(run_id))
    return found
