"""D9 and D10: a database that is restarted under load, and a network between the journal and the database that breaks.

Several threads drive runs of their own, and send each other messages, all over one journal. Each keeps what it was
told: `acknowledged` is what the journal said is durable, `doubtful` what it did not know. Afterwards the database is
asked over a connection that nobody disturbs. What was acknowledged must be there once, and what is doubtful at most
once, in order.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import attrs
from kills import Report

from flowlang.errors import FlowlangError, JournalUnavailable, RunNotFound
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.dialects import postgres_connection
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, Event, RunStarted
from flowlang.runtime.journal.model import Append, CodeManifest, Counters, Lease, NewMessage, NewRun, RunStatus
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.postgres_server import PostgresServer
from flowlang.testing.proxy import Proxy

RECONNECT_MAX_S = 5.0
NOTICE_MAX_S = 15.0
COMMIT_ANSWER_BYTES = 18
ANY_ANSWER_BYTES = 80
PATIENCE_S = 60.0
"""A run that nobody can drive for so long is a violation."""

_MANIFEST = CodeManifest({"load.flow": "0"}, "1", "3.11", "linux", {})


@attrs.define(eq=False)
class Load:
    """Threads that write without a pause, until `stop`. What they were told, by run."""

    journal: SqlJournal
    threads: int = 4
    acknowledged: dict[str, list[str]] = attrs.field(factory=dict)
    doubtful: dict[str, list[str]] = attrs.field(factory=dict)
    sent: Counter[str] = attrs.field(factory=Counter)
    maybe_sent: Counter[str] = attrs.field(factory=Counter)
    problems: list[str] = attrs.field(factory=list)
    worst_s: float = 0.0
    last_success: float = attrs.field(factory=time.monotonic)
    _stop: threading.Event = attrs.field(factory=threading.Event, init=False)
    _started: list[threading.Thread] = attrs.field(factory=list, init=False)

    def start(self) -> None:
        """Begins to write; returns when every thread has a run."""
        ready = threading.Barrier(self.threads + 1)
        self._started = [threading.Thread(target=self._drive, args=(n, ready)) for n in range(self.threads)]
        for thread in self._started:
            thread.start()
        ready.wait(PATIENCE_S)

    def stop(self) -> None:
        """Ends the writing."""
        self._stop.set()
        for thread in self._started:
            thread.join(PATIENCE_S)
            if thread.is_alive():
                self.problems.append("a thread hangs")

    def _drive(self, number: int, ready: threading.Barrier) -> None:
        try:
            self._drive_runs(number, ready)
        except Exception as error:
            self.problems.append(f"thread {number} ended: {type(error).__name__}: {error}")

    def _drive_runs(self, number: int, ready: threading.Barrier) -> None:
        owner, made = self.journal.new_owner(), 0
        while not self._stop.is_set():
            run_id = f"run-{number}-{made}"
            lease = self._patiently(self._create, run_id, owner)
            self.acknowledged[run_id], self.doubtful[run_id] = [], []
            if made == 0:
                ready.wait(PATIENCE_S)
            made += 1
            self._drive_run(lease, owner, Random(run_id))

    def _drive_run(self, lease: Lease, owner: str, random: Random) -> None:
        run_id, sequence = lease.run_id, 1
        for step in range(random.randrange(20, 60)):
            if self._stop.is_set():
                break
            fact = f"{run_id}:{step}"
            try:
                sequence = self._timed(self._append, lease, sequence, step, fact, random)
            except JournalUnavailable:
                # Nobody knows: whoever drives a run then claims it anew and reads.
                self.doubtful[run_id].append(fact)
                lease = self._patiently(self._reclaim, run_id, owner)
                sequence = self._patiently(self.journal.run, run_id).sequence
                continue
            self.acknowledged[run_id].append(fact)
            if step % 3 == 2:
                self._post(f"run-{random.randrange(self.threads)}-0", f"{fact}-message", random)
            if step % 17 == 16:
                self._patiently(self.journal.release, lease, RunStatus.SUSPENDED)
                lease = self._patiently(self._reclaim, run_id, owner)

    def _create(self, run_id: str, owner: str) -> Lease:
        started = RunStarted("load.flow", "", manifest_digest(_MANIFEST), b'{"arguments":{},"texts":{}}')
        run = NewRun(run_id, "load.flow", "", run_id, _MANIFEST, {"load.flow": "pass\n"})
        return self.journal.create(run, owner, [started], Counters(), RunStatus.RUNNING)

    def _append(self, lease: Lease, sequence: int, step: int, fact: str, random: Random) -> int:
        # The result of this step holds the fact; every third goes through the path for many runs.
        payload = json.dumps(fact + "." * random.choice((0, 100, 3000))).encode()
        events: list[Event] = [
            ActionScheduled((0, step), "load", "0", None, b"[]"),
            ActionCompleted((0, step), payload),
        ]
        counters = Counters(step, step, step)
        if step % 3:
            return self.journal.append(lease, sequence, events, counters)
        found = self.journal.append_many([Append(lease, sequence, events, counters, RunStatus.RUNNING)])[0]
        if isinstance(found, FlowlangError):
            raise found
        return found

    def _post(self, run_id: str, fact: str, random: Random) -> None:
        key = fact if random.random() < 0.5 else ""
        try:
            message = NewMessage(run_id, "signal", "news", key, json.dumps(fact).encode())
            self._timed(self.journal.post, message)
        except JournalUnavailable:
            self.maybe_sent[fact] += 1
        else:
            self.sent[fact] += 1

    def _reclaim(self, run_id: str, owner: str) -> Lease:
        held = self.journal.run(run_id)
        if held.owner == owner:
            self.journal.release(Lease(run_id, owner, held.token), RunStatus.SUSPENDED)
        return self.journal.claim(run_id, owner)

    def _patiently(self, call: Callable[..., Any], *arguments: Any) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._timed(call, *arguments)
            except JournalUnavailable:
                if time.monotonic() > deadline:
                    raise

    def _timed(self, call: Callable[..., Any], *arguments: Any) -> Any:
        began = time.monotonic()
        found = call(*arguments)
        self.last_success = time.monotonic()
        self.worst_s = max(self.worst_s, self.last_success - began)
        return found


def judge(load: Load, journal: SqlJournal) -> list[str]:
    """What the database holds that must not be there, and what is missing; over a connection of its own."""
    problems = list(load.problems)
    for run_id, facts in load.acknowledged.items():
        try:
            records = journal.read(run_id)
        except RunNotFound:
            problems.append(f"{run_id} was acknowledged and is not there")
            continue
        recorded = [_fact(each.event.payload) for each in records if isinstance(each.event, ActionCompleted)]
        problems += [f"{fact} is recorded {count} times" for fact, count in Counter(recorded).items() if count > 1]
        doubtful = set(load.doubtful[run_id])
        certain = [fact for fact in recorded if fact not in doubtful]
        if certain != facts:
            problems.append(f"{run_id}: acknowledged {facts}, recorded {certain}")
    messages = Counter(
        _fact(message.payload) for number in range(load.threads) for message in journal.open_messages(f"run-{number}-0")
    )
    problems += [f"message {fact} is there {count} times" for fact, count in messages.items() if count > 1]
    problems += [f"message {fact} is lost" for fact in load.sent if fact not in messages]
    known = load.sent + load.maybe_sent
    problems += [f"message {fact} came from nowhere" for fact in messages if fact not in known]
    return problems


def restarts(report: Report, random: Random, rounds: int, down_s: float) -> None:
    """D9: the server is stopped as a power failure would stop it, stays away for up to `down_s`, and starts again."""
    server = PostgresServer(in_memory=True)
    try:
        url = server.url(server.create_database())
        journal = SqlJournal(url, clock=SystemClock())
        load = Load(journal)
        load.start()
        for _ in range(rounds):
            await_writes(load, 0.3)
            began = time.monotonic()
            server.stop("immediate")
            endure(random.uniform(0.0, down_s))
            server.start()
            back = time.monotonic()
            if not await_writes(load):
                report.problems.append("nobody wrote any more after the server was back")
            took_s = load.last_success - back
            if took_s > RECONNECT_MAX_S:
                report.problems.append(f"reconnecting took {took_s:.1f} s")
            report.add(1, time.monotonic() - began, [])
        load.stop()
        journal.close()
        fresh = SqlJournal(url, clock=SystemClock())
        report.problems += judge(load, fresh)
        report.points["writes acknowledged"] += sum(map(len, load.acknowledged.values()))
        report.points["writes in doubt"] += sum(map(len, load.doubtful.values()))
        fresh.close()
    finally:
        server.close()


def breaks(report: Report, random: Random, rounds: int, hole_s: float, *, quick: bool = False) -> None:
    """D10: the network breaks in every way there is; black holes last for `hole_s`. `quick`: silence is noticed
    within a second, where users get eight."""
    with impatience() if quick else contextlib.nullcontext():
        _break(report, random, rounds, hole_s, connect_s=2 if quick else 5)


def _break(report: Report, random: Random, rounds: int, hole_s: float, connect_s: int) -> None:
    server = PostgresServer(in_memory=True)
    proxy = Proxy(server.port)
    try:
        database = server.create_database()
        journal = SqlJournal(
            f"{server.url(database, port=proxy.port)}?connect_timeout={connect_s}", clock=SystemClock()
        )
        load = Load(journal)
        load.start()
        for number in range(rounds):
            name, strike, lasts_s = _breaks(proxy, load, random, hole_s)[number % 7]
            if not await_writes(load, 0.02):
                break
            began, load.worst_s = time.monotonic(), 0.0
            strike()
            endure(lasts_s)
            proxy.swallow(False, False)
            proxy.refuse(False)
            proxy.delay_s = 0.0
            if not await_writes(load):
                report.problems.append(f"nobody wrote any more after: {name}")
            if load.worst_s > max(NOTICE_MAX_S, lasts_s + RECONNECT_MAX_S):
                report.problems.append(f"{name}: an operation took {load.worst_s:.1f} s")
            report.add(1, time.monotonic() - began, [])
            report.points[name] += 1
        load.stop()
        journal.close()
        fresh = SqlJournal(server.url(database), clock=SystemClock())
        report.problems += judge(load, fresh)
        report.points["writes acknowledged"] += sum(map(len, load.acknowledged.values()))
        report.points["writes in doubt"] += sum(map(len, load.doubtful.values()))
        fresh.close()
    finally:
        proxy.close()
        server.close()


@contextlib.contextmanager
def impatience() -> Iterator[None]:
    """Silence of a server is noticed within a second, where users get eight."""
    before = postgres_connection.ANSWER_S
    postgres_connection.ANSWER_S = 0.3  # type: ignore[misc]
    try:
        yield
    finally:
        postgres_connection.ANSWER_S = before  # type: ignore[misc]


def cut_answers(proxy: Proxy, load: Load, random: Random, cuts: int) -> None:
    """Resets connections in the middle of answers: half of the time of a commit's, at any byte of it, else of any."""
    for _ in range(cuts):
        marker, bytes_max = random.choice(((b"COMMIT", COMMIT_ANSWER_BYTES), (b"", ANY_ANSWER_BYTES)))
        before = proxy.cuts
        proxy.cut_reply(random.randrange(bytes_max), marker)
        deadline = time.monotonic() + PATIENCE_S
        while proxy.cuts == before and not load.problems and time.monotonic() < deadline:
            endure(0.001)
        if not await_writes(load):
            return


