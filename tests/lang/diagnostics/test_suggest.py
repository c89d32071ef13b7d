"""Did you mean: distance, limits, ties."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.lang.diagnostics.suggest import nearest


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("fetch_order", ["store", "fetch_orders"], "fetch_orders"),
        ("lenght", ["print", "length"], "length"),
        ("pritn", ["print"], "print"),
        ("ture", ["True", "true"], "true"),
        ("ab", ["abcd", "ac"], "ac"),
        ("ab", ["cd"], None),
        ("x", ["y"], "y"),
        ("total", ["subtotals"], None),
        ("abcdef", ["abcxyz"], None),
        ("same", ["same"], None),
        ("cat", ["bat", "rat"], "bat"),
        ("cart", ["bare", "cat", "card"], "cat"),
        ("name", [], None),
        ("", ["a"], "a"),
        ("a" * 200, ["a" * 199], None),
        ("ca", ["abc"], None),
    ],
)
def test_nearest(name: str, candidates: list[str], expected: str | None) -> None:
    assert nearest(name, candidates) == expected


def distance(left: str, right: str) -> int:
    """The same measure by the textbook table."""
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) + 1):
        for j in range(len(right) + 1):
            if i == 0 or j == 0:
                table[i][j] = i + j
                continue
            cost = left[i - 1] != right[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and left[i - 1] == right[j - 2] and left[i - 2] == right[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


WORDS = st.text("abc", min_size=1, max_size=7)


@settings(deadline=None)
@given(WORDS, st.lists(WORDS, max_size=6))
def test_it_is_the_first_of_the_nearest(name: str, candidates: list[str]) -> None:
    limit = 1 if len(name) <= 3 else 2
    near = [(distance(name, candidate), place) for place, candidate in enumerate(candidates)]
    allowed = [pair for pair in near if 0 < pair[0] <= limit]
    assert nearest(name, candidates) == (candidates[min(allowed)[1]] if allowed else None)


def test_a_flood_of_candidates_is_cut_off() -> None:
    def endless() -> object:
        while True:
            yield "zzzzzz"

    assert nearest("name", endless()) is None  # type: ignore[arg-type]
