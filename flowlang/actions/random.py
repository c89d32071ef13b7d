"""`random`, `random_int`, `uuid`: chance, as actions, so that a run draws once and replay gets the same.

The operating system's generator is used. There is no seed: a run is repeatable because its draws are in the journal,
and numbers that nobody can guess serve as tokens, too.
"""

from __future__ import annotations

import random as generators
import uuid as identifiers
from typing import Final

from flowlang.runtime.action import ActionError, action

GENERATOR: Final = generators.SystemRandom()


@action(name="random", inline=True)
def random() -> float:
    """A float from 0 (inclusive) to 1 (exclusive)."""
    return GENERATOR.random()


@action(name="random_int", inline=True)
def random_int(low: int, high: int) -> int:
    """An int from `low` to `high`, both inclusive, each as likely as the others."""
    if low > high:
        raise ActionError(
            "action-argument",
            f"`random_int` was given {low} to {high}, which is no range",
            hint="the lower end comes first",
        )
    return GENERATOR.randint(low, high)


@action(name="uuid", inline=True)
def uuid() -> str:
    """A new random UUID (version 4), like `0b0c2d6e-7f3a-4c5e-9d1b-2a3c4d5e6f70`."""
    return str(identifiers.uuid4())
