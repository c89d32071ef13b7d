"""All modules of a program in dependency order, and what can be wrong with their loads."""

from __future__ import annotations

import pytest
from resolve_world import analyse_source

from flowlang.lang.resolve.load_graph import LoadGraph, exported_names, load_modules
from flowlang.loaders import MappingLoader, source_reader


def graph(entry: str = "main.flow", **modules: str) -> LoadGraph:
    """The graph of modules given as keywords: `lib__api` is `lib/api.flow`."""
    return mapped({name.replace("__", "/") + ".flow": text for name, text in modules.items()}, entry)


def mapped(modules: dict[str, str], entry: str = "main.flow") -> LoadGraph:
    return load_modules(
        entry, source_reader(MappingLoader(modules)), analyse_source, prelude_exports=["flow", "Ok", "unwrap"]
    )


def findings(found: LoadGraph) -> list[tuple[str, str, int]]:
    return [(d.slug, d.primary.source.name, d.primary.span[0]) for d in found.diagnostics]


def order(found: LoadGraph) -> list[str]:
    return [module.name for module in found.modules]


def test_one_module():
    found = graph(main="x = 1\n")
    assert order(found) == ["main.flow"]
    assert not found.has_errors
    assert found.by_name()["main.flow"].targets == {}


def test_dependencies_come_first_and_once():
    found = graph(
        main='load("./b.flow", "b")\nload("./c.flow", "c")\n',
        b='load("./d.flow", "d")\nb = d\n',
        c='load("//d.flow", "d")\nc = d\n',
        d="d = 1\n",
    )
    assert order(found) == ["d.flow", "b.flow", "c.flow", "main.flow"]
    assert found.diagnostics == ()
    assert found.by_name()["c.flow"].targets == {"//d.flow": "d.flow"}


def test_sources_are_relative_to_the_loading_file():
    found = graph(
        "app/main.flow",
        app__main='load("sub/x.flow", "x")\n',
        app__sub__x='load("./y.flow", x = "y")\n',
        app__sub__y="y = 1\n",
    )
    assert order(found) == ["app/sub/y.flow", "app/sub/x.flow", "app/main.flow"]


def test_missing_entry():
    found = graph(other="x = 1\n")
    assert found.modules == ()
    assert [d.slug for d in found.diagnostics] == ["load-not-found"]
    assert found.has_errors


def test_missing_module_with_suggestion():
    found = graph(main='x = 1\nload("./tabels.flow", "x2")\n', tables="x2 = 1\n")
    assert findings(found) == [("load-not-found", "main.flow", 2)]
    assert found.diagnostics[0].hint == "did you mean `//tables.flow`?"
    assert found.diagnostics[0].primary.span == (2, 5, 2, 20)
    assert found.by_name()["main.flow"].targets == {}


def test_a_missing_module_is_reported_at_each_load():
    found = graph(main='load("./a.flow", "a")\nload("./none.flow", "x")\n', a='load("./none.flow", "x")\na = 1\n')
    assert findings(found) == [("load-not-found", "a.flow", 1), ("load-not-found", "main.flow", 2)]


def test_refused_source():
    found = graph(main='load("../up.flow", "x")\n')
    assert findings(found) == [("load-parent-path", "main.flow", 1)]


@pytest.mark.parametrize(
    ("modules", "path"),
    [
        ({"main": 'load("./main.flow", "x")\nx = 1\n'}, "main.flow -> main.flow"),
        (
            {
                "main": 'load("./b.flow", "b")\n',
                "b": 'load("./c.flow", "c")\nb = 1\n',
                "c": 'load("./b.flow", "b")\nc = 1\n',
            },
            "b.flow -> c.flow -> b.flow",
        ),
    ],
)
def test_circles(modules, path):
    found = graph(**modules)
    circles = [diagnostic for diagnostic in found.diagnostics if diagnostic.slug == "load-cycle"]
    assert len(circles) == 1
    assert circles[0].message.endswith(path)
    assert circles[0].hint
    assert order(found)[-1] == "main.flow"


