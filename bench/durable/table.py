"""Figures of one comparison: what was measured, in pairs, and how it is shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import attrs


@attrs.define
class Figure:
    """One line of the table. `ours` and `theirs` are taken in pairs; `unit` says of what. `ratio_is_time`: less is
    better, so the ratio is theirs over ours. `goal`: what the ratio should be, `floor`: what it must be."""

    title: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    ratio_is_time: bool = False
    goal: float | None = None
    floor: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of the ratios of the pairs."""
        if not self.theirs:
            return None
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median(b / a if self.ratio_is_time else a / b for a, b in pairs)

    @property
    def verdict(self) -> str:
        """`goal`, `floor` or `missed`."""
        if self.ratio is None or self.goal is None:
            return ""
        if self.ratio >= self.goal:
            return "goal"
        return "floor" if self.floor is not None and self.ratio >= self.floor else "missed"

    def line(self) -> str:
        """The line as Markdown."""
        ours = _number(statistics.median(self.ours))
        theirs = _number(statistics.median(self.theirs)) if self.theirs else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        wanted = "" if self.goal is None else f"{self.goal:g} ({self.floor:g})" if self.floor else f"{self.goal:g}"
        cells = (self.title, self.unit, ours, theirs, ratio, wanted, self.verdict, self.note)
        return "| " + " | ".join(cells) + " |"


HEAD = """| what | unit | ours | beside it | ratio | goal (floor) | reached | |
|---|---|---|---|---|---|---|---|"""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
