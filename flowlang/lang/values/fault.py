"""Failures of evaluation, as exceptions inside the interpreter. They are never values of a script.

`Fault` is an error of the language or of an action: it ends the current flow, whose caller receives an `Err`.
`FailSignal` is `fail(...)`: the same, with the value that the script gave. `Stop` and its subclasses pass through
every flow and end the evaluation (budget, cancellation, divergence).
"""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """An error with a slug. `message` obeys the rules for diagnostics; `data` is plain data for the script."""

    def __init__(
        self, slug: str, message: str, *, hint: str | None = None, data: Any = None, retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message
        self.hint = hint
        self.data = data
        self.retryable = retryable


class FailSignal(Exception):
    """`fail(error)`: ends the current flow with `Err(error)`. `failure` is set when the signal passes on the Err
    of an inner flow (`unwrap`), so that its trace is kept."""

    def __init__(self, error: Any, failure: Any = None) -> None:
        super().__init__("fail")
        self.error = error
        self.failure = failure


class Stop(BaseException):
    """Ends the whole evaluation; no flow can turn it into a value."""


class BudgetExceeded(Stop):
    """A budget is spent. `limit` names it: `steps`, `memory`, `depth` or `output`."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit
        self.message = message


class Interrupted(Stop):
    """The host asked the evaluation to stop (Ctrl-C, deadline, cancellation)."""
