"""The actions that ship with flowlang.

Each module holds a few actions of one kind and knows nothing but `flowlang.runtime.action` and its one library.
Nothing is imported before somebody asks for the actions, and drivers not before they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowlang.runtime.action import ActionSpec


def shipped_actions() -> list[ActionSpec[..., Any]]:
    """All of them, to be handed to an `ActionRegistry`."""
    from flowlang.actions import clock, files, random, sql, tables

    return [
        clock.now,
        random.random,
        random.random_int,
        random.uuid,
        files.read_text,
        files.write_text,
        files.list_names,
        files.exists,
        files.stat,
        files.remove,
        tables.read_csv,
        tables.read_csv_page,
        tables.write_csv,
        tables.append_csv,
        sql.query,
        sql.execute,
        sql.executemany,
        sql.transaction,
    ]
