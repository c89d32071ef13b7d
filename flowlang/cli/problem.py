"""Exceptions as problems: a slug, a message, a hint and an exit code, and the explanation of each slug.

Only what the command line says itself is explained here; `flowlang explain` knows the diagnostics of the language,
too. Whatever is not listed is a bug of flowlang.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from flowlang import errors
from flowlang.cli.exit_code import ExitCode


class Problem(NamedTuple):
    """What is shown of an exception."""

    slug: str
    message: str
    hint: str | None
    exit_code: ExitCode


class _Kind(NamedTuple):
    exception: type[errors.FlowlangError]
    slug: str
    exit_code: ExitCode
    title: str
    explanation: str


KINDS: Final = (
    _Kind(
        errors.UsageError, "usage", ExitCode.USAGE, "a command is called in a way that it cannot be",
        "The message names the option, argument, file or setting. Nothing was started, written or changed.",
    ),
    _Kind(
        errors.RunNotFound, "run-not-found", ExitCode.USAGE, "no run of this project has that id",
        "Ids of runs may be shortened to any beginning that only one run has. Runs belong to a journal, and the "
        "journal to the project folder that the current directory lies in, unless `--db` names another.",
    ),
    _Kind(
        errors.RunAlreadyExists, "run-exists", ExitCode.USAGE, "the id of a run is taken",
        "Every run of a journal has an id of its own, for as long as the run is kept.",
    ),
    _Kind(
        errors.RunEnded, "run-ended", ExitCode.USAGE, "the run has ended",
        "A run that has ended takes no more messages. `flowlang runs retry` and `flowlang runs reset` let one go on.",
    ),
    _Kind(
        errors.MessageConflict, "message-conflict", ExitCode.USAGE, "a key was used for another message before",
        "`--key` is your own id of a signal. Sent again with the same key, the same signal is delivered once; another "
        "signal needs another key. Nothing was sent.",
    ),
    _Kind(
        errors.GateNotFound, "gate-not-found", ExitCode.USAGE, "there is no such gate, or the token is not its own",
        "`flowlang gates` lists the gates that wait for a decision, with the runs that they belong to. A token is one "
        "long word that begins with `flg1.`; a part of it is none.",
    ),
    _Kind(
        errors.GateClosed, "gate-closed", ExitCode.FAILED, "the gate was decided before, or its time is over",
        "A gate is decided once. Whoever was first has decided; the run goes on with that.",
    ),
    _Kind(
        errors.ReplayMismatch, "replay-mismatch", ExitCode.DIVERGED, "the code does not agree with the run's journal",
        "A run that is taken up again repeats its evaluation and finds every action it performed in its journal. Here "
        "the code asked for another one than the journal has, because it was changed, and the run was moved to the "
        "changed code. Nothing was performed. The run still goes on with the code that it began with.",
    ),
    _Kind(
        errors.RunError, "run-refused", ExitCode.USAGE, "a run is not in a state for what was asked",
        "For example, a run that has ended cannot be taken up again.",
    ),
    _Kind(
        errors.LeaseHeld, "lease-held", ExitCode.HELD, "another process drives the run",
        "One process at a time drives a run. `flowlang run` and `flowlang resume` follow a run that is driven "
        "elsewhere until it ends, unless `--no-follow` is given.",
    ),
    _Kind(
        errors.LeaseLost, "lease-lost", ExitCode.HELD, "another process took the run over",
        "A process that did not renew its lease in time, because its machine was asleep or cut off, lost the run to "
        "another. It stops at once and has written nothing since.",
    ),
    _Kind(
        errors.JournalCorrupt, "journal-corrupt", ExitCode.UNAVAILABLE, "the journal is not what was written",
        "Every event carries a checksum over all before it. One that does not fit means that the database was "
        "damaged or edited. Restore it from a copy; flowlang does not guess what a run did.",
    ),
    _Kind(
        errors.CodecMissing, "codec-missing", ExitCode.UNAVAILABLE, "values are encoded, and nothing here reads them",
        "A codec encodes the values of a journal, such as a cipher. Whoever reads them needs the same one, with the "
        "key that wrote them: `FLOWLANG_CODEC=module:name` names it to the command line.",
    ),
    _Kind(
        errors.PayloadTooLarge, "payload-too-large", ExitCode.UNAVAILABLE, "a value is larger than a journal takes",
        "Arguments and results of actions and flows are kept in the journal, up to 16 MiB each. Larger data "
        "belongs into files or databases, and their names into the journal.",
    ),
    _Kind(
        errors.SchemaMismatch, "schema-mismatch", ExitCode.UNAVAILABLE, "the database does not fit this flowlang",
        "It was written by a newer version, or it is not a journal of flowlang at all.",
    ),
    _Kind(
        errors.JournalError, "journal-unavailable", ExitCode.UNAVAILABLE, "the journal cannot be written or read",
        "The disk is full, the file is read-only or locked, the server does not answer. An action is recorded in the "
        "journal before it starts, so none is performed without one.",
    ),
    _Kind(
        errors.InternalError, "internal-error", ExitCode.DEFECT, "a bug of flowlang",
        "Not the fault of any script. The run is kept as it was; please report what the named file holds.",
    ),
)  # fmt: skip

_STEPS: Final = (
    "Steps count turns of loops, calls, and the work of builtins in proportion to what they work on. The count is the "
    "same on every machine. `flowlang eval --max-steps` sets the limit."
)
_MEMORY: Final = (
    "Memory counts what the script can still reach, by a fixed table of sizes, and is counted before it is taken. What "
    "was dropped does not count. `flowlang eval --max-memory` sets the limit."
)
_DEPTH: Final = (
    "A function that calls itself without an end is the usual reason. `flowlang eval --max-depth` can make the limit "
    "smaller."
)
_OUTPUT: Final = (
    "Lines are counted as UTF-8, with their line ends. With `-o json` the globals have the same limit. `flowlang eval "
    "--max-output` sets it."
)

OTHER_SLUGS: Final = {
    "output-lost": (
        "stdout cannot be written",
        "The disk is full, or the file was closed. A run goes on regardless: what it does is in its journal.",
    ),
    "budget-steps": ("a script takes more steps than it may", _STEPS),
    "budget-memory": ("a script holds more memory than it may", _MEMORY),
    "budget-depth": ("calls are nested deeper than they may", _DEPTH),
    "budget-output": ("a script prints more than it may", _OUTPUT),
    "static-errors": (
        "a script has errors that are found without running it",
        "They are shown all at once. Nothing was run, and no run was begun.",
    ),
}


def problem_of(error: errors.FlowlangError) -> Problem:
    """What to show of an exception that flowlang raised on purpose."""
    slug = getattr(error, "slug", None)
    if isinstance(slug, str):
        return Problem(slug, error.message, error.hint, ExitCode.USAGE)
    for kind in KINDS:
        if isinstance(error, kind.exception):
            return Problem(kind.slug, error.message, error.hint, kind.exit_code)
    return Problem("usage", error.message, error.hint, ExitCode.USAGE)


def explanation_of(slug: str) -> tuple[str, str] | None:
    """Title and explanation of a slug of the command line."""
    for kind in KINDS:
        if kind.slug == slug:
            return kind.title, kind.explanation
    return OTHER_SLUGS.get(slug)


def is_explained(slug: str) -> bool:
    """Whether `flowlang explain` knows the slug."""
    from flowlang.lang.diagnostics.catalog import entry

    return explanation_of(slug) is not None or entry(slug) is not None


def own_slugs() -> list[str]:
    """The slugs that are explained here."""
    return sorted([*(kind.slug for kind in KINDS), *OTHER_SLUGS])
