"""Which runs: a small language over what a run's row and its attributes say.

    status = "failed" and region = "eu" and not (progress > 0.5 or id begins "test-")

A name is a column of the run (COLUMNS) or else an attribute; `attribute.NAME` is an attribute whatever its name. What
a store can look up itself (everything that is joined by `and` at the top) becomes a RunFilter; the rest is tested run
by run. An attribute that a run does not have fulfils no comparison, nor does one of another type.

Expressions are bounded in length, depth and number of comparisons. A mistake is shown with its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.runtime.journal.journal import AttributeValue, Condition, Journal, RunFilter, RunRecord, RunStatus
from flowlang.runtime.journal.model import SEARCHABLE_COLUMNS
from flowlang.runtime.operations.selection_syntax import (
    All,
    Any_,
    Comparison,
    Node,
    Not,
    SelectionMistake,
    Value,
    parse_selection,
)
from flowlang.runtime.operations.time_text import parse_moment_ms

PAGE: Final = 500
ATTRIBUTE_PREFIX: Final = "attribute."
Facts: TypeAlias = Callable[[], Mapping[str, AttributeValue]]


@attrs.frozen
class Column:
    """A column: what it holds (`text`, `number`, `time`, `status`) and how a run's row gives it (None: nothing)."""

    kind: str
    value: Callable[[RunRecord], Any]


def progress_fraction(run: RunRecord) -> float | None:
    """How far a run says that it is, from 0 to 1; None when it does not say it, or not of how much."""
    if not run.progress:
        return None
    told = json.loads(run.progress)
    total = told.get("total")
    return told["done"] / total if total else None


COLUMNS: Final[Mapping[str, Column]] = {
    "id": Column("text", lambda run: run.run_id),
    "status": Column("status", lambda run: run.status.value),
    "script": Column("text", lambda run: run.entry),
    "flow": Column("text", lambda run: run.flow),
    "queue": Column("text", lambda run: run.queue),
    "priority": Column("number", lambda run: run.priority),
    "partition": Column("text", lambda run: run.partition),
    "parent": Column("text", lambda run: run.parent),
    "root": Column("text", lambda run: run.root or run.run_id),
    "correlation": Column("text", lambda run: run.correlation),
    "state": Column("text", lambda run: run.state),
    "reason": Column("text", lambda run: run.reason),
    "progress": Column("number", progress_fraction),
    "events": Column("number", lambda run: run.sequence),
    "actions": Column("number", lambda run: run.actions_completed),
    "crashes": Column("number", lambda run: run.crashes),
    "created": Column("time", lambda run: run.created_at_ms),
    "updated": Column("time", lambda run: run.updated_at_ms),
    "due": Column("time", lambda run: run.due_at_ms),
    "deadline": Column("time", lambda run: run.deadline_at_ms),
}
_FILTERED: Final = {
    "script": "entry", "flow": "flow", "queue": "queue", "parent": "parent", "root": "root",
    "correlation": "correlation",
}  # fmt: skip
_STORED: Final = {
    "partition": "partition", "state": "state", "reason": "reason", "priority": "priority", "events": "sequence",
    "actions": "actions_completed", "crashes": "crashes", "created": "created_at_ms", "updated": "updated_at_ms",
    "due": "due_at_ms", "deadline": "deadline_at_ms",
}  # fmt: skip
"""Columns for which stores know conditions, with the names that stores have for them."""
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "begins": lambda left, right: isinstance(left, str) and left.startswith(right),
}


@attrs.frozen
class Selection:
    """Which runs: those that the filter finds and that pass the rest."""

    filter: RunFilter
    rest: Node | None = None
    doubts: tuple[tuple[str, str], ...] = ()
    """Names that were taken for attributes, each with the column that it nearly is."""

    def runs(self, journal: Journal, limit: int | None = None) -> Iterator[RunRecord]:
        """The runs, the newest first, read page by page."""
        before, given = None, 0
        while True:
            page = journal.find(self.filter, limit=PAGE, before=before)
            for run in page:
                if self._passes(journal, run):
                    yield run
                    given += 1
                    if given == limit:
                        return
            if len(page) < PAGE:
                return
            before = page[-1].number

    def count(self, journal: Journal) -> dict[RunStatus, int]:
        """How many runs of each status."""
        if self.rest is None:
            return {status: number for status, number in journal.count(self.filter).items() if number}
        counts: dict[RunStatus, int] = {}
        for run in self.runs(journal):
            counts[run.status] = counts.get(run.status, 0) + 1
        return counts

    def _passes(self, journal: Journal, run: RunRecord) -> bool:
        if self.rest is None:
            return True
        kept: list[Mapping[str, AttributeValue]] = []

        def attributes() -> Mapping[str, AttributeValue]:
            if not kept:
                kept.append(journal.attributes(run.run_id))
            return kept[0]

        return _holds(self.rest, run, attributes)


