"""What reaches a terminal: text without a hold on it, and colours.

A terminal obeys control characters. What comes from a script, a journal or a file name may hold any, so that a line
of a log could retitle a window, hide what follows or rewrite what stands above. Here every such character becomes a
visible escape: the control characters of both sets, and the ones that turn the direction of writing, with which text
can be made to look like other text. Line ends and tabs stay where text of several lines is shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final, TextIO

STYLES: Final = {
    "bold": "1",
    "dim": "2",
    "error": "1;31",
    "warning": "1;33",
    "good": "32",
    "hint": "1;36",
}
SHOW_CURSOR: Final = "\x1b[?25h"

_DIRECTION: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_DIRECTION}\ud800-\udfff]")
_UNSAFE_IN_LINE: Final = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_DIRECTION}\ud800-\udfff]")
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(text: str) -> str:
    """`text` with nothing in it that a terminal would obey, other than line ends and tabs."""
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    """`text` on one line, with nothing in it that a terminal would obey."""
    return text if text.isprintable() else _UNSAFE_IN_LINE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def is_terminal(stream: TextIO) -> bool:
    """Whether people look at the stream as it is written."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def can_color(stream: TextIO, choice: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to write colours: as chosen (`always`, `never`), and with `auto` on terminals that know them."""
    if choice != "auto":
        return choice == "always"
    return is_terminal(stream) and environment.get("TERM", "") != "dumb"


def styled(text: str, style: str) -> str:
    """`text` in one of STYLES."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if text else ""
