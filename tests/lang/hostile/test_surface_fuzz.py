"""Random calls of everything that a script can call, with random values: no one may end in a bug of ours.

Each example is a short script of calls, operators and stores on values from one pool, every step in a flow of its own,
so that an error of one does not end the others. What comes out must be a Result whose failure has a known kind and
speaks the language's words; a `Defect`, an exception of the host or a word of the host fails the test.
"""

from __future__ import annotations

from typing import Any

from hostile_run import run_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_hostile import HOST_WORDS

from flowlang.lang.eval.attribute import attribute_names
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.values.container import Dict, List, Set

VALUES = (
    "None", "True", "False", "0", "1", "-1", "3", "(1 << 70)", "(1 << 500)", "1.5", "-0.0", "1e308",
    'float("nan")',
    'float("inf")', '""', '"abc"', '"a,b,c"', '"{}"', '"%s"', '"{0} {x!r}"', '"[1, 2]"', '"λ\\x1c😿"', '("x" * 70)',
    'b""', 'b"ab\\xff"', "[]", "[1, 2, 3]", '["a", "b"]', "[[1], [2]]", "[True, 1, None]", "{}", '{"a": 1}',
    "{1: 2, True: 3, (1, 2): 4}", '{"sep": "-"}', "set()", "set([1, True, 1.5])", "()", "(1,)", '("a", 1)', "range(3)",
    "range(9, 0, -2)", "range(1 << 40)", "len", "(lambda: 1)", "(lambda x: x)", "(lambda *a, **k: (a, k))", "[].append",
    '"a".upper', "struct(a = 1, b = [])", "Ok(1)", 'Err("e")', "Err(1).failure", "json", "math", "args",
    'args.string(default = "d")', '"abc".elems()', '"abc".elem_ords()', 'b"ab".elems()', "flow(implementation = len)",
    "flow(implementation = lambda fctx, x: x)", "current_flow()", "current_flow().actions",
    "current_flow().actions.run",
    "stream(lambda c: None)", "stream(lambda c: (1, None))", "Result", "xs", "d", "cyclic", "shared", "held", "deep",
)  # fmt: skip
NAMES = tuple(sorted(name for name in UNIVERSE if name not in ("None", "True", "False", "print")))
MEMBERS = tuple(sorted({
    *(name for value in ("", b"", List(), Dict(), Set(), UNIVERSE["json"], UNIVERSE["math"], UNIVERSE["args"])
      for name in attribute_names(value)),
    "is_ok", "unwrap_or", "value", "error", "failure", "kind", "message", "trace", "data", "a", "b", "args", "actions",
    "name", "run_id", "sleep", "log", "run", "wait", "__class__",
}))  # fmt: skip
KEYWORDS = ("sep", "key", "reverse", "x", "__x", "default", "prefix", "a")
OPERATORS = (
    "+", "-", "*", "/", "//", "%", "|", "&", "^", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
    "and", "or",
)  # fmt: skip
IN_PLACE = ("+", "-", "*", "/", "//", "%", "|", "&", "^", "<<", ">>")
PROLOGUE = """
xs = [3, 1, 2]
d = {"a": 1, "b": [2]}
cyclic = [1]
cyclic.append(cyclic)
shared = [1]
for _ in range(12):
    shared = [shared, shared]
deep = 1
for _ in range(120):
    deep = [deep]
held = {1: 2}
failed = []
def attempt(f):
    r = flow(implementation = lambda fctx: f(), name = "attempt")()
    if is_err(r):
        names = [frame.name for frame in r.failure.trace]
        failed.append((r.failure.kind, r.failure.message, r.failure.hint or "", names))
"""
EPILOGUE = """
for kind, message, hint, names in failed[:200]:
    print(kind, message, hint, names, sep = "\\n")
"""

value = st.sampled_from(VALUES)
arguments = st.builds(
    lambda positional, named, star, stars: ", ".join(
        [*positional, *(f"{name} = {text}" for name, text in named.items()), *(f"*{text}" for text in star),
         *(f"**{text}" for text in stars)]
    ),
    st.lists(value, max_size=3),
    st.dictionaries(st.sampled_from(KEYWORDS), value, max_size=1),
    st.lists(value, max_size=1),
    st.lists(value, max_size=1),
)  # fmt: skip
expression = st.one_of(
    st.builds("{}({})".format, st.sampled_from(NAMES), arguments),
    st.builds("({}).{}({})".format, value, st.sampled_from(MEMBERS), arguments),
    st.builds("({}).{}".format, value, st.sampled_from(MEMBERS)),
    st.builds("({})({})".format, value, arguments),
    st.builds("({}) {} ({})".format, value, st.sampled_from(OPERATORS), value),
    st.builds("({})[{}]".format, value, value),
    st.builds("({})[{}:{}:{}]".format, value, value, value, value),
    st.builds("{}({})".format, st.sampled_from(("-", "+", "~", "not ", "str", "repr", "hash", "json.encode")), value),
    st.builds("[x for x in {} if {}]".format, value, value),
    st.builds("[(x, y) for x, y in {}]".format, value),
)
statement = st.one_of(
    st.builds("    return {}".format, expression),
    st.builds("    a, b = {}\n    return b".format, value),
    st.builds("    t = {}\n    t {}= {}\n    return t".format, value, st.sampled_from(IN_PLACE), value),
    st.builds("    t = {}\n    t[{}] = {}\n    return t".format, value, value, value),
    st.builds("    t = {}\n    t.{} = {}\n    return t".format, value, st.sampled_from(MEMBERS), value),
    st.builds("    for x in {}:\n        t = {}\n        return t".format, value, expression),
    st.builds("    f = ({}).{}\n    return f({})".format, value, st.sampled_from(MEMBERS), arguments),
)


def script(bodies: list[str]) -> str:
    """A script that tries each body."""
    steps = [f"def f{place}():\n{body}\nattempt(f{place})\n" for place, body in enumerate(bodies)]
    return PROLOGUE + "".join(steps) + EPILOGUE


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(statement, min_size=20, max_size=40))
def test_nothing_ends_in_a_bug(bodies: list[str]) -> None:
    text = script(bodies)
    found: dict[str, Any] = run_text(text, steps=2_000_000, memory=64 << 20)
    assert found["end"] in ("ok", "steps", "memory", "depth", "output"), (found, text)
    for line in [*found["texts"], *found.get("lines", [])]:
        word = HOST_WORDS.search(line)
        assert word is None or word[0] in text, (line, text)
