"""How long runs are kept after their end, and deleting those whose time is over.

The policy is a table of the project's pyproject.toml; statuses that it does not name are kept for ever:

    [tool.flowlang.retention]
    completed = "7d"
    failed = "90d"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flowlang.errors import UsageError
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.runtime.journal.journal import Journal, RunFilter, RunStatus
from flowlang.runtime.operations.selection import select
from flowlang.runtime.operations.time_text import parse_span_ms

PRUNED_AT_ONCE: Final = 1000
FINAL: Final = tuple(status for status in RunStatus if status.is_final)


def retention_policy(settings: Mapping[str, Any]) -> dict[RunStatus, int]:
    """How many milliseconds runs of each status are kept, from `[tool.flowlang]`. Raises UsageError."""
    table = settings.get("retention", {})
    place = "`[tool.flowlang.retention]`"
    if not isinstance(table, Mapping):
        raise UsageError(f"{place} is not a table", hint='write lines such as `completed = "7d"`')
    known = {status.value: status for status in FINAL}
    policy = {}
    for name, text in table.items():
        if name not in known:
            near = nearest(name, list(known))
            hint = f"did you mean `{near}`?" if near is not None else "runs end as " + ", ".join(known)
            raise UsageError(f"{place}: `{name}` is no status of a run that ended", hint=hint)
        span_ms = parse_span_ms(text) if isinstance(text, str) else None
        if span_ms is None:
            raise UsageError(f"{place}: `{name}` is not a span of time", hint=f'write `{name} = "30d"`')
        policy[known[name]] = span_ms
    return policy


def prune(journal: Journal, policy: Mapping[RunStatus, int], now_ms: int) -> dict[RunStatus, int]:
    """Deletes the runs whose time is over, in portions; gives how many of each status."""
    deleted: dict[RunStatus, int] = {}
    for status, kept_ms in policy.items():
        while True:
            number = journal.prune(finished_before_ms=now_ms - kept_ms, status=(status,), limit=PRUNED_AT_ONCE)
            deleted[status] = deleted.get(status, 0) + number
            if number < PRUNED_AT_ONCE:
                break
    return deleted


def count_prunable(journal: Journal, policy: Mapping[RunStatus, int], now_ms: int) -> dict[RunStatus, int]:
    """How many runs of each status `prune` would delete."""
    counts = {}
    for status, kept_ms in policy.items():
        selection = select(f'updated < "{kept_ms}ms ago"', now_ms, RunFilter(status=(status,)))
        counts[status] = sum(selection.count(journal).values())
    return counts
