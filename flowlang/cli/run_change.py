"""Changes runs one after the other, and says of each what came of it.

One run that refuses does not keep the others from being changed. The document of all such commands is
`flowlang/changes/1`.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings
from flowlang.cli.problem import problem_of
from flowlang.cli.run_choice import Batch
from flowlang.cli.run_lookup import owner_text
from flowlang.errors import FlowlangError, InternalError, LeaseHeld

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal, RunRecord
    from flowlang.runtime.operations.operations import Operations


@attrs.frozen
class Change:
    """What was done to a run: `text` for people, `fields` for the document."""

    text: str
    fields: Mapping[str, Any]


def apply_to_runs(
    settings: Settings, journal: Journal, batch: Batch, verb: str, change: Callable[[Operations, RunRecord], Change],
    *, plan: Callable[[Operations, RunRecord], Change], is_always_asked: bool = False,
) -> ExitCode:  # fmt: skip
    """Changes the runs of a batch. One that was named and refuses raises; of many, each refusal is reported and the
    exit code is 1. `plan` says of a run what `change` would do, changes nothing, and raises where that would raise.
    `is_always_asked`: a single run, too, only after a question."""
    from flowlang.runtime.operations.operations import Operations

    operations = Operations(journal)
    runs = batch.runs(journal, verb)
    documents: list[dict[str, Any]] = []
    output = settings.output
    if is_always_asked and not batch.is_many and not batch.is_dry_run and not batch.is_wanted(runs, verb):
        runs = []
    refused = 0
    for run in runs:
        document: dict[str, Any] = {"run_id": run.run_id, "status": run.status.value}
        try:
            done = (plan if batch.is_dry_run else change)(operations, run)
        except InternalError:
            raise
        except FlowlangError as error:
            refusal = _held(settings, run, error) if isinstance(error, LeaseHeld) else error
            if not batch.is_many:
                raise refusal from None
            refused += 1
            problem = problem_of(refusal)
            output.problem(problem.slug, problem.message, problem.hint)
            document["error"] = {"kind": problem.slug, "message": problem.message, "hint": problem.hint}
        else:
            output.status(done.text)
            document |= done.fields
        documents.append(document)
    if output.is_json:
        output.document(
            {"schema": "flowlang/changes/1", "change": verb, "dry_run": batch.is_dry_run, "runs": documents}
        )
    if batch.is_many:
        _summarize(settings, verb, len(runs), refused, is_dry_run=batch.is_dry_run)
    return ExitCode.FAILED if refused else ExitCode.OK


def _held(settings: Settings, run: RunRecord, error: LeaseHeld) -> LeaseHeld:
    """The error for a run that somebody drives, with what can be done about it."""
    ask, end = settings.command(f"runs cancel {run.run_id}"), settings.command(f"runs terminate {run.run_id}")
    return LeaseHeld(
        f"run `{run.run_id}` is driven by {owner_text(error.owner)}",
        owner=error.owner,
        hint=f"`{ask}` asks it to end, `{end}` ends it at once",
    )


def _summarize(settings: Settings, verb: str, number: int, refused: int, *, is_dry_run: bool) -> None:
    if number == 0:
        settings.output.status("no run was changed")
        return
    text = f"{verb}: {number - refused} of {number} run{'s' if number != 1 else ''}"
    settings.output.status(f"{text}; nothing was changed" if is_dry_run else text)


def operator() -> str:
    """Whoever types the command, as far as the system knows: kept with what they did."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user, as in some containers
        return str(os.getuid()) if hasattr(os, "getuid") else ""
