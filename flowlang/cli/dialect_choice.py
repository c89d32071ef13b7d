"""The options that choose a dialect: `--dialect flow|standard` and `--allow` with the standard one's options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.lang.resolve.dialect import Dialect

DIALECTS: Final = ("flow", "standard")
_OPTIONS: Final = (
    click.option("--dialect", type=click.Choice(DIALECTS), default="flow", help="The dialect.  [default: flow]"),
    click.option(
        "--allow", "allowed", metavar="OPTION,...", multiple=True,
        help="What the standard dialect allows as well: while, recursion, toplevelcontrol, globalreassign.",
    ),
)  # fmt: skip


def choosing_dialect(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command's function, which gets `dialect` and `allowed`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def chosen_dialect(name: str, allowed: Sequence[str]) -> Dialect:
    """The dialect of the options' values. Raises UsageError."""
    from flowlang.lang.diagnostics.suggest import nearest
    from flowlang.lang.resolve.dialect import OPTIONS, Dialect

    options = [option.strip() for listed in allowed for option in listed.split(",") if option.strip()]
    if options and name != "standard":
        hint = "the flow dialect is the same everywhere; give `--dialect standard` as well"
        raise UsageError("`--allow` belongs to the standard dialect", hint=hint)
    for option in options:
        if option not in OPTIONS:
            near = nearest(option, OPTIONS)
            listed = ", ".join(f"`{known}`" for known in OPTIONS)
            hint = f"it has {listed}" if near is None else f"did you mean `{near}`?"
            raise UsageError(f"the standard dialect has no option `{option}`", hint=hint)
    return Dialect.named(" ".join([name, *options]))
