"""Children: flows of the program that run as durable runs of their own, which any worker may take.

To the script a child is a task: it can be waited for and cancelled like one. No fiber stands behind it, so a run may
have many; its answer is the Result with which the other run ended. What becomes of it when the flow that spawned it
ends is said at the call (`on_parent_close`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from flowlang.lang.eval.cleanup import as_result
from flowlang.lang.eval.command import Answer, Position, SendMessage, SpawnRun, check_size
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.failure import fault_of, fault_result, trace_struct
from flowlang.lang.eval.fiber import Fiber, Scope, acting_fiber
from flowlang.lang.eval.flow import Flow, checked_arguments, seal
from flowlang.lang.eval.inbox import MESSAGE_NAME_MAX, RUN_ID_MAX, checked_run_id
from flowlang.lang.eval.inbox_ref import InboxRef
from flowlang.lang.eval.period import seconds_argument
from flowlang.lang.eval.run_state import checked_attributes
from flowlang.lang.eval.task import TASK, Task
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.argument import given_names, int_argument, string_argument, wrong_type, wrong_value
from flowlang.lang.values.canonical import decode, digest, encode
from flowlang.lang.values.container import List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_items, dict_of_texts
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, builtin, register
from flowlang.lang.values.size import FLOW

if TYPE_CHECKING:
    from flowlang.lang.eval.evaluation import Evaluation

CANCEL: Final = "cancel"
POLICIES: Final = ("cancel", "abandon", "wait")
PRIORITY_MAX: Final = 2
NOT_FOUND: Final = "run-not-found"
GONE: Final = frozenset({"run-ended", NOT_FOUND})
"""Failures of a message for a run that needs none any more."""


class Child(Task):
    """A run that this one spawned. `position`: of the call."""

    __slots__ = ("closing", "evaluation", "frame", "position", "run_id")

    def __init__(self, owner: Scope, evaluation: Evaluation, command: SpawnRun) -> None:
        super().__init__(command.flow, owner)
        self.closing = command.on_parent_close
        self.evaluation = evaluation
        self.run_id = command.run_id
        self.position = command.position
        self.frame = command.frame

    def answered(self, answer: Answer) -> None:
        """The child has ended, or never began. Its Result is read in a fiber, where the script pays for it."""
        scope = Scope(self.position, self.owner, self.owner.flow, self.owner.arguments)
        self.evaluation.make_ready(Fiber(self.evaluation, scope, lambda: self._end(answer)))

    def _end(self, answer: Answer) -> None:
        self.evaluation.enter_fiber()
        if answer.failure is not None:
            self._fail(fault_of(answer.failure))
            return
        self.finish(self.evaluation, as_result(None if answer.payload is None else decode(answer.payload)))

    def cancel(self, fiber: Fiber) -> None:
        """Asks the run to end. It is not waited for: here its Result is an Err of the kind `cancelled` at once."""
        if self.result is not None:
            return
        self._give_up()
        self._send_cancel(fiber)

    def ask_to_end(self, fiber: Fiber) -> None:
        """Asks the run to end, and goes on hearing of it: its Result is that with which it ends."""
        if self._send_cancel(fiber) == NOT_FOUND and self.result is None:
            self._give_up()  # it was deleted: it will never report

    def _give_up(self) -> None:
        """Hears nothing more of the run."""
        self.evaluation.withdraw(self.position)
        self._fail(Fault("cancelled", f"the run `{self.run_id}` was cancelled"))

    def _send_cancel(self, fiber: Fiber) -> str:
        """Sends the run the wish that it end; gives why that was not needed, or an empty text."""
        payload = encode(dict_of_texts({"reason": "its parent cancelled it", "by": self.evaluation.run_id}))
        position, frame = fiber.scope.next_position(), calling_frame(sys._getframe())
        command = SendMessage(position, CANCEL, self.run_id, "", "", payload, digest(payload), frame)
        try:
            fiber.evaluation.ask(fiber, command)
        except Fault as fault:
            if fault.slug not in GONE:
                raise
            return fault.slug
        return ""

    def leave(self, evaluation: Evaluation) -> None:
        """The flow that spawned it has ended: the run goes on, and nothing more is heard of it here."""
        if self.result is None:
            evaluation.withdraw(self.position)
            self._fail(
                Fault("child-left", f"the flow that spawned the run `{self.run_id}` has ended and left it alone")
            )

    def _fail(self, fault: Fault) -> None:
        self.finish(self.evaluation, fault_result(fault, [] if self.frame is None else [trace_struct(self.frame)]))


SPAWN: Final = (
    'spawn(flow, *args, id = None, on_parent_close = "cancel", queue = None, priority = None, partition = None, '
    "timeout = None, delay = None, attributes = None, **kwargs)"
)


@builtin("spawn", SPAWN)
def spawn_action(
    depth: int, flow: Any, /, *positional: Any, id: Any = None, on_parent_close: Any = "cancel", queue: Any = None,
    priority: Any = None, partition: Any = None, timeout: Any = None, delay: Any = None, attributes: Any = None,
    **keywords: Any,
) -> Child:  # fmt: skip
    """Starts a flow as a run of its own, and does not wait for it. The same call of the same run spawns once."""
    fiber = acting_fiber("`spawn`")
    if type(flow) is not Flow:
        raise wrong_type("spawn", "flow", "a flow", flow, "give the flow itself and its arguments: `spawn(f, x)`")
    if on_parent_close not in POLICIES:
        hint = " or ".join(f'"{policy}"' for policy in POLICIES)
        raise wrong_value("spawn", "`on_parent_close` has no such choice", hint)
    options = _options(queue, priority, partition, timeout, delay, attributes)
    evaluation = fiber.evaluation
    module, name = _place_of(evaluation, flow)
    checked_arguments(flow, positional, keywords, is_entry=True)
    seal(flow, fiber)
    arguments = call_payload(positional, keywords, f"the arguments of `{name}`")
    position = fiber.scope.next_position()
    run_id = _default_id(evaluation, position) if id is None else checked_run_id("spawn", "id", id)
    if run_id == evaluation.run_id:
        raise wrong_value("spawn", "a run cannot be its own child", "give another `id`")
    charge(0, FLOW)
    frame = calling_frame(sys._getframe())
    command = SpawnRun(position, run_id, module, name, arguments, digest(arguments), on_parent_close, options, frame)
    child = Child(fiber.scope, evaluation, command)
    try:
        evaluation.put(command, child)
    except Fault:
        del fiber.scope.tasks[child]  # there is no such child
        raise
    return child


def call_payload(positional: Sequence[Any], keywords: Mapping[str, Any], what: str) -> bytes:
    """The canonical bytes of a call's arguments: a dict of `positional` and `named`. Raises Fault `not-data`."""
    named = dict_of_texts(dict(given_names(keywords)))
    payload = encode(dict_of_texts({"positional": List(positional), "named": named}))
    check_size(payload, what)
    return payload


