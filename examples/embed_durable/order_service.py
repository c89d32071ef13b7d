"""An order service whose orders are durable runs.

A run takes an order through payment, approval and shipping. It survives restarts of this process at any moment: what
was done is in the journal, and what was being done when the process died carries the same idempotency key again, so
that the payment provider charges once.

    python order_service.py orders.db < orders.jsonl

starts a run for each line (a JSON document with `id`, `customer`, `address` and `lines`) and prints what came of it.
Started again with the same orders, it goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from flowlang import ActionContext, ActionError, Engine, Ok, Retry, Run, action

FLOWS = Path(__file__).parent / "flows"


@attrs.frozen
class Parcel:
    """Where an order was sent."""

    number: str
    address: str


@attrs.frozen
class Shipped:
    """What a finished order comes to."""

    payment: str
    parcel: Parcel
    total: int


@action(name="shop.charge", retry=Retry(attempts=5))
async def charge(context: ActionContext, customer: str, amount: int) -> str:
    """Charges a customer. The provider is given the key, by which it knows a repetition."""
    if customer == "nobody":
        raise ActionError("no-such-customer", "the provider does not know this customer", data={"customer": customer})
    return f"payment of {amount} by {customer} ({context.idempotency_key[-8:]})"


@action(name="shop.ship")
def ship(order: str, address: str) -> Parcel:
    """Hands the order to the parcel service."""
    return Parcel(f"parcel-{order}", address)


class OrderService:
    """The orders of one database. Several processes may serve the same one."""

    def __init__(self, database: str | Path) -> None:
        self.engine = Engine(database, flows=FLOWS, actions=[charge, ship])

    async def place(self, order: Mapping[str, Any]) -> Run[Shipped]:
        """Begins with an order. The same order again is the same run."""
        return await self.engine.start(
            "order.flow:order",
            {"order": order},
            id=f"order-{order['id']}",
            returns=Shipped,
            attributes={"customer": order["customer"]},
        )

    async def change_address(self, order: str, address: str) -> None:
        """As long as it has not shipped. The key makes a repeated request harmless."""
        await self.engine.signal(f"order-{order}", "address", address, key=f"address-{address}")

    async def approve(self, order: str, by: str) -> None:
        """Lets a large order pass."""
        await self.engine.approve(f"order-{order}:large-order", by=by)


async def serve(database: str, lines: Iterable[str]) -> None:
    """Places each order, waits for all of them, and prints what they came to."""
    service = OrderService(database)
    async with service.engine:
        runs = [await service.place(json.loads(line)) for line in lines]
        for run in runs:
            match await run.result():
                case Ok(shipped):
                    print(run.id, shipped.parcel.number)
                case failed:
                    print(run.id, "failed:", failed.failure.message)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: order_service.py DATABASE < ORDERS")
    asyncio.run(serve(sys.argv[1], sys.stdin))
