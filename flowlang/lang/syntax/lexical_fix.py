"""Fixes for what the lexer finds: literals, stray characters, layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flowlang.lang.diagnostics.diagnostic import Edit, Fix
from flowlang.lang.source import SourceFile, Span
from flowlang.lang.syntax.literal import LiteralProblem

_DOUBLE_QUOTES: Final = "“”„«»"
_SINGLE_QUOTES: Final = "‘’‚"
_TAB_WIDTHS: Final = (4, 8)


def literal_fix(problem: LiteralProblem, place: Span, whole: Span) -> Fix | None:
    """The fix of a literal at `whole`, whose problem is at `place`."""
    if problem.instead is None:
        return None
    edit = Edit(whole if problem.is_whole else place, problem.instead)
    title = f"write `{problem.instead}`" if problem.instead else "leave it out"
    return Fix(title, (edit,), problem.is_safe)


def stray_fix(source: SourceFile, character: str, span: Span, instead: str | None) -> Fix | None:
    """`instead` for a character that was put in its place; straight quotes for typographic ones, of which the line may
    hold several; a space for another blank."""
    if character == "\u200b":
        return Fix("remove it", (Edit(span, ""),))
    text = source.line(span[0])
    if character.isspace():
        # As a part of the indentation it may have been meant for more or less than a space.
        is_inside = bool(text[: span[1]].strip())
        return Fix("replace it by a space", (Edit(span, " "),), is_inside)
    if instead is not None:
        return Fix(f"write `{instead}`", (Edit(span, f" {instead} " if instead.isalpha() else instead),))
    quotes, straight = (_DOUBLE_QUOTES, '"') if character in _DOUBLE_QUOTES else (_SINGLE_QUOTES, "'")
    places = [column for column, other in enumerate(text) if other in quotes]
    if character not in quotes or straight in text or len(places) % 2:
        return None
    edits = tuple(Edit((span[0], column, span[0], column + 1), straight) for column in places)
    return Fix("write straight quotes", edits)


def continuation_fix(source: SourceFile, span: Span) -> Fix | None:
    """Nothing behind the `\\` at `span`, when there are only blanks."""
    text = source.line(span[0])
    if text[span[3] :].strip():
        return None
    return Fix("remove the blanks behind it", (Edit((span[0], span[3], span[0], len(text)), ""),))


def indentation_fix(indentation: str, levels: Sequence[str], span: Span) -> Fix | None:
    """The indentation of that open block which looks the same in an editor with tabs of four or eight columns."""
    for width in _TAB_WIDTHS:
        for level in levels:
            if level.expandtabs(width) == indentation.expandtabs(width):
                return Fix("indent it like the block around it", (Edit(span, level),), is_safe=False)
    return None
