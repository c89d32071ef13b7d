"""One measurement of flowlang in a process of its own, as each of the peers' is.

    python bench/durable/own.py --url URL --what steps --n 1000

Prints one line: `RESULT` and a JSON object, mostly with `seconds` for the `n` and `commits` that were made meanwhile.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse  # noqa: E402 - what is imported counts as start of the process
import os  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent.parent))

from durable.place import answer  # noqa: E402
from flowlang.runtime.action import ActionRegistry, action  # noqa: E402
from flowlang.runtime.clock import SystemClock  # noqa: E402
from flowlang.runtime.driver import RunDriver  # noqa: E402
from flowlang.runtime.journal.journal import Journal, Placement, RunStatus  # noqa: E402
from flowlang.runtime.journal.memory import MemoryJournal  # noqa: E402
from flowlang.runtime.journal.sql import SqlJournal  # noqa: E402
from flowlang.runtime.launch import code_of, prepare  # noqa: E402
from flowlang.runtime.project import Project  # noqa: E402
from flowlang.runtime.worker import Worker  # noqa: E402
from flowlang.testing.interpose import WRITES, InterposedJournal  # noqa: E402

if any(argument.startswith("postgresql") for argument in sys.argv):
    import flowlang.runtime.journal.dialects.postgres  # noqa: F401 - as the peers have imported their driver by now

IMPORTED = time.perf_counter()

SCRIPTS = {
    "steps": """
def _main_impl(fctx):
    total = 0
    for number in range(fctx.args.n):
        total += fctx.actions.bench.step(number)
    return total
main = flow(implementation = _main_impl, args = {"n": args.int()})
""",
    "gather": """
def _main_impl(fctx):
    tasks = [fctx.actions.run(fctx.actions.bench.step, number) for number in range(fctx.args.n)]
    total = 0
    for result in fctx.actions.wait(tasks):
        total += unwrap(result)
    return total
main = flow(implementation = _main_impl, args = {"n": args.int()})
""",
    "limited": """
def _main_impl(fctx):
    results = parallel_map(range(fctx.args.n), fctx.actions.bench.step, max_concurrency = 4)
    return len(list(results))
main = flow(implementation = _main_impl, args = {"n": args.int()})
""",
    "one": """
