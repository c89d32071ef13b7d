"""Why a value cannot cross a boundary, and where in it the reason is.

Values are walked fast, without keeping track of the way; only when one is refused a second walk looks for the
culprit, so that the message can say `result["rows"][3]` rather than leave a thousand rows to search.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.container import Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import unkey
from flowlang.lang.values.protocol import VALUE_TYPES, type_name
from flowlang.lang.values.wording import article

DEPTH_MAX: Final = 100
"""How deep data may be nested."""
LOOKED_AT_MAX: Final = 20_000
WAITING_MAX: Final = 20_000
"""In a value with more parts the culprit is not looked for any longer: the search is charged to nobody."""
CONTAINERS: Final = frozenset({Dict, HeldDict, List, HeldList, tuple, Set, HeldSet})
PATH_MAX: Final = 1000
"""Longer paths would help nobody."""
ELEMENTS_MAX: Final = 1 << 24
"""Elements of all containers of one value, counted as often as they are reached."""


class NotData(Exception):
    """`culprit` is part of the value that is walked, and is not data. Becomes a Fault with its place."""

    def __init__(self, culprit: Any) -> None:
        super().__init__("not data")
        self.culprit = culprit


class Refusal(Fault):
    """The Fault for a value that cannot cross; `path` leads to the part of it that is the reason."""

    def __init__(self, slug: str, message: str, path: str, hint: str) -> None:
        super().__init__(slug, message, hint=hint)
        self.path = path


def too_deep() -> Fault:
    """The Fault for a value that cannot be passed on because of its nesting."""
    return Fault(
        "too-deep",
        f"the value is nested more than {DEPTH_MAX} levels deep, or contains itself",
        hint="pass a flatter value: a list of entries that refer to each other by name",
    )


def too_large() -> Fault:
    """The Fault for a value with too many elements."""
    return Fault(
        "too-large",
        f"the value has more than {ELEMENTS_MAX} elements",
        hint="pass it in parts, or the place where it is stored",
    )


def not_data(value: Any, culprit: Any, name: str) -> Fault:
    """The Fault for a value part of which is not data; says where that part is."""
    noun = type_name(culprit)
    hint = "pass the data that it would give: call it first" if "function" in noun else "pass the parts that matter"
    path = path_to(value, culprit, name)
    return Refusal("not-data", f"`{path}` is {article(noun)}, which is not data", path, hint)


def nested_too_deep(value: Any, name: str) -> Fault:
    """The Fault for a value that is nested too deeply, with the place where it holds itself, if it does."""
    path = path_to_cycle(value, name)
    if path is None:
        return too_deep()
    hint = "pass a flat value: a list of entries that refer to each other by name"
    return Refusal("too-deep", f"`{path}` holds itself, so the value has no end", path, hint)


def lone_surrogate(name: str) -> Fault:
    """The Fault for text that has no encoding."""
    return Refusal(
        "not-data",
        f"`{name}` holds text with half of a surrogate pair, which no encoding can write",
        name,
        "replace what cannot be decoded where the text is read",
    )


def path_to(value: Any, culprit: Any, name: str) -> str:
    """How a script would write the way from `value`, called `name`, to the part `culprit` in it."""
    waiting: list[tuple[Any, str]] = [(value, name)]
    seen: set[int] = set()
    while waiting and len(seen) < LOOKED_AT_MAX and len(waiting) < WAITING_MAX:
        part, path = waiting.pop()
        if part is culprit:
            return path
        if type(part) not in ATOMS and id(part) not in seen:
            seen.add(id(part))
            waiting.extend([(child, path + step) for child, step in _steps(part) if len(path) < PATH_MAX])
    return name


def path_to_cycle(value: Any, name: str) -> str | None:
    """How a script would write the way to the first part of `value` that holds itself; None when there is none."""
    waiting: list[tuple[Any, str, bool]] = [(value, name, False)]
    entered: set[int] = set()
    left: set[int] = set()
    while waiting:
        part, path, is_left = waiting.pop()
        if is_left:
            left.add(id(part))
        elif id(part) in entered and id(part) not in left:
            return path
        elif type(part) not in ATOMS and id(part) not in left:
            entered.add(id(part))
            waiting.append((part, path, True))
            waiting.extend([(child, path + step, False) for child, step in _steps(part) if len(path) < PATH_MAX])
    return None


def _steps(value: Any) -> Iterable[tuple[Any, str]]:
    """The parts of a value and how each is reached, the first one last."""
    kind = type(value)
    steps: list[tuple[Any, str]]
    if kind in CONTAINERS and len(value) > WAITING_MAX:
        return ()
    if kind is Dict or kind is HeldDict:
        steps = [(unkey(key), f".keys()[{place}]") for place, key in enumerate(value)]
        steps += [(child, f"[{preview(unkey(key))}]") for key, child in value.items()]
    elif kind in (List, HeldList, tuple):
        steps = [(child, f"[{place}]") for place, child in enumerate(value)]
    elif kind in (Set, HeldSet):
        steps = [(unkey(key), f"[{place}]") for place, key in enumerate(value)]
    else:
        found = VALUE_TYPES.get(kind)
        if found is None or found.field_names is None or found.get_field is None:
            return ()
        steps = [(found.get_field(value, field), f".{field}") for field in found.field_names(value)]
    return steps[::-1]
