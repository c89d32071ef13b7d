"""Where a generator's decisions come from: hypothesis, which can shrink them, or random numbers, which are cheap.

The first alternative of every choice is the simplest, because that is where shrinking goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies

Item = TypeVar("Item")
NUMBERS = [strategies.integers(0, most) for most in range(100)]


class Choices:
    """Decisions drawn one by one. `fuel` bounds the size of what is generated."""

    def __init__(self, draw: Callable[[Any], Any], fuel: int) -> None:
        self._draw = draw
        self.fuel = fuel

    def below(self, count: int) -> int:
        """A number from 0 to below `count`."""
        number: int = self._draw(NUMBERS[count - 1])
        return number

    def between(self, least: int, most: int) -> int:
        """A number of things, within the bounds."""
        return least + self.below(most - least + 1)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.below(len(items))]

    def chance(self, percent: int) -> bool:
        """True so often."""
        return self.below(100) >= 100 - percent

    def spend(self) -> bool:
        """Whether there is fuel for one more part; takes it."""
        self.fuel -= 1
        return self.fuel >= 0


class RandomChoices(Choices):
    """Decisions from a generator of random numbers."""

    def __init__(self, numbers: Random, fuel: int) -> None:
        super().__init__(lambda strategy: None, fuel)
        self._numbers = numbers

    def below(self, count: int) -> int:
        return int(self._numbers.random() * count)
