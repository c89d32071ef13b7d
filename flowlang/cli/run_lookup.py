"""Runs by the beginnings of their ids, and the unfinished twin of a new run."""

from __future__ import annotations

from typing import Final

from flowlang.errors import RunNotFound, UsageError
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.runtime.journal.journal import Journal, RunRecord, RunStatus

CANDIDATES_SHOWN: Final = 5
RECENT: Final = 200


def find_run(journal: Journal, text: str) -> RunRecord:
    """The run whose id is `text` or, alone among all, begins with it."""
    try:
        return journal.run(text)
    except RunNotFound:
        found = journal.runs(prefix=text, limit=CANDIDATES_SHOWN + 1) if text else []
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"`{run.run_id}`" for run in found[:CANDIDATES_SHOWN])
        more = ", and more" if len(found) > CANDIDATES_SHOWN else ""
        raise UsageError(f"`{text}` fits several runs", hint=f"give more of one of these: {listed}{more}")
    raise unknown_run(text, [run.run_id for run in journal.runs(limit=RECENT)])


def unknown_run(text: str, known: list[str]) -> RunNotFound:
    """The error for an id that no run has."""
    near = nearest(text, known)
    hint = f"did you mean `{near}`?" if near is not None else "`flowlang runs list` shows the runs of this project"
    return RunNotFound(f"no run has the id `{text}`", run_id=text, hint=hint)


def unfinished_twin(journal: Journal, run_id: str) -> RunRecord | None:
    """The newest unfinished run of the same file, flow and arguments that nobody drives, other than the run itself."""
    own = journal.run(run_id)
    for other in journal.runs(entry=own.entry, limit=RECENT):
        is_same = (other.flow, other.arguments_digest) == (own.flow, own.arguments_digest)
        if other.run_id != run_id and is_same and not other.status.is_final and not is_driven(journal, other):
            return other
    return None


def is_driven(journal: Journal, run: RunRecord) -> bool:
    """Whether a living process drives the run."""
    return run.status is RunStatus.RUNNING and bool(run.owner) and journal.is_owner_alive(run.owner)


def status_text(journal: Journal, run: RunRecord) -> str:
    """The status as people want to know it: a run whose process died is not running."""
    if run.status is RunStatus.RUNNING and not is_driven(journal, run):
        return "abandoned"
    return run.status.value


def owner_text(owner: str) -> str:
    """An owner id, which holds the process and the machine, as people name them."""
    _, _, rest = owner.partition("-")
    process, _, machine = rest.partition("-")
    return f"process {process} on {machine}" if process.isdecimal() and machine else owner
