"""The check before every mutation of a container, and the decorator that names methods.

Frozen values never change again; a container that is being iterated may not change until the iteration ends. Both
are recorded in the container's class and state (`container.py`), so a free container passes after one look at its
class.
"""

from __future__ import annotations

from collections.abc import Callable

from flowlang.lang.values.container import FREE, FROZEN, ITERATION, AnyDict, AnyList, AnySet
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import Method, type_name


def check_mutable(container: AnyList | AnyDict | AnySet, action: str) -> None:
    """Raises a Fault if the container may not change now. `action` is what was tried, such as `append to`."""
    if type(container) not in FREE:
        return
    noun = type_name(container)
    if container.state & FROZEN:
        raise Fault(
            "frozen-value",
            f"cannot {action} a frozen {noun}",
            hint="what a flow reached or gave, and what a finished module holds, never changes: "
            f"make a copy with `{noun}(...)`",
        )
    if container.state >= ITERATION:
        raise Fault(
            "mutated-during-iteration",
            f"cannot {action} a {noun} while it is being iterated",
            hint="loop over a copy (`for x in list(items):`), or collect the changes and make them after the loop",
        )


def method(qualified_name: str) -> Callable[[Method], Method]:
    """Names a method (`list.append`): the host's complaints about arguments carry the qualified name, from which
    the message for the script is made."""

    def mark(function: Method) -> Method:
        function.__qualname__ = qualified_name
        return function

    return mark


def methods(*functions: Method) -> dict[str, Method]:
    """A method table: each function under the last part of its qualified name."""
    return {str(function.__qualname__).rpartition(".")[2]: function for function in functions}
