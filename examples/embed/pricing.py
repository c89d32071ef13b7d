"""A pricing service whose rules are scripts that business people may edit.

The rules see the order and the function `rate` that the service hands them, and nothing else. They run under budgets,
so a rule with a mistake costs one request and not the service. Any number of threads may ask for prices at once.

    echo '{"customer": "gold", "currency": "USD", "items": [{"sku": "lamp", "count": 3}]}' | python pricing.py

answers each order, a JSON document per line, with a document of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from flowlang import Budget, BuiltinError, Err, EvaluationError, Interpreter, Ok, builtin

RULES = Path(__file__).parent / "rules"
RATES = {"EUR": 1.0, "USD": 1.08, "CHF": 0.94}
LIMITS = Budget(steps=200_000, memory_bytes=16 << 20, wall_seconds=0.5)


@builtin
def rate(currency: str) -> float:
    """What a euro costs in another currency."""
    if currency not in RATES:
        raise BuiltinError("unknown-currency", f"there is no rate for {currency}", hint=f"known are {', '.join(RATES)}")
    return RATES[currency]


class Pricing:
    """Prices orders by the rules in a folder. A new one sees edited rules; those of old ones never change."""

    def __init__(self, rules: Path = RULES) -> None:
        self._interpreter = Interpreter(flows=rules, budget=LIMITS)
        self._interpreter.load("pricing.flow")  # a mistake in the rules shows here and not at the first order

    def quote(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What an order costs, or why there is no price."""
        try:
            match self._interpreter.call("pricing.flow:quote", {"order": order, "rate": rate}):
                case Ok(quote):
                    return {"ok": quote}
                case Err(failure):
                    return {"error": failure.kind, "message": failure.message}
        except EvaluationError as stopped:  # a budget or the deadline: the rules are at fault, not the order
            print(stopped.render(), file=sys.stderr)
        return {"error": "no-price", "message": "the rules did not come to an end"}


def answers(lines: Iterable[str], pricing: Pricing) -> Iterator[str]:
    """The answer to each line."""
    for line in lines:
        yield json.dumps(pricing.quote(json.loads(line)))


if __name__ == "__main__":
    for answer in answers(sys.stdin, Pricing()):
        print(answer, flush=True)
