"""What SQL of scripts may do, decided by SQLite's own compiler.

SQLite tells an authorizer everything that a statement would do while it compiles it, triggers and views included. So
nothing here looks at the text of SQL: the list below is of deeds. What is not on a list is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

EFFECT_TABLE: Final = "_flowlang_effect"
READING: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
WRITING: Final = {
    sqlite3.SQLITE_INSERT: "inserts into",
    sqlite3.SQLITE_UPDATE: "updates",
    sqlite3.SQLITE_DELETE: "deletes from",
    sqlite3.SQLITE_CREATE_INDEX: "creates the index",
    sqlite3.SQLITE_CREATE_TABLE: "creates the table",
    sqlite3.SQLITE_CREATE_TRIGGER: "creates the trigger",
    sqlite3.SQLITE_CREATE_VIEW: "creates the view",
    sqlite3.SQLITE_CREATE_TEMP_INDEX: "creates the index",
    sqlite3.SQLITE_CREATE_TEMP_TABLE: "creates the table",
    sqlite3.SQLITE_CREATE_TEMP_TRIGGER: "creates the trigger",
    sqlite3.SQLITE_CREATE_TEMP_VIEW: "creates the view",
    sqlite3.SQLITE_CREATE_VTABLE: "creates the table",
    sqlite3.SQLITE_DROP_INDEX: "drops the index",
    sqlite3.SQLITE_DROP_TABLE: "drops the table",
    sqlite3.SQLITE_DROP_TRIGGER: "drops the trigger",
    sqlite3.SQLITE_DROP_VIEW: "drops the view",
    sqlite3.SQLITE_DROP_TEMP_INDEX: "drops the index",
    sqlite3.SQLITE_DROP_TEMP_TABLE: "drops the table",
    sqlite3.SQLITE_DROP_TEMP_TRIGGER: "drops the trigger",
    sqlite3.SQLITE_DROP_TEMP_VIEW: "drops the view",
    sqlite3.SQLITE_DROP_VTABLE: "drops the table",
    sqlite3.SQLITE_ALTER_TABLE: "alters the table",
    sqlite3.SQLITE_REINDEX: "rebuilds the index",
    sqlite3.SQLITE_ANALYZE: "analyzes",
}
PRAGMAS: Final = frozenset(
    {
        "application_id",
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
        "user_version",
    }
)
VIRTUAL_TABLES: Final = frozenset({"fts4", "fts5", "rtree"})
TEMPORARY: Final = frozenset(
    {
        sqlite3.SQLITE_CREATE_TEMP_INDEX,
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
    }
)
OF_TABLES: Final = frozenset(
    {
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_DROP_TRIGGER,
    }
)
"""Deeds whose second part is the name of a table. Of all others that concern one, it is the first."""
DEFINING: Final = frozenset({sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_DROP_TABLE})
ROW_NUMBERS: Final = "sqlite_sequence"
"""SQLite's own table of the last row numbers, those of the journal's tables among them."""
FUNCTIONS_REFUSED: Final = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})


class Guard:
    """The authorizer of one connection. Of the statement compiled since the last `reset` it knows: `refusal`, in
    words, why it was refused; `writes_in_query`, whether that was the reason; `wrote`, whether it changes anything;
    `defined`, whether it makes, alters or drops a table. `journal` has the names of the tables of a journal in the same
    file: they are not even read."""

    def __init__(self, read_only: bool) -> None:
        self._read_only = read_only
        self._stood_down = False
        self.refusal: str | None = None
        self.writes_in_query = False
        self.wrote = False
        self.defined = False
        self.journal: frozenset[str] = frozenset()

    def reset(self) -> None:
        """Forgets what was said of earlier statements."""
        self.refusal = None
        self.writes_in_query = False
        self.wrote = False
        self.defined = False

    @contextmanager
    def stood_down(self) -> Iterator[None]:
        """Lets a statement of ours pass."""
        self._stood_down = True
        try:
            yield
        finally:
            self._stood_down = False

    def authorize(
        self, deed: int, first: str | None, second: str | None, database: str | None, source: str | None
    ) -> int:
        """SQLite's question: may a statement do this? The meaning of `first` and `second` depends on the deed."""
        if self._stood_down or (deed in READING and not self.journal):
            return sqlite3.SQLITE_OK
        problem = self._problem(deed, first or "", second or "", database)
        if problem is None:
            return sqlite3.SQLITE_OK
        self.refusal = problem
        return sqlite3.SQLITE_DENY

    def _problem(self, deed: int, first: str, second: str, database: str | None) -> str | None:
        if (second if deed in OF_TABLES else first).lower() in self.journal and (deed in READING or deed in WRITING):
            return "touches a table of the journal, which is stored in the same file"
        if deed in READING:
            return None
        if deed == sqlite3.SQLITE_FUNCTION:
            return f"calls the function `{second}`" if second.lower() in FUNCTIONS_REFUSED else None
        if deed == sqlite3.SQLITE_PRAGMA:
            return None if first.lower() in PRAGMAS else f"uses the pragma `{first}`"
        if deed in WRITING:
            return self._problem_of_write(deed, first, second, database)
        if deed in (sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT):
            return "controls the transaction, which every action has already"
        if deed in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
            return "opens another file"
        return "does something that is not allowed"

    def _problem_of_write(self, deed: int, first: str, second: str, database: str | None) -> str | None:
        # ALTER TABLE has the database first and the table second; all others name what they change first, and
        # indexes and triggers their table second.
        if EFFECT_TABLE in (first.lower(), second.lower()):
            return f"changes `{EFFECT_TABLE}`, with which flowlang makes writes happen once"
        if self._read_only:
            self.writes_in_query = True
            if first.startswith("sqlite_"):
                return "changes the schema"
            return f"{WRITING[deed]} `{second if deed == sqlite3.SQLITE_ALTER_TABLE else first}`"
        if deed == sqlite3.SQLITE_CREATE_VTABLE and second.lower() not in VIRTUAL_TABLES:
            return f"creates a table of the module `{second}`"
        if self.journal:
            if deed in TEMPORARY:
                return "creates something temporary, which could stand in for a table of the journal in the same file"
            if first == ROW_NUMBERS and not self.defined:  # SQLite changes it when it drops or renames a table
                return "changes how rows are numbered, those of the journal in the same file as well"
        self.wrote = True
        self.defined = self.defined or deed in DEFINING
        return None