def select(text: str, now_ms: int, base: RunFilter | None = None) -> Selection:
    """The selection that an expression means, beside what `base` asks for; an empty text adds nothing. Raises
    SelectionMistake, a UsageError that shows the place."""
    base = base or RunFilter()
    if not text.strip():
        return Selection(base)
    node = _checked(parse_selection(text), text, now_ms)
    parts = node.parts if isinstance(node, All) else (node,)
    rest: list[Node] = []
    for part in parts:
        pushed = _pushed(base, part)
        if pushed is None:
            rest.append(part)
        else:
            base = pushed
    return Selection(base, All(tuple(rest)) if rest else None, tuple(dict(_doubts(node)).items()))


def _doubts(node: Node) -> Iterator[tuple[str, str]]:
    match node:
        case All() | Any_():
            for part in node.parts:
                yield from _doubts(part)
        case Not():
            yield from _doubts(node.part)
        case Comparison() if _column(node) is None and (near := nearest(node.name, COLUMNS)) is not None:
            yield node.name, near


def _pushed(base: RunFilter, node: Node) -> RunFilter | None:
    """The filter that asks for `node` as well; None when no filter can."""
    if not isinstance(node, Comparison):
        return None
    name, operator, values = node.name, node.operator, node.values
    condition = _condition(node)
    if condition is not None:
        return attrs.evolve(base, where=(*base.where, condition))
    change: dict[str, Any] = {}
    if operator in ("=", "in") and name == "status" and not base.status:
        change["status"] = tuple(RunStatus(value) for value in values)
    elif operator in ("=", "in") and name == "id" and not base.ids:
        change["ids"] = tuple(map(str, values))
    elif operator == "=" and values[0] and name in _FILTERED and getattr(base, _FILTERED[name]) is None:
        change[_FILTERED[name]] = values[0]
    elif operator == "begins" and name == "id" and not base.prefix:
        change["prefix"] = values[0]
    return attrs.evolve(base, **change) if change else None


def _condition(node: Comparison) -> Condition | None:
    """The comparison as a condition for stores, where they mean the same by it."""
    operator, value, column = node.operator, node.values[0], _column(node)
    if operator in ("in", "begins"):
        return None
    if column is None:
        name = node.name.removeprefix(ATTRIBUTE_PREFIX)
        return None if name in SEARCHABLE_COLUMNS else Condition(name, operator, value)
    if node.name not in _STORED or (column.kind == "text" and (operator != "=" or not value)):
        return None  # texts that a row does not have are stored in more than one way
    return Condition(_STORED[node.name], operator, value)


def _column(node: Comparison) -> Column | None:
    return COLUMNS.get(node.name)


def _holds(node: Node, run: RunRecord, attributes: Facts) -> bool:
    match node:
        case All():
            return all(_holds(part, run, attributes) for part in node.parts)
        case Any_():
            return any(_holds(part, run, attributes) for part in node.parts)
        case Not():
            return not _holds(node.part, run, attributes)
    column = _column(node)
    name = node.name.removeprefix(ATTRIBUTE_PREFIX)
    found: Any = attributes().get(name) if column is None else column.value(run)
    operator = "=" if node.operator == "in" else node.operator
    return found is not None and any(
        _kind(found) == _kind(value) and _COMPARE[operator](found, value) for value in node.values
    )


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"


# Checking names and values


def _checked(node: Node, text: str, now_ms: int) -> Node:
    """The node with its values as its columns have them. Raises SelectionMistake."""
    match node:
        case All():
            return All(tuple(_checked(part, text, now_ms) for part in node.parts))
        case Any_():
            return Any_(tuple(_checked(part, text, now_ms) for part in node.parts))
        case Not():
            return Not(_checked(node.part, text, now_ms))
    column = _column(node)
    if column is None:
        _check_attribute(node, text)
        return node
    return attrs.evolve(node, values=tuple(_column_value(node, column, value, text, now_ms) for value in node.values))


def _check_attribute(node: Comparison, text: str) -> None:
    is_ordered = node.operator in ("<", "<=", ">", ">=")
    if is_ordered and any(isinstance(value, bool) for value in node.values):
        raise SelectionMistake("`true` and `false` have no order", text, node.span, "compare with `=` or `!=`")


def _column_value(node: Comparison, column: Column, value: Value, text: str, now_ms: int) -> Value:
    name, wanted = node.name, column.kind
    hint = f"for an attribute of this name write `{ATTRIBUTE_PREFIX}{name}`"
    if wanted == "number" and _kind(value) != "number":
        raise SelectionMistake(f"`{name}` is a number", text, node.span, hint)
    if wanted == "number":
        return value
    if not isinstance(value, str):
        raise SelectionMistake(f"`{name}` is compared with a text in quotes", text, node.span, hint)
    if wanted == "time":
        moment = parse_moment_ms(value, now_ms)
        if moment is None:
            hint = 'write `"2026-01-31"`, `"2026-01-31T12:00Z"` or `"2h ago"`'
            raise SelectionMistake(f"`{value}` is no time", text, node.span, hint)
        return moment
    if wanted == "status" and node.operator != "begins":
        known = [status.value for status in RunStatus]
        if value not in known:
            near = nearest(value, known)
            hint = f"did you mean `{near}`?" if near is not None else "the statuses are " + ", ".join(known)
            raise SelectionMistake(f"there is no status `{value}`", text, node.span, hint)
    return value
