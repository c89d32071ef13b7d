"""Values of scripts as the types that Python annotations name, and back.

The annotations of actions, and what a host says a run returns, may name more than plain data: records (attrs classes,
dataclasses, `TypedDict`), enums, and `datetime`, `date` and `timedelta`. An annotation is read into the same small
tree of kinds that checks plain data (`lang/values/parameter.py`), with the kinds below beside the others, so a wrong
value is refused before anything is journaled, and the message leads to it: `orders[3].sku`. `build` then makes the
host's object of a value that was checked; `adopt` is the way back, for results.

To a script a record is a dict or a struct with exactly the record's fields, an enum is one of its values, a moment is
a `time.time` (or text in ISO form), a day is text in ISO form, and a span is a `time.duration` (or seconds).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from flowlang.lang.values.container import AnyDict
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.duration import Duration
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import unkey
from flowlang.lang.values.parameter import (
    Choice,
    DictOf,
    ListOf,
    Mismatch,
    OneOf,
    ParameterType,
    SetOf,
    TupleOf,
    parameter_type,
)
from flowlang.lang.values.protocol import MISSING, type_name
from flowlang.lang.values.quote import clip
from flowlang.lang.values.struct import Struct
from flowlang.lang.values.time import Time
from flowlang.lang.values.zone import UTC_NAME, find_zone, fixed_zone

EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND: Final = datetime.timedelta(microseconds=1)


@attrs.frozen
class Field:
    """One field of a record: `name` is what scripts call it, `argument` what makes it."""

    name: str
    type: ParameterType
    required: bool
    argument: str


@attrs.frozen
class RecordOf:
    """An instance of a class with named fields."""

    python_type: Any
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        return str(self.python_type.__name__)

    @property
    def text(self) -> str:
        shown = [f"{each.name}{'' if each.required else '?'}: {each.type.text}" for each in self.fields]
        return f"{self.name}{{{', '.join(shown)}}}"

    def mismatch(self, value: Any) -> Mismatch | None:
        given = entries_of(value)
        if given is None:
            return Mismatch("", self.name, type_name(value))
        known = {field.name: field for field in self.fields}
        for name, part in given.items():
            if name not in known:
                shown = clip(name) if isinstance(name, str) else repr(name)
                return Mismatch("", f"{self.name} (which has no field {shown})", "one with it")
            if (found := known[name].type.mismatch(part)) is not None:
                return attrs.evolve(found, path=f".{name}{found.path}")
        missing = next((field.name for field in self.fields if field.required and field.name not in given), None)
        return None if missing is None else Mismatch("", f"{self.name} with the field `{missing}`", "one without it")


@attrs.frozen
class MemberOf:
    """A member of an enum, which to a script is the member's value."""

    python_type: type[enum.Enum]
    values: Choice

    @property
    def text(self) -> str:
        return self.values.text

    def mismatch(self, value: Any) -> Mismatch | None:
        return self.values.mismatch(value)


@attrs.frozen
class Temporal:
    """A moment, a day or a span: `read` gives the host's object, None for a value that is none."""

    text: str
    read: Callable[[Any], Any]

    def mismatch(self, value: Any) -> Mismatch | None:
        if self.read(value) is not None:
            return None
        return Mismatch("", self.text, clip(value) if isinstance(value, str) else type_name(value))


def annotated_type(annotation: Any) -> ParameterType:
    """Reads an annotation. Raises TypeError for what can never be data."""
    return _Reader().read(annotation)


def is_plain(kind: ParameterType) -> bool:
    """Whether values of this kind are the same to the host as plain data."""
    match kind:
        case RecordOf() | MemberOf() | Temporal():
            return False
        case ListOf(part) | SetOf(part) | DictOf(part):
            return is_plain(part)
        case TupleOf(parts, rest):
            return all(map(is_plain, parts)) and (rest is None or is_plain(rest))
        case OneOf(members):
            return all(map(is_plain, members))
    return True


def build(kind: ParameterType, value: Any) -> Any:
    """The host's object for a script's value in which `kind` finds no mismatch."""
    if is_plain(kind):
        return to_host(value)
    match kind:
        case RecordOf():
            given = entries_of(value) or {}
            made = {each.argument: build(each.type, given[each.name]) for each in kind.fields if each.name in given}
            return kind.python_type(**made)
        case MemberOf():
            return kind.python_type(value)
        case Temporal():
            return kind.read(value)
        case ListOf(part):
            return [build(part, each) for each in value]
        case SetOf(part):
            return {build(part, unkey(each)) for each in value}
        case DictOf(part):
            return {key: build(part, each) for key, each in value.items()}
        case TupleOf(parts, rest):
            kinds = parts if rest is None else (rest,) * len(value)
            return tuple(build(part, each) for part, each in zip(kinds, value, strict=True))
        case OneOf(members):
            return build(next(member for member in members if member.mismatch(value) is None), value)
    raise AssertionError(f"not a kind: {kind!r}")


