"""Engines that go away: killed in the middle of an action, or closed while somebody waits."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine_world import World, run_async

from flowlang.errors import JournalError
from flowlang.hosting.engine import Engine
from flowlang.runtime.action import ActionContext, action

ROOT = Path(__file__).parents[2]
SCRIPT = """
def _main(fctx):
    first = fctx.actions.note("first")
    return [first, fctx.actions.note("second")]

main = flow(implementation = _main)
"""
VICTIM = """
import asyncio, os, signal, sys
from pathlib import Path
from flowlang import ActionContext, Engine, action

@action
def note(context: ActionContext, text: str) -> str:
    with open("keys", "a") as file:
        file.write(context.idempotency_key + "\\n")
    if text == "second":
        os.kill(os.getpid(), signal.SIGKILL)
    return text

async def main():
    async with Engine(sys.argv[1], flows=sys.argv[2], actions=[note]) as engine:
        await (await engine.start("note.flow:main", id="n")).result()

asyncio.run(main())
"""


@action
def note(context: ActionContext, text: str) -> str:
    """Says which attempt it was, and leaves its key."""
    with open("keys", "a") as file:
        file.write(context.idempotency_key + "\n")
    return f"{text} at attempt {context.attempt}"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_another_engine_goes_on_where_a_killed_one_was(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, not after the lease: an owner of the same machine is known to be dead. What was done is not done
    again, and what was being done is, with the same key."""
    journal = str(tmp_path / "app.db") if kind == "sqlite" else request.getfixturevalue("postgres_url")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.flow").write_text(SCRIPT)
    command = [sys.executable, "-c", VICTIM, journal, str(tmp_path)]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL

    async def test() -> None:
        async with Engine(journal, flows=tmp_path, actions=[note]) as engine:
            assert await (await engine.get("n")).value() == ["first", "second at attempt 2"]

    begun_s = time.monotonic()
    run_async(test)
    assert time.monotonic() - begun_s < 20
    first, second, again = (tmp_path / "keys").read_text().splitlines()
    assert first != second == again


def test_whoever_waits_is_told_that_the_engine_closes(world: World) -> None:
    async def test() -> None:
        async with world.engine() as engine:
            waiting = asyncio.create_task((await engine.start("wait.flow:wait")).result())
            await asyncio.sleep(0)
        with pytest.raises(JournalError, match="closed while somebody waited"):
            await waiting

    run_async(test)
