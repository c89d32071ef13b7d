"""Something between a journal and those who call it: whatever they ask goes through one function.

Fault injection, counting and recording all want the same: to be there before and after each call, whichever method it
is. `InterposedJournal` has no list of the methods, so that a new one cannot be forgotten here.

    class Counting(InterposedJournal):
        def around(self, method, call, arguments): self.calls += 1; return call()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowlang.runtime.journal.journal import Journal

WRITES = frozenset(
    {
        "create", "create_many", "claim", "claim_due", "append", "append_many", "renew", "renew_many", "release",
        "repin", "post", "decide", "reopen", "terminate", "delete", "prune", "copy_in",
    }
)  # fmt: skip
"""The methods that may change what is stored about runs."""


class InterposedJournal:
    """Passes every call on to `inner`, by way of `around`. Not declared a Journal, because it has no methods of its
    own; it can stand for one everywhere."""

    def __init__(self, inner: Journal) -> None:
        self.inner = inner

    def around(self, method: str, call: Callable[[], Any], arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> Any:
        """Override: gives what the caller shall get. `call` does what was asked; `arguments`: positional and named."""
        return call()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if not callable(method):
            return method

        def passed(*positional: Any, **named: Any) -> Any:
            return self.around(name, lambda: method(*positional, **named), (positional, named))

        self.__dict__[name] = passed  # the next look-up finds it without coming here
        return passed
