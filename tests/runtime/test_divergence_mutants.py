"""Changed scripts against recorded runs: every change of what is asked for is found, in its place, before anything is
performed; and no change that asks for the same is taken for one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest
from mutation import Mutant, mutants
from recorded_run import RecordedRun

from flowlang.runtime.compatibility import Compatible, Diverges

HEAD = 'if __name__ == "__flow__":\n'
SCRIPTS = {
    "one after another": f"""def _main(fctx):
    first = fctx.actions.shop.price("apple", 2)
    fctx.actions.shop.order("apple", count = 3)
    fctx.actions.shop.order("pear", count = first)
    fctx.actions.sleep(30)
    left = fctx.actions.shop.stock("apple")
    if left > 1000:
        fctx.actions.shop.order("never", 1)
    total = fctx.actions.shop.price("all", left)
    return total
main = flow(implementation = _main)
{HEAD}    main()
""",
    "flows inside flows": f"""def _part(fctx, item, count):
    fctx.actions.shop.stock(item)
    price = fctx.actions.shop.price(item, 7)
    fctx.actions.shop.order("inner", count)
    return price
part = flow(implementation = _part)
def _whole(fctx, items):
    prices = []
    for item in items:
        price = unwrap(part(item, 5))
        prices.append(price)
    fctx.actions.shop.order("sum", 9)
    return prices
whole = flow(implementation = _whole)
def _main(fctx):
    both = unwrap(whole(["a", "b"]))
    again = unwrap(part("c", 8))
    fctx.actions.shop.order("main", 4)
    return both
main = flow(implementation = _main)
{HEAD}    main()
""",
    "tasks side by side": f"""def _part(fctx, item):
    fctx.actions.sleep(5)
    fctx.actions.shop.order(item, 6)
    fctx.actions.shop.order("more", 2)
    return item
part = flow(implementation = _part)
def _main(fctx):
    first = fctx.actions.run(part, "one")
    second = fctx.actions.run(part, "two")
    results = fctx.actions.wait([first, second])
    third = fctx.actions.run(fctx.actions.shop.stock, "three")
    fctx.actions.wait(third)
    fctx.actions.shop.order("last", 3)
    return len(results)
main = flow(implementation = _main)
{HEAD}    main()
""",
    "failures": f"""def _part(fctx, item):
    fctx.actions.shop.order(item, 1)
    fctx.actions.shop.refuse("this")
    fctx.actions.shop.order("unreached", 1)
part = flow(implementation = _part)
def _main(fctx):
    found = part("first")
    fctx.actions.shop.order("after", 2)
    if not found.is_ok():
        fctx.actions.shop.stock("instead", 3)
        fctx.actions.shop.order("again", 4)
    return True
main = flow(implementation = _main)
{HEAD}    main()
""",
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RecordedRun]:
    """The recorded run of a script, by its name; each is made once."""

    @cache
    def recorded(name: str) -> RecordedRun:
        run = RecordedRun(tmp_path_factory.mktemp(name), SCRIPTS[name])
        run.start()
        return run

    return recorded


def cases() -> list[tuple[str, Mutant]]:
    return [(name, mutant) for name, script in SCRIPTS.items() for mutant in mutants(script)]


def events_at(run: RecordedRun, line: int) -> list[int]:
    """The numbers of the commands that were recorded of a line; none when the run never came there."""
    return [
        record.sequence
        for record in run.recording().records
        if (place := getattr(record.event, "place", None)) is not None and place.line == line
    ]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_itself_agrees(recorded: Callable[[str], RecordedRun], name: str) -> None:
    assert isinstance(recorded(name).check(), Compatible)


def test_there_are_enough_mutants_of_every_kind() -> None:
    kinds = Counter(mutant.kind for _, mutant in cases())
    assert sum(kinds.values()) >= 100
    assert set(kinds) == {"name", "argument", "type", "order", "added", "removed", "timer"}
    assert min(kinds.values()) >= 3


@pytest.mark.parametrize(("name", "mutant"), cases(), ids=lambda part: getattr(part, "kind", part))
def test_every_mutant_is_caught_at_its_line_and_nothing_is_performed(
    recorded: Callable[[str], RecordedRun], name: str, mutant: Mutant
) -> None:
    run = recorded(name)
    events = events_at(run, mutant.line)
    performed, records = len(run.shop.performed), run.recording().records
    found = run.check(mutant.text)
    assert len(run.shop.performed) == performed
    assert run.recording().records == records
    if not events:
        assert isinstance(found, Compatible)  # the run never came to that line
        return
    assert isinstance(found, Diverges), mutant.text
    assert found.recorded.place is not None
    assert found.recorded.place.line == mutant.line, mutant.text
    # Of tasks that do the same side by side, any may be the first to be found.
    assert found.sequence in (events if name == "tasks side by side" else events[:1])
    if mutant.asked_line is not None:
        assert found.asked.place is not None
        assert found.asked.place.line == mutant.asked_line


def moved_functions(script: str) -> str:
    """The functions in the opposite order, before everything else."""
    body, guard = script.split(HEAD)
    parts = re.split(r"^(?=\w)", body, flags=re.M)
    functions = [part for part in parts if part.startswith("def ")]
    return "".join([*reversed(functions), *(part for part in parts if part not in functions), HEAD, guard])


HARMLESS: dict[str, Callable[[str], str]] = {
    "a comment": lambda script: "# What this does.\n" + script,
    "blank lines": lambda script: script.replace("\ndef ", "\n\n\ndef "),
    "prints": lambda script: re.sub(r"^( +)(fctx\.actions\.shop)", r'\1print("here")\n\1\2', script, flags=re.M),
    "log lines": lambda script: re.sub(r"^( +)(return)", r'\1fctx.actions.log("done")\n\1\2', script, flags=re.M),
    "a function with another name": lambda script: script.replace("_main", "_the_main_one"),
    "a local with another name": lambda script: script.replace("first", "eerste"),
    "pure code": lambda script: re.sub(r"count = (\d)", r"count = \1 * 1 + 0", script),
    "another order of functions": moved_functions,
    "a longer sleep": lambda script: script.replace("sleep(", "sleep(1 + "),
    "an argument by its name": lambda script: script.replace('stock("apple")', 'stock(item = "apple")'),
}


@pytest.mark.parametrize("edit", HARMLESS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_edits_that_ask_for_the_same_agree(recorded: Callable[[str], RecordedRun], name: str, edit: str) -> None:
    run = recorded(name)
    text = HARMLESS[edit](run.script)
    if '"eerste"' in text:
        text = text.replace('"eerste"', '"first"')  # that was an argument
    assert isinstance(run.check(text), Compatible)
