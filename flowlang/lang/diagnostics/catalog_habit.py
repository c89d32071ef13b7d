"""Explanations for people who come from Python or another language: what is not there, why, and what is instead."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_STATEMENTS: Final = (
    Entry(
        slug="try-statement",
        title="there is no `try`",
        explanation="Errors are not caught where they happen but end the flow around them. Calling a flow gives "
        "`Ok(value)` or `Err(error)`, so a flow is the unit of error handling as it is the unit of durability: "
        "there is no half-finished block whose effects are unknown.",
        wrong="try:\n    x = 1\nexcept ValueError:\n    x = 2\n",
        right='def _read(fctx):\n    fail("no data")\n\nread = flow(implementation = _read)\nresult = read()\n',
    ),
    Entry(
        slug="import-statement",
        title="there is no `import`",
        explanation="`load` names the module and what is taken from it, so a reader sees where every name comes from. "
        "Python's modules cannot be loaded: a script reaches the world only through actions, which is what makes it "
        "safe to run and to resume.",
        wrong="import json\n",
        right='load("./lib.flow", "clean")\n',
    ),
    Entry(
        slug="class-statement",
        title="there are no classes",
        explanation="Scripts are made of functions and plain data. Data must be stored and sent without the code "
        "that made it, which objects with behaviour do not allow.",
        wrong="class Point:\n    pass\n",
        right="def point(x, y):\n    return struct(x = x, y = y)\n",
    ),
    Entry(
        slug="with-statement",
        title="there is no `with`",
        explanation="A block cannot hold something open, since a run may be stopped inside it and go on elsewhere. "
        "A flow gives its result also when it fails, so what has to be done at the end stands after the call of it.",
        wrong='with open("a.txt") as file:\n    pass\n',
        right='def main(work):\n    result = work()\n    print("tidied up")\n    return result\n',
    ),
    Entry(
        slug="raise-statement",
        title="there is no `raise`",
        explanation="`fail` ends the current flow with an error, which its caller receives as `Err`.",
        wrong='def check(x):\n    raise ValueError("bad")\n',
        right='def check(x):\n    fail("bad")\n',
    ),
    Entry(
        slug="assert-statement",
        title="there is no `assert` statement",
        explanation="`assert` is an ordinary name here, so that tests can write `assert.eq(got, wanted)`. Code that "
        "must not go on calls `fail`.",
        wrong="x = 1\nassert x == 1\n",
        right='x = 1\nif x != 1: fail("x is wrong")\n',
    ),
    Entry(
        slug="del-statement",
        title="there is no `del`",
        explanation="Items are removed by methods: `pop` of lists and dicts, `remove` of lists and sets. Names "
        "cannot be unbound.",
        wrong="values = [1, 2]\ndel values[0]\n",
        right="values = [1, 2]\nvalues.pop(0)\n",
    ),
    Entry(
        slug="global-statement",
        title="there is no `global` or `nonlocal`",
        explanation="A function cannot rebind variables outside of it, so a call changes only what it is given. It "
        "can return a value, or change a list or dict.",
        wrong="count = 0\ndef add():\n    global count\n",
        right="def add(count):\n    return count + 1\n",
    ),
    Entry(
        slug="async-statement",
        title="there is no `async`, `await` or `yield`",
        explanation="Every action waits durably by itself: a waiting run takes no memory and may go on on another "
        "machine. So functions need no colour. Parallel work is started as tasks. There are no generators, since "
        "their state could not be rebuilt.",
        wrong="async def main():\n    pass\n",
        right="def main():\n    pass\n",
    ),
    Entry(
        slug="decorator",
        title="there are no decorators",
        explanation="A decorator is a call whose result replaces the function, which hides that the name means "
        "something else than its `def`. Write the call, with a name of its own.",
        wrong="@cached\ndef f():\n    return 1\n",
        right="def _f():\n    return 1\n\nf = flow(implementation = _f)\n",
    ),
    Entry(
        slug="print-statement",
        title="`print` is called like a function",
        explanation="What `print` writes stands in parentheses.",
        wrong='print "hello"\n',
        right='print("hello")\n',
    ),
    Entry(
        slug="declaration-keyword",
        title="variables and functions are declared as in another language",
        explanation="A variable exists from its first assignment on, in the function or module that assigns it, and "
        "needs no word in front of it. Functions are defined with `def`.",
        wrong="let total = 0\n",
        right="total = 0\n",
    ),
    Entry(
        slug="else-if",
        title="`else if` is written `elif`",
        explanation="`elif` continues the chain at the same indentation. An `else` has no condition, and there is no "
        "`elseif`.",
        wrong="x = 1\nif x > 1:\n    print(1)\nelse if x > 0:\n    print(2)\n",
        right="x = 1\nif x > 1:\n    print(1)\nelif x > 0:\n    print(2)\n",
    ),
    Entry(
        slug="braces-block",
        title="a block stands in braces",
        explanation="Blocks are made by indentation after a `:`; braces are for dicts.",
        wrong="if 1 < 2 {\n    print(1)\n}\n",
        right="if 1 < 2:\n    print(1)\n",
    ),
    Entry(
        slug="lambda-statement",
        title="a `lambda` holds a statement",
        explanation="The body of a `lambda` is one expression, whose value it returns. Anything more is a `def`.",
        wrong="double = lambda x: return 2 * x\n",
        right="double = lambda x: 2 * x\n",
    ),
    Entry(
        slug="starred-target",
        title="an assignment has a `*` target",
        explanation="An assignment takes apart a value of known length. The rest of a list is taken by a slice.",
        wrong="first, *rest = [1, 2, 3]\n",
        right="values = [1, 2, 3]\nfirst, rest = values[0], values[1:]\n",
    ),
    Entry(
        slug="positional-only-parameter",
        title="there are no positional-only parameters",
        explanation="Every parameter can be given by name, which keeps calls readable; so `/` has no meaning "
        "among parameters.",
        wrong="def f(x, /, y):\n    return x\n",
        right="def f(x, y):\n    return x\n",
    ),
)

_EXPRESSIONS: Final = (
    Entry(
        slug="is-operator",
        title="there is no `is`",
        explanation="Whether two values are the same object depends on how they were stored and is lost when a run "
        "is resumed. Values are compared with `==`; `None` equals only `None`.",
        wrong="x = None\nprint(x is None)\n",
        right="x = None\nprint(x == None)\n",
    ),
    Entry(
        slug="power-operator",
        title="there is no `**` operator",
        explanation="A power grows so fast that a short expression could use up all memory. `math.pow` computes with "
        "floats; small powers are products.",
        wrong="area = 3 ** 2\n",
        right="area = 3 * 3\n",
    ),
    Entry(
        slug="boolean-operator",
        title="`and`, `or` and `not` are words",
        explanation="`&` and `|` work on the bits of integers and on sets; logic is written with words.",
        wrong="ok = True && False\n",
        right="ok = True and False\n",
    ),
    Entry(
        slug="not-equal-operator",
        title="unequal is written `!=`",
        explanation="There is one way to write it.",
        wrong="print(1 <> 2)\n",
        right="print(1 != 2)\n",
    ),
    Entry(
        slug="increment-operator",
        title="there is no `++` or `--`",
        explanation="A variable is changed by a statement: `x += 1`.",
        wrong="x = 1\nx++\n",
        right="x = 1\nx += 1\n",
    ),
    Entry(
        slug="walrus-operator",
        title="there is no `:=`",
        explanation="Expressions do not bind names, so what a name means can be seen from the statements alone.",
        wrong="if (n := 3) > 2:\n    print(n)\n",
        right="n = 3\nif n > 2:\n    print(n)\n",
    ),
    Entry(
        slug="ellipsis",
        title="there is no `...`",
        explanation="A block that does nothing holds `pass`, and a missing value is `None`.",
        wrong="def later():\n    ...\n",
        right="def later():\n    pass\n",
    ),
    Entry(
        slug="set-literal",
        title="there are no set literals",
        explanation="Braces make dicts. A set is made from a list or another collection by `set`.",
        wrong="colors = {1, 2}\n",
        right="colors = set([1, 2])\n",
    ),
    Entry(
        slug="generator-expression",
        title="there are no generator expressions",
        explanation="A generator computes its values at unpredictable times. A list comprehension, in brackets, "
        "computes them at once and can be used wherever a generator could.",
        wrong="total = max(x for x in [1, 2])\n",
        right="total = max([x for x in [1, 2]])\n",
    ),
    Entry(
        slug="string-concatenation",
        title="two strings stand side by side",
        explanation="Strings are joined with `+`. If they were joined without it, a forgotten comma in a list would "
        "make one element of two, unnoticed.",
        wrong='names = ["ann" "bob"]\n',
        right='names = ["ann", "bob"]\n',
    ),
    Entry(
        slug="starred-expression",
        title="a `*` unpacks outside of a call",
        explanation="`*` and `**` pass the items of a list or dict as arguments of a call. Lists are joined with `+`, "
        "dicts with `|`.",
        wrong="more = [*[1, 2], 3]\n",
        right="more = [1, 2] + [3]\n",
    ),
)

_FOREIGN: Final = (
    Entry(
        slug="foreign-keyword",
        title="a word of another language begins a statement",
        explanation="The statements are `if`, `for`, `def`, `return`, `load`, `pass`, `break`, `continue` and "
        "assignments; everything else is a function. The hint says which of them does what the word does elsewhere.",
        wrong='throw "no data"\n',
        right='def check(rows):\n    if not rows:\n        fail("no data")\n',
    ),
    Entry(
        slug="foreign-operator",
        title="an operator of another language",
        explanation="Comparisons are `==`, `!=`, `<`, `<=`, `>`, `>=`, `in` and `not in`; a function without a name is "
        "a `lambda`, a field stands behind a dot, and a row of numbers is a `range`.",
        wrong="double = x => x * 2\n",
        right="double = lambda x: x * 2\n",
    ),
    Entry(
        slug="foreign-comment",
        title="a comment that does not begin with `#`",
        explanation="A comment begins with `#` and ends with its line. `//` divides two numbers and rounds down.",
        wrong="// the rate of today\nrate = 2\n",
        right="# the rate of today\nrate = 2\n",
    ),
)

ENTRIES: Final = (*_STATEMENTS, *_EXPRESSIONS, *_FOREIGN)