def test_missing_name():
    found = graph(main='load("./lib.flow", "fetch", "store")\n', lib="def fetch_(): pass\nstore = 1\n")
    assert findings(found) == [("missing-load-name", "main.flow", 1)]
    assert found.diagnostics[0].message == "`fetch` is not in `lib.flow`"
    assert found.diagnostics[0].hint == "did you mean `fetch_`?"
    assert found.diagnostics[0].primary.span == (1, 19, 1, 26)


def test_missing_name_that_the_module_only_loads():
    found = graph(main='load("./a.flow", "x")\n', a='load("./deep/b.flow", "x")\ny = x\n', deep__b="x = 1\n")
    assert findings(found) == [("missing-load-name", "main.flow", 1)]
    assert found.diagnostics[0].hint == "that module only loads it itself; load it from `//deep/b.flow`"


def test_missing_name_lists_the_few_that_exist():
    found = graph(main='load("./a.flow", "something")\n', a="one = 1\n_private = 2\n")
    assert found.diagnostics[0].hint == "it has `one`"


def test_names_of_the_universe_are_not_exported():
    found = graph(main='load("./a.flow", "len", "flow")\n', a="x = len\n")
    assert [d.slug for d in found.diagnostics] == ["missing-load-name"] * 2


def test_private_names_are_reported_once():
    found = graph(main='load("./a.flow", "_x")\n', a="_x = 1\n")
    assert findings(found) == [("private-load-name", "main.flow", 1)]


def test_names_of_a_module_with_errors_are_not_missed():
    found = graph(main='load("./a.flow", "x")\n', a="def x(:\n    pass\n")
    assert {diagnostic.primary.source.name for diagnostic in found.diagnostics} == {"a.flow"}


def test_prelude_is_no_module():
    found = graph(main='load("pkg.flowmetal.io/v1/prelude", "flow", good = "Ok")\nload("@prelude", "unwarp")\n')
    assert order(found) == ["main.flow"]
    assert found.by_name()["main.flow"].targets == {"pkg.flowmetal.io/v1/prelude": "@prelude", "@prelude": "@prelude"}
    assert [(d.slug, d.message, d.hint) for d in found.diagnostics] == [
        ("missing-load-name", "`unwarp` is not in the prelude", "did you mean `unwrap`?")
    ]


def test_a_load_that_stands_wrong_is_not_followed():
    found = graph(main='if True:\n    load("./none.flow", "x")\n')
    assert findings(found) == [("load-not-top-level", "main.flow", 2)]


def chain(length: int) -> dict[str, str]:
    modules = {f"m{i}.flow": f'load("./m{i + 1}.flow", "x")\nload("./end.flow", y = "x")\n' for i in range(length - 1)}
    return {**modules, f"m{length - 1}.flow": "x = 1\n", "end.flow": "x = 1\n"}


def test_chain_length_is_bounded():
    assert [d.slug for d in mapped(chain(64), "m0.flow").diagnostics if d.slug.startswith("load-")] == []
    found = mapped(chain(65), "m0.flow")
    # The last module of the chain is refused both as the next link and as the shared end.
    assert ("load-too-deep", "m63.flow", 1) in findings(found)


def test_many_modules_are_bounded():
    count = 1100
    modules = {f"m{i}.flow": "x = 1\n" for i in range(count)}
    modules["main.flow"] = "".join(f'load("./m{i}.flow", x{i} = "x")\n' for i in range(count))
    found = mapped(modules)
    assert len(found.modules) == 1024
    assert {d.slug for d in found.diagnostics} == {"load-too-many"}


def test_each_module_is_read_once():
    modules = {"main.flow": 'load("./a.flow", "a")\nload("//a.flow", b = "a")\n', "a.flow": "a = 1\n"}
    read: list[str] = []
    reader = source_reader(MappingLoader(modules))

    def counting(name):
        read.append(name)
        return reader(name)

    load_modules("main.flow", counting, analyse_source)
    assert read == ["main.flow", "a.flow"]


def test_exports():
    file, _ = analyse_source(
        graph(main='load("./a.flow", "a")\nb = 1\n_c = 2\ndef d(e):\n    pass\n', a="a = 1\n").modules[-1].source
    )
    assert exported_names(file) == {"b", "d"}
