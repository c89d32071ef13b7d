"""What is fuzzed: functions of arbitrary bytes that raise on anything that must not happen.

`parser`: any text has a tree or diagnostics, inside the bounds of the text, each with an entry of the catalog.
`compiler`: a text made of the language's own pieces is refused with diagnostics or runs to an end in its own words.
`conversion`: bytes that claim to be a journaled value, JSON, numbers or a template give a value that survives the
way there and back, or a Fault; the host's exceptions do not come out.

`python tests/lang/fuzz/fuzz.py` drives them with atheris, `test_fuzz.py` with hypothesis and with what was found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from hostile_run import run_text
from test_hostile import HOST_WORDS

from flowlang.lang.diagnostics.catalog import entry
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse
from flowlang.lang.syntax.token import KINDS, NAMED
from flowlang.lang.values.canonical import MalformedData, decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.text import METHODS as STRING_METHODS
from flowlang.lang.values.text_format import format_percent

STEPS: Final = 20_000
MEMORY: Final = 16 << 20
ENDS: Final = ("steps", "memory", "depth", "output")
PIECES: Final = (
    *(text for text in KINDS if text not in NAMED),
    "\n", "\n    ", "\n        ", "\n            ", "\n", "\n    ", " ", "# x\n", "\\\n",
    "x", "y", "f", "g", "xs", "d", "i", "0", "1", "2", "-1", "1.5", "70", "(1 << 70)", "'s'", '"%s {}"', "b'b'", "__x",
    "[]", "{}", "()", "[1, 2]", "(1, 2)", "{'a': 1}", "x = ", "y = ", "def f(x):", "def g(*a, **k):", "return ", "f(x)",
    "for i in xs:", "for x in ", "if x:", "else:", "elif y:", "pass", "lambda x: ", "[i for i in ", "{i: x for i in ",
    ".append(", ".items()", ".format(", ".join(", ".get(", ".pop()", ".add(", ".x", "[0]", "[1:]", "load('//m.flow', ",
    *sorted(UNIVERSE),
)  # fmt: skip
PROLOGUE: Final = """
x = 1
y = [1, 'a', None]
xs = [3, 1, 2]
d = {'a': 1}
i = 0
def f(*a, **k):
    return (a, k)
g = f
"""


def parser(data: bytes) -> None:
    """Any text."""
    text = data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("latin-1")
    source = SourceFile("//fuzz.flow", text)
    _, diagnostics = parse(source)
    for diagnostic in diagnostics:
        assert entry(diagnostic.slug) is not None, diagnostic.slug
        assert diagnostic.primary is not None
        line, column, end_line, end = diagnostic.primary.span
        assert 1 <= line <= end_line <= len(source.lines), diagnostic
        assert (line, column) <= (end_line, end), diagnostic
        assert column <= len(source.line(line)), diagnostic


def compiler(data: bytes) -> None:
    """A text of pieces: each byte is one."""
    run(PROLOGUE + text_of(data))


def text_of(data: bytes) -> str:
    """The text that bytes stand for."""
    return "".join(PIECES[byte % len(PIECES)] for byte in data)


def run(text: str) -> None:
    """Builds and runs a text under a small budget."""
    found = run_text(text, steps=STEPS, memory=MEMORY)
    end = found["end"]
    assert end in ("ok", *ENDS) or entry(end) is not None, found
    for line in found["texts"]:
        word = HOST_WORDS.search(line)
        assert word is None or word[0] in text, found


def conversion(data: bytes) -> None:
    """Bytes as data of several kinds."""
    token = METER.set(Meter(Budget(steps=10_000_000, memory_bytes=64 << 20)))
    try:
        _journaled(data)
        for convert in _CONVERSIONS:
            _attempt(lambda convert=convert: convert(data.decode("utf-8", "replace")))
        _attempt(lambda: UNIVERSE["str"](0, data))
    finally:
        METER.reset(token)


def _journaled(data: bytes) -> None:
    try:
        value = decode(data)
    except (MalformedData, BudgetExceeded):
        return
    again = encode(value)
    assert encode(decode(again)) == again
    _attempt(lambda: from_host(to_host(value)))


def _attempt(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except (Fault, BudgetExceeded):
        return None


def _json(text: str) -> None:
    value = UNIVERSE["json"].members["decode"](0, text)
    again = UNIVERSE["json"].members["encode"](0, value)
    assert UNIVERSE["json"].members["encode"](0, UNIVERSE["json"].members["decode"](0, again)) == again
    # What the language takes for JSON, others must take for JSON as well.
    json.loads(again)


def _number(text: str) -> None:
    number = UNIVERSE["int"](0, text)
    assert UNIVERSE["int"](0, str(number)) == number


def _float(text: str) -> None:
    number = UNIVERSE["float"](0, text)
    assert UNIVERSE["float"](0, UNIVERSE["str"](0, number)) == number or number != number


def _template(text: str) -> None:
    STRING_METHODS["format"](0, text, 1, "a", x=None)
    _attempt(lambda: format_percent(text, (1, "a", None)))


_CONVERSIONS: Final[tuple[Callable[[str], Any], ...]] = (_json, _number, _float, _template)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "parser": parser, "compiler": compiler, "conversion": conversion
}  # fmt: skip
