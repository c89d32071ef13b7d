"""Chapters: a run that would grow for ever begins anew, under the same id, with what it needs of its past.

`continue_as` ends the current chapter: the entry flow is called again with other arguments, and nothing recorded
before is needed to resume the run. Signals that nobody has received stay for the next chapter.
"""

from __future__ import annotations

from typing import Any, NoReturn

from flowlang.lang.eval.child import call_payload
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.flow import checked_arguments
from flowlang.lang.eval.interruption import Ending
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import builtin


@builtin("continue_as", "continue_as(*args, **kwargs)")
def continue_as_action(depth: int, /, *positional: Any, **keywords: Any) -> NoReturn:
    """Begins the run anew: its entry flow is called with these arguments. What it was doing ends here."""
    fiber = acting_fiber("`continue_as`")
    flow = fiber.evaluation.entry_flow
    if flow is None:
        raise Fault(
            "no-entry-flow",
            "`continue_as` begins the entry flow anew, and this run has none: it runs the top level of its file",
            hint='let the file end in `if __name__ == "__flow__":` with one flow call, or start it as `FILE:FLOW`',
        )
    if flow.events is not None:
        raise Fault(
            "continue-in-event-flow",
            f"the event-driven flow `{flow.name}` begins a chapter with every event by itself",
            hint="assign to its registers instead: `fctx.args.name = …`",
        )
    _check_alone(fiber)
    checked_arguments(flow, positional, keywords, is_entry=True)
    raise Ending(None, None, call_payload(positional, keywords, "the arguments of the next chapter"))


def _check_alone(fiber: Fiber) -> None:
    """A chapter ends as a whole: not from inside a task, and not while tasks would be lost."""
    scope: Scope | None = fiber.scope
    while scope is not None:
        for task in scope.tasks:
            if task.strand is fiber:
                raise Fault(
                    "continue-in-task",
                    "`continue_as` is not possible in a task, for it would end the tasks beside it",
                    hint="return what comes next from the task, and continue where it is waited for",
                )
            if task.result is None and task.closing in ("", "wait"):
                raise Fault(
                    "continue-with-open-tasks",
                    f"`continue_as` is not possible while the task `{task.name}` runs",
                    hint="wait for it, or cancel it: `cancel(task)`",
                )
        scope = scope.parent


RUNTIME_ACTIONS["continue_as"] = continue_as_action
