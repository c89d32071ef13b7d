"""How names of a script become names of the generated code, without ever meeting names of the compiler.

A script's identifier matches `[A-Za-z_][A-Za-z0-9_]*`. It keeps its name, except that names beginning with two
underscores get a mark: some of them mean something to Python (`__debug__`, `__builtins__`). All other names in
generated code begin with a character that no identifier can hold:

    !__x    a script's own name that begins with two underscores
    $add    operator or service of the evaluator
    @len    name of the universe
    &days   predeclared name (host or prelude)
    .append method table
    %1      temporary
    %=sort  clone of the function `sort`
    %-sort  version of the function `sort` for callers that are sure of their arguments
"""

from __future__ import annotations

from typing import Final

MARK: Final = "!"
OPERATOR: Final = "$"
UNIVERSAL: Final = "@"
PREDECLARED: Final = "&"
METHOD: Final = "."
TEMPORARY: Final = "%"
CLONE: Final = "%="
GENERATED: Final = OPERATOR + UNIVERSAL + PREDECLARED + METHOD + TEMPORARY
"""How names begin that are no script's."""
DIRECT: Final = "%-"


def python_name(name: str) -> str:
    """The generated code's name for a script's identifier."""
    return MARK + name if name.startswith("__") else name


def clone_name(name: str) -> str:
    """The generated code's name for the clone of a function (`clones.py`)."""
    return CLONE + python_name(name)


def direct_name(name: str) -> str:
    """The generated code's name for the direct version of a function (`direct.py`)."""
    return DIRECT + python_name(name)


def script_name(name: str) -> str:
    """The identifier behind a generated name made by `python_name`."""
    return name.removeprefix(MARK)


def is_script_name(name: str) -> bool:
    """Whether a key of a module's globals is a name of the script."""
    return name[0] not in GENERATED


def keyword_name(text: str) -> str:
    """The generated code's name for a keyword given by `**`: any text, and injective, so that no text can meet a
    name of the compiler. Hidden parameters are positional-only and cannot be met at all."""
    return MARK + text if text.startswith(("__", MARK)) else text
