"""`version`: deliberate branches in the code of runs that are moved to newer code.

A run is pinned to its code, so this is only needed by those who move unfinished runs to edited code that asks for
something else. What a run was told once, it is told for ever.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.eval.command import VersionNote
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.fiber import acting_fiber
from flowlang.lang.values.argument import int_argument, string_argument, wrong_value
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import builtin

CHANGE_MAX: Final = 100
VERSION_MAX: Final = 1 << 31


@builtin("version", "version(change, newest, oldest = 0)")
def version_action(depth: int, /, change: Any, newest: Any, oldest: Any = 0) -> int:
    """Which version of a change this run has: `newest` where the run had not come this far before, `oldest` where it
    had without asking, and what it was told before otherwise."""
    string_argument("version", "change", change)
    if not 0 < len(change) <= CHANGE_MAX:
        raise wrong_value("version", f"the name of a change has 1 to {CHANGE_MAX} characters, not {len(change)}")
    for parameter, value in (("newest", newest), ("oldest", oldest)):
        int_argument("version", parameter, value)
        if not 0 <= value <= VERSION_MAX:
            raise wrong_value("version", f"`{parameter}` is a number from 0 to 2**31")
    if newest < oldest:
        raise wrong_value("version", f"`newest` is {newest}, older than `oldest`, which is {oldest}")
    evaluation = acting_fiber("`version`").evaluation
    known = evaluation.versions.get(change)
    if known is None:
        known = newest if evaluation.is_live else oldest
        evaluation.versions[change] = known
        if evaluation.is_live:
            evaluation.tell(VersionNote(change, known))
    if not oldest <= known <= newest:
        raise Fault(
            "version-out-of-range",
            f"this run has version {known} of the change `{change}`, the code knows {oldest} to {newest}",
            hint="keep the code of that version until no run needs it, or leave the run with the code it is pinned to",
        )
    return known


RUNTIME_ACTIONS["version"] = version_action
