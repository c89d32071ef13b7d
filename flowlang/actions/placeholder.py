"""The parameters of SQL as scripts write them, for a driver that writes them differently.

Scripts write `?` and `:name` for every database; psycopg wants `%s` and `%(name)s`. So the text is read as far as it
takes to know what is text in quotes, a name in quotes, a comment or a cast (`::`), in which nothing is a parameter.
`??` stands for an operator `?` of the database's own. On the way it is noted how the statement begins.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

TOKEN: Final = re.compile(
    r"""
      (?P<blank>\s+|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    | (?P<quoted>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<dollar>\$\w*\$).*?(?P=dollar))
    | (?P<cast>::|:=)
    | (?P<mark>\?\?)
    | (?P<positional>\?)
    | :(?P<name>[A-Za-z_]\w*)
    | (?P<word>\w+)
    | (?P<other>.)
    """,
    re.X | re.S,
)


@attrs.frozen
class Statement:
    """A statement for the driver. `begins`: its first words in lower case."""

    text: str
    begins: tuple[str, ...]


def translated(text: str) -> Statement:
    """The statement with the driver's placeholders."""
    parts: list[str] = []
    words: list[str] = []
    for token in TOKEN.finditer(text):
        found, kind = token[0], token.lastgroup
        if kind == "positional":
            parts.append("%s")
        elif kind == "name":
            parts.append(f"%({token['name']})s")
        elif kind == "mark":
            parts.append("?")
        else:
            parts.append(found.replace("%", "%%"))
            if kind == "word" and len(words) < 2:
                words.append(found.lower())
    return Statement("".join(parts), tuple(words))
