"""Encoded payloads: nothing readable reaches the store, and everything else works as ever."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from engine_world import World, run_async

from flowlang.errors import JournalError, MessageConflict, UsageError
from flowlang.hosting.engine import Engine
from flowlang.lang.values.canonical import encode
from flowlang.runtime.action import action
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import Loaded
from flowlang.runtime.manual import ManualDriver
from flowlang.runtime.message import signal_message
from flowlang.runtime.payload_codec import configured_codec, encoded_journal

SECRET = "s3cr3t"
SCRIPT = """
def _child(fctx, text):
    return text + "!"

child = flow(implementation = _child)

def _main(fctx):
    print("got " + fctx.args.text)
    first = fctx.actions.echo(fctx.args.text)
    second = fctx.actions.receive("go")
    third = unwrap(fctx.actions.wait(fctx.actions.spawn(child, first)))
    return [first, second, third]

main = flow(implementation = _main, args = {"text": args.string()})
"""


class Masked:
    """Hides bytes behind random ones, which stand before them: no two encodings are alike."""

    def __init__(self, name: str = "masked") -> None:
        self.name = name

    def encode(self, payload: bytes) -> bytes:
        mask = secrets.token_bytes(len(payload))
        return mask + bytes(a ^ b for a, b in zip(payload, mask, strict=True))

    def decode(self, encoded: bytes) -> bytes:
        half = len(encoded) // 2
        return bytes(a ^ b for a, b in zip(encoded[:half], encoded[half:], strict=True))


MASKED = Masked()


@action
def echo(text: str) -> str:
    """What it is given."""
    return text


def engine(world: World, codec: Any = None) -> Engine:
    (world.flows / "secret.flow").write_text(SCRIPT)
    return Engine(world.location, flows=world.flows, actions=[echo], codec=codec)


def test_nothing_readable_is_stored(sqlite_world: World, tmp_path: Path) -> None:
    async def test() -> None:
        async with engine(sqlite_world, MASKED) as opened:
            run = await opened.start("secret.flow:main", {"text": SECRET}, id="s")
            await run.signal("go", {"pin": SECRET}, key="k")
            assert await run.value() == [SECRET, {"pin": SECRET}, SECRET + "!"]
            assert any(SECRET in getattr(record.event, "text", "") for record in await run.events())

    run_async(test)
    for path in tmp_path.glob("app.db*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


def test_a_run_goes_on_in_another_process(sqlite_world: World) -> None:
    async def test() -> None:
        async with engine(sqlite_world, MASKED) as opened:
            await opened.start("secret.flow:main", {"text": SECRET}, id="s")
        async with engine(sqlite_world, MASKED) as opened:
            await opened.signal("s", "go")
            assert await (await opened.get("s")).value() == [SECRET, None, SECRET + "!"]
            again = await opened.start("secret.flow:main", {"text": SECRET}, id="s")
            assert await again.value() == [SECRET, None, SECRET + "!"]

    run_async(test)


def test_duplicates_are_recognised(world: World) -> None:
    """Of messages that wait, and of those that were taken."""

    async def test() -> None:
        async with engine(world, MASKED) as opened:
            run = await opened.start("secret.flow:main", {"text": "x"}, id="s")
            assert await run.signal("early", 1, key="a")
            assert not await run.signal("early", 1, key="a")
            with pytest.raises(MessageConflict):
                await run.signal("early", 2, key="a")

    run_async(test)


def test_a_codec_may_be_added_later(sqlite_world: World) -> None:
    async def test() -> None:
        async with engine(sqlite_world) as opened:
            await opened.start("secret.flow:main", {"text": "plain"}, id="s")
        async with engine(sqlite_world, MASKED) as opened:
            await opened.signal("s", "go")
            assert await (await opened.get("s")).value() == ["plain", None, "plain!"]

    run_async(test)


def test_a_codec_that_cannot_read_says_so() -> None:
    journal = MemoryJournal(SystemClock())
    one, other = encoded_journal(journal, MASKED), encoded_journal(journal, Masked("other"))
    run_with(one)
    with pytest.raises(JournalError, match="`masked`"):
        other.read("m")
    with pytest.raises(UsageError, match="letters and digits"):
        encoded_journal(journal, Masked("a b"))


def run_with(journal: Any) -> None:
    driver = ManualDriver(journal)
    driver.create("m", "x", SECRET, queue="q")
    (claim,) = driver.claim_due(queues=["q"])
    assert driver.arguments(claim) == SECRET
    driver.complete(claim)


def test_the_environment_names_a_codec() -> None:
    assert configured_codec({}) is None
    assert configured_codec({"FLOWLANG_CODEC": "test_payload_codec:MASKED"}) is not None
    for wrong in ("nowhere:x", "test_payload_codec:nothing", "x"):
        with pytest.raises(UsageError, match="cannot be loaded"):
            configured_codec({"FLOWLANG_CODEC": wrong})


def test_the_journal_is_checked_without_the_key(sqlite_world: World, tmp_path: Path) -> None:
    """The checksums are those of what is stored."""

    async def test() -> None:
        async with engine(sqlite_world, MASKED) as opened:
            run = await opened.start("secret.flow:main", {"text": SECRET}, id="s")
            await run.signal("go")
            await run.result()
        async with engine(sqlite_world) as opened:
            assert len(await (await opened.get("s")).events()) > 3

    run_async(test)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        assert connection.execute("SELECT count(*) FROM event").fetchone()[0] > 3


def test_whatever_a_store_gives_for_a_claim_is_decoded() -> None:
    """Runs are loaded in bulk by workers, one by one by others."""
    journal = encoded_journal(MemoryJournal(SystemClock()), MASKED)
    driver = ManualDriver(journal)
    driver.create("m", "x", SECRET, queue="q")
    journal.post(signal_message("m", "s", encode(SECRET)))
    claims = driver.claim_due(queues=["q"])
    (loaded,) = journal.load_many(claims)
    assert isinstance(loaded, Loaded)
    assert list(loaded.records) == journal.read("m") == journal.read_many(["m"])["m"]
    assert list(loaded.messages) == journal.open_messages("m")
    assert loaded.messages[0].payload == encode(SECRET)
