"""Explanations of what the lexer finds: characters, literals, brackets, indentation, limits."""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.catalog import Entry

_CHARACTERS: Final = (
    Entry(
        slug="stray-character",
        title="a character that means nothing here",
        explanation="Outside strings and comments a program consists of names, numbers, strings, operators and "
        "brackets. The character named in the message belongs to none of these. Copying from a web page or a word "
        "processor often brings such characters along, curly quotes and hard spaces above all.",
        wrong="price = $5\n",
        right="price = 5\n",
    ),
    Entry(
        slug="non-ascii-name",
        title="a name holds a letter outside of ASCII",
        explanation="Names consist of ASCII letters, digits and `_`. Many letters of other alphabets look exactly "
        "like ASCII ones or like each other, so two names that a reader cannot tell apart could be different. Strings "
        "and comments may hold any text.",
        wrong="größe = 3\n",
        right='size = 3\nlabel = "Größe"\n',
    ),
    Entry(
        slug="bad-continuation",
        title="something follows the `\\` that continues a line",
        explanation="A `\\` outside a string joins two lines and must be the very last character of the first; even a "
        "blank or a comment after it breaks that. Inside brackets lines are joined without it, which is the better "
        "way to write a long expression.",
        wrong="total = 1 + \\ # the rest\n    2\n",
        right="total = (1 +  # the rest\n    2)\n",
    ),
    Entry(
        slug="invalid-text",
        title="the file is not valid text",
        explanation="A source is Unicode text. Halves of surrogate pairs are not characters; they appear when a file "
        "in another encoding is read as UTF-8 or when broken text is passed in by a program.",
        wrong="# a file that holds U+D800\n",
        right='text = "saved as UTF-8"\n',
    ),
)

_LITERALS: Final = (
    Entry(
        slug="unclosed-string",
        title="a string has no closing quote",
        explanation="A string in `\"` or `'` ends on the line on which it begins. A string in three quotes may "
        "extend over several lines. A quote inside the string that is the same as the outer ones ends it, unless "
        "there is a `\\` before it.",
        wrong="name = 'it's'\n",
        right='name = "it\'s"\n',
    ),
    Entry(
        slug="bad-escape",
        title="an escape in a string means nothing",
        explanation="After a `\\` in a string only known escapes may stand: `\\n`, `\\t`, `\\\\`, quotes, a line end, "
        "`\\x41`, `\\101`, `\\u03bb`, `\\U0001f600` and a few more. An unknown one is almost always a mistake in a "
        "pattern or a path, so it is refused and not kept as it is. In a string `\\x` and octal escapes end at 127, "
        "because beyond it is not clear whether a byte or a character is meant.",
        wrong='pattern = "\\d+"\n',
        right='pattern = r"\\d+"\n',
    ),
    Entry(
        slug="bad-string-prefix",
        title="the letters before a string are no prefix",
        explanation="The prefixes are `r` for a raw string, in which `\\` means itself, `b` for bytes, and `rb` for "
        "both, in lower case. Every string holds Unicode text, so there is no `u`.",
        wrong='name = u"Ann"\n',
        right='name = "Ann"\n',
    ),
    Entry(
        slug="f-string",
        title="there are no f-strings",
        explanation="An f-string hides expressions inside a text. The language keeps texts and expressions apart: "
        "`format` and `%` insert values into a text. Neither reaches into the values, so a text that comes from "
        "outside cannot read more than it is given.",
        wrong='count = 3\ntext = f"{count} files"\n',
        right='count = 3\ntext = "{} files".format(count)\n',
    ),
    Entry(
        slug="leading-zero",
        title="a number begins with a zero",
        explanation="In some languages a number such as `0777` is octal, in others it is decimal. To avoid "
        "the doubt it is neither: octal numbers begin with `0o`, and decimal ones with a digit other than zero.",
        wrong="mode = 0777\n",
        right="mode = 0o777\n",
    ),
    Entry(
        slug="bad-number",
        title="something that begins like a number is none",
        explanation="Numbers are decimal, or begin with `0x`, `0o` or `0b`, or are floats such as `1.5`, `.5` or "
        "`1e-3`. Letters and `_` cannot follow a number directly.",
        wrong="limit = 10_000\n",
        right="limit = 10000\n",
    ),
    Entry(
        slug="number-too-large",
        title="a number literal is too large",
        explanation="A float that is too large for 64 bits would silently be infinite, which hardly anybody means; "
        'write `float("inf")` for that. An integer may be large, but a literal of thousands of digits is data and '
        "belongs elsewhere.",
        wrong="limit = 1e400\n",
        right="limit = 1e300\n",
    ),
)

_LAYOUT: Final = (
    Entry(
        slug="unclosed-bracket",
        title="a bracket is never closed",
        explanation="Every `(`, `[` and `{` needs its counterpart. Since line ends do not matter inside brackets, "
        "the text after a forgotten one is read as part of the expression; the message therefore points at the "
        "bracket itself and shows where the reading came to its end.",
        wrong="def first():\n    return max(1, 2\n\ndef second():\n    return 3\n",
        right="def first():\n    return max(1, 2)\n\ndef second():\n    return 3\n",
    ),
    Entry(
        slug="mismatched-bracket",
        title="a bracket is closed by one of another kind",
        explanation="`(` is closed by `)`, `[` by `]`, and `{` by `}`, the innermost first.",
        wrong="values = [1, 2)\n",
        right="values = [1, 2]\n",
    ),
    Entry(
        slug="unmatched-bracket",
        title="a closing bracket has no opening one",
        explanation="Either the closing bracket is one too many, or the opening one is missing before it.",
        wrong="total = 1 + 2)\n",
        right="total = (1 + 2)\n",
    ),
    Entry(
        slug="wrong-unindent",
        title="the indentation matches no open block",
        explanation="A line that is indented less than the one before closes blocks until it stands exactly at the "
        "indentation of one that is still open. Between two of them it is not clear which block the line belongs to.",
        wrong="def double(x):\n    y = x\n  return 2 * y\n",
        right="def double(x):\n    y = x\n    return 2 * y\n",
    ),
    Entry(
        slug="mixed-indentation",
        title="tabs and spaces make the indentation unclear",
        explanation="Indentations are compared as they are written, since the width of a tab differs from editor to "
        "editor. Tabs alone or spaces alone always work. A line with the one under a line with the other may look "
        "right and mean something else.",
        wrong="if True:\n\tprint(1)\n        print(2)\n",
        right="if True:\n    print(1)\n    print(2)\n",
    ),
)

_LIMITS: Final = (
    Entry(
        slug="too-deep",
        title="a program or a value is nested too deep",
        explanation="Brackets and expressions nest at most 100 deep, indented blocks 16, `for` clauses of "
        "comprehensions 8. Nobody reads deeper nesting, and bounding it protects the host from programs "
        "made to exhaust it. Long chains of operators, `and`, `or` and `elif` are not nested and have no such limit. "
        "Values that nest more than 100 deep, or contain themselves, can be neither compared nor recorded.",
        wrong="x = " + "[" * 101 + "]" * 101 + "\n",
        right="inner = [[1]]\nx = [inner, [inner]]\n",
    ),
    Entry(
        slug="source-too-large",
        title="the file is too large",
        explanation="A source has at most 4 MiB and 500,000 tokens. Larger files are always generated data, which a "
        "flow should read with an action when it needs it.",
        wrong="# more than 4 MiB of text\n",
        right='load("./prices.flow", "PRICES")\n',
    ),
)

ENTRIES: Final = (*_CHARACTERS, *_LITERALS, *_LAYOUT, *_LIMITS)
