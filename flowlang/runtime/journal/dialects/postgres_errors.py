"""What PostgreSQL's errors mean, by their SQLSTATE; and by their text where the driver has no code for us, which is
when connecting fails."""

from __future__ import annotations

from typing import Any, Final

from flowlang.errors import JournalCorrupt, JournalError, JournalUnavailable, SchemaMismatch
from flowlang.runtime.journal.dialects.dialect import Trouble

_UNAVAILABLE: Final = {
    "53100": (
        "the disk of {where} is full: the journal took nothing",
        "free some space on the server, then resume the run",
    ),
    "53200": ("{where} is out of memory", "give the server more memory, then try again"),
    "53300": ("{where} has no connection left", "raise its `max_connections`, or run fewer workers"),
    "25006": (
        "{where} is read-only",
        "connect to the primary server; with several hosts add `target_session_attrs=read-write` to the URL",
    ),
    "28P01": ("{where} refuses the password", "check the user and the password, or set `PGPASSWORD`"),
    "28000": ("{where} refuses the user", "check the user's name and the server's `pg_hba.conf`"),
    "3D000": ("{where} does not exist", "create the database first, for example with `createdb`"),
    "3F000": ("the schema of {where} does not exist", "create the schema, or name another one"),
    "42501": (
        "this user may not use {where} for a journal",
        "grant the user the right to create and change tables in its schema",
    ),
    "57014": ("{where} took too long for a statement", "try again when the server has less to do"),
    "55P03": ("a row of {where} is locked by another program", "wait until that program is done, then try again"),
}

_BY_TEXT: Final = (
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ("role ", "28000"),
    ("does not exist", "3D000"),
    ("too many clients", "53300"),
    ("remaining connection slots", "53300"),
)

# The server is going down or coming up, or the connection broke.
_LOST_CLASSES: Final = ("08", "57P")
# Serialization failures, deadlocks, locks that were not to be had in time, and constraints that a transaction broke
# because another one got in before it.
_AGAIN: Final = ("40001", "40P01", "55P03", "23503", "23505")
# All statements are our own: values that do not fit, constraints that stay broken, and pages that do not read mean
# that the database is not what was written.
_DAMAGED_CLASSES: Final = ("22", "23", "XX0")
_NO_TABLE: Final = ("42P01", "42703")


def translate(error: BaseException, where: str) -> JournalError:
    """A driver's error in our own words; `where` names the database without its password."""
    cause: Any = getattr(error, "orig", None) or error
    code = _code(cause)
    if code in _UNAVAILABLE:
        message, hint = _UNAVAILABLE[code]
        return JournalUnavailable(message.format(where=where), hint=hint)
    if code in _NO_TABLE:
        return SchemaMismatch(f"{where} is not a journal of flowlang", hint="name another database or schema")
    first_line = next(iter(str(cause).splitlines()), "no reason given")
    if code.startswith(_DAMAGED_CLASSES):
        return JournalCorrupt(f"the journal in {where} is damaged: {first_line}", hint="restore it from a backup")
    if not code or code.startswith(_LOST_CLASSES):
        return JournalUnavailable(
            f"{where} cannot be reached: {first_line}",
            hint="check that the server runs and that its host and port are right",
        )
    return JournalUnavailable(f"{where} cannot be used: {first_line}", hint="try again")


def classify(error: BaseException, *, is_connected: bool) -> Trouble:
    """What an error means for the writer."""
    code = _code(getattr(error, "orig", None) or error)
    if code in _AGAIN:
        return Trouble.AGAIN
    if code.startswith(_LOST_CLASSES) or (not is_connected and code in ("", "53300")):
        return Trouble.LOST
    return Trouble.OWN


def _code(error: Any) -> str:
    code = getattr(error, "sqlstate", None)
    if code:
        return str(code)
    text = str(error)
    return next((known for part, known in _BY_TEXT if part in text), "")
