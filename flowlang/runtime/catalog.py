"""The actions of an engine, as the language sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowlang.runtime.action import ActionRegistry, ActionSpec, bind


class Catalog:
    """Implements the language's `ActionCatalog` over a registry."""

    def __init__(self, registry: ActionRegistry) -> None:
        self._registry = registry

    def bind(
        self, name: str, positional: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[dict[str, Any], float | None]:
        """The given arguments by name, and the call's own timeout in seconds."""
        call = bind(self._registry.lookup(name), positional, keywords)
        return call.arguments, call.timeout.total_seconds() if call.timeout is not None else None

    def has(self, name: str) -> bool:
        """Whether there is such an action."""
        return name in self._registry

    def names(self, prefix: str) -> Sequence[str]:
        """What is directly below a prefix that is empty or ends in a dot."""
        return self._registry.members(prefix.removesuffix(".")) or ()

    def spec(self, name: str) -> ActionSpec[..., Any]:
        """The action itself. Raises Fault when this engine does not have it."""
        return self._registry.lookup(name)
