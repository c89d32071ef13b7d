"""All experiments, one table.

    python tests/proof/campaign.py --short | --full [--seed N] [--only D1,D4] [--stores sqlite,postgres] [--jobs N]

Each experiment on each store is made in a process of its own, `--jobs` of them at a time; the table has them in order,
however they end. An experiment that cannot be made counts as failed, and is a line that says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import attrs
from commands import kill_commands
from failovers import failovers
from histories import Stage
from kills import Report, kill_at_random, kill_at_writes, kill_during_recovery
from networks import breaks, impatience, restarts
from outages import workers_through_breaks, workers_through_restarts
from pauses import stop_at_writes
from races import races
from stores import Database, databases
from storms import gate_race, poison, signal_storm
from trial import Setting, undisturbed
from vandals import damage
from workloads import WORKLOADS

from flowlang.testing.fork import in_clean_process

SHORT = ("straight", "signals", "children", "fan_out", "timers")
SHORT_ON_A_SERVER = 3


@attrs.frozen
class Size:
    """How much of everything. `kills`, `again`, `stops`: trials per workload; `seeds` of the simulation, `few_seeds` of
    those in which only one thing goes wrong; `inside`: moments within each write of a command."""

    is_full: bool
    kills: int
    again: int
    commands: int
    inside: int
    seeds: int
    few_seeds: int
    stops: int
    failovers: int
    signals: int
    gates: int
    races: int
    damages: int
    good: int
    bad: int
    workloads: tuple[str, ...]


SIZES = {
    "short": Size(
        is_full=False, kills=4, again=1, commands=3, inside=1, seeds=60, few_seeds=60, stops=1, failovers=2,
        signals=200, gates=3, races=4, damages=40, good=12, bad=2, workloads=SHORT,
    ),
    "full": Size(
        is_full=True, kills=250, again=60, commands=400, inside=10, seeds=10_000, few_seeds=3_400, stops=250,
        failovers=40, signals=10_000, gates=500, races=500, damages=2_000, good=2_000, bad=40,
        workloads=tuple(WORKLOADS),
    ),
}  # fmt: skip


@attrs.frozen
class Stand:
    """Where an experiment is made: a folder, and what makes empty databases."""

    folder: Path
    kind: str
    fresh: Callable[[], Database]
    size: Size
    random: Random

    def settings(self, *, is_full: bool = False) -> list[Setting]:
        """The workloads, each in a database of its own; in the short form fewer on a server, where all takes longer.
        `is_full`: as large as they come."""
        names = self.size.workloads
        if not self.size.is_full and self.kind == "postgres":
            names = names[:SHORT_ON_A_SERVER]
        return [
            Setting(
                WORKLOADS[name], self.folder / f"{name}-{self.random.randrange(10**9)}", self.fresh(), is_full=is_full
            )
            for name in names
        ]


def d1_kills(stand: Stand, report: Report) -> None:
    """Death before, inside of and after every write."""
    for setting in stand.settings(is_full=stand.size.is_full):
        _apart(report, setting, lambda each: kill_at_writes(each, report, stand.random, stand.size.kills))


def d1_recovery(stand: Stand, report: Report) -> None:
    """Death at a write, and again during the recovery."""
    for setting in stand.settings():
        _apart(report, setting, lambda each: kill_during_recovery(each, report, stand.random, stand.size.again))


def d1_random(stand: Stand, report: Report) -> None:
    """Death at any moment, from outside."""
    for setting in stand.settings():
        _apart(report, setting, lambda each: kill_at_random(each, report, stand.random, stand.size.again))


def d1_commands(stand: Stand, report: Report) -> None:
    """Death of a command line in the middle of a write."""
    folder = stand.folder / "commands"
    folder.mkdir()
    kill_commands(stand.fresh, folder, report, stand.random, stand.size.commands, inside=stand.size.inside)


def d3_completions(stand: Stand, report: Report) -> None:
    """Completions that come twice or only after everything, in the simulation; nothing else goes wrong there."""
    _simulate(stand, report, stand.size.few_seeds, rate=0.0, deaths=0, jumps=0)


def d4_stops(stand: Stand, report: Report) -> None:
    """An owner that stands still beyond its lease."""
    for setting in stand.settings():
        if setting.workload.name in ("straight", "fan_out", "signals", "payloads"):
            report.problems += undisturbed(setting)
            stop_at_writes(setting, report, stand.random, stand.size.stops)


def d6_clock(stand: Stand, report: Report) -> None:
    """A clock that is set by minutes, hours and days, forwards and back, in the simulation."""
    _simulate(stand, report, stand.size.few_seeds, rate=0.0, deaths=2, jumps=40)


def d9_restarts(stand: Stand, report: Report) -> None:
    """A database that is stopped like by a power failure and comes back."""
    if stand.size.is_full:
        restarts(report, stand.random, rounds=40, down_s=10.0)
        workers_through_restarts(report, stand.random, runs=3_700, rounds=40, down_s=10.0)
    else:
        restarts(report, stand.random, rounds=2, down_s=0.5)
        workers_through_restarts(report, stand.random, runs=40, rounds=3, down_s=0.5)


def d10_network(stand: Stand, report: Report) -> None:
    """A network that breaks between the journal and its database."""
    if stand.size.is_full:
        breaks(report, stand.random, rounds=70, hole_s=12.0)
        workers_through_breaks(report, stand.random, runs=3_700, rounds=40, hole_s=12.0)
    else:
        breaks(report, stand.random, rounds=7, hole_s=0.5, quick=True)
        with impatience():
            workers_through_breaks(report, stand.random, runs=40, rounds=4, hole_s=0.5)


def d11_poison(stand: Stand, report: Report) -> None:
    """Runs that kill their workers."""
    folder = stand.folder / f"poison-{stand.random.randrange(10**9)}"
    folder.mkdir()
    poison(stand.fresh(), folder, report, stand.size.good, stand.size.bad)


def d13_signals(stand: Stand, report: Report) -> None:
    """A storm of signals."""
    signal_storm(stand.fresh(), report, stand.size.signals)


def d9_failover(stand: Stand, report: Report) -> None:
    """A database whose machine is gone, and whose standby takes over."""
    failovers(report, stand.random, rounds=stand.size.failovers, runs=100 if stand.size.is_full else 12)


def d14_damage(stand: Stand, report: Report) -> None:
    """Rows that were altered behind the journal's back."""
    damage(stand.fresh(), report, stand.random, stand.size.damages)


