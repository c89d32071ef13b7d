"""Attributes as rows: a kind, a text, and for numbers and truth values a number to compare by.

An int keeps its digits in the text, because the number is a double.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, false, select

from flowlang.errors import JournalCorrupt
from flowlang.runtime.journal.model import SEARCHABLE_COLUMNS, AttributeValue, Condition
from flowlang.runtime.journal.rules import OPERATORS, check_condition, kind_of_attribute
from flowlang.runtime.journal.tables import attribute, run
from flowlang.runtime.journal.text import original_text, storable_text


def attribute_row(number: int, name: str, value: AttributeValue) -> dict[str, Any]:
    """The row of an attribute of the run `number`."""
    is_text = isinstance(value, str)
    return {
        "run": number,
        "name": storable_text(name),
        "kind": "text" if is_text else type(value).__name__,
        "text": storable_text(value) if isinstance(value, str) else repr(value),
        "number": None if is_text else float(value),
    }


def attribute_value(kind: str, text: str, number: float | None) -> AttributeValue:
    """The value of a stored attribute. Raises JournalCorrupt for what no journal wrote."""
    try:
        if kind == "text":
            return original_text(text)
        if kind == "int":
            return int(text)
        return bool(number) if kind == "bool" else float(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise JournalCorrupt(
            "an attribute is not what was written", hint="restore the database from a backup"
        ) from error


def condition_of(condition: Condition) -> ColumnElement[bool]:
    """A condition as SQL. Raises UsageError for an unknown operator."""
    check_condition(condition)
    compare: Any = OPERATORS[condition.operator]
    value, kind = condition.value, kind_of_attribute(condition.value)
    if condition.attribute in SEARCHABLE_COLUMNS:
        column = run.c[condition.attribute]
        is_text = column.type.python_type is str
        if is_text != (kind == "text") or kind == "bool":
            return false()
        return and_(compare(column, storable_text(value) if isinstance(value, str) else value), column.is_not(None))
    if kind == "text":
        fits = and_(attribute.c.kind == "text", compare(attribute.c.text, storable_text(str(value))))
    elif kind == "bool":
        fits = and_(attribute.c.kind == "bool", compare(attribute.c.number, float(value)))
    else:
        fits = and_(attribute.c.kind != "bool", compare(attribute.c.number, float(value)))
    name = storable_text(condition.attribute)
    return run.c.number.in_(select(attribute.c.run).where(attribute.c.name == name, fits))
