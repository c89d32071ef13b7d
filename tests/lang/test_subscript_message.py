"""What is said about an index or a key that is not there, also where compiled code left the look-up to the host."""

from __future__ import annotations

import pytest
from bare_run import bare_run

from flowlang.lang.resolve.dialect import FLOW
from flowlang.lang.values.result import Failure

NO_KEY = "use `.get(key, default)`, or check with `in` first"


def failure_of(*lines: str) -> Failure:
    """The failure of a function of these lines, with some variables around."""
    before = ("NUMBERS = [1, 2, 3]", 'RECORD = {"name": 1, "age": 2}', "def run(n, key):")
    text = "\n".join([*before, *(f"    {line}" for line in lines), 'run(7, "nam")', ""])
    failure = bare_run({"main.flow": text}, FLOW).failure
    assert failure is not None
    return failure


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        (["return NUMBERS[n]"], "index 7 is out of range for a list of 3", "valid indexes are -3 to 2"),
        (["return NUMBERS[-4]"], "index -4 is out of range for a list of 3", "valid indexes are -3 to 2"),
        (["return NUMBERS[n + 1]"], "index 8 is out of range for a list of 3", "valid indexes are -3 to 2"),
        (["return NUMBERS[len(NUMBERS)]"], "index 3 is out of range for a list of 3", "valid indexes are -3 to 2"),
        (["items = []", "return items[0]"], "index 0 is out of range for a list of 0", "the list is empty"),
        (["items = [1]", "items[n] = 2"], "index 7 is out of range for a list of 1", "valid indexes are -1 to 0"),
        (["items = [1]", "items[n] += 2"], "index 7 is out of range for a list of 1", "valid indexes are -1 to 0"),
        (
            ["items = [1, 2]", "return [items[i] for i in range(n)]"],
            "index 2 is out of range for a list of 2",
            "valid indexes are -2 to 1",
        ),
        (
            ["items = [1, 2]", "return (lambda: items[n])()"],
            "index 7 is out of range for a list of 2",
            "valid indexes are -2 to 1",
        ),
        (
            ["rows = [[1], [2, 3]]", "return rows[1][n]"],
            "index 7 is out of range for a list of 2",
            "valid indexes are -2 to 1",
        ),
        (["return RECORD[key]"], 'key "nam" is not in the dict', f'did you mean "name"? Otherwise {NO_KEY}'),
        (["return RECORD['agee']"], 'key "agee" is not in the dict', f'did you mean "age"? Otherwise {NO_KEY}'),
        (["return RECORD['other']"], 'key "other" is not in the dict', NO_KEY),
        (["RECORD2 = {'a': 1}", "RECORD2[key] += 1"], 'key "nam" is not in the dict', NO_KEY),
        (["return RECORD[n]"], "key 7 is not in the dict", NO_KEY),
        (["return (NUMBERS if key else RECORD)[n]"], "index 7 is out of range for a list of 3", None),
        (["return 'abc'[n]"], "index 7 is out of range for a string of 3", "valid indexes are -3 to 2"),
        (["return (1, 2)[n]"], "index 7 is out of range for a tuple of 2", "valid indexes are -2 to 1"),
        (["return range(3)[n]"], "index 7 is out of range for a range of 3", "valid indexes are -3 to 2"),
    ],
)
def test_subscript(lines: list[str], message: str, hint: str | None) -> None:
    failure = failure_of(*lines)
    assert failure.message == message
    assert hint is None or failure.hint == hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return n / 0", "division by zero"),
        ("return n // 0", "floored division by zero"),
        ("return n % 0", "remainder of a division by zero"),
        ("return 1.5 // (n - 7)", "floored division by zero"),
        ("return 1.5 % (n - 7.0)", "remainder of a division by zero"),
        ("n //= 0", "floored division by zero"),
        ("n %= n - 7", "remainder of a division by zero"),
        ("n /= 0", "division by zero"),
    ],
)
def test_which_division(line: str, message: str) -> None:
    assert failure_of(line).message == message


def test_where_the_container_is_one_of_two_the_message_is_not_about_the_other() -> None:
    failure = failure_of("few, many = [1], [1, 2]", "return (few if n else many)[n]")
    assert failure.kind == "index-out-of-range"
    assert "of 2" not in failure.message
