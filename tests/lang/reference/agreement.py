"""What it means that two implementations agree on a program."""

from __future__ import annotations

import pytest

from reference.observation import (
    BUDGET,
    Observation,
    OutOfBudget,
    observe_compiled,
    observe_cpython,
    observe_reference,
)

OWN_WORDS = frozenset({
    "called-before-def", "division-by-zero", "index-out-of-range", "integer-too-large", "recursion",
    "unpack-mismatch", "used-before-assignment", "wrong-arguments",
})  # fmt: skip
"""Errors that compiled code may get from CPython and put into words that say less than those of the slow way."""
EXCEPTIONS = {
    "division-by-zero": ("ZeroDivisionError",), "float-overflow": ("OverflowError",),
    "index-out-of-range": ("IndexError",), "missing-element": ("ValueError",), "missing-key": ("KeyError",),
    "not-callable": ("TypeError",), "unknown-attribute": ("AttributeError",), "unpack-mismatch": ("ValueError",),
    "used-before-assignment": ("NameError", "UnboundLocalError"), "wrong-arguments": ("TypeError",),
}  # fmt: skip
"""What CPython raises where the language has the error of that kind. Where it has another error, it is stricter."""


class Disagreement(AssertionError):
    """Two implementations do different things with a program. `summary` is the same for the same reason."""

    def __init__(self, summary: str, text: str) -> None:
        super().__init__(f"{summary}\n{text}")
        self.summary = summary


def assert_agreement(text: str) -> bool:
    """Both implementations do the same with a program, as far as can be seen; True if there was something to see."""
    try:
        ours = observe_compiled(text)
    except OutOfBudget as spent:
        if str(spent) == "depth":
            with pytest.raises(OutOfBudget, match="depth"):
                observe_reference(text)
        return False
    expected = observe_reference(text)
    if (seen := seen_failure(ours)) != (wanted := seen_failure(expected)):
        raise Disagreement(difference(seen, wanted), text)
    if ours.lines != expected.lines:
        raise Disagreement("other lines", text)
    if ours.values != expected.values:
        raise Disagreement("other values", text)
    return True


Seen = tuple[str, int, str]


def seen_failure(observation: Observation) -> Seen | None:
    """Kind, line and, where it is the operation's own, message of an error."""
    failure = observation.failure
    if failure is None:
        return None
    return failure.kind, failure.line, "" if failure.kind in OWN_WORDS else failure.message


def difference(seen: Seen | None, wanted: Seen | None) -> str:
    """How two failures differ, without what is particular to a program."""
    if seen is None or wanted is None or seen[0] != wanted[0]:
        return f"{seen[0] if seen else 'no failure'}, should be {wanted[0] if wanted else 'none'}"
    return f"{seen[0]} in another line" if seen[1] != wanted[1] else f"{seen[0]} with another message"


def assert_cpython_agrees(text: str) -> bool:
    """CPython does the same with a program that means the same there; True if that could be compared."""
    try:
        ours = observe_compiled(text, BUDGET, as_cpython=True)
    except OutOfBudget:
        return False
    if ours.failure is not None and ours.failure.kind not in EXCEPTIONS:
        return False
    theirs = observe_cpython(text)
    allowed = (None,) if ours.failure is None else EXCEPTIONS[ours.failure.kind]
    if (theirs.failure and theirs.failure.kind) not in allowed:
        given, wanted = ours.failure and ours.failure.kind, theirs.failure and theirs.failure.kind
        raise Disagreement(f"{given}, CPython has {wanted}", text)
    if ours.failure is not None and theirs.failure is not None and ours.failure.line != theirs.failure.line:
        raise Disagreement(f"{ours.failure.kind} in another line", text)
    if ours.lines != theirs.lines or ours.values != theirs.values:
        raise Disagreement("other lines or values", text)
    return True
