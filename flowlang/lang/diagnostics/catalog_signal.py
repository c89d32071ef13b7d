"""Explanations of what can go wrong between a run and the outside: signals, gates, children, chapters, events."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_MESSAGES: Final = (
    Entry(
        slug="run-not-found",
        title="a message is for a run that does not exist",
        explanation="A signal goes to the inbox of one run, which must exist by then. Ids come from `fctx.run_id`, "
        "from "
        "`child.run_id` and from messages.",
        wrong='current_flow().actions.send("nobody", "hello")\n',
        right='actions = current_flow().actions\nactions.send(current_flow().run_id, "hello")\n'
        'actions.receive("hello")\n',
    ),
    Entry(
        slug="run-ended",
        title="a message is for a run that has ended",
        explanation="Nobody would ever receive it, so the sender is told at once. A run that may end at any time is "
        "asked in a flow of its own, whose Err can be looked at.",
        wrong="def once_impl(fctx):\n    return 1\nonce = flow(once_impl)\n"
        "def main_impl(fctx):\n    child = fctx.actions.spawn(once)\n    fctx.actions.wait(child)\n"
        '    fctx.actions.send(child.run_id, "more")\nmain = flow(main_impl)\nif __name__ == "__flow__":\n    main()\n',
        right="def once_impl(fctx):\n    return 1\nonce = flow(once_impl)\n"
        "def main_impl(fctx):\n    child = fctx.actions.spawn(once)\n    fctx.actions.wait(child)\n"
        '    tell = lambda fctx: fctx.actions.send(child.run_id, "more")\n'
        '    return flow(tell)().is_ok()\nmain = flow(main_impl)\nif __name__ == "__flow__":\n    main()\n',
    ),
    Entry(
        slug="message-conflict",
        title="two signals with one key say different things",
        explanation="The key of a signal is its sender's name for it: a second signal with the same key is a "
        "repetition "
        "and changes nothing. If it says something else, one of the two was given a wrong key.",
        wrong="me, actions = current_flow().run_id, current_flow().actions\n"
        'actions.send(me, "order", 1, key = "17")\nactions.send(me, "order", 2, key = "17")\n',
        right="me, actions = current_flow().run_id, current_flow().actions\n"
        'actions.send(me, "order", 1, key = "17")\nactions.send(me, "order", 2, key = "18")\n',
    ),
    Entry(
        slug="rejected",
        title="whoever was asked for an approval said no",
        explanation="`approval` ends the flow that asked. The data of the failure say who decided, when and why. "
        "Call it "
        "in a flow of its own to go on differently.",
        wrong='# the approval "deploy" was rejected\nload("@std//gate.flow", "approval")\napproval("deploy")\n',
        right='load("@std//gate.flow", "approval")\n'
        'result = flow(implementation = lambda fctx: approval("deploy", timeout = 60))()\n'
        'print(result.value["by"] if is_ok(result) else "not approved")\n',
    ),
    Entry(
        slug="request-failed",
        title="the handler that was asked failed",
        explanation="`ask` sends a request to a service and waits for what its handler gives. Why a handler failed "
        "stands "
        "in the log of the service.",
        wrong='# the handler `add` of the run `till-1` fails\nload("@std//service.flow", "ask")\n'
        'ask("till-1", "add", "x")\n',
        right='load("@std//service.flow", "service")\n'
        "def add(fctx, amount):\n    fctx.args.total += amount\n"
        'till = service({"add": add}, state = {"total": 0})\n',
    ),
)

_CHILDREN: Final = (
    Entry(
        slug="spawned-too-deep",
        title="runs that spawn each other have no room left for the ids of more",
        explanation="A child without an `id` gets one that is made of its parent's, and the ids of runs end at 200 "
        "characters. That is enough for some forty levels. Whoever has more of them mostly meant a loop: one run that "
        "spawns its children side by side, or goes through them one after the other.",
        wrong="def down_impl(fctx):\n    return fctx.actions.wait(fctx.actions.spawn(down))\n"
        'down = flow(down_impl)\nif __name__ == "__flow__":\n    down()\n',
        right="def step_impl(fctx, n):\n    return n\nstep = flow(step_impl)\n"
        "def main_impl(fctx):\n    return [fctx.actions.wait(fctx.actions.spawn(step, n)) for n in range(50)]\n"
        'main = flow(main_impl)\nif __name__ == "__flow__":\n    main()\n',
    ),
    Entry(
        slug="run-exists",
        title="the id of a child is taken by another run",
        explanation="The same call of the same run spawns once, however often it is resumed. Any other run with the id "
        "is somebody else's. Ids made of what the run is about are the best: they keep work from being done twice.",
        wrong="def work_impl(fctx, n):\n    return n\nwork = flow(work_impl)\n"
        'def main_impl(fctx):\n    first = fctx.actions.spawn(work, 1, id = "w")\n'
        '    return fctx.actions.wait(fctx.actions.spawn(work, 2, id = "w"))\n'
        'main = flow(main_impl)\nif __name__ == "__flow__":\n    main()\n',
        right="def work_impl(fctx, n):\n    return n\nwork = flow(work_impl)\n"
        'def main_impl(fctx):\n    first = fctx.actions.spawn(work, 1, id = "w-1")\n'
        '    return fctx.actions.wait(fctx.actions.spawn(work, 2, id = "w-2"))\n'
        'main = flow(main_impl)\nif __name__ == "__flow__":\n    main()\n',
    ),
    Entry(
        slug="flow-not-at-top-level",
        title="a flow is spawned that no other run could find",
        explanation="A child is a run of its own, perhaps on another machine: it finds its flow by the module and the "
        "name that it has at the top level. Names that begin with `_` are private to their module.",
        wrong="current_flow().actions.spawn(flow(implementation = lambda fctx: 1))\n",
        right="def impl(fctx):\n    return 1\nwork = flow(impl)\n"
        'if __name__ == "__flow__":\n    current_flow().actions.spawn(work)\n',
    ),
    Entry(
        slug="child-left",
        title="a child's result is asked for after the flow that spawned it has ended",
        explanation='A child that was spawned with `on_parent_close = "abandon"` goes on alone when the flow that '
        "spawned it ends. Nothing is heard of it from then on; let it send a signal when it is done.",
        wrong="def impl(fctx):\n    return 1\nwork = flow(impl)\n"
        "def starts(fctx):\n"
        '    return fctx.actions.spawn(work, on_parent_close = "abandon", delay = 60)\n'
        'if __name__ == "__flow__":\n    child = unwrap(flow(starts)())\n'
        "    unwrap(current_flow().actions.wait(child))\n",
        right="def impl(fctx):\n    return 1\nwork = flow(impl)\n"
        "def starts(fctx):\n"
        '    return fctx.actions.spawn(work, on_parent_close = "abandon", delay = 60).run_id\n'
        'if __name__ == "__flow__":\n    print(flow(starts)())\n',
    ),
    Entry(
        slug="group-failed",
        title="too few tasks of a group succeeded",
        explanation="`wait_group` waits until as many tasks as are needed have given an Ok, or cannot any more. The "
        "data "
        "of the failure say how many succeeded, failed, were cancelled and are still open.",
        wrong='load("@std//group.flow", "wait_group")\n'
        "def no(fctx):\n    fail(fctx.name)\n"
        "wait_group([current_flow().actions.run(flow(no))])\n",
        right='load("@std//group.flow", "wait_group")\n'
        "def no(fctx):\n    fail(fctx.name)\n"
        'wait_group([current_flow().actions.run(flow(no))], on_failure = "ignore")\n',
    ),
)

_CHAPTERS: Final = (
    Entry(
        slug="no-entry-flow",
        title="`continue_as` in a run that has no entry flow",
        explanation="`continue_as` begins the entry flow anew, with other arguments. A run of a file's top level has "
        "none, "
        "unless the file ends in a main guard with one flow call.",
        wrong="current_flow().actions.continue_as(1)\n",
        right="def impl(fctx, n = 0):\n    if n < 3:\n        fctx.actions.continue_as(n + 1)\n    return n\n"
        'count = flow(impl)\nif __name__ == "__flow__":\n    count()\n',
    ),
    Entry(
        slug="continue-in-task",
        title="`continue_as` in a task",
        explanation="A chapter ends as a whole, so only the strand of the entry flow itself can end it.",
        wrong="def impl(fctx):\n    task = fctx.actions.run(lambda: fctx.actions.continue_as())\n"
        '    return unwrap(fctx.actions.wait(task))\ncount = flow(impl)\nif __name__ == "__flow__":\n    count()\n',
        right="def impl(fctx, more = True):\n    task = fctx.actions.run(lambda: not more)\n"
        "    if not unwrap(fctx.actions.wait(task)):\n        fctx.actions.continue_as(more = False)\n"
        'count = flow(impl)\nif __name__ == "__flow__":\n    count()\n',
    ),
    Entry(
        slug="continue-with-open-tasks",
        title="`continue_as` while tasks run",
        explanation="What a task does would be lost with the chapter. Children that are cancelled or left with their "
        "parent do not count.",
        wrong="def impl(fctx, n = 0):\n    fctx.actions.run(lambda: sleep(60))\n    fctx.actions.continue_as(n + 1)\n"
        'count = flow(impl)\nif __name__ == "__flow__":\n    count()\n',
        right="def impl(fctx, n = 0):\n    fctx.actions.wait(fctx.actions.run(lambda: sleep(60)))\n"
        "    if n < 3:\n        fctx.actions.continue_as(n + 1)\n"
        'count = flow(impl)\nif __name__ == "__flow__":\n    count()\n',
    ),
    Entry(
        slug="version-out-of-range",
        title="a run has a version of a change that its code does not know",
        explanation="`version` gives a run what it was told first, for ever. Code that was moved to a run must still "
        "know "
        "that version: `oldest` says from which one on it does.",
        wrong='actions = current_flow().actions\nactions.version("tax", 1)\nactions.version("tax", 3, oldest = 2)\n',
        right='actions = current_flow().actions\nactions.version("tax", 1)\nactions.version("tax", 3, oldest = 1)\n',
    ),
)

_EVENTS: Final = (
    Entry(
        slug="not-a-register",
        title="something is assigned to `fctx.args` that is no state register",
        explanation="Arguments and the event are given. Only what the flow declares with `args.state(...)` is kept "
        "from "
        "one event to the next, and can be assigned to.",
        wrong="def impl(fctx):\n    fctx.args.seen += 1\n"
        'counter = flow(impl, args = {"event": args.event(), "seen": args.int(default = 0)})\nunwrap(counter("x"))\n',
        right="def impl(fctx):\n    fctx.args.seen += 1\n"
        'counter = flow(impl, args = {"event": args.event(), "seen": args.state(initial = 0)})\nunwrap(counter("x"))\n',
    ),
    Entry(
        slug="event-flow-not-alone",
        title="a run does something before its event-driven flow begins",
        explanation="A service is resumed from its registers and the event that it is dealing with, whatever its "
        "age. So "
        "nothing before the flow may act: it would be done again with every resume.",
        wrong="def impl(fctx):\n    return Stop()\n"
        'serve = flow(impl, args = {"event": args.event()})\n'
        'sleep(1)\nif __name__ == "__flow__":\n    serve()\n',
        right="def impl(fctx):\n    sleep(1)\n    return Stop()\n"
        'serve = flow(impl, args = {"event": args.event()})\nserve("x")\n',
    ),
    Entry(
        slug="continue-in-event-flow",
        title="`continue_as` in an event-driven flow",
        explanation="An event-driven flow begins a chapter after every event by itself. What it has to remember "
        "stands in "
        "its registers.",
        wrong="# in an event-driven flow that is the entry\nfctx.actions.continue_as()\n",
        right="def impl(fctx):\n    fctx.args.round += 1\n"
        'serve = flow(impl, args = {"event": args.event(), "round": args.state(initial = 0)})\nunwrap(serve("x"))\n',
    ),
    Entry(
        slug="stop-outside-dispatch",
        title="`fctx.stop` where no event is being handled",
        explanation="`fctx.stop(value)` ends an event-driven flow that is the entry of its run, from anywhere in its "
        "implementation. Flows that it calls and tasks cannot end it.",
        wrong="current_flow().stop(1)\n",
        right='def impl(fctx):\n    return Stop(1)\nserve = flow(impl, args = {"event": args.event()})\nserve("x")\n',
    ),
)

ENTRIES: Final = (*_MESSAGES, *_CHILDREN, *_CHAPTERS, *_EVENTS)
