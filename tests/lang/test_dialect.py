"""Dialects as values: their names, what a build makes of them, and what a host gives to modules."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from bare_run import bare_run

from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation
from flowlang.lang.interpreter import UNIVERSE, Build, build, universe_of
from flowlang.lang.resolve.dialect import FLOW, OPTIONS, STANDARD, Dialect
from flowlang.lang.values.result import Ok
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, MappingLoader, source_reader

RECURSIVE = "def f(n):\n    return f(n - 1) if n else 0\n\nf(1)\n"


class Cache:
    """A program cache in memory that counts what is found."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.hits = 0

    def get(self, key: str) -> bytes | None:
        self.hits += key in self.data
        return self.data.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.data[key] = data


def built(
    text: str, dialect: Dialect, cache: Cache | None = None, predeclared: Iterable[str] = (), prelude: bool = False
) -> Build:
    read = source_reader(ChainLoader(MappingLoader({"main.flow": text}), BundledLoader()))
    names = prelude_modules() if prelude else ()
    return build("main.flow", read, names, cache, dialect=dialect, predeclared=predeclared)


def slugs(text: str, dialect: Dialect, predeclared: Iterable[str] = ()) -> list[str]:
    return [diagnostic.slug for diagnostic in built(text, dialect, predeclared=predeclared).diagnostics]


