"""What runs begin with: their code, their arguments, and the row and first event that make them.

A run that is prepared here and created without an owner is taken up by any worker.
"""

from __future__ import annotations

import datetime
import platform
import secrets
import sys
from collections.abc import Mapping
from typing import Any

import attrs

from flowlang.errors import JournalCorrupt, SourceError, UsageError
from flowlang.lang.eval.command import SpawnRun
from flowlang.lang.eval.evaluation import Entry
from flowlang.lang.interpreter import LANGUAGE_VERSION, Build
from flowlang.lang.values.canonical import decode, digest, encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.action import ActionRegistry, signature_digest
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import RunStarted
from flowlang.runtime.journal.model import (
    AttributeValue,
    CodeManifest,
    NewChild,
    NewRun,
    ParentLink,
    Placement,
)
from flowlang.runtime.payload_codec import MARK, codec_missing
from flowlang.runtime.replay import Beginning
from flowlang.zones import zones_version


@attrs.frozen
class PinnedCode:
    """The code of a run: what it is, its digest, and its texts."""

    manifest: CodeManifest
    digest: str
    texts: Mapping[str, str] = attrs.field(repr=False)


def manifest_of(build: Build, registry: ActionRegistry) -> CodeManifest:
    """The code manifest of a script as it would be pinned now."""
    return CodeManifest(
        modules={program.name: program.digest for program in build.programs},
        language=LANGUAGE_VERSION,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        platform=f"{platform.system()} {platform.machine()}",
        signatures={spec.name: signature_digest(spec) for spec in registry},
        tzdata=zones_version(),
    )


def code_of(build: Build, registry: ActionRegistry) -> PinnedCode:
    """The code of a script, to be pinned."""
    manifest = manifest_of(build, registry)
    texts = {name: source.text for name, source in build.sources.items()}
    return PinnedCode(manifest, manifest_digest(manifest), texts)


def prepare(
    build: Build, code: PinnedCode, *, flow: str = "", arguments: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None, run_id: str | None = None, placement: Placement | None = None,
    attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "", clock: Clock,
) -> NewChild:  # fmt: skip
    """A run of a script, or of a flow in it, with its first event. `arguments` are host values, `texts` are read by the
    flow's patterns. Raises SourceError for code with errors, UsageError for arguments that no flow would
    receive."""
    if build.has_errors:
        raise SourceError(build.diagnostics)
    if (arguments or texts) and not flow and (build.script.guard is None or build.script.guard.flow is None):
        raise UsageError(
            "the arguments reach no flow",
            hint='name one (`FILE:FLOW`), or let the script end in `if __name__ == "__flow__":` with one flow call',
        )
    payload = encode(from_host({"arguments": dict(arguments or {}), "texts": dict(texts or {})}))
    run_id = run_id or new_run_id(build.entry, clock)
    run = NewRun(
        run_id, build.entry, flow, digest(payload), code.manifest, code.texts, placement or Placement(), None,
        attributes or {}, correlation,
    )  # fmt: skip
    return NewChild(run, [RunStarted(build.entry, flow, code.digest, payload, new_salt())])


def child_run(command: SpawnRun, position: str, parent: str, root: str, code: PinnedCode, now_ms: int) -> NewChild:
    """The run that a script spawns: of the same code, with a salt made from what identifies the call."""
    options = command.options
    delay_s, timeout_s = options.get("delay"), options.get("timeout")
    start_at_ms = None if delay_s is None else now_ms + round(1000 * delay_s)
    deadline_at_ms = None if timeout_s is None else (start_at_ms or now_ms) + round(1000 * timeout_s)
    placement = Placement(
        queue=options.get("queue") or Placement().queue,
        priority=Placement().priority if options.get("priority") is None else options["priority"],
        partition=options.get("partition") or "",
        start_at_ms=start_at_ms,
        deadline_at_ms=deadline_at_ms,
    )
    run = NewRun(
        command.run_id, command.module, command.flow, command.digest, code.manifest, code.texts, placement,
        ParentLink(parent, position, command.on_parent_close, root), options.get("attributes") or {},
    )  # fmt: skip
    started = RunStarted(command.module, command.flow, code.digest, command.arguments, new_salt())
    return NewChild(run, [started])


def entry_of(entry: str, flow: str, beginning: Beginning) -> Entry:
    """What a recorded chapter begins with."""
    try:
        given = decode(beginning.payload)
        if "named" in given:
            return Entry(entry, flow, call=(list(given["positional"]), dict(given["named"])))
        return Entry(entry, flow, given["arguments"], given["texts"])
    except (LookupError, TypeError, ValueError) as error:
        if beginning.payload.startswith(MARK):
            raise codec_missing(beginning.payload) from None
        raise JournalCorrupt(
            "what the run begins with are no arguments", hint="restore the database from a backup"
        ) from error


def new_salt() -> str:
    """Random text that makes the keys of a run's actions differ from those of every other run."""
    return secrets.token_hex(8)


def new_run_id(entry: str, clock: Clock) -> str:
    """A readable id: the script's name, the day, and eight random digits."""
    day = datetime.datetime.fromtimestamp(clock.now_ms() / 1000, datetime.UTC).strftime("%Y%m%d")
    name = entry.rpartition("/")[2].removesuffix(".flow")
    return f"{name}-{day}-{secrets.token_hex(4)}"
