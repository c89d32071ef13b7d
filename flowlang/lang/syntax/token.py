"""The token kinds, as small integers, shared by the lexer, the table and the parser.

A kind is an index into `KINDS`. The grammar names a terminal by its text (`"("`, `"if"`) or, when its text varies, by
a name in capitals (`NAME`); `KINDS` holds the same spellings, so `grammar.py` can translate the table without asking
the lexer.

The order matters: everything from `FIRST_SPECIAL` on needs more of the lexer than to be appended (brackets change the
depth, a statement's keyword inside brackets means that a bracket was left open, foreign tokens are never in the
grammar), so one comparison decides about the fast path.
"""

from __future__ import annotations

from typing import Final

NAMED: Final = ("$END", "NAME", "STRING", "BYTES", "NUMBER", "NEWLINE", "INDENT", "DEDENT", "ERROR")

# Keywords that may stand inside an expression.
EXPRESSION_KEYWORDS: Final = ("and", "else", "for", "if", "in", "lambda", "not", "or", "load")

OPERATORS: Final = (
    *("+", "-", "*", "/", "//", "%", "&", "|", "^", "~", "<<", ">>", "**"),
    *("=", "+=", "-=", "*=", "/=", "//=", "%=", "&=", "|=", "^=", "<<=", ">>="),
    *("==", "!=", "<", ">", "<=", ">="),
    *(".", ",", ";", ":", "->"),
)

OPENING: Final = ("(", "[", "{")
CLOSING: Final = (")", "]", "}")

# Keywords that only a statement has.
STATEMENT_KEYWORDS: Final = ("break", "continue", "def", "elif", "pass", "return", "while")

# Words that Starlark reserves without using them: first those that begin statements in Python. `assert` is reserved
# there and an ordinary name here, since tests of flows are written with `assert.eq`.
RESERVED_STATEMENTS: Final = (
    "class", "del", "except", "finally", "global", "import", "nonlocal", "raise", "try", "with"
)  # fmt: skip
RESERVED: Final = (*RESERVED_STATEMENTS, "as", "async", "await", "from", "is", "yield")

# Operators of other languages, recognised whole so that the parser can say what to write instead.
FOREIGN_OPERATORS: Final = ("&&", "||", "<>", ":=", "...", "**=", "@", "!")

KINDS: Final = (
    *NAMED,
    *EXPRESSION_KEYWORDS,
    *OPERATORS,
    *OPENING,
    *CLOSING,
    *STATEMENT_KEYWORDS,
    *RESERVED,
    *FOREIGN_OPERATORS,
)

KIND_OF: Final = {text: kind for kind, text in enumerate(KINDS)}

END: Final = KIND_OF["$END"]
NAME: Final = KIND_OF["NAME"]
STRING: Final = KIND_OF["STRING"]
BYTES: Final = KIND_OF["BYTES"]
NUMBER: Final = KIND_OF["NUMBER"]
NEWLINE: Final = KIND_OF["NEWLINE"]
INDENT: Final = KIND_OF["INDENT"]
DEDENT: Final = KIND_OF["DEDENT"]
ERROR: Final = KIND_OF["ERROR"]

FIRST_SPECIAL: Final = KIND_OF["("]
FIRST_CLOSING: Final = KIND_OF[")"]
FIRST_STATEMENT: Final = KIND_OF["break"]
FIRST_WORD: Final = KIND_OF["as"]

# What the lexer looks a piece of text up in; the capitalised kinds have no text of their own.
KIND_OF_TEXT: Final = {text: kind for text, kind in KIND_OF.items() if text not in NAMED}

COMPOUND: Final = frozenset(KIND_OF[text] for text in ("if", "elif", "else", "for", "while", "def"))

# The tokens that an expression may begin with.
OPERAND_START: Final = frozenset(
    KIND_OF[text] for text in ("NAME", "STRING", "BYTES", "NUMBER", "(", "[", "{", "-", "+", "~", "not", "lambda")
)
# Of these, the ones that cannot also go on after an operand: two operands in a row, then, whose operator or comma
# is missing.
ONLY_OPERAND_START: Final = frozenset(
    KIND_OF[text] for text in ("NAME", "STRING", "BYTES", "NUMBER", "{", "~", "lambda")
)
