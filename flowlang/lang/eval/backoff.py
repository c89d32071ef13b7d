"""How long to wait before something that failed is tried again.

Nothing here looks at a clock or at chance: jitter is made from a seed and the number of the attempt, so whoever takes
a run over reckons the same times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

DELAY_MAX_S: Final = 30 * 24 * 3600.0
KINDS: Final = ("exponential", "linear", "fixed", "none")


def delay_s(
    backoff: str | Sequence[float], attempt: int, seed: str, *, initial_s: float, factor: float, max_delay_s: float,
    jitter: float,
) -> float:  # fmt: skip
    """Seconds between the failure of attempt `attempt` (from 1) and the next one. `backoff`: one of KINDS, or a list of
    seconds, whose last is repeated and to which `max_delay_s` does not apply. `jitter`: the fraction of a delay by
    which it may be shorter or longer."""
    if isinstance(backoff, str):
        most_s, plain_s = max_delay_s, _grown_s(backoff, attempt, initial_s, factor)
    else:
        most_s, plain_s = DELAY_MAX_S, backoff[min(attempt, len(backoff)) - 1]
    delay = min(plain_s, most_s)
    if jitter and delay:
        delay *= 1 + jitter * _swing(seed, attempt)
    return min(delay, most_s)


def _grown_s(backoff: str, attempt: int, initial_s: float, factor: float) -> float:
    match backoff:
        case "none":
            return 0.0
        case "fixed":
            return initial_s
        case "linear":
            return initial_s * attempt
    try:
        return float(initial_s * factor ** (attempt - 1))
    except OverflowError:
        return DELAY_MAX_S


def _swing(seed: str, attempt: int) -> float:
    """A number from -1 to 1 that only the seed and the attempt decide."""
    made = hashlib.blake2b(f"{seed}#{attempt}".encode(), digest_size=8).digest()
    return int.from_bytes(made, "big") / (1 << 63) - 1
