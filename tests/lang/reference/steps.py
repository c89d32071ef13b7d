"""Prints how many steps each corner case takes, as JSON: run in a process of its own, whose hashes are other ones."""

from __future__ import annotations

import json
from pathlib import Path

from reference.observation import OutOfBudget, observe_compiled

CORNERS = [
    text
    for path in sorted((Path(__file__).parent / "corners").glob("*.flow"))
    for text in path.read_text(encoding="utf-8").split("---\n")
]


def step_counts() -> list[int | None]:
    """The steps of every corner case; None where the budget is spent."""
    counts: list[int | None] = []
    for text in CORNERS:
        try:
            counts.append(observe_compiled(text).steps)
        except OutOfBudget:
            counts.append(None)
    return counts


if __name__ == "__main__":
    print(json.dumps(step_counts()))
