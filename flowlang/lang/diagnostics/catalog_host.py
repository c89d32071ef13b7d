"""Explanations of what can go wrong between a script and the program that it is embedded in."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

ENTRIES: Final = (
    Entry(
        slug="host-error",
        title="a function of the host raised an exception",
        explanation="A program that embeds scripts can give them functions of its own. When such a function fails in a "
        "way that it did not foresee, the script only learns that it failed: the text of a Python exception may hold "
        "what is not meant for scripts. The program finds the exception in its log, and as the cause of its "
        "EvaluationError. A function that wants to tell the script more raises `BuiltinError`.",
        wrong="# @builtin\n# def rate(currency: str) -> float:\n#     return RATES[currency]\n",
        right="# @builtin\n# def rate(currency: str) -> float:\n#     if currency not in RATES:\n"
        '#         raise BuiltinError("unknown-currency", f"there is no rate for {currency}")\n'
        "#     return RATES[currency]\n",
    ),
    Entry(
        slug="deadline-exceeded",
        title="an evaluation took longer than it may",
        explanation="A program that embeds scripts can limit the time of each evaluation. Unlike the budgets that "
        "count, this depends on the machine, so nothing in a script can catch it, and the same script may come further "
        "the next time.",
        wrong="# Budget(wall_seconds=0.1)\nfor i in range(1 << 40):\n    pass\n",
        right="# Budget(wall_seconds=0.1)\nfor i in range(1 << 10):\n    pass\n",
    ),
)
