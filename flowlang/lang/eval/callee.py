"""Which function a call meant that CPython refused, and how that function is called.

The refusal is a text with the function's qualified name, nothing more. The function itself is near: a method stands
in the table of its type, a member of a module in that module, and a function of a script or a builtin in a variable
that the calling code can see. When two different functions in sight bear the name, none is taken: a hint may be
missing, but must not be wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FrameType, FunctionType
from typing import Any, Final

from flowlang.lang.compile.naming import script_name
from flowlang.lang.values.display import preview
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, BoundMethod, builtin_info

HIDDEN: Final = frozenset({"%d", "depth", "self"})
"""Parameters of generated functions and of builtins that are not the script's."""
LAMBDA: Final = "lambda"
"""What functions without a name are called in messages."""
SEARCHED_MAX: Final = 10_000
"""Variables that are looked through, so that the cost of a message is bounded."""
SIGNATURE_LENGTH_MAX: Final = 200
DEFAULT_LENGTH_MAX: Final = 30


def find_callee(qualified: str, frame: FrameType) -> FunctionType | None:
    """The function of this qualified name that the code of `frame` can see."""
    owner, _, member = qualified.rpartition(".")
    for known in VALUE_TYPES.values():
        if known.name == owner and member in known.methods:
            method = known.methods[member]
            return method if type(method) is FunctionType else None
    module, _, member = qualified.rpartition(":")
    found: FunctionType | None = None
    for value in _visible(frame):
        if module and type(value) in VALUE_TYPES and VALUE_TYPES[type(value)].name == "module":
            value = _member(value, member)
        if type(value) is BoundMethod:
            value = value.function
        if type(value) is FunctionType and value.__qualname__ == qualified and value is not found:
            if found is not None and found.__code__ is not value.__code__:
                return None
            found = value
    return found


def _visible(frame: FrameType) -> Iterator[Any]:
    yield from list(frame.f_locals.values())[:SEARCHED_MAX]
    yield from list(frame.f_globals.values())[:SEARCHED_MAX]


def _member(module: Any, name: str) -> Any:
    get_field = VALUE_TYPES[type(module)].get_field
    return get_field(module, name) if get_field is not None else MISSING


def parameter_names(function: FunctionType) -> list[str]:
    """The parameters that can be given by name, as the script knows them."""
    code = function.__code__
    names = code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
    return [script_name(name) for name in names if not _is_hidden(name)]


def signature(function: FunctionType, name: str) -> str:
    """How the function is called: `name(required, optional = 1, *, keyword)`."""
    info = builtin_info(function)
    if info is not None and info.signature:
        inner = info.signature.removeprefix(f"{info.name}(")
        return f"{name}({inner}" if inner != info.signature else f"{name}({inner})"
    parts = ", ".join(_parameters(function)).replace(", [", "[, ")
    text = f"lambda {parts}: …" if name == LAMBDA else f"{name}({parts})"
    return text if len(text) <= SIGNATURE_LENGTH_MAX else f"{text[:SIGNATURE_LENGTH_MAX]}…"


def _parameters(function: FunctionType) -> Iterator[str]:
    code = function.__code__
    names = code.co_varnames
    defaults = function.__defaults__ or ()
    first_default = code.co_argcount - len(defaults)
    for index, name in enumerate(names[: code.co_argcount]):
        if _is_hidden(name):
            continue
        if index < first_default:
            yield script_name(name)
        elif index < code.co_posonlyargcount:
            yield f"[{script_name(name)}]"
        else:
            yield _with_default(name, defaults[index - first_default])
    last = code.co_argcount + code.co_kwonlyargcount
    rest = last
    if code.co_flags & inspect.CO_VARARGS:
        yield f"*{script_name(names[rest])}"
        rest += 1
    elif code.co_kwonlyargcount:
        yield "*"
    for name in names[code.co_argcount : last]:
        keyword_defaults = function.__kwdefaults__ or {}
        yield _with_default(name, keyword_defaults[name]) if name in keyword_defaults else script_name(name)
    if code.co_flags & inspect.CO_VARKEYWORDS:
        yield f"**{script_name(names[rest])}"


def _with_default(name: str, default: Any) -> str:
    shown = preview(default, DEFAULT_LENGTH_MAX) if type(default) in VALUE_TYPES else "…"
    return f"{script_name(name)} = {shown}"


def _is_hidden(name: str) -> bool:
    return name in HIDDEN or name.startswith("%")
