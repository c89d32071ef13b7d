"""Keys for the tokens of gates: made at first use, never a default, kept as long as a gate may need them."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select

from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.rules import make_key, unknown_key
from flowlang.runtime.journal.sql.database import Database
from flowlang.runtime.journal.tables import gate_key


class Keys:
    """Finds and makes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, bytes] = {}
        query = database.compiler.query
        columns = ("key_id", "secret", "created_at_ms")
        self._insert = query(insert(gate_key).values({name: bindparam(name) for name in columns}))
        newest = select(gate_key.c.key_id, gate_key.c.secret).order_by(gate_key.c.number.desc()).limit(1)
        self._find_newest = query(newest)
        self._find = query(select(gate_key.c.secret).where(gate_key.c.key_id == bindparam("id")))

    def key(self, key_id: str | None = None) -> tuple[str, bytes]:
        """The newest key, or that of the id."""
        if key_id is None:
            return self._newest()
        if key_id not in self._known:
            with self._database.looking(snapshot=False) as cursor:
                found = self._find(cursor, id=key_id).fetchall()
            if not found:
                raise unknown_key(key_id)
            self._known[key_id] = bytes(found[0][0])
        return key_id, self._known[key_id]

    def rotate_key(self) -> str:
        """Makes a new newest key."""
        return self._database.writer.write(self._make)[0]

    def _newest(self) -> tuple[str, bytes]:
        with self._database.looking(snapshot=False) as cursor:
            found = self._find_newest(cursor).fetchall()
        if found:
            return found[0][0], bytes(found[0][1])

        def change(cursor: Cursor) -> tuple[str, bytes]:
            known = self._find_newest(cursor).fetchall()
            return (known[0][0], bytes(known[0][1])) if known else self._make(cursor)

        return self._database.writer.write(change)

    def _make(self, cursor: Cursor) -> tuple[str, bytes]:
        key_id, secret = make_key()
        self._insert(cursor, key_id=key_id, secret=secret, created_at_ms=self._database.clock.now_ms())
        return key_id, secret
