"""Ours against DBOS, flowrun and the raw rate of commits: steps, fan-out, many runs, recovery."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from durable.peer import Peers
from durable.place import Place, in_process, options
from durable.table import Figure

OWN = Path(__file__).parent / "own.py"
STEPS, TASKS, RUNS, RECOVERED, CHAIN = 1000, 1000, 500, 2000, 1000


@attrs.frozen
class Context:
    """What a subject is measured with. `scale`: part of the full size."""

    place: Place
    peers: Peers | None
    pairs: int
    scale: float

    def size(self, full: int) -> int:
        """That many, or fewer for a quick look."""
        return max(1, round(full * self.scale))

    def own(self, what: str, n: int, url: str | None = None, expect: int = 0) -> dict[str, Any]:
        """One measurement of ours in a fresh database."""
        return in_process(OWN, *options(url=url or self.place.fresh(), what=what, n=n), expect=expect)


def steps(context: Context) -> list[Figure]:
    """Sequential durable actions in one run."""
    n, kind = context.size(STEPS), context.place.kind
    ours, raw, theirs, commits = [], [], [], []
    for _ in range(context.pairs):
        before = context.place.raw_rate()
        found = context.own("steps", n)
        raw.append((before + context.place.raw_rate()) / 2)
        ours.append(n / found["seconds"])
        commits.append(found["commits"] / n)
        if context.peers is not None:
            theirs.append(n / context.peers.dbos(context.place, "steps", n)["seconds"])
    note = f"{statistics.median(commits):.3f} commits each"
    title = f"sequential actions, {kind}, beside"
    figures = [Figure(f"{title} raw commits", "per second", ours, raw, False, 0.5, 0.3, note)]
    if theirs:
        figures.append(Figure(f"{title} DBOS", "per second", ours, theirs, False, 10, 6))
    return figures


def gather(context: Context) -> list[Figure]:
    """A wide fan-out in one run."""
    n, kind = context.size(TASKS), context.place.kind
    goal, floor = 50.0, 20.0
    return [_against_dbos(context, f"fan-out of {n}, {kind}", "gather", n, goal, floor)]


def workflows(context: Context) -> list[Figure]:
    """Many runs of one action at once, started by a call for each after the other, by a call for each on an event loop,
    and by one call for all. DBOS has a call for each only."""
    n, kind = context.size(RUNS), context.place.kind
    goal, floor = (20.0, 10.0) if kind == "sqlite" else (12.0, 8.0)
    title = f"{n} runs of one action, {kind}"
    return [
        _against_dbos(context, f"{title}, started one by one", "workflows", n, goal, floor),
        _against_dbos(context, f"{title}, started on a loop", "workflows_gathered", n, goal, floor, "workflows"),
        _against_dbos(context, f"{title}, started by one call", "workflows_together", n, goal, floor, "workflows"),
    ]


def recovery(context: Context) -> list[Figure]:
    """A process that died left many recorded actions; how long until another is past the last."""
    n, kind = context.size(RECOVERED), context.place.kind
    ours, in_all, theirs, theirs_in_all, rates = [], [], [], [], []
    for _ in range(context.pairs):
        url = context.place.fresh()
        context.own("die", n, url, expect=7)
        found = context.own("recovered", n, url)
        ours.append(found["launch_to_past_last_step"])
        in_all.append(found["seconds_in_all"])
        rates.append(n / found["replay"])
        if context.peers is not None:
            peer = context.peers.dbos_recovery(context.place, n)
            theirs.append(peer["launch_to_past_last_step"])
            theirs_in_all.append(peer["seconds_in_all"])
    goal = 25.0 if kind == "sqlite" else 40.0
    title = f"recovery of {n} actions, {kind}"
    return [
        Figure(f"{title}, from launch to past the last", "seconds", ours, theirs, True, goal, 10),
        Figure(f"{title}, the whole process", "seconds", in_all, theirs_in_all, True),
        Figure(f"{title}, resume alone", "actions per second", rates),
    ]


def flowrun(context: Context) -> list[Figure]:
    """In memory: a chain, and a fan-out of which four go on at once."""
    if context.place.kind != "sqlite":
        return []  # nothing of it is stored
    n = context.size(CHAIN)
    chain, limited, peer_chain, peer_limited = [], [], [], []
    for _ in range(context.pairs):
        chain.append(n / context.own("steps", n, "memory")["seconds"])
        limited.append(n / context.own("limited", n, "memory")["seconds"])
        if context.peers is not None:
            found = context.peers.flowrun(n)
            peer_chain.append(found[f"chain_{n}_memory_parallel_4_per_s"]["median"])
            peer_limited.append(found[f"wide_{n}_memory_parallel_4_per_s"]["median"])
    return [
        Figure(f"chain of {n} in memory, beside flowrun", "per second", chain, peer_chain, False, 20),
        Figure(f"fan-out of {n} at limit 4 in memory, beside flowrun", "per second", limited, peer_limited, False, 5),
    ]


def _against_dbos(
    context: Context, title: str, what: str, n: int, goal: float, floor: float, theirs_is: str = ""
) -> Figure:
    ours, theirs, commits = [], [], []
    for _ in range(context.pairs):
        found = context.own(what, n)
        ours.append(n / found["seconds"])
        commits.append(found["commits"] / n)
        if context.peers is not None:
            theirs.append(n / context.peers.dbos(context.place, theirs_is or what, n)["seconds"])
    note = f"{statistics.median(commits):.3f} commits each"
    return Figure(title, "per second", ours, theirs, False, goal, floor, note)


COMPARISONS: dict[str, Callable[[Context], list[Figure]]] = {
    "steps": steps,
    "gather": gather,
    "workflows": workflows,
    "recovery": recovery,
    "flowrun": flowrun,
}
