"""What one walk (`dataflow.py`) finds out about containers that may be the same, to be judged when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowlang.lang.compile.cell import Cell, merge
from flowlang.lang.compile.origin import MAKERS, Use, use_of
from flowlang.lang.resolve.scope import Binding
from flowlang.lang.syntax import nodes

if TYPE_CHECKING:
    from flowlang.lang.compile.dataflow import Dataflow


class Sharing:
    """The notes of a walk. `changed`: what is changed somewhere; `iterated`: what the loops around go through;
    `passed_on`: the names whose values go anywhere; `copied`: the copies of named containers, with those names."""

    def __init__(self, flow: Dataflow) -> None:
        self._flow = flow
        self.changed: list[Use] = []
        self.iterated: list[Use] = []
        self.passed_on: set[Binding] = set()
        self.copied: list[tuple[Cell, nodes.Name]] = []
        self._changes: list[tuple[Use, tuple[Use, ...]]] = []
        self._together: list[list[Cell]] = []

    def change(self, node: nodes.Expr) -> None:
        """A container is changed here."""
        self.changed.append(use_of(self._flow, node))
        if self.iterated:
            self._changes.append((self.changed[-1], tuple(self.iterated)))

    def give_together(self, parts: Sequence[nodes.Expr]) -> None:
        """Containers are returned side by side."""
        self._together.append([self._flow.cell_of(part) for part in parts])

    def is_private(self, binding: Binding | None) -> bool:
        """Whether no other name or element can mean the container that a local means, though their cell may be one: it
        was made here, and is given to nobody before the function returns it."""
        return binding is not None and binding not in self.passed_on and self._is_made(binding, MAKERS)

    def settle(self) -> None:
        """A list that is changed in a loop over it must be able to say no, and one that is returned twice, side by
        side, must stay one. What is copied out of a dict is keys; a copy of a list shows and shares what is inside. To
        be repeated when cells were merged later."""
        for cell, name in self.copied:
            if not self._is_made(name.binding, (nodes.DictExpr,)):
                self._flow.cell_of(name).show()
                merge(cell.inner(), self._flow.cell_of(name).inner())
        for (cell, changed), iterated in self._changes:
            is_private = self.is_private(changed)
            if any(cell.root() is other.root() and (name is changed or not is_private) for other, name in iterated):
                cell.spoil()
        for parts in self._together:
            seen: set[int] = set()
            for cell in map(Cell.root, parts):
                if id(cell) in seen:
                    cell.spoil()
                seen.add(id(cell))

    def _is_made(self, binding: Binding, makers: tuple[type, ...]) -> bool:
        """Whether all that is ever bound to a name is made by such expressions."""
        sources = self._flow.sources.get(binding, ())
        return bool(sources) and all(isinstance(source, makers) for source in sources)
