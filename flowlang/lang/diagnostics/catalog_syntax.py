"""Explanations of what the parser finds: parts of statements and expressions that are missing or in the wrong place.

Habits from other languages are explained in `catalog_habit.py`.
"""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_BLOCKS: Final = (
    Entry(
        slug="expected-colon",
        title="a header does not end with a colon",
        explanation="The first lines of `if`, `elif`, `else`, `for` and `def` end with `:`, and the block follows.",
        wrong="if 1 < 2\n    print(1)\n",
        right="if 1 < 2:\n    print(1)\n",
    ),
    Entry(
        slug="expected-block",
        title="the block after a header is missing",
        explanation="The lines of a block are indented further than its header. A comment is not a statement, so a "
        "block of comments only is missing too; `pass` stands for doing nothing.",
        wrong="def main():\nprint(1)\n",
        right="def main():\n    print(1)\n",
    ),
    Entry(
        slug="unexpected-indent",
        title="a line is indented for no reason",
        explanation="Only a header that ends with `:` begins a block. Other lines stand exactly under the line "
        "before, unless they are inside brackets.",
        wrong="x = 1\n    y = 2\n",
        right="x = 1\ny = 2\n",
    ),
    Entry(
        slug="compound-on-line",
        title="a compound statement stands behind another statement",
        explanation="After the `:` of a header or after `;` only simple statements may follow on the same line, since "
        "it would be hard to see what belongs to which block.",
        wrong="if True: for x in [1]: print(x)\n",
        right="if True:\n    for x in [1]: print(x)\n",
    ),
    Entry(
        slug="orphan-else",
        title="an `else` or `elif` belongs to no `if`",
        explanation="`else` and `elif` follow the block of an `if` directly and have its indentation. Loops have no "
        "`else`.",
        wrong="for x in [1]:\n    print(x)\nelse:\n    print(0)\n",
        right="if True:\n    print(1)\nelse:\n    print(0)\n",
    ),
    Entry(
        slug="expected-in",
        title="a `for` lacks its `in`",
        explanation="A loop and a clause of a comprehension are written `for variables in values`.",
        wrong="for x of [1, 2]:\n    print(x)\n",
        right="for x in [1, 2]:\n    print(x)\n",
    ),
)

_EXPRESSIONS: Final = (
    Entry(
        slug="expected-expression",
        title="a value is missing",
        explanation="After an operator, a comma, `=` or an opening bracket an expression follows.",
        wrong="total = 1 +\n",
        right="total = 1 + 2\n",
    ),
    Entry(
        slug="expected-name",
        title="a name is missing",
        explanation="After `.` and `def` and among parameters stand plain names: letters, digits and `_`, not "
        "beginning with a digit, and no keyword.",
        wrong="def move((x, y)):\n    return x\n",
        right="def move(point):\n    x, y = point\n    return x\n",
    ),
    Entry(
        slug="missing-operator",
        title="two values stand side by side",
        explanation="Between two values an operator must stand; two statements stand on two lines. Often a comma, a "
        "quote or the parentheses of a call are missing.",
        wrong="total = 2 3\n",
        right="total = 2 * 3\n",
    ),
    Entry(
        slug="missing-comma",
        title="a comma is missing between two elements",
        explanation="Elements of lists, tuples and dicts, arguments and parameters are separated by commas; after "
        "the last one a comma is allowed, which keeps changes of long lists small.",
        wrong="primes = [\n    2\n    3,\n]\n",
        right="primes = [\n    2,\n    3,\n]\n",
    ),
    Entry(
        slug="dict-entry",
        title="an entry of a dict is incomplete",
        explanation="A dict in braces holds entries `key: value`. With keyword arguments a dict is written "
        "`dict(key = value)`.",
        wrong='prices = {"apple" = 2}\n',
        right='prices = {"apple": 2}\n',
    ),
    Entry(
        slug="trailing-comma",
        title="a tuple without parentheses ends with a comma",
        explanation="A comma at the end of a line is easily overlooked and would turn the value into a tuple. So a "
        "tuple of one element is written in parentheses.",
        wrong="x = 1,\n",
        right="x = (1,)\n",
    ),
    Entry(
        slug="assignment-in-expression",
        title="an `=` stands inside an expression",
        explanation="`=` assigns and is a statement of its own; `==` compares. Keeping them apart means that a "
        "forgotten `=` can never change a variable by accident.",
        wrong="x = 1\nif x = 1:\n    print(x)\n",
        right="x = 1\nif x == 1:\n    print(x)\n",
    ),
    Entry(
        slug="keyword-argument-name",
        title="the name of a keyword argument is not a plain name",
        explanation="An argument `name = value` is for the parameter of that name. To compare, write `==`; to pass "
        "names that are not identifiers, unpack a dict: `f(**values)`.",
        wrong='dict("a" = 1)\n',
        right="dict(a = 1)\n",
    ),
    Entry(
        slug="chained-comparison",
        title="comparisons do not chain",
        explanation="`a < b < c` means different things in different languages. Here every comparison has two "
        "operands; the meaning of mathematics is written with `and`.",
        wrong="x = 5\nprint(0 < x < 10)\n",
        right="x = 5\nprint(0 < x and x < 10)\n",
    ),
    Entry(
        slug="misplaced-not",
        title="a `not` stands where it cannot",
        explanation="`not` binds more loosely than comparisons and arithmetic, so after such an operator it needs "
        "parentheses. Between two values only `not in` is an operator.",
        wrong="x = True\nprint(x == not x)\n",
        right="x = True\nprint(x == (not x))\n",
    ),
    Entry(
        slug="missing-else",
        title="a conditional expression has no `else`",
        explanation="`a if condition else b` always has a value, so it needs both. If nothing is to happen "
        "otherwise, write an `if` statement.",
        wrong='x = "big" if 5 > 3\n',
        right='x = "big" if 5 > 3 else "small"\n',
    ),
)

