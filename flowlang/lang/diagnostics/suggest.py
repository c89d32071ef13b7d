"""Did you mean …? The candidate that a mistyped name was most likely meant to be.

The measure is the number of single letters changed, added, left out, or swapped with their neighbour. At most two
such slips are taken for a typing mistake, in names of up to three letters at most one. Since the limit is that small,
only a band of five cells around the diagonal of the usual table has to be computed, and a candidate is given up as
soon as a whole row is beyond the limit: the cost is linear in the length of the names.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

DISTANCE_MAX: Final = 2
SHORT_NAME_LENGTH: Final = 3
NAME_LENGTH_MAX: Final = 100
CANDIDATES_MAX: Final = 10_000


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to `name`, the earlier of two equally near ones; None if all are too far."""
    if len(name) > NAME_LENGTH_MAX:
        return None
    limit = 1 if len(name) <= SHORT_NAME_LENGTH else DISTANCE_MAX
    best = None
    for candidate in islice(candidates, CANDIDATES_MAX):
        distance = 0 if candidate == name else _distance(name, candidate, limit)
        if 0 < distance <= limit:
            best = candidate
            limit = distance - 1
            if limit == 0:
                break
    return best


def _distance(left: str, right: str, limit: int) -> int:
    """The number of slips between two names, or `limit + 1` when there are more."""
    too_far = limit + 1
    if abs(len(left) - len(right)) > limit:
        return too_far
    before: list[int] = []
    row = [column if column <= limit else too_far for column in range(len(right) + 1)]
    for line, letter in enumerate(left, 1):
        last, before = before, row
        row = [too_far] * (len(right) + 1)
        if line <= limit:
            row[0] = line
        for column in range(max(1, line - limit), min(len(right), line + limit) + 1):
            other = right[column - 1]
            cost = min(before[column] + 1, row[column - 1] + 1, before[column - 1] + (letter != other))
            is_swap = line > 1 and column > 1 and letter == right[column - 2] and left[line - 2] == other
            if is_swap:
                cost = min(cost, last[column - 2] + 1)
            row[column] = min(cost, too_far)
        if min(row) > limit:
            return too_far
    return row[-1]
