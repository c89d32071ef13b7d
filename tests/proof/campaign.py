"""All experiments, one table.

    python tests/proof/campaign.py --short | --full [--seed N] [--only D1,D4] [--stores sqlite,postgres]

An experiment that cannot be made counts as failed, and is a line that says so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import attrs
from histories import Stage
from kills import Report, kill_at_random, kill_at_writes, kill_during_recovery
from networks import breaks, impatience, restarts
from outages import workers_through_breaks, workers_through_restarts
from pauses import stop_at_writes
from stores import databases
from storms import damage, gate_race, poison, signal_storm
from trial import Setting, undisturbed
from workloads import WORKLOADS

SHORT = ("straight", "signals", "children", "fan_out", "timers")
SHORT_ON_A_SERVER = 3


@attrs.frozen
class Size:
    """How much of everything. `kills`: trials per workload; `seeds` of the simulation."""

    is_full: bool
    kills: int
    again: int
    seeds: int
    stops: int
    signals: int
    gates: int
    damages: int
    good: int
    bad: int
    workloads: tuple[str, ...]


SIZES = {
    "short": Size(False, 4, 1, 60, 1, 200, 3, 40, 12, 2, SHORT),
    "full": Size(True, 400, 60, 10_000, 40, 10_000, 500, 2_000, 400, 8, tuple(WORKLOADS)),
}


@attrs.frozen
class Stand:
    """Where an experiment is made: a folder, and what makes empty databases."""

    folder: Path
    kind: str
    fresh: Callable[[], Callable[..., Any]]
    size: Size
    random: Random

    def settings(self) -> list[Setting]:
        """The workloads, each in a database of its own; in the short form fewer on a server, where all takes longer."""
        names = self.size.workloads
        if not self.size.is_full and self.kind == "postgres":
            names = names[:SHORT_ON_A_SERVER]
        return [
            Setting(WORKLOADS[name], self.folder / f"{name}-{self.random.randrange(10**9)}", self.fresh())
            for name in names
        ]


def d1_kills(stand: Stand, report: Report) -> None:
    """Death before and after every write."""
    for setting in stand.settings():
        _apart(report, setting, lambda each: kill_at_writes(each, report, stand.random, stand.size.kills))


def d1_recovery(stand: Stand, report: Report) -> None:
    """Death at a write, and again during the recovery."""
    for setting in stand.settings():
        _apart(report, setting, lambda each: kill_during_recovery(each, report, stand.random, stand.size.again))


def d1_random(stand: Stand, report: Report) -> None:
    """Death at any moment, from outside."""
    for setting in stand.settings():
        _apart(report, setting, lambda each: kill_at_random(each, report, stand.random, stand.size.again))


def d3_completions(stand: Stand, report: Report) -> None:
    """Completions that come twice or only after everything, in the simulation; nothing else goes wrong there."""
    _simulate(stand, report, rate=0.0, deaths=0, jumps=0)


def d4_stops(stand: Stand, report: Report) -> None:
    """An owner that stands still beyond its lease."""
    for setting in stand.settings():
        if setting.workload.name in ("straight", "fan_out", "signals", "payloads"):
            report.problems += undisturbed(setting)
            stop_at_writes(setting, report, stand.random, stand.size.stops)


def d6_clock(stand: Stand, report: Report) -> None:
    """A clock that is set by minutes, hours and days, forwards and back, in the simulation."""
    _simulate(stand, report, rate=0.0, deaths=2, jumps=40)


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


def d14_damage(stand: Stand, report: Report) -> None:
    """Rows that were altered behind the journal's back."""
    path = stand.folder / f"damaged-{stand.random.randrange(10**9)}.db"

    def opened(clock: Any) -> Any:
        from flowlang.runtime.journal.sql import SqlJournal

        return SqlJournal(path, clock=clock)

    damage(path, opened, report, stand.random, stand.size.damages)


def d18_races(stand: Stand, report: Report) -> None:
    """Many who decide one gate at once, against its expiry."""
    gate_race(stand.fresh(), report, stand.size.gates)