_COMPREHENSIONS: Final = (
    Entry(
        slug="comprehension-tuple",
        title="a comprehension holds a tuple without parentheses",
        explanation="The element and the values of a comprehension are one expression each. A tuple in their place "
        "stands in parentheses, so that its commas are not taken for those of a list.",
        wrong="squares = [x, x * x for x in range(3)]\n",
        right="squares = [(x, x * x) for x in range(3)]\n",
    ),
    Entry(
        slug="comprehension-lambda",
        title="a comprehension holds a `lambda` without parentheses",
        explanation="The body of a `lambda` reaches as far as it can and would swallow the clauses that follow.",
        wrong="values = [f for f in lambda: 1]\n",
        right="values = [f for f in [lambda: 1]]\n",
    ),
    Entry(
        slug="comprehension-condition",
        title="the condition of a comprehension has an `else`",
        explanation="An `if` behind the `for` chooses which values are taken at all, so it has no `else`. To choose "
        "between two values, put the conditional expression in front of the `for`.",
        wrong="signs = [x for x in [1, -1] if x > 0 else 0]\n",
        right="signs = [x if x > 0 else 0 for x in [1, -1]]\n",
    ),
)

_STATEMENTS: Final = (
    Entry(
        slug="bad-load",
        title="a `load` is not written as one",
        explanation="`load` is a statement: first the module, then the names to load, all as plain string literals. "
        'A name to be known under another one is given as `other = "name"`. So what a program consists of can be '
        "seen without running it.",
        wrong='load("./lib.flow", clean)\n',
        right='load("./lib.flow", "clean")\n',
    ),
    Entry(
        slug="annotation-without-value",
        title="an annotated variable has no value",
        explanation="Variables come into being by assignment, so there is nothing to declare. An annotation may "
        "stand between the name and its value.",
        wrong="count: int\n",
        right="count: int = 0\n",
    ),
    Entry(
        slug="reserved-word",
        title="a keyword or reserved word is used as a name",
        explanation="Keywords have a meaning of their own. Some words of Python that mean nothing here are "
        "reserved, so that no program depends on them.",
        wrong="class = 3\n",
        right="class_ = 3\n",
    ),
    Entry(
        slug="misplaced-keyword",
        title="a statement begins inside another",
        explanation="`return`, `pass`, `break`, `continue` and `def` begin statements, which have no value and cannot "
        "be part of an expression. Often a line end or the end of the expression before is missing.",
        wrong="def f(x):\n    y = return x\n",
        right="def f(x):\n    y = x\n    return y\n",
    ),
    Entry(
        slug="unexpected-token",
        title="something stands where nothing fits it",
        explanation="The text up to the marked place is right so far, but what stands there cannot follow it. The "
        "mistake may be just before it.",
        wrong="def main:\n    pass\n",
        right="def main():\n    pass\n",
    ),
)

ENTRIES: Final = (*_BLOCKS, *_EXPRESSIONS, *_COMPREHENSIONS, *_STATEMENTS)
