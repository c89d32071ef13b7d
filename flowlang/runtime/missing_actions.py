"""Runs whose actions a worker does not have: another worker may have them.

Such a run is given back at once and becomes due again a little later, for whoever has the actions: workers of that
kind may be busy, or be started again just now. Every time that it comes back here it is left to others for twice as
long. Only when it has come back for ten minutes is it set aside, where an operator sees that nobody can drive it. This
is remembered here and not in the journal, so a worker that is started anew gives a run its ten minutes anew.
"""

from __future__ import annotations

from typing import Final

import attrs

PATIENCE_MS: Final = 600_000
FIRST_DELAY_MS: Final = 250
DELAY_MAX_MS: Final = 60_000
HEAD_START_MS: Final = 100
"""A worker that gave runs back looks so much later for what falls due, so that others come first."""
KEPT_MAX: Final = 10_000
"""So many runs are remembered; beyond that the oldest ones begin anew."""


@attrs.define
class _Returns:
    """Since when a run has come back, and how often. `sequence`: its last record all the time."""

    sequence: int
    first_ms: int
    count: int = 0


class MissingActions:
    """The runs that were given back here. Times are those of the clock that nobody sets back."""

    def __init__(self) -> None:
        self._known: dict[str, _Returns] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def delay_ms(self, run_id: str, sequence: int, now_ms: int) -> int | None:
        """For how long the run is left to others; None when it is to be set aside."""
        returns = self._known.get(run_id)
        if returns is None or returns.sequence != sequence:  # somebody has driven it meanwhile
            self._known.pop(run_id, None)
            returns = self._known[run_id] = _Returns(sequence, now_ms)
        if now_ms - returns.first_ms >= PATIENCE_MS:
            del self._known[run_id]
            return None
        delay_ms = min(FIRST_DELAY_MS << min(returns.count, 16), DELAY_MAX_MS)
        returns.count += 1
        if len(self._known) > KEPT_MAX:
            del self._known[next(iter(self._known))]
        return delay_ms

    def forget_old(self, now_ms: int) -> None:
        """Forgets runs that must have come back by now, had nobody else taken them."""
        # The oldest come first, and none stays away for longer than twice the longest delay and some time in a queue.
        for run_id, returns in list(self._known.items()):
            if now_ms - returns.first_ms < PATIENCE_MS + 2 * DELAY_MAX_MS:
                return
            del self._known[run_id]
