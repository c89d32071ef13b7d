"""The examples of durable runs inside an application."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flowlang import Engine, Err
from flowlang.runtime.journal.model import RunStatus

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "embed_durable"
SMALL = {"id": "1", "customer": "ada", "address": "Rome", "lines": [{"price": 5, "count": 2}]}
LARGE = {"id": "2", "customer": "bob", "address": "Oslo", "lines": [{"price": 600, "count": 2}]}
WAIT_S = 60.0


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import order_service

    return order_service


def run_async(test: Any) -> None:
    asyncio.run(asyncio.wait_for(test(), WAIT_S))


def test_orders_ship(orders: ModuleType, tmp_path: Path) -> None:
    """A small one without further ado, to where the customer wants it now; a large one after an approval."""

    async def test() -> None:
        service = orders.OrderService(tmp_path / "orders.db")
        async with service.engine as engine:
            small, large = await service.place(SMALL), await service.place(LARGE)
            await service.change_address("1", "Paris")
            await service.change_address("1", "Paris")
            shipped = await small.value()
            assert shipped.parcel == orders.Parcel("parcel-1", "Paris")
            assert shipped.total == 10
            while not await engine.gates("order-2"):
                await asyncio.sleep(0.01)
            assert await large.status() in (RunStatus.RUNNING, RunStatus.WAITING)
            await service.approve("2", by="eve")
            await service.change_address("2", "Bergen")
            assert (await large.value()).parcel.address == "Bergen"
            assert [run.run_id for run in await engine.list('customer = "bob"')] == ["order-2"]

    run_async(test)


def test_an_order_that_fails(orders: ModuleType, tmp_path: Path) -> None:
    async def test() -> None:
        service = orders.OrderService(tmp_path / "orders.db")
        async with service.engine:
            result = await (await service.place(SMALL | {"customer": "nobody"})).result()
            assert isinstance(result, Err)
            assert result.failure.kind == "no-such-customer"

    run_async(test)


def test_as_a_program(tmp_path: Path) -> None:
    """Orders that fail need no waiting."""
    lines = "".join(json.dumps(SMALL | {"id": str(number), "customer": "nobody"}) + "\n" for number in range(3))
    command = [sys.executable, str(EXAMPLES / "order_service.py"), str(tmp_path / "orders.db")]
    for _ in range(2):
        done = subprocess.run(
            command,
            input=lines,
            text=True,
            capture_output=True,
            env={"PYTHONPATH": str(ROOT)},
            timeout=WAIT_S,
            check=False,
        )
        assert done.stdout.splitlines() == [
            f"order-{number} failed: the provider does not know this customer" for number in range(3)
        ], done.stderr


def test_an_encrypted_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read with the new and the old key, with the new one only what is new, and never without."""
    pytest.importorskip("cryptography")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import encryption
    from cryptography.fernet import Fernet

    old, new = Fernet.generate_key(), Fernet.generate_key()
    (tmp_path / "a.flow").write_text('def _f(fctx, x):\n    return x\n\nprint("secret")\nresult = "secret"\n')

    def engine(*keys: bytes) -> Engine:
        return Engine(tmp_path / "j.db", flows=tmp_path, codec=encryption.FernetCodec(keys))

    async def test() -> None:
        async with engine(old) as opened:
            await (await opened.start("a.flow", id="one")).result()
        async with engine(new, old) as opened:
            await (await opened.start("a.flow", id="two")).result()
            assert "secret" in str(await (await opened.get("one")).events())
        async with engine(new) as opened:
            assert "secret" in str(await (await opened.get("two")).events())

    run_async(test)
    codec = encryption.FernetCodec([new])
    assert codec.decode(codec.encode(b"x" * 10_000)) == b"x" * 10_000
    with pytest.raises(ValueError, match="none of the keys"):
        codec.decode(encryption.FernetCodec([old]).encode(b"x"))
