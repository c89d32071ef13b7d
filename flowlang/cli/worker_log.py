"""How a worker shows its log on stderr: Python's logging, as text or as JSON, a line for each record.

What is logged is decided where it happens (`flowlang.runtime.run_log`). Lines that scripts print are left out: they
are shown by whoever looks at a run.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Any, Final

from flowlang.cli.document import moment
from flowlang.cli.output import Output
from flowlang.cli.terminal import one_line
from flowlang.runtime.run_log import SCRIPT

LOG: Final = logging.getLogger("flowlang")
WORKER: Final = logging.getLogger("flowlang.worker")
OWN_FIELDS: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given by whoever logged it."""


class LogLines(logging.Handler):
    """Writes each record to stderr, with the fields that it was given."""

    def __init__(self, output: Output, *, is_json: bool) -> None:
        super().__init__()
        self._output = output
        self._is_json = is_json
        self.addFilter(lambda record: record.name != SCRIPT.name)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        at, level, text = moment(int(1000 * record.created)), record.levelname.lower(), record.getMessage()
        fields: dict[str, Any] = {name: value for name, value in vars(record).items() if name not in OWN_FIELDS}
        if self._is_json:
            line = json.dumps({"at": at, "level": level, "text": text, **fields}, default=str)
        else:
            line = one_line(f"{at}  {level:<7}  {text}" + "".join(f"  {name}={fields[name]}" for name in fields))
        self._output.say(line)


@contextlib.contextmanager
def logging_to(output: Output, *, is_json: bool) -> Iterator[None]:
    """Shows the log for a while. Quiet: warnings and errors only; verbose: each event, too."""
    before, lines = LOG.level, LogLines(output, is_json=is_json)
    LOG.addHandler(lines)
    LOG.setLevel(logging.WARNING if output.is_quiet else logging.DEBUG if output.is_verbose else logging.INFO)
    try:
        yield
    finally:
        LOG.setLevel(before)
        LOG.removeHandler(lines)
