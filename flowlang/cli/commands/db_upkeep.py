"""`flowlang db status`, `migrate` and `rotate-key`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command, shown_location, use_journal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowlang.runtime.journal.journal import Journal


@command("status", uses_journal=True, example="  flowlang db status --output json\n")
def show_status(settings: Settings) -> ExitCode:
    """Say where the journal is, of which kind, and what is in it."""

    def show(journal: Journal) -> ExitCode:
        location = shown_location(settings.journal_location())
        numbers = dict(sorted(journal.statistics().items()))
        runs = {name.removeprefix("runs."): number for name, number in numbers.items() if name.startswith("runs.")}
        rest = {name: number for name, number in numbers.items() if not name.startswith("runs.")}
        if settings.output.is_json:
            document: dict[str, Any] = {"schema": "flowlang/database/1", "database": location, "kind": _kind(location)}
            settings.output.document({**document, "runs": runs, "counters": rest})
        else:
            _show_text(settings, location, runs, rest)
        return ExitCode.OK

    if not settings.has_journal():
        settings.output.status(f"there is no journal yet; the first run makes {settings.journal_location()}")
        if settings.output.is_json:
            location = shown_location(settings.journal_location())
            settings.output.document(
                {"schema": "flowlang/database/1", "database": location, "kind": _kind(location), "runs": {},
                 "counters": {}}
            )  # fmt: skip
        return ExitCode.OK
    return use_journal(settings, show)


def _show_text(settings: Settings, location: str, runs: Mapping[str, int], rest: Mapping[str, int]) -> None:
    from flowlang.cli.board import duration
    from flowlang.runtime.clock import SystemClock

    output = settings.output
    output.data(f"{'database':<16} {location}")
    output.data(f"{'kind':<16} {_kind(location)}")
    for status, number in runs.items():
        output.data(f"{f'runs {status}':<16} {number:,}")
    for name, number in rest.items():
        if name.endswith("_at_ms"):
            age = duration(max(0, SystemClock().now_ms() - number))
            output.data(f"{name.removesuffix('_at_ms').replace('_', ' '):<16} {age} ago")
        else:
            output.data(f"{name.replace('_', ' '):<16} {number:,}")


def _kind(location: str) -> str:
    if "://" not in location:
        return "memory" if location == "memory:" else "sqlite"
    return "sqlite" if location.startswith("sqlite") else "postgresql"


@command("migrate", uses_journal=True, example="  flowlang db migrate\n")
def migrate(settings: Settings) -> ExitCode:
    """Bring the database to the form of this flowlang, or make it.

    Every command does so when it opens an older database. This one does nothing else, so that it can be done before
    workers of the new version start. There is no way back: keep a copy.
    """
    with contextlib.closing(settings.open_journal(create=True)) as journal:
        schema = journal.statistics().get("schema")
    location = shown_location(settings.journal_location())
    if settings.output.is_json:
        settings.output.document(
            {"schema": "flowlang/database/1", "database": location, "kind": _kind(location), "version": schema}
        )
    settings.output.status(f"{location} has the form of this flowlang" + (f": {schema}" if schema is not None else ""))
    return ExitCode.OK


@command("rotate-key", uses_journal=True, example="  flowlang db rotate-key\n")
def rotate_key(settings: Settings) -> ExitCode:
    """Make a new key for the tokens of gates. Tokens that were given out stay valid; new ones are made with it."""

    def rotate(journal: Journal) -> ExitCode:
        key_id = journal.rotate_key()
        if settings.output.is_json:
            settings.output.document({"schema": "flowlang/key/1", "key_id": key_id})
        settings.output.status(f"new gates use the key {key_id}")
        return ExitCode.OK

    return use_journal(settings, rotate)
