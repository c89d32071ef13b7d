"""Calls that do not fit their function, in the language's words.

Arguments are bound by CPython, which reports a mismatch as a TypeError with a text. The texts are few and stable;
what they say (function, counts, names) is taken out of them and said again, without the hidden depth argument.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from types import FrameType, FunctionType
from typing import Any, Final

from flowlang.lang.compile.naming import script_name
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.callee import HIDDEN, LAMBDA, find_callee, parameter_names, signature
from flowlang.lang.values.display import function_name
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import builtin_info
from flowlang.lang.values.quote import clip

NAME: Final = r"(?P<function>[^()]*)\(\) "
COUNT: Final = re.compile(
    NAME + r"takes (?:from (?P<least>\d+) to )?(?P<most>\d+) positional arguments? but (?P<given>\d+)"
    r"(?: positional arguments? \(and \d+ keyword-only arguments?\))? (?:was|were) given"
)
LISTED_MAX: Final = 8
"""Missing arguments that are named."""
MISSING: Final = re.compile(NAME + r"missing \d+ required (?P<kind>positional|keyword-only) arguments?: (?P<names>.*)")
UNEXPECTED: Final = re.compile(
    NAME + r"got an unexpected keyword argument '(?P<name>[^']*)'(?:\. Did you mean '(?P<near>[^']*)'\?)?"
)
MULTIPLE: Final = re.compile(NAME + r"got multiple values for (?:keyword )?argument '(?P<name>[^']*)'")
POSITIONAL_ONLY: Final = re.compile(
    NAME + r"got some positional-only arguments passed as keyword arguments: '(?P<names>[^']*)'"
)
NO_KEYWORDS: Final = re.compile(NAME + r"takes no keyword arguments")
NOT_CALLABLE: Final = re.compile(r"'(?P<type>[^']*)' object is not callable")
CALL_HINTS: Final = {
    "list": "write `[...]` behind a list to get an element: `items[0]`",
    "tuple": "write `[...]` behind a tuple to get an element: `items[0]`; a comma may be missing before the `(`",
    "dict": 'write `[...]` behind a dict to get an entry: `table["key"]`',
    "string": "a variable holds text here, perhaps under the name of a function; `%` and `.format(...)` fill in values",
    "NoneType": "a function that ends without `return` gives None",
    "int": "write `*` to multiply; a variable may hold a number under the name of a function",
    "float": "write `*` to multiply; a variable may hold a number under the name of a function",
    "bool": "it is a value already; remove the parentheses",
    "Result": "calling a flow gives a Result: take the value out with `unwrap(...)` or `.value`",
    "struct": "call one of its fields: `value.name(...)`",
    "module": "call one of its functions: `module.name(...)`",
}
"""What the author of a call probably wants, by the type of what was called."""
HOST_TYPES: Final = {
    "NoneType": "NoneType", "str": "string", "List": "list", "HeldList": "list", "Dict": "dict", "HeldDict": "dict",
    "Set": "set", "HeldSet": "set", "Ok": "Result", "Err": "Result", "FlowContext": "FlowContext",
}  # fmt: skip


def explain_type_error(text: str, frame: FrameType | None = None) -> Fault | None:
    """The Fault behind a TypeError raised by a call in generated code; None when it is not such a text. `frame`: the
    code that called."""
    if found := NOT_CALLABLE.fullmatch(text):
        host_type = found["type"]
        kind = HOST_TYPES.get(host_type, host_type.lower())
        hint = CALL_HINTS.get(kind)
        return Fault("not-callable", f"a value of type {kind} cannot be called", hint=hint)
    for pattern, explanation in (
        (COUNT, _count), (MISSING, _missing), (UNEXPECTED, _unexpected), (MULTIPLE, _multiple),
        (POSITIONAL_ONLY, _positional_only), (NO_KEYWORDS, _no_keywords),
    ):  # fmt: skip
        if found := pattern.match(text):
            fault = explanation(found)
            if fault.hint is None and frame is not None:
                keyword = script_name(found["name"]) if pattern is UNEXPECTED else None
                callee = find_callee(found["function"], frame)
                if callee is not None and _agrees(callee, found.groupdict()):
                    fault.hint = _advice(callee, _function(found)[0], keyword)
            return fault
    return None


def _agrees(function: FunctionType, said: dict[str, str]) -> bool:
    """Whether the refusal can be about this function: one of the same name may be in sight while another is called."""
    code = function.__code__
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    missing = re.findall(r"'([^']*)'", said.get("names", ""))
    return set(missing) <= set(parameters) and said.get("most") in (None, str(code.co_argcount))


def _advice(function: FunctionType, name: str, keyword: str | None = None) -> str:
    """How the function is called; `keyword`: one that it does not know."""
    similar = nearest(keyword, parameter_names(function)) if keyword is not None and len(keyword) > 1 else None
    if similar is not None:
        return f"did you mean `{similar}`?"
    verb = "is" if name == LAMBDA else "is called as"
    return f"it {verb} `{signature(function, name)}`"


def _function(found: re.Match[str]) -> tuple[str, int]:
    """The function's name in the script, and how many hidden arguments its counts include."""
    qualified = found["function"]
    name = qualified.rpartition("<locals>.")[2]
    if name.startswith("%lambda"):
        return "lambda", 1
    if ":" in name:
        return name.replace(":", "."), 1
    owner, _, method = name.rpartition(".")
    return (method, 2) if owner else (script_name(name), 1)


