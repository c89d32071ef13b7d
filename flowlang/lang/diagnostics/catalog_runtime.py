"""Explanations of what can go wrong while a script runs: names, calls, flows and the budgets."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_NAMES: Final = (
    Entry(
        slug="used-before-assignment",
        title="a name is used before it has a value",
        explanation="A name belongs to its block as a whole. So a function that assigns `x` anywhere has an `x` of its "
        "own everywhere, and one at top level has no value above its assignment.",
        wrong="print(day)\nday = 1\n",
        right="day = 1\nprint(day)\n",
    ),
    Entry(
        slug="called-before-def",
        title="a function with defaults is called above its `def`",
        explanation="Functions of the top level can be called above their `def`. But defaults are evaluated where the "
        "`def` stands, so above it they are not there yet.",
        wrong="print(late())\n\ndef late(minutes = 15):\n    return minutes\n",
        right="def late(minutes = 15):\n    return minutes\n\nprint(late())\n",
    ),
)

_CALLS: Final = (
    Entry(
        slug="recursion",
        title="a function calls itself in a dialect without recursion",
        explanation="In the standard dialect a function cannot be called, directly or through others, while a call of "
        "it is still running. The option `recursion` allows it, and so does the flow dialect.",
        wrong="# in the standard dialect\ndef total(items):\n    return items[0] + total(items[1:]) if items else 0\n\n"
        "total([1, 2])\n",
        right="def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n\n"
        "total([1, 2])\n",
    ),
    Entry(
        slug="wrong-arguments",
        title="a function is called with arguments that it does not take",
        explanation="Too many, too few, an unknown name, or one given twice. The hint shows the function's parameters.",
        wrong="def add(a, b):\n    return a + b\n\nadd(1)\n",
        right="def add(a, b):\n    return a + b\n\nadd(1, 2)\n",
    ),
    Entry(
        slug="not-callable",
        title="something is called that is no function",
        explanation="Functions, builtins, flows and actions can be called. Often a name was bound again, or a call has "
        "one pair of parentheses too many.",
        wrong="length = len([1])\nlength()\n",
        right="length = len([1])\nprint(length)\n",
    ),
    Entry(
        slug="action-in-callback",
        title="an action or a flow is called where a builtin calls back",
        explanation="A run can be suspended at every action, and rebuilt there later. While a builtin such as `sorted` "
        "calls a function of the script that is not possible, for a part of the host stands in between.",
        wrong='sorted(["a", "b"], key = lambda name: current_flow().actions.files.exists(name))\n',
        right='there = {name: current_flow().actions.files.exists(name) for name in ["a", "b"]}\n'
        "sorted(there, key = lambda name: there[name])\n",
    ),
)

_FLOWS: Final = (
    Entry(
        slug="error",
        title="a script said `fail(...)` or returned an `Err` of its own",
        explanation="The message is the script's. The traceback leads to the place that gave up.",
        wrong='fail("no flights on this day")\n',
        right='result = flow(implementation = lambda fctx: fail("no flights on this day"))()\nprint(result)\n',
    ),
    Entry(
        slug="flow-arguments",
        title="the arguments of a flow do not fit what it declares",
        explanation="`args` names the arguments of a flow with their patterns, and says which have defaults. Arguments "
        "that do not fit are the caller's mistake: they fail the caller, before the flow begins.",
        wrong="def show(fctx):\n    return fctx.args.day\n\n"
        'report = flow(implementation = show, args = {"day": args.string()})\nreport(3)\n',
        right="def show(fctx):\n    return fctx.args.day\n\n"
        'report = flow(implementation = show, args = {"day": args.string()})\nreport("monday")\n',
    ),
    Entry(
        slug="action-while-loading",
        title="a module acts while it is being loaded",
        explanation="Loading a module gives its names and does nothing else, so that it can be loaded anywhere. Only "
        "the file that is run may act at its top level.",
        wrong='# in a file that another one loads:\n# current_flow().actions.files.remove("old.csv")\n',
        right='def clean(fctx):\n    fctx.actions.files.remove("old.csv", missing_ok = True)\n',
    ),
    Entry(
        slug="value-too-large",
        title="a value is larger than a journal keeps",
        explanation="What a flow gives and what an action is given are kept in the run's journal, at most 16 MiB each. "
        "Large data belongs into files and databases; scripts pass their names, or work on them in parts.",
        wrong='def make(fctx):\n    return "x" * (17 << 20)\n\nmake_text = flow(implementation = make)\nmake_text()\n',
        right='load("@std//files.flow", "write_text")\n\ndef make(fctx):\n    write_text("x.txt", "x" * (1 << 20))\n'
        '    return "x.txt"\n\nmake_text = flow(implementation = make)\nmake_text()\n',
    ),
    Entry(
        slug="no-run",
        title="something is asked for that only a run has",
        explanation="Actions are performed and recorded by a run. A script that is evaluated alone, by `flowlang eval` "
        "or inside of another program, can call flows and wait, but not act. And while a module is being loaded, no "
        "flow runs in it that could have a context.",
        wrong="# in a file that another one loads:\n# actions = current_flow().actions\n",
        right="def sleep_well():\n    current_flow().actions.sleep(1)\n",
    ),
)

_STOPS: Final = (
    Entry(
        slug="tasks-wait-for-each-other",
        title="a task waits for one that waits for it",
        explanation="`wait` goes on when the tasks are done. Two tasks that wait for each other would never be, nor "
        "one that waits for itself; so the last one that would close the circle fails instead.",
        wrong="def _both(fctx):\n    task = None\n    task = fctx.actions.run(flow(lambda fctx: "
        "unwrap(fctx.actions.wait(task))))\n    return fctx.actions.wait(task)\n\n"
        'both = flow(_both)\nif __name__ == "__flow__":\n    both()\n',
        right="def _one(fctx):\n    task = fctx.actions.run(flow(lambda fctx: 1))\n"
        "    return fctx.actions.wait(task)\n\n"
        'one = flow(_one)\nif __name__ == "__flow__":\n    one()\n',
    ),
    Entry(
        slug="retry-policy",
        title="a retry policy does not make sense",
        explanation='`retry_policy` takes from 1 to 1001 `attempts`; a `backoff` of "exponential", "linear", '
        '"fixed" or "none", or a list of seconds; a `factor` from 1 to 1000; a `jitter` from 0 to 1; and as '
        "`retry_if` a list of kinds of failures or a function of the Result. No delay is longer than 30 days.",
        wrong="policy = retry_policy(attempts = 0)\n",
        right='policy = retry_policy(attempts = 5, backoff = [1, 5, 30], retry_if = ["timeout"])\n',
    ),
    Entry(
        slug="budget-exceeded",
        title="a run used more than it may",
        explanation="Steps, memory, depth of calls and output are counted before they are used, and no flow "
        "can catch the end of a budget. The run is stopped, not failed: it can be resumed, with a larger budget.",
        wrong="def down(n):\n    return down(n + 1)\n\ndown(0)\n",
        right="def down(n):\n    return n if n == 100 else down(n + 1)\n\ndown(0)\n",
    ),
    Entry(
        slug="interrupted",
        title="a run was suspended from outside",
        explanation="By Ctrl-C, a signal, or the host. What was being performed has been recorded; the run goes on "
        "with `flowlang resume`.",
        wrong="# Ctrl-C while this goes on\n# sleep(3600)\n",
        right="sleep(1)\n",
    ),
)

ENTRIES: Final = (*_NAMES, *_CALLS, *_FLOWS, *_STOPS)
