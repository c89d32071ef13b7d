"""Cells: what the lists and dicts hold that a function makes and keeps to itself.

Every local name and every expression that makes or passes on a container has a cell; names that may mean the same
container share one (cells are merged, never split). What is put into a container flows into its cell, so that the
type of what is taken out is known. A container that anybody else could get hold of (an argument, a call's result, a
captured variable, something passed to a call) has a cell that has escaped: nothing is known of it.

A list that never escapes can be a plain list of the host, `is_plain`: nobody can freeze it, look at its type or change
it behind the function's back, so its elements are read and written at the host's speed. Where such a list is used as
a value after all (returned, printed, sorted) a copy is made (`Unit.expression`). The same holds for a dict whose keys,
and all that it is asked for, are certain to be strings, ordinary ints or tuples of those.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowlang.lang.compile.static_type import NOTHING, Type, join
from flowlang.lang.syntax import nodes


class Cell:
    """One class of containers. `items`: what is put in, as sources, each with the dataflow that it belongs to;
    `fields`: the same of a dict's entries whose keys are literal strings; `keys`: a dict's keys; `asked`: what it is
    asked for. `form`: the host's type, for containers that are plain. `content`: the cell of the containers inside.
    `item`, `key`: their types, as far as solved, and `rest`, `field_types` those of `items` and `fields`."""

    __slots__ = (
        "above", "asked", "content", "field_types", "fields", "form", "has_escaped", "is_plain", "is_shown", "item",
        "items", "key", "keys", "rest",
    )  # fmt: skip

    def __init__(self, *, has_escaped: bool = False) -> None:
        self.above: Cell | None = None
        self.content: Cell | None = None
        self.items: list[Any] = []
        self.fields: dict[str, list[Any]] = {}
        self.keys: list[Any] = []
        self.asked: list[Any] = []
        self.item: Type = NOTHING
        self.key: Type = NOTHING
        self.rest: Type = NOTHING
        self.field_types: dict[str, Type] = {}
        self.has_escaped = has_escaped
        self.is_plain = True
        self.is_shown = False
        self.form = ""

    def root(self) -> Cell:
        """The cell that stands for all that were merged with this one."""
        found = self
        while found.above is not None:
            found = found.above
        cell = self
        while cell.above is not None and cell.above is not found:
            following = cell.above
            cell.above = found
            cell = following
        return found

    def weight(self) -> int:
        """How much would have to be copied."""
        return len(self.items) + len(self.fields) + len(self.keys) + len(self.asked)

    def sources_at(self, key: nodes.Expr | None) -> list[Any]:
        """Where to note what is put in under a key, or as an element."""
        if isinstance(key, nodes.Constant) and type(key.value) is str:
            return self.fields.setdefault(key.value, [])
        return self.items

    def item_at(self, key: nodes.Expr) -> Type:
        """The type of what is found under a key."""
        if isinstance(key, nodes.Constant) and key.value in self.fields:
            return join(self.rest, self.field_types.get(str(key.value), NOTHING))
        return self.item

    def inner(self) -> Cell:
        """The cell of the containers that these containers hold."""
        cell = self.root()
        if cell.content is None:
            cell.content = Cell(has_escaped=cell.has_escaped)
        return cell.content.root()

    def escape(self) -> None:
        """Somebody else may get hold of the containers, and of those inside."""
        cell: Cell | None = self.root()
        while cell is not None and not cell.has_escaped:
            cell.has_escaped = True
            cell = None if cell.content is None else cell.content.root()

    def show(self) -> None:
        """The containers are used as values: what they hold must be values through and through (`settle_shown`)."""
        self.root().is_shown = True

    def spoil(self) -> None:
        """The containers must be values of the language."""
        self.root().is_plain = False


def merge(first: Cell, second: Cell) -> None:
    """Makes two cells one."""
    pairs = [(first, second)]
    while pairs:
        left, right = (cell.root() for cell in pairs.pop())
        if left is right:
            continue
        if left.has_escaped != right.has_escaped:
            (right if left.has_escaped else left).escape()
        if left.weight() < right.weight():
            left, right = right, left
        right.above = left
        left.is_plain = left.is_plain and right.is_plain
        left.is_shown = left.is_shown or right.is_shown
        left.items += right.items
        for name, sources in right.fields.items():
            left.fields.setdefault(name, []).extend(sources)
        left.keys += right.keys
        left.asked += right.asked
        right.items, right.fields, right.keys, right.asked = [], {}, [], []
        if left.content is None:
            left.content = right.content
        elif right.content is not None:
            pairs.append((left.content, right.content))


def settle_shown(cells: Iterable[Cell]) -> None:
    """Spoils all that is inside containers that are used as values."""
    waiting = [cell for cell in cells if cell.is_shown]
    while waiting:
        content = waiting.pop().content
        if content is not None:
            content = content.root()
            content.is_plain = False
            if not content.is_shown:
                content.is_shown = True
                waiting.append(content)
