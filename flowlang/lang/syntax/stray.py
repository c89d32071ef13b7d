"""What is said of characters that belong to no token."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
from flowlang.lang.source import SourceFile, Span
from flowlang.lang.syntax.lexical_fix import continuation_fix, stray_fix

LOOKALIKES: Final = {
    "–": "-", "—": "-", "−": "-", "×": "*", "÷": "/", "∕": "/", "∗": "*", "≤": "<=", "≥": ">=", "≠": "!=", "…": "...",
    "，": ",", "：": ":", "；": ";", "（": "(", "）": ")", "＝": "=", "∧": "and", "∨": "or", "¬": "not",
}  # fmt: skip
"""Characters that text programs put in place of others, and what is meant."""


def stray_diagnostic(source: SourceFile, text: str, span: Span) -> Diagnostic:
    """The diagnostic for the first character of `text`, which is at `span`."""
    character = text[0]
    shown = f"U+{ord(character):04X}"
    if character.isprintable() and character != "`":
        shown = f"`{character}`" if character.isascii() else f"`{character}` ({shown})"
    label = Label(source, span)
    if character.isalpha() and not character.isascii():
        hint = "names are ASCII letters, digits and `_`; any text may stand in a string"
        return Diagnostic("non-ascii-name", f"a name cannot contain {shown}", label, hint=hint)
    if text == "\\\n":
        message = "a `\\` continues a line that is the last one"
        return Diagnostic("bad-continuation", message, label, hint="remove the `\\`")
    if character == "\\":
        return Diagnostic(
            "bad-continuation",
            "a `\\` outside a string must be the last character of its line",
            label,
            hint="remove what follows it, or put the expression in brackets, which need no `\\`",
            fix=continuation_fix(source, span),
        )
    return Diagnostic(
        "stray-character",
        f"{shown} does not belong here",
        label,
        hint=_hint(character),
        fix=stray_fix(source, character, span, LOOKALIKES.get(character)),
    )


def _hint(character: str) -> str:
    if character in "“”„«»‘’‚":
        return "write straight quotes: `\"` or `'`"
    if character == "?":
        return "a choice is written `a if condition else b`"
    if character == "`":
        return "strings stand in `\"` or `'`"
    if character in LOOKALIKES:
        return f"write `{LOOKALIKES[character]}`"
    if character == "\u200b":
        return "remove it: it is a space without a width"
    if character.isspace():
        return "replace it by an ordinary space"
    if character == "$":
        return "write the name alone, without `$`"
    return "remove it, or put it in a string"
