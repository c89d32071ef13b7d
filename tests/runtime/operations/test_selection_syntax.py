"""Expressions that select runs: what they mean, what a filter takes over, and how mistakes are shown."""

from __future__ import annotations

import pytest

from flowlang.runtime.journal.journal import Condition, RunFilter, RunStatus
from flowlang.runtime.operations.selection import COLUMNS, select
from flowlang.runtime.operations.selection_syntax import COMPARISONS_MAX, LENGTH_MAX, SelectionMistake
from flowlang.runtime.operations.time_text import parse_moment_ms, parse_span_ms

NOW_MS = 1_800_000_000_000


def test_what_a_store_can_look_up_becomes_a_filter():
    """Comparisons joined by `and` reach the store; nothing is left to test run by run."""
    found = select('status in ["failed", "stopped"] and script = "etl.flow" and region = "eu" and id begins "etl-"', 0)
    assert found.rest is None
    assert found.filter == RunFilter(
        status=(RunStatus.FAILED, RunStatus.STOPPED), entry="etl.flow", prefix="etl-",
        where=(Condition("region", "=", "eu"),),
    )  # fmt: skip


def test_what_no_filter_can_ask_for_is_tested_run_by_run():
    """`or`, `not` and columns without a filter stay in the rest; the other parts still become a filter."""
    found = select('queue = "slow" and priority > 0 and (region = "eu" or not priority > 1)', 0)
    assert found.filter == RunFilter(queue="slow", where=(Condition("priority", ">", 0),))
    assert found.rest is not None


def test_a_second_status_does_not_replace_the_first():
    """`status = a and status = b` holds for no run; it must not become a filter for one of them."""
    found = select('status = "failed" and status = "stopped"', 0)
    assert found.filter.status == (RunStatus.FAILED,)
    assert found.rest is not None


def test_an_attribute_may_have_the_name_of_a_column():
    """`attribute.queue` is the attribute, `queue` the column."""
    assert select('attribute.region = "x"', 0).filter == RunFilter(where=(Condition("region", "=", "x"),))
    assert select('queue = "x"', 0).filter == RunFilter(queue="x")
    # Stores take such a name for the column, so it is tested run by run.
    assert select('attribute.queue = "x"', 0).filter == RunFilter()


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ('status == "failed"', "==", "an operator is expected", "did you mean `=`?"),
        ('status = failed', "failed", "a value is expected", '`"failed"`'),
        ('status = "faild"', 'status = "faild"', "no status `faild`", "did you mean `failed`?"),
        ('status = "failed" && region = "eu"', "&&", "is not expected", "did you mean `and`?"),
        ('status = "failed', '"', "not closed", "close it"),
        ('(priority > 1', "", "`)` is missing", "close"),
        ('priority > "high"', 'priority > "high"', "`priority` is a number", "attribute.priority"),
        ('created > "yesterday"', 'created > "yesterday"', "`yesterday` is no time", "2h ago"),
        ('status in "failed"', '"failed"', "`in` takes a list", "["),
        ('region', "", "an operator is expected", "`=`"),
        ('id begins 5', "5", "`begins` takes a text", "begins"),
        ('is_test > true', "is_test > true", "have no order", "`=`"),
        ('and', "and", "a column or attribute is expected", "such as"),
        ('region = "eu" region = "us"', "region", "is not expected", "`and`"),
        ('a = 1 # b', "#", "`#` means nothing", "compare"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_with_its_place(text, place, message, hint):
    """The message has the expression and marks under what is wrong; the hint says what to write."""
    with pytest.raises(SelectionMistake) as caught:
        select(text, NOW_MS)
    shown, line, marks = caught.value.message.split("\n")
    assert message in shown
    assert hint in (caught.value.hint or "")
    start = marks.index("^")
    assert line[start : start + len(place)] == place


def test_expressions_are_bounded():
    """Length, number of comparisons and depth have limits, so that no expression can hang or overflow anything."""
    for text in (
        "a = 1" + " " * LENGTH_MAX,
        " and ".join(["a = 1"] * (COMPARISONS_MAX + 1)),
        "(" * 500 + "a = 1" + ")" * 500,
        "not " * 500 + "a = 1",
    ):
        with pytest.raises(SelectionMistake):
            select(text, NOW_MS)


def test_every_column_can_be_compared():
    """Each column takes a value of its kind and refuses another."""
    values = {"text": '"x"', "number": "1", "time": '"2026-01-31"', "status": '"failed"'}
    for name, column in COLUMNS.items():
        select(f"{name} = {values[column.kind]}", NOW_MS)
        with pytest.raises(SelectionMistake):
            select(f"{name} = true", NOW_MS)


def test_spans_and_moments():
    """Spans and moments as people write them, and what is none."""
    assert [parse_span_ms(text) for text in ("90s", "1.5 h", "30 min", "7d", "250ms")] == [
        90_000, 5_400_000, 1_800_000, 604_800_000, 250,
    ]  # fmt: skip
    assert [parse_span_ms(text) for text in ("", "5", "s", "1 fortnight", "-1s", "9" * 12 + "w")] == [None] * 6
    assert parse_moment_ms("2h ago", NOW_MS) == NOW_MS - 7_200_000
    assert parse_moment_ms("2026-01-31", NOW_MS) == parse_moment_ms("2026-01-31T01:00+01:00", NOW_MS)
    assert parse_moment_ms("soon", NOW_MS) is None
