"""A project in a temporary folder, and commands run in it: in this process, or in one of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from flowlang.actions import shipped_actions
from flowlang.cli.main import run
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.locate import open_journal

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "flowlang"]


def environment() -> dict[str, str]:
    """The environment for commands in processes of their own."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}


@attrs.frozen
class Result:
    """What a command wrote and gave."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on stdout."""
        document: dict[str, Any] = json.loads(self.stdout)
        return document


class Watched(io.TextIOWrapper):
    """A stream that tells what is written to it."""

    def __init__(self, watch: Callable[[str], None] | None = None) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)
        self._watch = watch

    def write(self, text: str) -> int:
        if self._watch is not None:
            self._watch(text)
        return super().write(text)

    def text(self) -> str:
        """All that was written."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


@attrs.frozen
class World:
    """The project folder, which is the current directory."""

    root: Path

    def write(self, name: str, text: str) -> Path:
        """Writes a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *arguments: str, stdin: str = "", on_stderr: Callable[[str], None] | None = None) -> Result:
        """Runs `flowlang` with arguments, in this process."""
        streams = sys.stdin, sys.stdout, sys.stderr
        out, err = Watched(), Watched(on_stderr)
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        sys.stdout, sys.stderr = out, err
        try:
            code = run(arguments)
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams
        return Result(code, out.text(), err.text())

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        """The project's journal."""
        with contextlib.closing(open_journal(str(self.root / ".flowlang" / "flowlang.db"), SystemClock())) as journal:
            yield journal

    @contextlib.contextmanager
    def engine(self) -> Iterator[RunDriver]:
        """An engine of somebody else, as far as the commands can tell."""
        with (
            self.journal() as journal,
            contextlib.closing(RunDriver(self.root, journal, actions=shipped_actions())) as engine,
        ):
            yield engine

    def suspended(self, name: str, run_id: str) -> None:
        """Starts the script `name` and suspends the run as soon as its first action is done."""
        with self.engine() as engine:
            script = engine.build_script(self.root / name)
            engine.request_stop()
            engine.start(script, run_id=run_id)

    def masked(self, text: str) -> str:
        """Text without what differs from run to run."""
        text = text.replace(str(self.root), "<project>")
        text = re.sub(r"-\d{8}-[0-9a-f]{8}", "-<day>-<random>", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", "<time>", text)
        text = re.sub(r"\b\d\d:\d\d:\d\d\.\d{3}\b", "<clock>", text)
        text = re.sub(r"[0-9a-f]{32}-\d+-[\w.]+", "<owner>", text)
        text = re.sub(r"defect-\d{8}-\d{6}-\d+", "defect-<time>", text)
        text = re.sub(r"(@(?:std|prelude)//[\w.]+):\d+:\d+", r"\1:<place>", text)
        text = re.sub(r'"[0-9a-f]{64}"', '"<digest>"', text)
        text = re.sub(r'"salt": "\w+"', '"salt": "<salt>"', text)
        text = re.sub(r"CPython \d[\w.]+ on \S+", "<python> on <platform>", text)
        return re.sub(r"<(day>-<random|time)> +", r"<\1> ", text)