main = flow(implementation = lambda fctx: fctx.actions.bench.step(fctx.args.n), args = {"n": args.int()})
""",
}


@action(name="bench.step", inline=True)
def step(number: int) -> int:
    """Does next to nothing."""
    return number


class Dies(BaseException):
    """Ends the process in the middle of a run."""


class Counting(InterposedJournal):
    """Counts writes; with `dies_at`, ends the process at that append, as a power switch would."""

    def __init__(self, inner: Journal, dies_at: int = 0) -> None:
        super().__init__(inner)
        self.writes = 0
        self._dies_at = dies_at

    def append(self, *arguments: Any) -> Any:
        """Written out, so that counting takes next to nothing of a step."""
        self.writes += 1
        if self.writes == self._dies_at:
            os._exit(7)
        return self.inner.append(*arguments)

    def around(self, method: str, call: Callable[[], Any], arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> Any:
        """One call."""
        if method in WRITES:
            self.writes += 1
            if self.writes == self._dies_at:
                os._exit(7)
        return call()


def open_journal(url: str) -> Any:
    """The journal of that URL; `memory` for one in memory."""
    if url == "memory":
        return MemoryJournal(SystemClock())
    if url.startswith("sqlite:///"):
        return SqlJournal(Path(url.removeprefix("sqlite:///")), clock=SystemClock())
    return SqlJournal(url, clock=SystemClock())


class Bench:
    """One project folder with one script."""

    def __init__(self, url: str, script: str, dies_at: int = 0) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="bench-own-")) if url == "memory" else _folder_of(url)
        self.path = self.root / f"{script}.flow"
        self.path.write_text(SCRIPTS[script])
        self.inner = open_journal(url)
        self.journal: Any = Counting(self.inner, dies_at)

    def drive(self, n: int, run_id: str = "run") -> dict[str, Any]:
        """One run on this thread."""
        driver = RunDriver(self.root, self.journal, actions=[step])
        script = driver.build_script(self.path)
        before, began = self.journal.writes, time.perf_counter()
        outcome = driver.start(script, flow="main", arguments={"n": n}, run_id=run_id)
        seconds = time.perf_counter() - began
        assert outcome.status is RunStatus.COMPLETED, outcome
        driver.close()
        return {"seconds": seconds, "commits": self.journal.writes - before}

    def runs(self, n: int, *, together: bool) -> dict[str, Any]:
        """As many runs of one action, and a worker that performs them. Each is started by a durable call of its own,
        or all are, `together`, by one."""
        import threading

        worker = Worker(self.root, self.journal, actions=[step])
        build = Project(self.root).build(self.path)
        code = code_of(build, ActionRegistry([step]))
        clock = SystemClock()
        thread = threading.Thread(target=worker.run)
        thread.start()
        began = time.perf_counter()
        batch: list[Any] = []
        for number in range(n):
            new = prepare(
                build, code, flow="main", arguments={"n": number}, run_id=f"run-{number}", placement=Placement(),
                clock=clock,
            )  # fmt: skip
            batch.append(new)
            if not together or number == n - 1:
                self.journal.create_many(batch)
                batch = []
        started = time.perf_counter() - began
        while sum(count for status, count in self._counts().items() if status is RunStatus.COMPLETED) < n:
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        worker.request_stop()
        thread.join()
        worker.close()
        return {"seconds": seconds, "start_seconds": started, "commits": self.journal.writes}

    def gathered(self, n: int) -> dict[str, Any]:
        """The same for an application: all are started by a call for each on an event loop, and waited for."""
        import asyncio

        from flowlang.hosting.engine import Engine

        async def measure() -> dict[str, Any]:
            async with Engine(self.journal, flows=self.root, actions=[step]) as engine:
                before, began = self.journal.writes, time.perf_counter()
                runs = await asyncio.gather(*(engine.start("one.flow:main", {"n": number}) for number in range(n)))
                started = time.perf_counter() - began
                values = await asyncio.gather(*(run.value() for run in runs))
                seconds = time.perf_counter() - began
                assert values == list(range(n)), values
                return {
                    "seconds": seconds, "start_seconds": started, "commits": self.journal.writes - before,
                }  # fmt: skip

        return asyncio.run(measure())

    def _counts(self) -> dict[RunStatus, int]:
        from flowlang.runtime.journal.journal import RunFilter

        counts: dict[RunStatus, int] = self.inner.count(RunFilter())
        return counts

    def recover(self, n: int) -> dict[str, Any]:
        """Takes the run up that another process left, to its end. Times since the process began."""
        driver = RunDriver(self.root, self.journal, actions=[step])
        ready = time.perf_counter()
        outcome = driver.resume("run")
        ended = time.perf_counter()
        assert outcome.status is RunStatus.COMPLETED, outcome
        assert outcome.actions_completed == n, outcome
        return {
            "imports": IMPORTED - BEGAN, "launch_to_past_last_step": ended - IMPORTED, "replay": ended - ready,
            "since_start": ended - BEGAN,
        }  # fmt: skip


def _folder_of(url: str) -> Path:
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///")).parent
    folder = Path(tempfile.gettempdir()) / ("bench-own-" + url.rpartition("/")[2].partition("?")[0])
    folder.mkdir(exist_ok=True)
    return folder


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--what", required=True)
    parser.add_argument("--n", type=int, required=True)
    given = parser.parse_args()
    url, what, n = given.url, given.what, given.n
    if what == "die":
        Bench(url, "steps", dies_at=n + 1).drive(n + 1)
        raise SystemExit("should have died")
    if what == "recovered":
        answer(Bench(url, "steps").recover(n + 1))
    elif what in ("workflows", "workflows_together"):
        answer(Bench(url, "one").runs(n, together=what == "workflows_together"))
    elif what == "workflows_gathered":
        answer(Bench(url, "one").gathered(n))
    else:
        bench = Bench(url, what)
        bench.drive(20, "warm")
        answer(bench.drive(n))


if __name__ == "__main__":
    main()
