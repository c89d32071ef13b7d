"""Explanations of what can go wrong with values: their types, their elements, their limits."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_TYPES: Final = (
    Entry(
        slug="type-mismatch",
        title="a value has a type that does not fit",
        explanation="Operators and builtins take values of certain types, and nothing is converted on the way: a "
        "number is no text, and True is no number. `str(x)`, `int(x)` and `float(x)` convert.",
        wrong='print("flights: " + 3)\n',
        right='print("flights: " + str(3))\n',
    ),
    Entry(
        slug="unknown-attribute",
        title="a value has no field or method of that name",
        explanation="Each type has a fixed list of methods, and structs have the fields that they were made with. "
        '`dir(x)` lists them. Keys of a dict are not fields: `row["delay"]`, not `row.delay`.',
        wrong='"abc".uppercase()\n',
        right='"abc".upper()\n',
    ),
    Entry(
        slug="not-iterable",
        title="a value that has no elements is iterated",
        explanation="Lists, tuples, dicts, sets, ranges and streams can be iterated. Strings cannot, because it is "
        "seldom meant: `.elems()` says that the characters are.",
        wrong='for c in "abc":\n    print(c)\n',
        right='for c in "abc".elems():\n    print(c)\n',
    ),
    Entry(
        slug="unhashable",
        title="a value that can change is used as a key",
        explanation="Keys of dicts and elements of sets must never change, so lists, dicts and sets cannot be keys. "
        "Tuples of keys can.",
        wrong='seen = {[1, 2]: "pair"}\n',
        right='seen = {(1, 2): "pair"}\n',
    ),
    Entry(
        slug="wrong-argument",
        title="an argument has the right type and a value that is not allowed",
        explanation="The message says which argument, what it was, and what is allowed.",
        wrong='int("12a")\n',
        right='int("12")\n',
    ),
    Entry(
        slug="bad-format",
        title="a text to format is not understood",
        explanation="`%` takes one letter after each `%` and no widths; `str.format` takes `{}`, `{0}`, `{name}`, `!r` "
        "and `!s`. Neither looks into values. There must be a value for each place, and for `%` a place for each.",
        wrong='print("%5.2f" % 3.14159)\n',
        right="print(math.round(3.14159 * 100) / 100)\n",
    ),
)

_ELEMENTS: Final = (
    Entry(
        slug="missing-key",
        title="a dict or set has no such key",
        explanation="`d[key]` and `d.pop(key)` need the key to be there; `d.get(key, default)` does not.",
        wrong='{"a": 1}["b"]\n',
        right='{"a": 1}.get("b", 0)\n',
    ),
    Entry(
        slug="index-out-of-range",
        title="a sequence has no element at that index",
        explanation="Indexes go from 0 to `len(x) - 1`, or from -1 backwards. Slices are never out of range.",
        wrong="[1, 2][2]\n",
        right="[1, 2][-1]\n",
    ),
    Entry(
        slug="missing-element",
        title="a list has no such element",
        explanation="`remove` and `index` look for an equal element. `x in items` tells whether there is one.",
        wrong="[1, 2].remove(3)\n",
        right="items = [1, 2]\nif 3 in items:\n    items.remove(3)\n",
    ),
    Entry(
        slug="missing-substring",
        title="a string does not contain the text that is looked for",
        explanation="`index` and `rindex` fail where `find` and `rfind` give -1.",
        wrong='"abc".index("x")\n',
        right='"abc".find("x")\n',
    ),
    Entry(
        slug="duplicate-key",
        title="a dict is written with the same key twice",
        explanation="One of the two values would be lost. In a comprehension, and with `dict(...)`, later keys replace "
        "earlier ones.",
        wrong='{"a": 1, "a": 2}\n',
        right='{"a": 1} | {"a": 2}\n',
    ),
    Entry(
        slug="unpack-mismatch",
        title="there are more or fewer values than names for them",
        explanation="`a, b = x` needs exactly two elements in `x`.",
        wrong="a, b = [1, 2, 3]\n",
        right="a, b = [1, 2, 3][:2]\n",
    ),
    Entry(
        slug="zero-step",
        title="the step of a slice is zero",
        explanation="A step says how far to go from one element to the next; negative steps go backwards.",
        wrong="[1, 2, 3][::0]\n",
        right="[1, 2, 3][::-1]\n",
    ),
)

_CHANGES: Final = (
    Entry(
        slug="frozen-value",
        title="a value is changed that cannot change any more",
        explanation="The values of a module freeze when it has been loaded, and what a flow or task reaches freezes "
        "when it is called. So parts of a run that go on side by side cannot disturb each other, and a finished call "
        "can be taken from the journal. Copy what you want to change: `list(x)`, `dict(x)`.",
        wrong="seen = []\n\ndef note(fctx):\n    seen.append(1)\n\nunwrap(flow(note)())\n",
        right="def note(fctx):\n    return [1]\n\nseen = unwrap(flow(note)())\n",
    ),
    Entry(
        slug="mutated-during-iteration",
        title="a list, dict or set is changed while a loop goes through it",
        explanation="What the loop would meet then is anybody's guess. Collect the changes, or go through a copy.",
        wrong="items = [1, 2]\nfor item in items:\n    items.append(item)\n",
        right="items = [1, 2]\nfor item in list(items):\n    items.append(item)\n",
    ),
)

_NUMBERS: Final = (
    Entry(
        slug="division-by-zero",
        title="a number is divided by zero",
        explanation="That holds for `/`, `//` and `%`, and for floats as well.",
        wrong="10 / 0\n",
        right="n = 0\n10 / n if n else None\n",
    ),
    Entry(
        slug="invalid-shift",
        title="an int is shifted by a negative number of bits, or by too many",
        explanation="`<<` takes up to 511 bits. Larger powers of two are made by multiplying.",
        wrong="1 << 512\n",
        right="1 << 511\n",
    ),
    Entry(
        slug="integer-too-large",
        title="an int has too many digits",
        explanation="Ints have up to 131,072 bits, which is 39,457 digits; larger ones cost more time than they are "
        "worth.",
        wrong="x = 1 << 511\nfor _ in range(9):\n    x = x * x\n",
        right="x = 1 << 511\nfor _ in range(7):\n    x = x * x\n",
    ),
    Entry(
        slug="float-overflow",
        title="an int is too large for a float",
        explanation="Floats end at about 1.8e308. Calculate with ints as long as you can: `//` in place of `/`.",
        wrong="float((1 << 511) * (1 << 511) * (1 << 511))\n",
        right="float(1 << 511)\n",
    ),
)

_LIMITS: Final = (
    Entry(
        slug="too-large",
        title="a value has too many elements to cross a boundary",
        explanation="Keys may have a million elements, and what crosses into or out of a flow some 16 million.",
        wrong="# a tuple of two million numbers as the key of a dict\n",
        right='{(1, 2): "x"}\n',
    ),
    Entry(
        slug="time-out-of-range",
        title="a time or a duration is beyond what the language has",
        explanation="Times lie in the years 0 to 9999. Durations are at most 2**63 nanoseconds long, some 292 years.",
        wrong="time.hour * 1000000000\n",
        right="time.hour * 24\n",
    ),
    Entry(
        slug="text-too-long",
        title="the text of a value is too long",
        explanation="`str` and `repr` give at most 268,435,456 characters.",
        wrong="# print(x) with a list of lists of lists that share their elements\n",
        right="print([1, 2])\n",
    ),
    Entry(
        slug="not-data",
        title="a value is not data, so it cannot be recorded or handed over",
        explanation="None, bools, numbers, strings, bytes, lists, tuples, dicts, sets, structs and Results of these "
        "are data. Functions, tasks and streams are not.",
        wrong='current_flow().actions.tables.write_csv("x.csv", [{"f": len}])\n',
        right='current_flow().actions.tables.write_csv("x.csv", [{"f": len([1])}])\n',
    ),
)

ENTRIES: Final = (*_TYPES, *_ELEMENTS, *_CHANGES, *_NUMBERS, *_LIMITS)
