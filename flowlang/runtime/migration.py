"""Moving recorded runs to other code, one at a time, each only after a whole replay agreed with it.

A run is checked before it is touched; what happened to it between the check and the move is checked again, under its
lease. A run that does not agree, or that somebody drives, stays exactly as it was.
"""

from __future__ import annotations

from typing import Final

import attrs

from flowlang.errors import FlowlangError, LeaseHeld
from flowlang.lang.interpreter import Build
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.compatibility import Compatible, Unchecked, Verdict, check_run
from flowlang.runtime.dry_replay import Recording, recording_of
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.journal import Counters, Journal, RunRecord, RunStatus
from flowlang.runtime.journal.owner import check_claim
from flowlang.runtime.journal.rules import check_unblocked
from flowlang.runtime.launch import manifest_of

MOVED: Final = "moved"
UNCHANGED: Final = "has this code already"
WOULD_MOVE: Final = "would be moved"
REFUSED: Final = "refused"


@attrs.frozen
class Migration:
    """What became of one run: `outcome` is MOVED, UNCHANGED, WOULD_MOVE or REFUSED, and `verdict` says why."""

    outcome: str
    verdict: Verdict


def migrate_run(
    journal: Journal, run: RunRecord, build: Build, registry: ActionRegistry, *, is_dry_run: bool = False
) -> Migration:
    """Moves a run to the code of `build`, which has no errors, if that agrees with all that the run did. Never raises
    for what is wrong with the run itself."""
    run_id = run.run_id
    if run.status.is_final:
        return _refused(run_id, "run-refused", "it has ended", "`flowlang runs fork` begins a new run from its past")
    if run.entry != build.entry:
        hint = f"a run keeps its file: give what has become of {run.entry}"
        return _refused(run_id, "run-refused", f"its script is {run.entry}, not {build.entry}", hint)
    manifest = manifest_of(build, registry)
    if manifest_digest(manifest) == run.code:
        return Migration(UNCHANGED, Compatible(run_id, run.sequence))
    try:
        recording = recording_of(journal, run_id)
        verdict = check_run(recording, build, registry)
        if not isinstance(verdict, Compatible):
            return Migration(REFUSED, verdict)
        if is_dry_run:
            check_claim(run, SystemClock().now_ms(), journal.is_owner_alive)
            check_unblocked(run)
            return Migration(WOULD_MOVE, verdict)
        return _move(journal, run, recording, build, registry)
    except LeaseHeld as error:
        return _refused(run_id, "lease-held", error.message, "wait until nobody drives it, or stop its worker")
    except FlowlangError as error:
        return _refused(run_id, "run-refused", error.message, error.hint)


def _move(journal: Journal, run: RunRecord, recording: Recording, build: Build, registry: ActionRegistry) -> Migration:
    """Moves a run that was agreed with; what was recorded since is looked at again, under the lease."""
    run_id = run.run_id
    owner = journal.new_owner()
    try:
        lease = journal.claim(run_id, owner)
        # A stopped run stays stopped; any other is due, so that a worker looks at it with its new code.
        status = RunStatus.STOPPED if run.status is RunStatus.STOPPED else RunStatus.SUSPENDED
        try:
            current = recording_of(journal, run_id)
            verdict: Verdict = Compatible(run_id, len(recording.records))
            if current.records[-1].sequence != recording.records[-1].sequence:
                verdict = check_run(current, build, registry)
            if not isinstance(verdict, Compatible):
                return Migration(REFUSED, verdict)
            texts = {name: source.text for name, source in build.sources.items()}
            claimed = journal.run(run_id)
            counters = Counters(claimed.steps, claimed.memory, claimed.actions_completed)
            journal.repin(lease, current.records[-1].sequence, manifest_of(build, registry), texts, counters)
            return Migration(MOVED, verdict)
        finally:
            journal.release(lease, status)
    finally:
        journal.drop_owner(owner)


def _refused(run_id: str, kind: str, message: str, hint: str | None) -> Migration:
    return Migration(REFUSED, Unchecked(run_id, kind, message, hint))