def _breaks(proxy: Proxy, load: Load, random: Random, hole_s: float) -> list[tuple[str, Callable[[], None], float]]:
    """The ways to break: a name, what begins it, and how long it lasts."""

    def latency() -> None:
        proxy.delay_s = hole_s / 10

    def refuse() -> None:
        proxy.refuse(True)
        proxy.cut()

    return [
        ("cut", proxy.cut, 0.0),
        ("cut answers", lambda: cut_answers(proxy, load, random, 20), 0.0),
        ("cut and refused", refuse, 0.3),
        ("black hole", lambda: proxy.swallow(True, True), hole_s),
        ("half open", lambda: proxy.swallow(False, True), hole_s),
        ("lost connections", proxy.lose, 0.0),
        ("latency", latency, hole_s / 2),
    ]


def endure(seconds: float) -> None:
    """The length of a fault is what it is about, so this one waits by the clock."""
    threading.Event().wait(seconds)


def await_writes(load: Load, calm_s: float = 0.0) -> bool:
    """Whether writes succeed again, and did so for a while."""
    begun = time.monotonic()
    while load.problems or load.last_success < begun + calm_s:
        if load.problems or time.monotonic() > begun + PATIENCE_S:
            return False
        endure(0.005)
    return True


def _fact(payload: bytes | None) -> str:
    text: str = json.loads(payload or b'""')
    return text.rstrip(".")