def d18_gates(stand: Stand, report: Report) -> None:
    """Many who decide one gate at once, against its expiry, in one process."""
    gate_race(stand.fresh(), report, stand.size.gates)


def d18_races(stand: Stand, report: Report) -> None:
    """Many processes that decide one gate, against its expiry, a cancellation and the death of its worker."""
    folder = stand.folder / f"races-{stand.random.randrange(10**9)}"
    folder.mkdir()
    races(stand.fresh(), folder, report, stand.random, stand.size.races)


def simulation(stand: Stand, report: Report) -> None:
    """Everything at once, in the simulation."""
    _simulate(stand, report, stand.size.seeds)


EXPERIMENTS: dict[str, tuple[Callable[[Stand, Report], None], tuple[str, ...]]] = {
    "L0 simulation": (simulation, ("memory",)),
    "D1 kill at each write": (d1_kills, ("sqlite", "postgres")),
    "D1 kill during recovery": (d1_recovery, ("sqlite", "postgres")),
    "D1 kill at any moment": (d1_random, ("sqlite", "postgres")),
    "D1 kill commands": (d1_commands, ("sqlite", "postgres")),
    "D3 completions": (d3_completions, ("memory",)),
    "D4 stopped owner": (d4_stops, ("sqlite", "postgres")),
    "D6 clock": (d6_clock, ("memory",)),
    "D9 database restarts": (d9_restarts, ("postgres",)),
    "D9 failover": (d9_failover, ("postgres",)),
    "D10 network": (d10_network, ("postgres",)),
    "D11 poison": (d11_poison, ("sqlite", "postgres")),
    "D13 signal storm": (d13_signals, ("sqlite", "postgres")),
    "D14 damage": (d14_damage, ("sqlite", "postgres")),
    "D18 gates": (d18_gates, ("sqlite", "postgres")),
    "D18 races": (d18_races, ("sqlite", "postgres")),
}


