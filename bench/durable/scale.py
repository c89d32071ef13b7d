"""Ours at sizes, without a peer: replay, services, parked runs, checks of new code, growth."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from durable.comparison import OWN, Context
from durable.place import in_process, options
from durable.table import Figure

OWN_SCALE = Path(__file__).parent / "own_scale.py"
_numbers = itertools.count(1)


def replay(context: Context) -> list[Figure]:
    """Resuming runs with more and more recorded actions: it must be linear."""
    figures = []
    for full in (1_000, 10_000, 100_000):
        n, url, folder = context.size(full), context.place.fresh(), _folder(context)
        made = _own(context, "history", n, url, folder)
        found = in_process(OWN, *options(url=url, what="recovered", n=n))
        note = f"driven in memory at {made['driven_per_s']:,.0f}/s"
        title = f"replay of {n:,} actions, {context.place.kind}"
        figures.append(Figure(title, "actions per second", [n / found["replay"]], [100_000], False, 1, 0.3, note))
    return figures


def service(context: Context) -> list[Figure]:
    """Resuming a service that has handled more and more events: it must not grow."""
    figures = []
    for full in (1_000, 10_000, 100_000, 1_000_000):
        n, url, folder = max(5, context.size(full)), context.place.fresh(), _folder(context)
        _own(context, "service", n, url, folder)
        found = _own(context, "service_resume", n, url, folder)
        title = f"service with {n:,} handled events goes on, {context.place.kind}"
        note = f"one more event {found['handle_s'] * 1000:.1f} ms"
        figures.append(Figure(title, "seconds", [found["resume_s"]], [0.2], True, 1, 0.2, note))
    return figures


def parked(context: Context) -> list[Figure]:
    """Many runs that wait."""
    n, url, folder = context.size(100_000), context.place.fresh(), _folder(context)
    made = _own(context, "park", n, url, folder)
    found = _own(context, "parked_idle", n, url, folder)
    where = f"{n:,} parked runs, {context.place.kind}:"
    return [
        Figure(f"{where} parking", "runs per second", [made["park_per_s"]], note=f"made {made['create_per_s']:,.0f}/s"),
        Figure(f"{where} on disk", "bytes each", [made["bytes_each"]], [2048], True, 1),
        Figure(f"{where} worker ready", "seconds", [found["ready_s"]]),
        Figure(f"{where} memory of the worker beside none", "KiB", [found["extra_kb"]]),
        Figure(f"{where} CPU when idle", "part of a core", [found["idle_cpu"]], [0.001], True, 1),
        Figure(f"{where} calls of the store when idle", "per second", [found["idle_calls_per_s"]], [2.0], True, 1),
        Figure(f"{where} late when 1,000 fall due, p50", "ms", [found["late_p50_ms"]]),
        Figure(f"{where} late when 1,000 fall due, p99", "ms", [found["late_p99_ms"]]),
    ]


def checking(context: Context) -> list[Figure]:
    """New code against recorded runs."""
    n = context.size(5_000)
    found = _own(context, "checked", n, context.place.fresh(), _folder(context))
    title = f"checking code against {n:,} runs of one action, {context.place.kind}"
    note = f"{', '.join(found['kinds'])}; worker drove {n / found['driven_s']:,.0f} runs/s"
    return [Figure(title, "runs per second", [n / found["seconds"]], [5_000], False, 1, note=note)]


def growth(context: Context) -> list[Figure]:
    """Sequential actions in journals of more and more events: it must stay flat."""
    figures, first = [], None
    for full in (10_000, 100_000, 1_000_000):
        n = context.size(full)
        found = _own(context, "growth", n, context.place.fresh(), _folder(context))
        rate = 1000 / found["seconds"]
        first = first or rate
        title = f"sequential actions in a journal of {n:,} events, {context.place.kind}"
        figures.append(Figure(title, "per second", [rate], [first], False, 0.8))
    return figures


def _own(context: Context, what: str, n: int, url: str, folder: Path) -> dict[str, Any]:
    return in_process(OWN_SCALE, *options(url=url, what=what, n=n, folder=folder))


def _folder(context: Context) -> Path:
    folder = context.place.folder / f"project-{next(_numbers)}"
    folder.mkdir()
    return folder


SCALES: dict[str, Callable[[Context], list[Figure]]] = {
    "replay": replay,
    "service": service,
    "parked": parked,
    "checking": checking,
    "growth": growth,
}
