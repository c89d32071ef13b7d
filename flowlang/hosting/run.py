"""The handle on one run: what it is asked, told, and waited for with. Handles hold nothing but the id."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flowlang.errors import ConversionError, EvaluationError, FlowlangError, RunError
from flowlang.lang.values.convert import to_host
from flowlang.lang.values.parameter import ParameterType
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.journal.event import Record
from flowlang.runtime.journal.model import RunRecord, RunStatus
from flowlang.runtime.outcome import recorded_result
from flowlang.runtime.typed import build

if TYPE_CHECKING:
    from flowlang.hosting.engine import Engine

Value = TypeVar("Value")


class Run(Generic[Value]):
    """A run of the engine's journal, whoever drives it. Made by `Engine.start` and `Engine.get`."""

    def __init__(self, engine: Engine, run_id: str, returns: ParameterType | None = None) -> None:
        self.id = run_id
        self._engine = engine
        self._returns = returns

    def __repr__(self) -> str:
        return f"<Run {self.id}>"

    async def result(self) -> Ok | Err:
        """Waits until the run has ended. `Ok` holds a value of the type that `returns` named; a run that was
        cancelled, terminated or ran out of time gives an `Err` of that kind. Raises RunError for a run that was
        stopped (by a budget, a divergence or too many crashes), which somebody has to resume; ConversionError for a
        value of another type. Cancelling this wait does nothing to the run."""
        run = await self._ended()
        if run.status is RunStatus.STOPPED:
            raise RunError(
                f"run `{self.id}` was stopped: {run.reason or 'nobody knows why'}",
                run_id=self.id,
                hint=f"`flowlang runs show {self.id}` says more, `flowlang runs retry {self.id}` makes it go on",
            )
        records = await self._engine.call(self._engine.journal.read, self.id, run.sequence - 1)
        found = recorded_result(records)
        if isinstance(found, Ok):
            return Ok(converted(found.value, self._returns))
        result: Err = to_host(found)
        return result

    async def value(self) -> Value:
        """The value of the run's `Ok`. Raises EvaluationError for an `Err`, with its failure."""
        result = await self.result()
        if isinstance(result, Err):
            raise EvaluationError(result.failure.message, failure=result.failure)
        value: Value = result.value
        return value

    async def record(self) -> RunRecord:
        """The run's row: status, times, attempts at driving it, what it says of itself."""
        return await self._engine.call(self._engine.journal.run, self.id)

    async def status(self) -> RunStatus:
        """How it stands now."""
        return (await self.record()).status

    async def events(self, after: int = 0) -> list[Record]:
        """What its journal holds after the record of that number, in order."""
        return await self._engine.call(self._engine.journal.read, self.id, after)

    async def signal(self, name: str, payload: Any = None, *, key: str = "") -> bool:
        """See `Engine.signal`."""
        return await self._engine.signal(self.id, name, payload, key=key)

    async def cancel(self, reason: str = "", by: str = "") -> bool:
        """See `Engine.cancel`."""
        return await self._engine.cancel(self.id, reason=reason, by=by)

    async def _ended(self) -> RunRecord:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[RunRecord] = loop.create_future()

        def settle(what: RunRecord | FlowlangError) -> None:
            if ended.done():
                return
            if isinstance(what, FlowlangError):
                ended.set_exception(what)
            else:
                ended.set_result(what)

        def tell(what: RunRecord | FlowlangError) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, what)

        watch = self._engine.watch
        watch.wait_for(self.id, tell)
        try:
            return await ended
        finally:
            watch.forget(self.id, tell)


def converted(value: Any, kind: ParameterType | None) -> Any:
    """The host's object for a result. Raises ConversionError for one that is not of that kind."""
    if kind is None:
        return to_host(value)
    if (found := kind.mismatch(value)) is not None:
        path = f"result{found.path}"
        raise ConversionError(f"the run gave {found.given} for `{path}`, not {found.expected}", path=path)
    return build(kind, value)