@attrs.frozen
class Order:
    """One experiment on one store."""

    title: str
    kind: str


def orders(only: tuple[str, ...], stores: tuple[str, ...]) -> list[Order]:
    """The experiments that `only` names, such as D1 (all, if none), on these stores."""
    return [
        Order(title, kind)
        for kind in ("memory", *stores)
        for title, (_, kinds) in EXPERIMENTS.items()
        if kind in kinds and (not only or title in only or title.split()[0] in only)
    ]


def run(order: Order, size: str, seed: int, place: str | None) -> Report:
    """Makes one experiment, in this process."""
    title, kind = order.title, order.kind
    report = Report(f"{title}, {kind}")
    began = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="flowlang-campaign-", dir=place) as name,
            databases("sqlite" if kind == "memory" else kind, Path(name)) as fresh,
        ):
            random = Random(f"{seed} {title} {kind}")
            EXPERIMENTS[title][0](Stand(Path(name), kind, fresh, SIZES[size], random), report)
    except Exception as problem:
        report.problems.append(f"could not be made: {type(problem).__name__}: {problem}"[:1500])
    report.took_s = time.monotonic() - began
    report.cpu_s = sum(os.times()[:4])
    return report


def table(reports: list[Report]) -> str:
    """The reports as Markdown."""
    lines = ["| experiment | trials | faults | violations | worst | took | CPU |", "|---|---|---|---|---|---|---|"]
    for each in reports:
        violations = len(each.problems)
        lines.append(
            f"| {each.name} | {each.trials:,} | {each.faults:,} | {violations} | {each.worst_s:.2f} s "
            f"| {each.took_s:,.0f} s | {each.cpu_s:,.0f} s |"
        )
    return "\n".join(lines)


def _apart(report: Report, setting: Setting, experiment: Callable[[Setting], None]) -> None:
    """One workload's trouble does not keep the others from being tried."""
    try:
        experiment(setting)
    except Exception as problem:
        name = setting.workload.name
        report.problems.append(f"{name} could not be tried: {type(problem).__name__}: {problem}"[-1500:])


def _simulate(stand: Stand, report: Report, seeds: int, **options: Any) -> None:
    folder = stand.folder / f"histories-{stand.random.randrange(10**9)}"
    folder.mkdir()
    stage = Stage(folder)
    report.problems += [f"{name} does not build" for name in WORKLOADS if name not in stage.usable()]
    for seed in range(seeds):
        began = time.monotonic()
        found = stage.history(seed, **options)
        problems = [f"seed {seed} ({found.workload}): {problem}" for problem in found.problems]
        report.add(sum(found.hits.values()), time.monotonic() - began, problems)
        report.points.update({f"{kind} {method}": count for (method, kind), count in found.hits.items()})


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--short", action="store_const", const="short", dest="size")
    size.add_argument("--full", action="store_const", const="full", dest="size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--stores", default="sqlite,postgres")
    parser.add_argument("--directory", default="/dev/shm" if Path("/dev/shm").is_dir() else None)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    only = tuple(given.only.split(",")) if given.only else ()
    wanted = orders(only, tuple(given.stores.split(",")))

    def made(order: Order) -> Report:
        # Most experiments fork, so each begins as a process without threads.
        report: Report = in_clean_process(run, order, given.size or "short", given.seed, given.directory)
        print(f"{report.name}: {len(report.problems)} violations, {report.took_s:,.0f} s", file=sys.stderr, flush=True)
        return report

    with ThreadPoolExecutor(given.jobs) as jobs:
        reports = list(jobs.map(made, wanted))
    print(table(reports))
    for report in reports:
        for problem in report.problems[:20]:
            print(f"{report.name}: {problem}")
        for point, count in sorted(report.points.items()):
            print(f"{report.name}: {count} at {point}")
    return 1 if any(report.problems for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