def simulation(stand: Stand, report: Report) -> None:
    """Everything at once, in the simulation."""
    _simulate(stand, report)


EXPERIMENTS: dict[str, tuple[Callable[[Stand, Report], None], tuple[str, ...]]] = {
    "L0 simulation": (simulation, ("memory",)),
    "D1 kill at each write": (d1_kills, ("sqlite", "postgres")),
    "D1 kill during recovery": (d1_recovery, ("sqlite", "postgres")),
    "D1 kill at any moment": (d1_random, ("sqlite", "postgres")),
    "D3 completions": (d3_completions, ("memory",)),
    "D4 stopped owner": (d4_stops, ("sqlite", "postgres")),
    "D6 clock": (d6_clock, ("memory",)),
    "D9 database restarts": (d9_restarts, ("postgres",)),
    "D10 network": (d10_network, ("postgres",)),
    "D11 poison": (d11_poison, ("sqlite", "postgres")),
    "D13 signal storm": (d13_signals, ("sqlite", "postgres")),
    "D14 damage": (d14_damage, ("sqlite",)),
    "D18 races": (d18_races, ("sqlite", "postgres")),
}


def run(size: str, seed: int, only: tuple[str, ...], stores: tuple[str, ...], place: str | None) -> list[Report]:
    """Makes the experiments that `only` names, such as D1 (all, if none) on these stores."""
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="flowlang-campaign-", dir=place) as name:
        for kind in ("memory", *stores):
            wanted = [title for title, (_, kinds) in EXPERIMENTS.items() if kind in kinds and _is_wanted(title, only)]
            if not wanted:
                continue
            folder = Path(name) / kind
            folder.mkdir()
            with databases("sqlite" if kind == "memory" else kind, folder) as fresh:
                for title in wanted:
                    stand = Stand(folder, kind, fresh, SIZES[size], Random(f"{seed} {title} {kind}"))
                    reports.append(_made(title, stand, EXPERIMENTS[title][0]))
    return reports


def table(reports: list[Report]) -> str:
    """The reports as Markdown."""
    lines = ["| experiment | trials | faults | violations | worst |", "|---|---|---|---|---|"]
    for each in reports:
        violations = len(each.problems)
        lines.append(f"| {each.name} | {each.trials:,} | {each.faults:,} | {violations} | {each.worst_s:.2f} s |")
    return "\n".join(lines)


def _is_wanted(title: str, only: tuple[str, ...]) -> bool:
    return not only or title in only or title.split()[0] in only


def _made(title: str, stand: Stand, experiment: Callable[[Stand, Report], None]) -> Report:
    report = Report(f"{title}, {stand.kind}")
    try:
        experiment(stand, report)
    except Exception as problem:
        report.problems.append(f"could not be made: {type(problem).__name__}: {problem}"[:1500])
    return report


def _apart(report: Report, setting: Setting, experiment: Callable[[Setting], None]) -> None:
    """One workload's trouble does not keep the others from being tried."""
    try:
        experiment(setting)
    except Exception as problem:
        name = setting.workload.name
        report.problems.append(f"{name} could not be tried: {type(problem).__name__}: {problem}"[-1500:])


def _simulate(stand: Stand, report: Report, **options: Any) -> None:
    folder = stand.folder / f"histories-{stand.random.randrange(10**9)}"
    folder.mkdir()
    stage = Stage(folder)
    report.problems += [f"{name} does not build" for name in WORKLOADS if name not in stage.usable()]
    for seed in range(stand.size.seeds):
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
    given = parser.parse_args()
    only = tuple(given.only.split(",")) if given.only else ()
    reports = run(given.size or "short", given.seed, only, tuple(given.stores.split(",")), given.directory)
    print(table(reports))
    for report in reports:
        for problem in report.problems[:20]:
            print(f"{report.name}: {problem}")
        for point, count in sorted(report.points.items()):
            print(f"{report.name}: {count} at {point}")
    return 1 if any(report.problems for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