def _default_id(evaluation: Evaluation, position: Position) -> str:
    """The id of a child that was given none: as recorded, else made of the parent's and the place of the call."""
    recorded = evaluation.child_ids.get(position)
    if recorded is not None:
        return recorded
    tag = f"-{evaluation.child_tag}" if evaluation.child_tag else ""
    made = f"{evaluation.run_id}:{'.'.join(map(str, position))}{tag}"
    if len(made) > RUN_ID_MAX:
        raise Fault(
            "spawned-too-deep",
            f"the child's id, made of that of the run that spawns it, would have more than {RUN_ID_MAX} characters",
            hint="give it an `id`; if runs spawn each other without end, let one of them do the work of the others",
        )
    return made


def _place_of(evaluation: Evaluation, flow: Flow) -> tuple[str, str]:
    """The module and the public name under which another run finds the flow."""
    for module in evaluation.modules.values():
        for name, value in module.exports().items():
            if value is flow:
                return module.name, name
    raise Fault(
        "flow-not-at-top-level",
        f"the flow `{flow.name}` has no public name at the top level of a module, so no other run can find it",
        hint="bind it to a name without `_` at the top level, such as `report = flow(…)`",
    )


def _options(queue: Any, priority: Any, partition: Any, timeout: Any, delay: Any, attributes: Any) -> dict[str, Any]:
    """Where and when the child is to run, as plain data; only what was given."""
    options: dict[str, Any] = {}
    for parameter, text in (("queue", queue), ("partition", partition)):
        if text is not None:
            string_argument("spawn", parameter, text)
            if not 0 < len(text) <= MESSAGE_NAME_MAX:
                raise wrong_value("spawn", f"`{parameter}` has 1 to {MESSAGE_NAME_MAX} characters, not {len(text)}")
            options[parameter] = text
    if priority is not None:
        if not 0 <= int_argument("spawn", "priority", priority) <= PRIORITY_MAX:
            raise wrong_value(
                "spawn", f"`priority` is a number from 0 to {PRIORITY_MAX}, where {PRIORITY_MAX} is first"
            )
        options["priority"] = priority
    for parameter, span in (("timeout", timeout), ("delay", delay)):
        if span is not None:
            options[parameter] = seconds_argument("spawn", parameter, span)
    if attributes is not None:
        checked_attributes("spawn", attributes)
        options["attributes"] = {name: value for name, value in dict_items(attributes) if value is not None}
    return options


def _field(child: Child, name: str) -> Any:
    match name:
        case "inbox":
            return InboxRef(child.run_id)
        case "run_id":
            return child.run_id
    return MISSING


RUNTIME_ACTIONS["spawn"] = spawn_action
register(
    Child,
    attrs.evolve(
        TASK,
        field_names=lambda child: ("inbox", "run_id"),
        get_field=_field,
        display=lambda child, nested: f"<task {child.name} in the run {child.run_id}>",
    ),
)
