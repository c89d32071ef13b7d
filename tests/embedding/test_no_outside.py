"""In an embedded interpreter there is no outside: what needs a run says so, and nothing is left behind."""

from __future__ import annotations

import pytest

from flowlang import EvaluationError, Interpreter

SOURCE = """
def child_impl(fctx):
    return 1
child = flow(child_impl)
def act(name):
    if name == "receive":
        return receive("x", timeout = 1)
    if name == "send":
        return send("run", "x")
    if name == "gate":
        return gate("x")
    if name == "spawn":
        return spawn(child)
    if name == "continue":
        return continue_as()
    set_status("fine")
    progress(1)
    return version("change", 3)
def impl(fctx):
    fctx.args.total += fctx.args.event
    return fctx.args.total
counter = flow(impl, args = {"event": args.event(), "total": args.state(initial = 1)})
def count(n):
    return [counter(each).value for each in range(n)]
"""


@pytest.mark.parametrize("name", ["receive", "send", "gate", "spawn", "continue"])
def test_what_needs_a_run_is_refused(name: str) -> None:
    module = Interpreter().evaluate(SOURCE)
    with pytest.raises(EvaluationError) as refused:
        module.call("act", name)
    assert refused.value.failure.kind == ("no-entry-flow" if name == "continue" else "no-run")
    assert module.call("count", 3) == [1, 2, 3]


def test_notes_are_forgotten_and_versions_are_the_newest() -> None:
    module = Interpreter().evaluate(SOURCE)
    assert module.call("act", "notes") == 3
