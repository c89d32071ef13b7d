"""D14: somebody edits the database. What was done to one run is found before anything is done with it, whatever it was,
and the other run can be read as if nothing had happened."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from random import Random
from typing import Any

import attrs
from kills import Report
from stores import Database

from flowlang.errors import JournalError
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, Event, RunStarted
from flowlang.runtime.journal.journal import Counters, NewRun, RunStatus
from flowlang.runtime.journal.model import CodeManifest
from flowlang.runtime.journal.verify import verify
from flowlang.testing.clock import VirtualClock

RECORDS = 10
LARGE = 5
"""The record with a payload that is stored elsewhere."""
Way = Callable[[int, int], str]
"""Given the numbers of two runs it does something to the first, and says what."""
NO_CHAIN = ("steps", "run", "number")
OF_THE_RUN = ("entry", "flow", "arguments_digest", "created_at_ms", "sequence", "checksum", "code", "manifest")


def damage(database: Database, report: Report, random: Random, trials: int) -> None:
    """So many edits, each of them undone before the next."""
    with closing(database(VirtualClock())) as journal:
        for name in ("healthy", "ill"):
            _recorded(journal, name, random)
    with closing(database.connect()) as connection:
        vandal = Vandal(database, connection, random)
        for _ in range(trials):
            began = time.monotonic()
            kept = vandal.keep()
            title = vandal.strike()
            with closing(database(VirtualClock())) as journal:
                problems = [f"I2: {title}: {problem}" for problem in _found(journal)]
            vandal.restore(kept)
            report.points[title.split(":")[0]] += 1
            report.add(1, time.monotonic() - began, problems)
    with closing(database(VirtualClock())) as journal:
        report.problems += [f"after all was undone: {each}" for each in verify(journal, "ill")]


def _found(journal: Any) -> list[str]:
    problems = [] if verify(journal, "ill") else ["was not found"]
    if verify(journal, "healthy"):
        problems.append(f"harmed another run: {verify(journal, 'healthy')}")
    try:
        lease = journal.claim("ill", journal.new_owner())
        journal.read("ill")
        journal.modules("ill")
        journal.append(lease, RECORDS, [ActionScheduled((0, 99), "x", "d", None, b"{}")], Counters())
    except JournalError:
        return problems
    return [*problems, "the run went on"]


@attrs.frozen
class Vandal:
    """Changes rows of the run `ill`, which has so many records, in one of many ways; some take from `healthy`."""

    database: Database
    connection: Any
    random: Random
    ill: str = "ill"
    healthy: str = "healthy"
    records: int = RECORDS

    def keep(self) -> dict[str, list[tuple[Any, ...]]]:
        """What there is, by table."""
        return {
            table: [tuple(row) for row in self._do(f"SELECT * FROM {table}").fetchall()]
            for table in ("module", "manifest", "manifest_module", "run", "blob", "event")
        }

    def restore(self, kept: dict[str, list[tuple[Any, ...]]]) -> None:
        """Makes it as it was."""
        for table in reversed(kept):
            self._do(f"DELETE FROM {table}")
        for table, rows in kept.items():
            for row in rows:
                self._do(f"INSERT INTO {table} VALUES ({', '.join([self.database.mark] * len(row))})", *row)

    def strike(self) -> str:
        """Does something, and says what."""
        ways = [*[self.alter] * 4, self.alter_run, *self.ways_of_records(), self.alter_blob, self.alter_code]
        return self.apply(self.random.choice(ways))

    def ways_of_records(self) -> list[Way]:
        """The ways that concern records of one run alone."""
        return [self.drop, self.truncate, self.copy, self.copy_all, self.double, self.swap, self.gap, self.recompute]

    def apply(self, way: Way) -> str:
        """Does one thing, and says what."""
        numbers = [self._do(f"SELECT number FROM run WHERE run_id = '{name}'").fetchone()[0]
                   for name in (self.ill, self.healthy)]  # fmt: skip
        return way(*numbers)

    def alter(self, ill: int, healthy: int) -> str:
        sequence = self._sequence()
        cursor = self._do(f"SELECT * FROM event WHERE run = {ill} AND sequence = {sequence}")
        place = self.random.choice([n for n, each in enumerate(cursor.description) if each[0] not in NO_CHAIN])
        column, value = cursor.description[place][0], cursor.fetchone()[place]
        self._do(f"UPDATE event SET {column} = {self.database.mark} WHERE run = {ill} AND sequence = {sequence}",
                 _other(value))  # fmt: skip
        return f"alter a record: {column} of record {sequence}"

    def alter_run(self, ill: int, healthy: int) -> str:
        column = self.random.choice(OF_THE_RUN)
        if column == "manifest":
            self._do(f"UPDATE run SET manifest = (SELECT manifest FROM run WHERE number = {healthy}) "
                     f"WHERE number = {ill}")  # fmt: skip
        else:
            value = self._do(f"SELECT {column} FROM run WHERE number = {ill}").fetchone()[0]
            self._do(f"UPDATE run SET {column} = {self.database.mark} WHERE number = {ill}", _other(value))
        return f"alter the row of the run: {column}"

    def drop(self, ill: int, healthy: int) -> str:
        sequence = self._sequence()
        self._do(f"DELETE FROM event WHERE run = {ill} AND sequence = {sequence}")
        return f"drop a record: {sequence}"

    def truncate(self, ill: int, healthy: int) -> str:
        sequence = self._sequence()
        self._do(f"DELETE FROM event WHERE run = {ill} AND sequence >= {sequence}")
        return f"cut the end off: from {sequence}"

    def copy(self, ill: int, healthy: int) -> str:
        sequence = self._sequence(2)
        self._do(
            "UPDATE event SET (payload, checksum) = (SELECT payload, checksum FROM event AS other WHERE "
            f"other.run = {healthy} AND other.sequence = {sequence}) WHERE run = {ill} AND sequence = {sequence}"
        )
        return f"copy a payload from another run: {sequence}"

    def copy_all(self, ill: int, healthy: int) -> str:
        sequence = self._sequence()
        self._do(f"DELETE FROM event WHERE run = {ill} AND sequence = {sequence}")
        self._insert_again(f"run = {healthy} AND sequence = {sequence}", {"run": ill})
        return f"copy a record from another run: {sequence}"

    def double(self, ill: int, healthy: int) -> str:
        sequence = self._sequence()
        to = self.random.choice((self.records + 1, 0, -1))
        self._insert_again(f"run = {ill} AND sequence = {sequence}", {"sequence": to})
        return f"double a record: {sequence} as {to}"

    def swap(self, ill: int, healthy: int) -> str:
        first, second = self.random.sample(range(1, self.records + 1), 2)
        for old, new in ((first, -1), (second, first), (-1, second)):
            self._do(f"UPDATE event SET sequence = {new} WHERE run = {ill} AND sequence = {old}")
        return f"swap records: {first} and {second}"

    def gap(self, ill: int, healthy: int) -> str:
        sequence = self._sequence()
        for old in range(self.records, sequence - 1, -1):
            self._do(f"UPDATE event SET sequence = {old + 1} WHERE run = {ill} AND sequence = {old}")
        return f"leave a gap: at {sequence}"

    def recompute(self, ill: int, healthy: int) -> str:
        """Somebody who has heard of checksums, and does not know how these are made."""
        sequence = self._sequence(2)
        payload = b'"what should have happened"'
        before = self._do(f"SELECT checksum FROM event WHERE run = {ill} AND sequence = {sequence - 1}").fetchone()[0]
        checksum = hashlib.sha256(bytes(before) + payload).digest()
        mark = self.database.mark
        self._do(f"UPDATE event SET payload = {mark}, checksum = {mark} WHERE run = {ill} AND sequence = {sequence}",
                 payload, checksum)  # fmt: skip
        if sequence == self.records:
            self._do(f"UPDATE run SET checksum = {mark} WHERE number = {ill}", checksum)
        return f"alter a payload, with a checksum: {sequence}"

    def alter_blob(self, ill: int, healthy: int) -> str:
        if self.random.random() < 0.5:
            self._do("DELETE FROM blob")
            return "remove a large payload: all"
        content = self._do("SELECT content FROM blob").fetchone()[0]
        self._do(f"UPDATE blob SET content = {self.database.mark}", bytes(content)[:-1] + b"?")
        return "alter a large payload: all"

    def alter_code(self, ill: int, healthy: int) -> str:
        (manifest,) = self._do(f"SELECT manifest FROM run WHERE number = {ill}").fetchone()
        mark = self.database.mark
        if self.random.random() < 0.5:
            self._do(f"UPDATE manifest SET document = document || ' ' WHERE digest = {mark}", manifest)
            return "alter code: the manifest"
        self._do(f"UPDATE module SET text = {mark} WHERE digest IN "
                 f"(SELECT module FROM manifest_module WHERE manifest = {mark})", b"steal()\n", manifest)  # fmt: skip
        return "alter code: a module"

    def _insert_again(self, where: str, changed: dict[str, Any]) -> None:
        cursor = self._do(f"SELECT * FROM event WHERE {where}")
        names = [each[0] for each in cursor.description]
        values = {**dict(zip(names, cursor.fetchone(), strict=True)), **changed}
        self._do(f"INSERT INTO event ({', '.join(values)}) VALUES ({', '.join([self.database.mark] * len(values))})",
                 *values.values())  # fmt: skip

    def _sequence(self, first: int = 1) -> int:
        return self.random.randint(first, self.records)

    def _do(self, statement: str, *values: Any) -> Any:
        return self.connection.execute(statement, values)


def _recorded(journal: Any, name: str, random: Random) -> None:
    manifest = CodeManifest({f"{name}.flow": hashlib.sha256(name.encode()).hexdigest()}, "1", "3.11", "linux", {})
    run = NewRun(name, f"{name}.flow", "", "0", manifest, {f"{name}.flow": name})
    started = RunStarted(f"{name}.flow", "", manifest_digest(manifest), encode(from_host({})))
    lease = journal.create(run, journal.new_owner(), [started], Counters(), RunStatus.RUNNING)
    for number in range(1, RECORDS):
        event: Event = ActionScheduled((0, number), name, "d", None, b"{}")
        if number % 2 == 0:
            large = number + 1 == LARGE and name == "ill"
            text = random.randbytes(100_000).hex() if large else f"{name} {number}"
            event = ActionCompleted((0, number - 1), encode(from_host(text)))
        journal.append(lease, number, [event], Counters(number, 0, number), RunStatus.RUNNING)
    journal.release(lease, RunStatus.SUSPENDED)


def _other(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1000
    if value is None or isinstance(value, bytes):
        return (value or b"") + b"x"
    return f"{value}x"
