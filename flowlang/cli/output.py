"""Where a command writes: data to stdout, and everything that is said about it to stderr.

So `flowlang run report.flow > report.txt` puts into the file what the script prints and nothing else, and with
`-o json` stdout is one JSON document. Data that goes to a file or a pipe is written as it is; on a terminal, and
always on stderr, control characters are escaped.

A reader of stdout may go away (`| head`). That is no failure: the rest is dropped. A run goes on, for its effects are
what it is about. When stdout cannot take the data for another reason, it is said once, and `is_data_lost` tells it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

from flowlang.cli.terminal import can_color, escaped, is_terminal, one_line, styled

TEXT: Final = "text"
JSON: Final = "json"
JSONL: Final = "jsonl"
FORMATS: Final = (TEXT, JSON)
LIST_FORMATS: Final = (TEXT, JSON, JSONL)
"""The forms of what can be long: with `jsonl` each item is a document on a line of its own."""
CHECK_FORMATS: Final = (TEXT, "concise", JSON, "github", "sarif")
"""The forms of findings."""


class Output:
    """The two streams of one command. `verbosity` is -1 for quiet, 0, or 1 for verbose."""

    def __init__(self, format: str = TEXT, color: str = "auto", verbosity: int = 0) -> None:
        self._out = sys.stdout
        self._err = sys.stderr
        self.format = format
        self.is_json = format in (JSON, JSONL)
        self.is_jsonl = format == JSONL
        self.is_quiet = verbosity < 0
        self.is_verbose = verbosity > 0
        self.has_terminal = is_terminal(self._err)
        self.has_terminal_data = is_terminal(self._out)
        self.has_color = can_color(self._err, color)
        self.has_color_data = can_color(self._out, color)
        self.is_data_lost = False
        self._is_reader_gone = False

    # Data

    def data(self, text: str) -> None:
        """Writes a line of data, or several, to stdout."""
        self._write_data((escaped(text) if self.has_terminal_data else text) + "\n")

    def rendered(self, text: str) -> None:
        """Writes data that is escaped already and may be coloured."""
        self._write_data(text + "\n")

    def written(self, text: str) -> None:
        """Writes a text that ends as it is to end."""
        if text:
            self._write_data(escaped(text) if self.has_terminal_data else text)

    def document(self, document: Mapping[str, Any]) -> None:
        """Writes one JSON document to stdout."""
        # On a terminal everything outside ASCII is escaped, and with it the control characters that JSON allows.
        indent = None if self.is_jsonl else 2
        self._write_data(
            json.dumps(document, ensure_ascii=self.has_terminal_data, indent=indent, allow_nan=False) + "\n"
        )

    def items(self, schema: str, name: str, item_schema: str, items: Sequence[Mapping[str, Any]], **more: Any) -> None:
        """Writes a list: as one document that has it under `name`, or with `jsonl` each item as a document."""
        if not self.is_jsonl:
            self.document({"schema": schema, name: list(items), **more})
            return
        for item in items:
            self.document({"schema": item_schema, **item})

    def _write_data(self, text: str) -> None:
        if self._is_reader_gone:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            self._is_reader_gone = True
            _give_up(self._out)
        except (OSError, ValueError) as error:
            self._is_reader_gone = self.is_data_lost = True
            _give_up(self._out)
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.problem("output-lost", f"stdout cannot be written: {reason.lower()}", "what follows is not shown")

    # About it

    def printed(self, text: str) -> None:
        """Writes lines that a script prints, when stdout is a document; also when quiet."""
        self.say(escaped(text))

    def status(self, text: str) -> None:
        """Says how things go, on one line; nothing when quiet."""
        if not self.is_quiet:
            self.say(one_line(text))

    def hint(self, text: str) -> None:
        """Says what could be done, on one line; nothing when quiet."""
        if not self.is_quiet:
            self.say(f"{self.paint('hint', 'hint')}: {one_line(text)}")

    def note(self, text: str) -> None:
        """Says something worth knowing, on one line; nothing when quiet."""
        if not self.is_quiet:
            self.say(f"{self.paint('note', 'hint')}: {one_line(text)}")

    def problem(self, slug: str, message: str, hint: str | None = None) -> None:
        """Says what went wrong, also when quiet."""
        title = self.paint(f"error[{slug}]", "error")
        self.say(f"{title}: {escaped(message)}")
        if hint is not None:
            self.say(f"{self.paint('hint', 'hint')}: {escaped(hint)}")

    def say(self, text: str) -> None:
        """Writes escaped text to stderr, also when quiet."""
        try:
            self._err.write(text + "\n")
            self._err.flush()
        except (OSError, ValueError):
            _give_up(self._err)

    def paint(self, text: str, style: str) -> str:
        """The text in a style, where stderr shows colours."""
        return styled(text, style) if self.has_color else text

    @property
    def error_stream(self) -> TextIO:
        """What `say` writes to."""
        return self._err


def _give_up(stream: TextIO) -> None:
    """Lets the interpreter flush the stream at its end without a complaint."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except (OSError, ValueError):
        return
