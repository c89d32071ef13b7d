"""The ledger, and that it finds what must not be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from flowlang.runtime.action import ActionContext, ActionSpec, action, signature_digest
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.database import Databases
from flowlang.runtime.file_access import FileAccess
from flowlang.testing.ledger import Ledger, LedgerEntry, repeated, violations


@action(name="test.add")
def add(left: int, right: int = 1) -> int:
    return left + right


@action(name="test.fail")
def fail_always(context: ActionContext) -> int:
    raise ValueError(context.position)


@action(name="test.later")
async def later(number: int) -> int:
    await asyncio.sleep(0)
    return number


def context(root: Path, position: str = "0", attempt: int = 1) -> ActionContext:
    files = FileAccess([root])
    return ActionContext("run", position, f"run/{position}", attempt, files, Databases(files), SystemClock())


def test_attempts_are_written_down_with_their_ends(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    assert ledger.entries() == []
    wrapped_add, wrapped_fail, wrapped_later = ledger.wrap([add, fail_always, later])
    assert wrapped_add.function(context(tmp_path), left=1, right=2) == 3
    with pytest.raises(ValueError, match=r"^0\.1$"):
        wrapped_fail.function(context(tmp_path, "0.1", 3))
    assert asyncio.run(wrapped_later.function(context(tmp_path, "1"), number=5)) == 5
    found = [(entry.moment, entry.action, entry.position, entry.attempt) for entry in ledger.entries()]
    assert found == [
        ("start", "test.add", "0", 1),
        ("end", "test.add", "0", 1),
        ("start", "test.fail", "0.1", 3),
        ("end", "test.fail", "0.1", 3),
        ("start", "test.later", "1", 1),
        ("end", "test.later", "1", 1),
    ]
    assert Ledger(tmp_path / "ledger").entries() == ledger.entries()


@pytest.mark.parametrize("spec", [add, fail_always, later], ids=lambda spec: spec.name)
def test_a_wrapped_action_looks_the_same_to_scripts(tmp_path: Path, spec: ActionSpec[..., object]) -> None:
    (wrapped,) = Ledger(tmp_path / "ledger").wrap([spec])
    assert signature_digest(wrapped) == signature_digest(spec)
    assert (wrapped.timeout, wrapped.inline, wrapped.is_async) == (spec.timeout, spec.inline, spec.is_async)


def start(position: str = "0", attempt: int = 1) -> LedgerEntry:
    return LedgerEntry("start", "run", position, "test.add", f"run/{position}", attempt, 1)


def end(position: str = "0", attempt: int = 1) -> LedgerEntry:
    return attrs.evolve(start(position, attempt), moment="end")


GOOD: dict[str, tuple[Sequence[LedgerEntry], int]] = {
    "nothing": ([], 0),
    "one after the other": ([start("0"), end("0"), start("1"), end("1")], 0),
    "side by side": ([start("0"), start("1"), end("1"), end("0")], 0),
    "again after a crash": ([start(), start(attempt=2), end(attempt=2)], 1),
    "again although it had ended": ([start(), end(), start(attempt=2), end(attempt=2)], 1),
    "an attempt that never started": ([start(), start(attempt=3), end(attempt=3)], 2),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_crashes_explain_is_no_violation(name: str) -> None:
    entries, crashes = GOOD[name]
    assert violations(entries, crashes) == []


BAD: dict[str, tuple[Sequence[LedgerEntry], int, str]] = {
    "twice without a crash": ([start(), end(), start(attempt=2)], 0, "was started 2 times, with 0 crashes"),
    "three times for one crash": ([start(), start(attempt=2), start(attempt=3)], 1, "was started 3 times"),
    "an attempt too many": ([start(attempt=3)], 1, "attempt 3, with 1 crashes"),
    "the same attempt twice": ([start(), start()], 1, "attempt 1 started after attempt 1"),
    "attempts backwards": ([start(attempt=2), start(attempt=1)], 1, "attempt 1 started after attempt 2"),
    "a key for two calls": ([start(), attrs.evolve(start("1"), key="run/0")], 0, "the key run/0 was given to"),
    "two keys for a call": ([start(), attrs.evolve(start(attempt=2), key="x")], 1, "of run had two keys"),
    "two actions at a place": (
        [start(), attrs.evolve(start(attempt=2), action="test.other")],
        1,
        "the key run/0 was given to",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_crashes_do_not_explain_is_a_violation(name: str) -> None:
    entries, crashes, expected = BAD[name]
    assert any(expected in violation for violation in violations(entries, crashes))


def test_what_was_recorded_must_not_start_again() -> None:
    before = [start("0"), end("0"), start("1"), end("1")]
    after = [*before, start("1", 2), end("1", 2)]
    assert repeated(before, after, {"0"}) == []
    assert repeated(before, after, {"0", "1"}) == ["`test.add` at 1 was started again, attempt 2"]
