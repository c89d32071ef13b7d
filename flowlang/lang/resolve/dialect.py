"""Dialects: one grammar, and what a module may do with it.

The parser accepts everything that either dialect allows; the resolver refuses what the chosen one does not. So a
program that strays from its dialect is told which rule it broke, in place of a syntax error somewhere behind it.

A dialect is a value: it is given to whatever builds a program, and two programs of one process may be written in two.
"""

from __future__ import annotations

from typing import Final, Self

import attrs

OPTIONS: Final = {
    "toplevelcontrol": "top_level_control",
    "globalreassign": "global_reassign",
    "recursion": "recursion",
    "while": "while_loops",
}
"""The options of the standard dialect: the word that Starlark's other implementations use, and the field."""


@attrs.frozen
class Dialect:
    """What a module may do. Every field widens the language but `static_augmented_assignment`, which makes it stricter.

    `top_level_control`: `if` and `for` (and `while`, if allowed at all) outside functions. `global_reassign`: module
    code may bind a global again. `recursion`: a function may call itself; the limit is the evaluation's. `while_loops`:
    `while`. `chained_assignment`: `a = b = c`. `annotations`: types on parameters, results and variables, whose names
    are checked and whose values are not. `hoisted_functions`: a name whose only binding is one top-level `def` exists
    from the module's start; in return such names are never bound again. `static_augmented_assignment`: a name that its
    scope only ever binds by `+=` and the like can have no value there, so this is refused before anything runs;
    without it the statement fails when it is reached. `flows`: the names that belong to flows (`flow`, `Ok`, the
    prelude, the standard library, `__name__`) are there.
    """

    top_level_control: bool = False
    global_reassign: bool = False
    recursion: bool = False
    while_loops: bool = False
    chained_assignment: bool = False
    annotations: bool = False
    hoisted_functions: bool = False
    static_augmented_assignment: bool = False
    flows: bool = False

    @classmethod
    def standard(
        cls,
        *,
        top_level_control: bool = False,
        global_reassign: bool = False,
        recursion: bool = False,
        while_loops: bool = False,
    ) -> Self:
        """Starlark, with the options that it knows."""
        return cls(top_level_control, global_reassign, recursion, while_loops)

    @classmethod
    def flow(cls) -> Self:
        """What `.flow` files are written in: Starlark with flows and a few things more."""
        return cls(
            top_level_control=True,
            global_reassign=True,
            recursion=True,
            chained_assignment=True,
            annotations=True,
            hoisted_functions=True,
            static_augmented_assignment=True,
            flows=True,
        )

    @classmethod
    def named(cls, text: str) -> Self:
        """The dialect of `flow`, `standard`, or `standard` with options behind it: `standard while recursion`. Raises
        ValueError for anything else."""
        name, *options = text.split() or [""]
        if name == "flow" and not options:
            return cls.flow()
        if name != "standard":
            raise ValueError(f"there is no dialect `{text}`; it is `flow`, or `standard` with options")
        for option in options:
            if option not in OPTIONS:
                raise ValueError(f"the standard dialect has no option `{option}`, only {', '.join(OPTIONS)}")
        return cls(**{OPTIONS[option]: True for option in options})


STANDARD: Final = Dialect.standard()
"""Starlark without options."""

FLOW: Final = Dialect.flow()
"""The default."""
