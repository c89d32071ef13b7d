"""Dialects: one grammar, and what a module may do with it.

The parser accepts everything that either dialect allows; the resolver refuses what the chosen one does not. So a
program that strays from its dialect is told which rule it broke, in place of a syntax error somewhere behind it.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Dialect:
    """What a module may do. Every field widens the language but the last, which makes it stricter.

    `top_level_control`: `if` and `for` (and `while`, if allowed at all) outside functions. `global_reassign`: module
    code may bind a global again. `recursion`: a function may call itself; the limit is the evaluation's. `while_loops`:
    `while`. `chained_assignment`: `a = b = c`. `annotations`: types on parameters, results and variables, whose names
    are checked and whose values are not. `hoisted_functions`: a name whose only binding is one top-level `def` exists
    from the module's start; in return such names are never bound again. `static_augmented_assignment`: a name that its
    scope only ever binds by `+=` and the like can have no value there, so this is refused before anything runs;
    without it the statement fails when it is reached.
    """

    top_level_control: bool = False
    global_reassign: bool = False
    recursion: bool = False
    while_loops: bool = False
    chained_assignment: bool = False
    annotations: bool = False
    hoisted_functions: bool = False
    static_augmented_assignment: bool = False


STANDARD: Final = Dialect()
"""Starlark, for embedding; `attrs.evolve(STANDARD, while_loops=True)` and the like turn options on."""

FLOW: Final = Dialect(
    top_level_control=True,
    global_reassign=True,
    recursion=True,
    chained_assignment=True,
    annotations=True,
    hoisted_functions=True,
    static_augmented_assignment=True,
)
"""What `.flow` files are written in."""
