"""Exit codes: what a command came to, for the scripts and schedulers that called it.

1 means that the command worked and the answer is no; everything above 1 that there is no such answer. The codes from
64 upwards are those of `sysexits.h`, 130 is the shell's own for an interrupt.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNFINISHED = 3
    CANCELLED = 4
    DIVERGED = 5
    DEFECT = 70
    UNAVAILABLE = 74
    HELD = 75
    INTERRUPTED = 130


MEANINGS: Final = {
    ExitCode.OK: "the run gave an Ok; there are no findings; the command did what it was asked",
    ExitCode.FAILED: "the run gave an Err, or a budget stopped it; `check` has findings; `eval` failed; a run of many "
    "refused, or a gate was closed",
    ExitCode.USAGE: "the command, its arguments, the configuration or the script itself are wrong; nothing happened",
    ExitCode.UNFINISHED: "the run is not finished and nobody drives it; `flowlang resume` goes on with it",
    ExitCode.CANCELLED: "the run was cancelled or terminated",
    ExitCode.DIVERGED: "the code asks for something else than the journal has; nothing was performed",
    ExitCode.DEFECT: "a bug of flowlang",
    ExitCode.UNAVAILABLE: "the journal or the output cannot be written or read",
    ExitCode.HELD: "another process drives the run",
    ExitCode.INTERRUPTED: "interrupted; a run was suspended and can be resumed",
}
