"""What happens to values that cross the boundary of a flow or a task: they cross by value, as through a journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, Final, TypeAlias

from flowlang.lang.compile.naming import script_name
from flowlang.lang.eval.command import check_size
from flowlang.lang.eval.failure import failed
from flowlang.lang.eval.module import freeze_with_globals
from flowlang.lang.values.canonical import OK, copy_by_value, decode, digest, encode
from flowlang.lang.values.container import Dict, List
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.tree_writer import encode_atoms

PREVIEW_CHARACTERS: Final = 200
IMMUTABLE: Final = frozenset({NoneType, bool, int, float, str})
"""Values of these types are their own copies."""


Crossed: TypeAlias = tuple[Sequence[Any], dict[str, Any], str]
"""Arguments as a flow receives them, and a digest of those that are data."""


def by_value(positional: Sequence[Any], keywords: Mapping[str, Any]) -> Crossed:
    """The arguments of a call as they cross."""
    data = encode_atoms([[*positional], keywords], [*positional, *keywords.values()])
    if data is not None:
        return positional, dict(keywords), digest(data)
    try:
        encoded = encode(List((List(positional), Dict(keywords))))
    except Fault as fault:
        if fault.slug != "not-data":
            raise
        return _by_reference(positional, keywords)
    if IMMUTABLE.issuperset(map(type, positional)) and IMMUTABLE.issuperset(map(type, keywords.values())):
        return positional, dict(keywords), digest(encoded)
    own_positional, own_keywords = decode(encoded)
    return own_positional, dict(own_keywords), digest(encoded)


def _by_reference(positional: Sequence[Any], keywords: Mapping[str, Any]) -> Crossed:
    """Functions and flows cross by reference, frozen; in the digest they stand by their text."""
    freeze_with_globals(_references((*positional, *keywords.values())))
    shape = List(_shape(value) for value in (*positional, List(keywords), *keywords.values()))
    return (
        [copy_by_value(value) for value in positional],
        {name: copy_by_value(value) for name, value in keywords.items()},
        digest(encode(shape)),
    )


def _references(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if not _is_data(value)]


def _is_data(value: Any) -> bool:
    try:
        encode(value)
    except Fault:
        return False
    return True


def _shape(value: Any) -> Any:
    return value if _is_data(value) else preview(value)


def preview_of(positional: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    """The arguments of a call as people see them, clipped."""
    parts = [preview(value) for value in positional[:8]]
    parts += [f"{script_name(name)} = {preview(value)}" for name, value in list(keywords.items())[:8]]
    text = ", ".join(parts)
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"


def result_by_value(result: Ok | Err) -> tuple[Ok | Err, bytes | None]:
    """The Result as the caller receives it, and its bytes when it is data."""
    if type(result) is Ok and (data := encode_atoms({OK: result.value}, (result.value,))) is not None:
        return result, data
    try:
        payload = encode(result)
        check_size(payload, "the result")
    except Fault as fault:
        if fault.slug != "not-data":
            return failed(fault), None
        freeze_with_globals((result,))
        return result, None
    if type(result) is Ok and type(result.value) in IMMUTABLE:
        return result, payload
    decoded: Ok | Err = decode(payload)
    return decoded, payload