def _count(found: re.Match[str]) -> Fault:
    name, hidden = _function(found)
    most, given = int(found["most"]) - hidden, int(found["given"]) - hidden
    least = int(found["least"] or found["most"]) - hidden
    takes = f"{most}" if least == most else f"{least} to {most}"
    if most == 0:
        return Fault("wrong-arguments", f"`{name}` takes no positional arguments, {given} given")
    noun = "argument" if most == 1 else "arguments"
    return Fault("wrong-arguments", f"`{name}` takes {takes} positional {noun}, {given} given")


def _missing(found: re.Match[str]) -> Fault:
    name, _ = _function(found)
    return _absent(name, re.findall(r"'([^']*)'", found["names"]))


def _absent(name: str, parameters: list[str]) -> Fault:
    noun = "argument" if len(parameters) == 1 else "arguments"
    listed = ", ".join(f"`{shown(script_name(parameter))}`" for parameter in parameters[:LISTED_MAX])
    more = f" and {len(parameters) - LISTED_MAX:,} more" if len(parameters) > LISTED_MAX else ""
    return Fault("wrong-arguments", f"`{name}` is missing the {noun} {listed}{more}")


def _unexpected(found: re.Match[str]) -> Fault:
    name, _ = _function(found)
    return Fault("wrong-arguments", f"`{name}` has no parameter `{shown(found['name'])}`")


def _multiple(found: re.Match[str]) -> Fault:
    name, _ = _function(found)
    return Fault("wrong-arguments", f"`{name}` got more than one value for the parameter `{shown(found['name'])}`")


def shown(keyword: str) -> str:
    """A keyword as messages show it: `**` can give any text as one."""
    return clip(script_name(keyword))[1:-1]


def _positional_only(found: re.Match[str]) -> Fault:
    name, _ = _function(found)
    names = [part.strip() for part in found["names"].split(",")]
    hidden = [part for part in names if part in HIDDEN]
    if hidden:
        # What no script can see does not exist.
        return Fault("wrong-arguments", f"`{name}` has no parameter `{hidden[0]}`")
    return Fault(
        "wrong-arguments",
        f"`{name}` takes {', '.join(f'`{part}`' for part in names)} by position only",
        hint="give the value without a name",
    )


def _no_keywords(found: re.Match[str]) -> Fault:
    name, _ = _function(found)
    return Fault("wrong-arguments", f"`{name}` takes no arguments by name")


def misfit(function: Any, hidden: int, positional: int, keywords: Iterable[str]) -> Fault | None:
    """Why a function of a script cannot be called with so many positional arguments and these keywords; None when it
    can. `hidden` arguments come first and are not the caller's (the depth, a flow's context)."""
    if type(function) is not FunctionType:
        return None
    code = function.__code__
    info = builtin_info(function)
    name = function_name(function) if info is None else info.name
    if info is None and hidden > code.co_argcount and not code.co_flags & inspect.CO_VARARGS:
        header = "lambda fctx: ..." if name == "lambda" else f"def {name}(fctx):"
        message = f"the flow's function `{name}` has no parameter for the context"
        return Fault("wrong-arguments", message, hint=f"its first parameter is the context: `{header}`")
    parameters = code.co_varnames[hidden : code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    if positional > len(parameters) and not code.co_flags & inspect.CO_VARARGS:
        return _too_many(name, len(parameters), positional)
    bound = set(parameters[:positional])
    known = {*parameters, *keyword_only}
    for keyword in keywords:
        if keyword in bound:
            return Fault("wrong-arguments", f"`{name}` got more than one value for the parameter `{shown(keyword)}`")
        if keyword not in known and not code.co_flags & inspect.CO_VARKEYWORDS:
            free = (script_name(each) for each in (*parameters, *keyword_only) if each not in bound)
            similar = nearest(script_name(keyword), free)
            hint = None if similar is None else f"did you mean `{similar}`?"
            return Fault("wrong-arguments", f"`{name}` has no parameter `{shown(keyword)}`", hint=hint)
        bound.add(keyword)
    required = parameters[: len(parameters) - len(function.__defaults__ or ())]
    absent = [parameter for parameter in required if parameter not in bound]
    absent += [each for each in keyword_only if each not in bound and each not in (function.__kwdefaults__ or ())]
    return _absent(name, absent) if absent else None


def _too_many(name: str, most: int, given: int) -> Fault:
    hint = None
    if most == 0:
        hint = "a flow without `args` hands what it is called with to its implementation, after the context"
    noun = "argument" if most == 1 else "arguments"
    return Fault("wrong-arguments", f"`{name}` takes {most or 'no'} positional {noun}, {given} given", hint=hint)
