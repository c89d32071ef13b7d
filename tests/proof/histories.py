"""L0: whole histories in one process, each out of one seed, and what the checker says of them.

    python tests/proof/histories.py --seeds 10000 [--from 0] [--workload NAME]

prints how often each fault struck where, and each seed with a problem; `--from SEED --seeds 1` shows it again.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import attrs
from checker import Evidence, Told, check, differences, history_violations
from workloads import WORKLOADS, Sink, Workload, proof_actions

from flowlang.errors import GateClosed, RunEnded
from flowlang.lang.interpreter import Build
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.journal.event import RunCompleted
from flowlang.runtime.journal.journal import Journal, NewMessage
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.testing.ledger import LedgerEntry
from flowlang.testing.simulation import LEASE_MS, World

RUNS = 3


@attrs.define
class Found:
    """What a history came to. `course`: everything that happened in it, in order, without what is random by nature."""

    seed: int
    workload: str
    problems: list[str]
    hits: Counter[tuple[str, str]]
    course: list[str] = attrs.field(factory=list)


class Stage:
    """The project folder of all workloads, with their builds, and the ends that undisturbed runs come to."""

    def __init__(self, folder: Path, names: Sequence[str] = tuple(WORKLOADS)) -> None:
        self.folder = folder
        self.names = list(names)
        self._builds: dict[str, Build] = {}
        self._expected: dict[str, Mapping[str, Any]] = {}
        project = Project(folder)
        for name in self.names:
            path = folder / f"{name}.flow"
            path.write_text(WORKLOADS[name].script)
            self._builds[name] = project.build(path)

    def usable(self) -> list[str]:
        """The workloads whose scripts are right."""
        return [name for name in self.names if not self._builds[name].has_errors]

    def history(self, seed: int, name: str | None = None, **options: Any) -> Found:
        """One history. `name`: of the workload, else the seed says which."""
        name = name or Random(seed).choice(self.usable())
        if name not in self._expected:
            self._expected[name] = self._play(seed, name, rate=0.0, deaths=0, jumps=0, workers=1)[1]
        found, ends = self._play(seed, name, **options)
        if not WORKLOADS[name].cancels and not WORKLOADS[name].decides:
            for run_id, (status, payload, effects, records) in self._expected[name].items():
                if run_id not in ends:
                    found.problems.append(f"I7: run {run_id} is not there")
                    continue
                now = ends[run_id]
                if (now[0], now[1]) != (status, payload):
                    found.problems.append(f"I7: {run_id} ended as {now[0]} {now[1]!r}, expected {payload!r}"[:600])
                if now[2] != effects:
                    found.problems.append(f"I7: the effects of {run_id} are {now[2]}, expected {effects}"[:600])
                found.problems += [f"{run_id}: {each}" for each in differences(now[3], records)]
        return found

    def _play(self, seed: int, name: str, **options: Any) -> tuple[Found, dict[str, Any]]:
        workload, sink = WORKLOADS[name], Sink()
        world = World(self.folder, seed, actions=lambda: proof_actions(sink), **options)
        code = code_of(self._builds[name], ActionRegistry(proof_actions(sink)))
        runs = [f"{name}-{number}" for number in range(RUNS)]
        told: list[Told] = []
        for run_id in runs:
            new = prepare(
                self._builds[name], code, flow="main", arguments=workload.short, run_id=run_id, clock=world.clock
            )
            # The salt is random, and jitter comes from it; here it comes from the seed.
            world.add(attrs.evolve(new, events=[attrs.evolve(new.events[0], salt=f"salt-{seed}")]))
            told.append(Told("start", run_id, "ok"))
            _outside(world, workload, run_id, told)
        ends: dict[str, Any] = {}
        try:
            world.run()
            problems = [*world.problems, *self._judge(world, workload, sink, told, ends)]
        except Exception as problem:
            problems = [*world.problems, f"I12: {type(problem).__name__}: {problem}"]
        finally:
            world.close()
        problems += history_violations(world.history, 0 if world.was_set_back else LEASE_MS)
        return Found(seed, name, problems, world.chance.hits, _course(world)), ends

    def _judge(
        self, world: World, workload: Workload, sink: Sink, told: list[Told], ends: dict[str, Any]
    ) -> Iterator[str]:
        """The problems of all runs; `ends` gets how they ended."""
        for record in world.store.runs(limit=1000):
            run_id = record.run_id
            grants = sum(1 for fact in world.history if _is_grant(fact, run_id))
            entries = [each for each in world.history if isinstance(each, LedgerEntry) and each.run_id == run_id]
            evidence = Evidence(told, entries, (), grants, workload.retries, is_clock_honest=not world.was_set_back)
            yield from check(world.store, [run_id], evidence)
            records = world.store.read(run_id)
            last = records[-1].event
            payload = last.payload if isinstance(last, RunCompleted) else b""
            ends[run_id] = (record.status.value, payload, sink.of_run(run_id), records)
            if not record.status.is_final:
                yield f"I8: run {run_id} is {record.status.value} ({record.reason})"


def _course(world: World) -> list[str]:
    """The history without owners, keys and clocks of the machine, which differ from one time to the next."""
    course = []
    for each in world.history:
        if isinstance(each, LedgerEntry):
            course.append(f"{each.moment} {each.run_id} {each.position} {each.action} {each.attempt} {each.token}")
        else:
            course.append(f"{each.what} {each.run_id} {each.token} {each.position} {each.at_ms}")
    return course


def _is_grant(fact: Any, run_id: str) -> bool:
    return getattr(fact, "what", "") == "granted" and fact.run_id == run_id


def _outside(world: World, workload: Workload, run_id: str, told: list[Told]) -> None:
    """What clients do to one run, each thing until it is acknowledged."""
    for index, (name, payload) in enumerate(workload.signals[: workload.short.get("signals", 0)]):

        def send(journal: Journal, index: int = index, name: str = name, payload: Any = payload) -> None:
            key = f"{name}-{index}"
            with contextlib.suppress(RunEnded):  # it was taken, the answer was lost, and the run ended with it
                journal.post(NewMessage(run_id, "signal", name, key, encode(from_host(payload))))
            told.append(Told("signal", run_id, "ok", key))

        world.ask(send)
    if workload.cancels:

        def cancel(journal: Journal) -> None:
            try:
                payload = encode(from_host({"reason": "chance", "by": "test"}))
                journal.post(NewMessage(run_id, "cancel", "", f"cancel-{run_id}", payload))
            except RunEnded:
                return
            told.append(Told("cancel", run_id, "ok"))

        world.ask(cancel)
    if workload.decides:

        def decide(journal: Journal) -> None:
            payload = {"payload": {"decision": "approve"}, "by": "test", "reason": "", "at": 0}
            for wait in journal.waits(run_id=run_id):
                try:
                    journal.decide(NewMessage(run_id, "gate", wait.position, "", encode(from_host(payload))))
                except (GateClosed, RunEnded):
                    continue

        for _ in range(4):
            world.ask(decide)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--workload", choices=sorted(WORKLOADS), default=None)
    given = parser.parse_args()
    hits: Counter[tuple[str, str]] = Counter()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        left_out = sorted(set(WORKLOADS) - set(stage.usable()))
        began = time.monotonic()
        for seed in range(given.first, given.first + given.seeds):
            found = stage.history(seed, given.workload)
            hits += found.hits
            if found.problems:
                bad += 1
                print(f"seed {seed} ({found.workload}):", *found.problems[:5], sep="\n  ", flush=True)
        took_s = time.monotonic() - began
    print(f"{given.seeds} seeds in {took_s:.1f} s, {bad} with problems; left out: {', '.join(left_out) or 'none'}")
    for (method, kind), count in sorted(hits.items()):
        print(f"  {method:14} {kind:12} {count}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
