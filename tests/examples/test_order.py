"""The README's section about runs that wait, typed in as it stands: a worker, a signal, an approval, a result."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOWLANG = (sys.executable, "-m", "flowlang")
LIMIT_S = 60


def commands() -> list[list[str]]:
    """The lines of the first block below "Let it wait", without `flowlang` and comments."""
    section = (ROOT / "README.md").read_text().partition("## Let it wait")[2]
    block = re.search(r"```sh\n(.*?)```", section, re.S)
    assert block is not None
    return [shlex.split(line, comments=True)[1:] for line in block[1].splitlines()]


@contextmanager
def worker(folder: Path, arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*FLOWLANG, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0


def said(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*FLOWLANG, *arguments], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def await_(folder: Path, event: str) -> None:
    """Until this is recorded of the run."""
    with subprocess.Popen(
        [*FLOWLANG, "runs", "watch", "order-7", "--from", "1", "-o", "jsonl"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        for line in watching.stdout:
            if event in line:
                break
        watching.kill()


def test_the_order_waits_for_its_payment_and_its_approval(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples/order", tmp_path / "examples/order")
    (tmp_path / ".flowlang").mkdir()
    work, start, pay, gates, approve, result = commands()
    assert work.pop() == "&"
    with worker(tmp_path, work):
        assert said(tmp_path, *start).strip() == "order-7"
        said(tmp_path, *pay)
        await_(tmp_path, "gate-opened")
        assert "ship" in said(tmp_path, *gates)
        said(tmp_path, *approve)
        assert json.loads(said(tmp_path, *result)) == ["bell shipped", "book shipped", "candle shipped"]
    assert "approved by ann" in said(tmp_path, "runs", "logs", "order-7")
