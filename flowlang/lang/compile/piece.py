"""Large modules are compiled in pieces, one after another.

The generated code of a module is some hundred times as large as its text, and CPython's compiler needs as much again,
so all of it at once would need gigabytes for a long module. The names of a module's top level are globals, whatever
function binds them; therefore a module can be cut between any two statements, and the pieces run in turn as if they
were one. The functions that exist from the module's start are made by the first pieces.

Small modules, which is nearly all, are one piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import attrs

from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.weight import weight_of

AnyStatement = TypeVar("AnyStatement", bound=nodes.Statement)

WHOLE_CHARACTERS_MAX: Final = 20_000
"""Shorter texts are not looked at."""
PIECE_WEIGHT_MAX: Final = 100_000
"""Larger only when a single statement is: some 40 MB while it is compiled."""
PIECE_STATEMENTS_MAX: Final = 500
"""CPython looks at all globals that a piece binds for each function in it."""


@attrs.frozen
class Piece:
    """A stretch of a module's top level. `functions` are made before `statements` run."""

    functions: list[nodes.Def] = attrs.field(factory=list)
    statements: list[nodes.Statement] = attrs.field(factory=list)


def cut(file: nodes.File, length: int, hoisted: frozenset[str]) -> list[Piece]:
    """The pieces of a module whose text has `length` characters. `hoisted` names the functions that exist from the
    start; their `def` remains among the statements, to evaluate defaults."""
    functions = [node for node in file.body if isinstance(node, nodes.Def) and node.name.name in hoisted]
    if length <= WHOLE_CHARACTERS_MAX:
        return [Piece(functions, file.body)]
    made = [Piece(functions=part) for part in _stretches(functions)]
    return made + [Piece(statements=part) for part in _stretches(file.body, hoisted)]


def _stretches(body: Sequence[AnyStatement], made: frozenset[str] = frozenset()) -> Iterator[list[AnyStatement]]:
    """The statements in lists that are not too heavy. Functions in `made` exist already and weigh nothing."""
    found: list[AnyStatement] = []
    total = 0
    for statement in body:
        is_made = isinstance(statement, nodes.Def) and statement.name.name in made
        weight = 1 if is_made else weight_of(statement)
        if found and (total + weight > PIECE_WEIGHT_MAX or len(found) >= PIECE_STATEMENTS_MAX):
            yield found
            found, total = [], 0
        found.append(statement)
        total += weight
    if found:
        yield found
