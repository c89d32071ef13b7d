"""Makes scripts of tasks, timers, timeouts, cancellations and handlers, for tests of schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from hypothesis import strategies

DEPTH_MAX = 3
ACTIONS = "work, trouble = actions.work, actions.trouble"
WRAPPED = (
    "work, trouble = lambda text, seconds: actions.work(text, seconds), "
    "lambda text, seconds: actions.trouble(text, seconds)"
)
"""What stands for the actions in tasks: themselves, or functions that call them, which take fibers."""
SECONDS = strategies.integers(0, 6)


@attrs.define
class Writer:
    """Writes one script: `functions` are its flows, each a list of statements. `draw` takes from a strategy. With
    `is_racy` it uses what depends on the order in which things end."""

    draw: Any
    is_racy: bool
    functions: list[list[str]] = attrs.field(factory=list)
    _marks: int = 0

    def script(self) -> str:
        """The whole script."""
        entry = self.function(0)
        texts = [
            f"def _f{number}(fctx):\n    actions = fctx.actions\n    {ACTIONS}\n    tasks = []\n"
            + "".join(f"    {line}\n" for line in lines)
            for number, lines in enumerate(self.functions)
        ]
        flows = "".join(f"f{number} = flow(_f{number}{self.options()})\n" for number in range(len(self.functions)))
        return "\n".join([*texts, flows, f'if __name__ == "__flow__":\n    f{entry}()\n'])

    def options(self) -> str:
        """What some flows declare."""
        if not self.is_racy:
            return ""
        return self.draw(
            strategies.sampled_from(["", "", "", ", timeout = 4", ", retry = retry_policy(attempts = 2, jitter = 0)"])
        )

    def function(self, depth: int) -> int:
        """Writes one flow with what it calls: its number."""
        lines: list[str] = []
        for _ in range(self.draw(strategies.integers(2, 6))):
            lines += self.statement(depth)
        lines.append(f"return {self.mark()!r}")
        self.functions.append(lines)
        return len(self.functions) - 1

    def mark(self) -> str:
        """A text that occurs nowhere else."""
        self._marks += 1
        return f"m{self._marks}"

    def statement(self, depth: int) -> Sequence[str]:
        """One statement."""
        seconds = self.draw(SECONDS)
        kinds = ["sleep", "work", "wait", "map", "print", "act", "act"]
        if self.is_racy:
            kinds += [
                "trial",
                "work",
                "any",
                "any",
                "all",
                "timeout",
                "cancel",
                "on_exit",
                "limit",
                "shield",
                "self",
                "trouble",
            ]
        if depth < DEPTH_MAX:
            kinds += ["run", "call"] * (5 - depth)
        match self.draw(strategies.sampled_from(kinds)):
            case "sleep":
                return [f"sleep({seconds})"]
            case "work":
                return [f"actions.work({self.mark()!r}, {seconds})"]
            case "wait":
                return ["print(actions.wait(tasks))"]
            case "map":
                limit = self.draw(strategies.integers(1, 3))
                mode = ', on_error = "fail_fast"' if self.is_racy and seconds % 2 else ""
                action = "trouble" if mode and seconds > 3 else "work"
                body = f'lambda n: fctx.actions.{action}("p%d" % n, (n * {seconds}) % 4)'
                return [f"print(parallel_map(range(4), {body}, max_concurrency = {limit}{mode}))"]
            case "act":
                return [f"tasks.append(actions.run(work, {self.mark()!r}, {seconds}))"]
            case "trial":
                return [f"tasks.append(actions.run(trouble, {self.mark()!r}, {seconds}))"]
            case "print":
                return [f"print({self.mark()!r})"]
            case "run":
                return [f"tasks.append(actions.run(f{self.function(depth + 1)}))"]
            case "call":
                return [f"print(f{self.function(depth + 1)}())"]
            case "trouble":
                return [f"actions.trouble({self.mark()!r}, {seconds})"]
            case "any":
                return [f"print(actions.wait_any(tasks, timeout = {seconds}) if tasks else None)"]
            case "all":
                return [f"print(actions.wait_all(tasks, fail_fast = True, timeout = {seconds + 2}))"]
            case "timeout":
                return [f"print(actions.wait(tasks, timeout = {seconds}))"]
            case "cancel":
                return [f"[actions.cancel(task) for task in tasks[{seconds % 2}:]]"]
            case "on_exit":
                mark = self.mark()
                return [f"on_exit(lambda: print({mark!r}, actions.work({mark!r}, {seconds})))"]
            case "limit":
                return [f"print(with_timeout({seconds + 1}, lambda: actions.work({self.mark()!r}, 3)))"]
            case "shield":
                return [f"on_exit(sleep, {seconds * 15})"]
        return [f"tasks.append(actions.run(lambda: actions.cancel(tasks[0]) if tasks else sleep({seconds})))"]


@strategies.composite
def scripts(draw: Any, *, is_racy: bool) -> str:
    """A script."""
    return Writer(draw, is_racy).script()
