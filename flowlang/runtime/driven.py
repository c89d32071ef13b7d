"""A run that is being driven, and what is said of one when that ends."""

from __future__ import annotations

import attrs

from flowlang.errors import FlowlangError, InternalError
from flowlang.lang.interpreter import Build
from flowlang.runtime.activation import Activation
from flowlang.runtime.assembly import Facts
from flowlang.runtime.clock import Reading
from flowlang.runtime.journal.model import Counters, Lease, NewRun, RunRecord, RunStatus
from flowlang.runtime.launch import PinnedCode


@attrs.define(eq=False)
class Driven:
    """A run that is being driven. `new`: what makes it, until its first append. `lease` is None until then."""

    facts: Facts
    build: Build
    code: PinnedCode
    activation: Activation
    lease: Lease | None
    new: NewRun | None = None
    idle_since_ms: int | None = None

    @property
    def run_id(self) -> str:
        return self.facts.run_id

    @property
    def safe_until(self) -> Reading | None:
        """Until then nobody else can have claimed the run, whatever happens."""
        return self.activation.performing.safe_until

    @safe_until.setter
    def safe_until(self, moment: Reading | None) -> None:
        self.activation.performing.safe_until = moment


@attrs.frozen
class Ending:
    """A run is not driven any more: it ended, was put down, or was lost (`error`). `driven` is None when it could not
    be loaded at all."""

    run_id: str
    status: RunStatus
    driven: Driven | None
    error: FlowlangError | None = None


def counters_of(run: RunRecord) -> Counters:
    """What a run has used, as its row says."""
    return Counters(run.steps, run.memory, run.actions_completed)


def defect_of(error: Exception) -> InternalError:
    """An exception that nobody foresaw, as an error."""
    defect = InternalError(f"{type(error).__name__}: {error}")
    defect.__cause__ = error
    return defect
