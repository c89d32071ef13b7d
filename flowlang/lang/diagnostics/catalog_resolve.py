"""Explanations of what the resolver finds. Those about loads stand in `catalog_load.py`."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry
from flowlang.lang.diagnostics.catalog_load import ENTRIES as LOAD_ENTRIES

_NAME_ENTRIES: Final = (
    Entry(
        slug="undefined-name",
        title="a name is used that nothing binds",
        explanation="Every name must be bound by the module, loaded, given by the host or be part of the language. "
        "This is checked for the whole module before anything runs, also in functions that are never called, so a "
        "slip in a rarely used branch cannot end a run after hours. Variables of functions and comprehensions exist "
        "only inside them.",
        wrong="def total(rows):\n    return len(row)\n",
        right="def total(rows):\n    return len(rows)\n",
    ),
    Entry(
        slug="invalid-target",
        title="something is assigned to that cannot hold a value",
        explanation="Left of `=` stands a name, an element `x[i]`, a field `x.f`, or a tuple or list of these. `+=` "
        "and its kin take one name, element or field. `None`, `True` and `False` always mean the same and cannot be "
        "bound. A type annotation belongs to a name.",
        wrong="len([1, 2]) = 3\n",
        right="count = len([1, 2])\n",
    ),
    Entry(
        slug="duplicate-parameter",
        title="two parameters have one name",
        explanation="Inside the function the name could mean only one of them.",
        wrong="def move(x, x):\n    return x\n",
        right="def move(x, y):\n    return x + y\n",
    ),
    Entry(
        slug="parameter-order",
        title="parameters stand in the wrong order",
        explanation="The order is: required parameters, parameters with defaults, `*args` or a bare `*`, parameters "
        "that are only given by keyword, `**kwargs`. A bare `*` needs a keyword parameter after it. With another "
        "order it would not be clear which argument belongs to which parameter.",
        wrong="def fetch(timeout = 10, url):\n    return url\n",
        right="def fetch(url, timeout = 10):\n    return url\n",
    ),
    Entry(
        slug="argument-order",
        title="arguments of a call stand in the wrong order",
        explanation="The order is: positional arguments, keyword arguments, `*args`, `**kwargs`, with at most one of "
        "each star. It is the order in which they are evaluated and bound.",
        wrong='print(sep = ", ", 1, 2)\n',
        right='print(1, 2, sep = ", ")\n',
    ),
    Entry(
        slug="repeated-argument",
        title="a keyword argument is given twice",
        explanation="Only one of the two values could be used.",
        wrong='print(1, sep = ", ", sep = "; ")\n',
        right='print(1, sep = "; ")\n',
    ),
    Entry(
        slug="return-outside-function",
        title="`return` stands outside of a function",
        explanation="A module runs to its end; there is nothing that it could return to. A flow ends with an error "
        "by `fail(...)`.",
        wrong="if True:\n    return 1\n",
        right="def main():\n    return 1\n",
    ),
    Entry(
        slug="break-outside-loop",
        title="`break` stands outside of a loop",
        explanation="`break` ends the innermost `for` of the function that it stands in. A loop around the function "
        "does not count.",
        wrong="def first(rows):\n    if rows:\n        break\n",
        right="def first(rows):\n    for row in rows:\n        break\n",
    ),
    Entry(
        slug="continue-outside-loop",
        title="`continue` stands outside of a loop",
        explanation="`continue` goes on with the next turn of the innermost `for` of the function that it stands in.",
        wrong="def check(row):\n    if not row:\n        continue\n",
        right="def check(rows):\n    for row in rows:\n        if not row:\n            continue\n        print(row)\n",
    ),
    Entry(
        slug="top-level-control",
        title="the standard dialect has no control flow outside of functions",
        explanation="A Starlark module is a list of definitions. Flow scripts may have `if` and `for` at the top "
        "level; a host that embeds the standard dialect can allow them by the option `top_level_control`.",
        wrong="for n in range(3):\n    print(n)\n",
        right="def main():\n    for n in range(3):\n        print(n)\n\nmain()\n",
    ),
    Entry(
        slug="while-loop",
        title="there is no `while`",
        explanation="A loop that may never end would hang a run without a trace. `for` has a bound that can be seen. "
        "To wait for something outside use `poll`, which sleeps durably between its turns; a service that goes on "
        "for ever uses `forever`, which keeps its history short.",
        wrong="n = 1\nwhile n < 100:\n    n = n * 2\n",
        right="n = 1\nfor _ in range(100):\n    if n >= 100:\n        break\n    n = n * 2\n",
    ),
    Entry(
        slug="chained-assignment",
        title="the standard dialect assigns to one target at a time",
        explanation="`a = b = value` belongs to the flow dialect.",
        wrong="a = b = 1\n",
        right="a = 1\nb = a\n",
    ),
    Entry(
        slug="type-annotation",
        title="the standard dialect has no type annotations",
        explanation="They belong to the flow dialect, which checks that the names in them exist, and nothing else.",
        wrong="def double(x: int) -> int:\n    return x * 2\n",
        right='def double(x):\n    """Twice the int x."""\n    return x * 2\n',
    ),
    Entry(
        slug="rebound-global",
        title="the standard dialect binds each global once",
        explanation="Functions and other modules rely on what a global means. Flow scripts may bind globals again; a "
        "host that embeds the standard dialect can allow it by the option `global_reassign`.",
        wrong="limit = 1\nlimit = 2\n",
        right="limit = 1\nhigher_limit = 2\n",
    ),
    Entry(
        slug="rebound-function",
        title="the name of a function is bound again",
        explanation="A function exists from the start of its module, so that code above its `def` can name it. If "
        "the name could be bound again, what it means would depend on the place.",
        wrong="def clean():\n    pass\n\nclean = None\n",
        right="def clean():\n    pass\n\ncleaner = None\n",
    ),
    Entry(
        slug="global-in-function",
        title="a function changes a global",
        explanation="Assigning inside a function makes a local name, so `total += 1` there has no value to start "
        "from. Functions do not change globals: a module's globals are frozen when it has been loaded, and runs must "
        "be repeatable. Return the new value; within one flow a list or dict can be handed around and changed.",
        wrong="total = 0\n\ndef add(x):\n    total += x\n",
        right="def add(total, x):\n    return total + x\n\ntotal = add(0, 5)\n",
    ),
    Entry(
        slug="outer-name-in-function",
        title="an inner function changes a name of the function around it",
        explanation="Assigning inside a function makes a local name of that function. Inner functions can read the "
        "names around them, and change lists and dicts found there, but not bind them again.",
        wrong="def counter():\n    count = 0\n    def add():\n        count += 1\n    return add\n",
        right="def counter():\n    count = [0]\n    def add():\n        count[0] += 1\n    return add\n",
    ),
    Entry(
        slug="type-comparison",
        title="a type is compared with a function",
        explanation="`type(x)` is the name of the type, a string such as `int` or `string`. `int`, `str` and their "
        "like are functions that convert, so the two are never equal, and the branch is never taken.",
        wrong="def show(x):\n    return x if type(x) == str else repr(x)\n",
        right='def show(x):\n    return x if type(x) == "string" else repr(x)\n',
    ),
    Entry(
        slug="main-guard-typo",
        title="the main guard compares with a wrong text",
        explanation="In the script that is run `__name__` is `__flow__`; in a module that is loaded it is that "
        "module's own name. A guard with any other text is never true, so the script would end having done nothing.",
        wrong='def main():\n    pass\n\nif __name__ == "__main__":\n    main()\n',
        right='def main():\n    pass\n\nif __name__ == "__flow__":\n    main()\n',
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = _NAME_ENTRIES + LOAD_ENTRIES