def test_dialects_have_names() -> None:
    assert Dialect.named("flow") == Dialect.flow() == FLOW
    assert Dialect.named("standard") == Dialect.standard() == STANDARD == Dialect()
    assert Dialect.named("standard while recursion") == Dialect.standard(while_loops=True, recursion=True)
    assert Dialect.named(" standard  toplevelcontrol globalreassign ") == Dialect.standard(
        top_level_control=True, global_reassign=True
    )
    assert Dialect.named("standard " + " ".join(OPTIONS)).while_loops
    assert len({FLOW, STANDARD, Dialect.standard(recursion=True)}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no dialect"),
        ("python", "`python`"),
        ("flow while", "`flow while`"),
        ("standard loops", "no option `loops`"),
        ("standard While", "no option `While`"),
    ],
)
def test_there_are_no_others(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dialect.named(text)


def test_the_standard_universe_has_nothing_of_flows() -> None:
    assert universe_of(FLOW) == set(UNIVERSE)
    missing = universe_of(FLOW) - universe_of(STANDARD)
    assert {"flow", "Ok", "Err", "Result", "FlowContext", "current_flow", "args"} <= missing
    assert {"print", "struct", "json", "math", "set", "fail"} <= universe_of(STANDARD)


@pytest.mark.parametrize("option", OPTIONS.values())
def test_each_option_allows_one_thing(option: str) -> None:
    programs = {
        "top_level_control": "if True:\n    pass\n",
        "global_reassign": "x = 1\nx = 2\n",
        "recursion": RECURSIVE,
        "while_loops": "def f():\n    while False:\n        pass\n\nf()\n",
    }
    dialect = Dialect(**{option: True})
    for name, text in programs.items():
        run = bare_run({"main.flow": text}, dialect)
        assert (not run.diagnostics and run.failure is None) is (name == option), name


def test_the_prelude_is_no_part_of_the_standard_dialect() -> None:
    standard = built("x = 1\n", STANDARD, prelude=True)
    assert [program.name for program in standard.programs] == ["main.flow"]
    assert list(standard.prelude) == []
    assert len(built("x = 1\n", FLOW, prelude=True).programs) > 1


def test_a_cache_keeps_dialects_apart() -> None:
    cache = Cache()
    text = "def f(n):\n    return f(n - 1) if n else 0\n"
    for dialect in (STANDARD, Dialect.standard(recursion=True), FLOW):
        before = cache.hits
        first = built(text, dialect, cache)
        assert cache.hits == before
        assert built(text, dialect, cache).programs == first.programs
        assert cache.hits == before + 1
    assert len(cache.data) == 3


def test_a_cache_keeps_what_hosts_give_apart() -> None:
    cache = Cache()
    built("x = 1\n", STANDARD, cache, ["a"])
    built("x = 1\n", STANDARD, cache, ["a", "b"])
    assert cache.hits == 0
    built("x = 1\n", STANDARD, cache, ["b", "a"])
    assert cache.hits == 1


def test_two_dialects_run_side_by_side() -> None:
    for _ in range(2):
        failure = bare_run({"main.flow": RECURSIVE}, STANDARD).failure
        assert failure is not None
        assert failure.kind == "recursion"
        assert bare_run({"main.flow": RECURSIVE}, FLOW).failure is None


@pytest.mark.parametrize("dialect", [STANDARD, FLOW])
def test_a_host_gives_names(dialect: Dialect) -> None:
    assert slugs("limit + 1\n", dialect) == ["undefined-name"]
    assert slugs("limit + 1\n", dialect, ["limit"]) == []
    assert slugs("len + 1\nprnt(1)\n", dialect, ["len"]) == ["undefined-name"]


def test_names_of_the_host_go_before_those_of_the_language() -> None:
    script = built("r = [len, limit]\n", STANDARD, predeclared=["len", "limit"])
    evaluation = Evaluation(
        script.programs, (), Entry("main.flow"), universe=UNIVERSE, catalog={}, predeclared={"len": 3, "limit": 4}
    )
    step = evaluation.start()
    assert isinstance(step, Completed)
    assert isinstance(step.result, Ok)
    assert list(evaluation.modules["main.flow"].exports()["r"]) == [3, 4]


def test_bundled_modules_do_not_see_names_of_the_host() -> None:
    text = 'load("@std//time.flow", "now")\nretry\n'
    script = built(text, FLOW, predeclared=["len", "struct", "retry"], prelude=True)
    assert not script.has_errors
    seen = {program.name: set(program.predeclared) for program in script.programs}
    assert seen["main.flow"] == {"retry"}
    assert all("len" not in names and "struct" not in names for names in seen.values())


def test_a_suggestion_knows_only_what_the_dialect_has() -> None:
    (standard,) = built("flw\n", STANDARD).diagnostics
    (flow,) = built("flw\n", FLOW).diagnostics
    assert standard.hint is None or "`flow`" not in standard.hint
    assert flow.hint == "did you mean `flow`?"


def test_a_host_may_have_names_of_its_own_for_modules() -> None:
    modules = {
        "a.star": 'load("pkg:b", "x")\ny = x + 1\n',
        "pkg/b.bzl": 'load(":c", z = "x")\nx = z + 1\n',
        "pkg/c.bzl": "x = 1\n",
    }
    asked = []

    def resolve(text: str, from_module: str) -> str:
        asked.append((text, from_module))
        folder, _, name = text.partition(":")
        return f"{folder or from_module.rpartition('/')[0]}/{name}.bzl"

    cache = Cache()
    read = source_reader(MappingLoader(modules))
    script = build("a.star", read, (), cache, dialect=STANDARD, resolve=resolve)
    assert [program.name for program in script.programs] == ["pkg/c.bzl", "pkg/b.bzl", "a.star"]
    assert set(asked) == {("pkg:b", "a.star"), (":c", "pkg/b.bzl")}
    assert not cache.data
    evaluation = Evaluation(script.programs, (), Entry("a.star"), universe=UNIVERSE, catalog={})
    assert isinstance(evaluation.start(), Completed)
    assert evaluation.modules["a.star"].exports() == {"y": 3}


def test_bundled_modules_are_named_as_ever() -> None:
    text = 'load("std", "now")\nnow\n'
    read = source_reader(ChainLoader(MappingLoader({"main.flow": text}), BundledLoader()))
    script = build("main.flow", read, prelude_modules(), resolve=lambda _text, _module: "@std//time.flow")
    assert not script.has_errors
    assert "@std//time.flow" in [program.name for program in script.programs]