def adopt(object: Any) -> Any:
    """The script's value for an enum's member, a moment, a day or a span of the host; MISSING for all else."""
    match object:
        case enum.Enum():
            return from_host(object.value, adopt=adopt)
        case datetime.datetime():
            return MISSING if object.tzinfo is None else _time_of(object)
        case datetime.date():
            return object.isoformat()
        case datetime.timedelta():
            return Duration(object // MICROSECOND * 1000)
    return MISSING


def entries_of(value: Any) -> Mapping[Any, Any] | None:
    """The parts of a dict or struct by name; None for anything else."""
    if isinstance(value, AnyDict):
        return {unkey(key): part for key, part in value.items()}
    return value.fields if type(value) is Struct else None


class _Reader:
    """Reads one annotation; `_open` are the classes that are being read, to find one that contains itself."""

    def __init__(self) -> None:
        self._open: list[Any] = []

    def read(self, annotation: Any) -> ParameterType:
        return parameter_type(annotation, self._special)

    def _special(self, annotation: Any) -> ParameterType | None:
        if annotation in TEMPORAL:
            return TEMPORAL[annotation]
        if not isinstance(annotation, type):
            return None
        if issubclass(annotation, enum.Enum):
            values = tuple(member.value for member in annotation)
            if not values or not all(type(value) in (str, int, bool) for value in values):
                raise TypeError(f"the values of the enum {annotation.__name__} must be text, ints or bools")
            return MemberOf(annotation, Choice(values))
        if typing.is_typeddict(annotation):
            return self._record(annotation, lambda hints: [(name, name, _is_key(annotation, name)) for name in hints])
        if attrs.has(annotation):
            fields = [each for each in attrs.fields(annotation) if each.init]
            described = [(each.name, each.alias or each.name, each.default is attrs.NOTHING) for each in fields]
            return self._record(annotation, lambda hints: described)
        if dataclasses.is_dataclass(annotation):
            parts = [each for each in dataclasses.fields(annotation) if each.init]
            nothing = dataclasses.MISSING
            return self._record(
                annotation,
                lambda hints: [
                    (each.name, each.name, each.default is nothing and each.default_factory is nothing)
                    for each in parts
                ],
            )
        return None

    def _record(self, python_type: Any, fields: Callable[[Mapping[str, Any]], list[tuple[str, str, bool]]]) -> RecordOf:
        if python_type in self._open:
            raise TypeError(f"{python_type.__name__} contains itself, so what fits it cannot be written down")
        self._open.append(python_type)
        try:
            hints = typing.get_type_hints(python_type)
        except NameError as problem:
            raise TypeError(f"the fields of {python_type.__name__} cannot be read: {problem}") from None
        read = tuple(
            Field(name, self.read(hints.get(name, Any)), required, argument)
            for name, argument, required in fields(hints)
        )
        self._open.pop()
        return RecordOf(python_type, read)


def _is_key(python_type: Any, name: str) -> bool:
    """Whether a `TypedDict` must have that key. The class itself does not know when its annotations are texts."""
    written = typing.get_origin(typing.get_type_hints(python_type, include_extras=True)[name])
    if written in (typing.Required, typing.NotRequired):
        return written is typing.Required
    return name in python_type.__required_keys__


def _moment(value: Any) -> datetime.datetime | None:
    if type(value) is Time:
        zone = datetime.timezone(datetime.timedelta(seconds=value.clock().offset))
        try:
            return (EPOCH + value.nanoseconds // 1000 * MICROSECOND).astimezone(zone)
        except OverflowError:
            raise Fault("time-out-of-range", "the host has no times of the year 0") from None
    try:
        found = datetime.datetime.fromisoformat(value) if type(value) is str else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _day(value: Any) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(value) if type(value) is str else None
    except ValueError:
        return None


def _span(value: Any) -> datetime.timedelta | None:
    if type(value) is Duration:
        return value.nanoseconds // 1000 * MICROSECOND
    try:
        return datetime.timedelta(seconds=value) if type(value) in (int, float) else None
    except (OverflowError, ValueError):
        return None


TEMPORAL: Final[Mapping[Any, Temporal]] = {
    datetime.datetime: Temporal("time", _moment),
    datetime.date: Temporal("date", _day),
    datetime.timedelta: Temporal("duration", _span),
}


def _time_of(moment: datetime.datetime) -> Time:
    nanoseconds = (moment - EPOCH) // MICROSECOND * 1000
    offset = moment.utcoffset() or datetime.timedelta()
    seconds = int(offset.total_seconds())
    zone = find_zone(getattr(moment.tzinfo, "key", "") or (UTC_NAME if not seconds else ""))
    return Time(nanoseconds, zone or fixed_zone(moment.tzname() or "", seconds))
