"""A failed evaluation as text for people: the calls that led there, then the diagnostic with its code frame.

    calls, outermost first:
      rules.flow:12:1 in <toplevel>
      rules.flow:7:12 in price
      @std//tables.flow: 2 calls
    error[missing-key]: key "A1" is not in the dict
      --> rules.flow:7:12
       |
     7 |     cost = prices[sku]
       |            ^^^^^^^^^^^
       |
    hint: …

Calls inside of the prelude and the standard library are one line: their author is not the one who reads this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from flowlang.errors import TraceFrame
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.diagnostics.frame import render, safe_text

CALLS_SHOWN: Final = 20
CALLS_REPEATED: Final = 3
"""So often the same call may follow itself before it is counted."""
OWN_KIND: Final = "error"


def render_failure(
    diagnostic: Diagnostic, traceback: Sequence[TraceFrame], color: bool = False, *, is_verbose: bool = False
) -> str:
    """The failure as lines without a final line end. `is_verbose` shows all calls, those of bundled modules too."""
    text = render(diagnostic, color=color)
    if diagnostic.slug == OWN_KIND:
        # The kind of what a script made up itself says nothing.
        text = text.replace(f"error[{OWN_KIND}]", "error", 1)
    return "\n".join([*call_lines(traceback, is_verbose=is_verbose), text])


def call_lines(traceback: Sequence[TraceFrame], *, is_verbose: bool = False) -> list[str]:
    """The calls, when there is more to see than the code frame shows."""
    if len([frame for frame in traceback if is_verbose or not frame.is_bundled]) < 2:
        return []
    lines: list[str] = []
    for is_bundled, group in groupby(traceback, key=lambda frame: frame.is_bundled and not is_verbose):
        found = list(group)
        if is_bundled:
            count = f"{len(found)} calls" if len(found) > 1 else f"`{_one_line(found[0].function)}`"
            lines.append(f"  {_one_line(found[0].module)}: {count}")
        else:
            lines += _places(found, is_verbose)
    if len(lines) > CALLS_SHOWN and not is_verbose:
        half = CALLS_SHOWN // 2
        lines[half:-half] = [f"  ... {len(lines) - CALLS_SHOWN} more calls ..."]
    return ["calls, outermost first:", *lines]


def _places(frames: Sequence[TraceFrame], is_verbose: bool) -> Iterator[str]:
    """A line for each call; the same call again and again, as in a recursion, is one line with its number."""
    for frame, group in groupby(frames):
        text = f"  {_one_line(frame.module)}:{frame.line}:{frame.column} in {_one_line(frame.function)}"
        count = sum(1 for _ in group)
        if is_verbose or count <= CALLS_REPEATED:
            yield from [text] * count
        else:
            yield f"{text}, {count} times"


def _one_line(text: str) -> str:
    return safe_text(text.replace("\n", "\\n"))
