"""From the text of a `load` to the name of a module."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.lang.resolve.load_source import LoadProblem, check_canonical, library_of, resolve_source

GOOD = [
    ("pkg.flowmetal.io/v1/prelude", "a.flow", "@prelude"),
    ("pkg.flowmetal.io/prelude/v1", "@std//a.flow", "@prelude"),
    ("@prelude", "a.flow", "@prelude"),
    ("@prelude//retry.flow", "a.flow", "@prelude//retry.flow"),
    ("@std//tables.flow", "examples/etl/etl.flow", "@std//tables.flow"),
    ("@std//data/tables.flow", "a.flow", "@std//data/tables.flow"),
    ("./lib.flow", "etl.flow", "lib.flow"),
    ("lib.flow", "etl.flow", "lib.flow"),
    ("./lib.flow", "examples/etl/etl.flow", "examples/etl/lib.flow"),
    ("steps/load.flow", "examples/etl/etl.flow", "examples/etl/steps/load.flow"),
    ("//lib/api.flow", "examples/etl/etl.flow", "lib/api.flow"),
    ("./csv.flow", "@std//data/tables.flow", "@std//data/csv.flow"),
    ("csv.flow", "@std//tables.flow", "@std//csv.flow"),
    ("//csv.flow", "@std//data/tables.flow", "@std//csv.flow"),
    ("./lib.flow", "<stdin>", "lib.flow"),
    ("./größe und maß.flow", "a.flow", "größe und maß.flow"),
    ("./.hidden.flow", "a.flow", ".hidden.flow"),
]


@pytest.mark.parametrize(("text", "from_module", "name"), GOOD)
def test_canonical_name(text, from_module, name):
    assert resolve_source(text, from_module) == name


BAD = [
    ("", "load-empty-source", "./lib.flow"),
    ("../lib.flow", "load-parent-path", "//"),
    ("a/../../lib.flow", "load-parent-path", "//"),
    ("//../lib.flow", "load-parent-path", "//"),
    ("@std//../lib.flow", "load-parent-path", "//"),
    ("/etc/passwd", "load-absolute-path", "//"),
    ("/lib.flow", "load-absolute-path", "//"),
    ("C:/lib.flow", "load-absolute-path", "//"),
    ("~/lib.flow", "load-home-path", "//folder"),
    ("~root/lib.flow", "load-home-path", "//folder"),
    ("https://example.org/lib.flow", "load-url", "project"),
    ("file:///lib.flow", "load-url", "project"),
    ("lib\\api.flow", "load-backslash", "/"),
    ("lib\0.flow", "load-control-character", "plain"),
    ("lib\n.flow", "load-control-character", "plain"),
    ("lib\u202e.flow", "load-control-character", "plain"),
    ("lib\u200b.flow", "load-control-character", "plain"),
    ("lib\ud800.flow", "load-control-character", "plain"),
    ("lib//api.flow", "load-empty-segment", "single slashes"),
    ("lib/./api.flow", "load-empty-segment", "single slashes"),
    ("././api.flow", "load-empty-segment", "single slashes"),
    ("///api.flow", "load-empty-segment", "single slashes"),
    ("//", "load-empty-segment", "single slashes"),
    ("@std//", "load-empty-segment", "single slashes"),
    ("./", "load-empty-segment", "single slashes"),
    ("%2e%2e/lib.flow", "load-percent-escape", "as it is"),
    ("lib", "load-not-flow", "write `lib.flow`"),
    ("@std//tables", "load-not-flow", "write `@std//tables.flow`"),
    ("lib.py", "load-not-flow", "`lib.flow`"),
    ("lib.FLOW", "load-not-flow", "small letters: `lib.flow`"),
    ("lib/.flow", "load-not-flow", "needs a name"),
    (":lib.flow", "load-colon", "`./lib.flow`"),
    ("//lib:api.flow", "load-colon", "`//lib/api.flow`"),
    ("x" * 600 + ".flow", "load-too-long", "512"),
    ("x" * 260 + ".flow", "load-too-long", "255"),
    ("ü" * 130 + ".flow", "load-too-long", "255"),
    ("@std/tables.flow", "load-unknown-package", "did you mean `@std//tables.flow`?"),
    ("@stdlib//tables.flow", "load-unknown-package", "did you mean `@std//tables.flow`?"),
    ("@preldue//retry.flow", "load-unknown-package", "did you mean `@prelude//retry.flow`?"),
    ("@elsewhere//x.flow", "load-unknown-package", "`@std//name.flow`"),
    ("@std", "load-unknown-package", "`@std//name.flow`"),
    ("pkg.flowmetal.io/v2/prelude", "load-unknown-package", "did you mean `pkg.flowmetal.io/v1/prelude`?"),
    ("pkg.example.org/x", "load-unknown-package", "`@std//name.flow`"),
]


@pytest.mark.parametrize(("text", "slug", "hint"), BAD)
def test_refused(text, slug, hint):
    with pytest.raises(LoadProblem) as caught:
        resolve_source(text, "examples/etl.flow")
    assert caught.value.slug == slug
    assert hint in caught.value.hint
    assert not caught.value.message.endswith(".")


def test_a_relative_path_may_not_grow_for_ever():
    folder = "/".join(["x" * 200] * 2)
    with pytest.raises(LoadProblem) as caught:
        resolve_source("./" + "y" * 100 + "/lib.flow", f"{folder}/a.flow")
    assert caught.value.slug == "load-too-long"


@given(st.text(max_size=40) | st.text(alphabet="./@~:%ab", max_size=20).map(lambda text: text + ".flow"))
def test_a_resolved_name_stays_inside(text):
    try:
        name = resolve_source(text, "examples/etl/etl.flow")
    except LoadProblem:
        return
    if name == "@prelude":
        return
    path = name.removeprefix(f"{library_of(name)}//")
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/"))
    assert path.endswith(".flow")
    check_canonical(name)


@pytest.mark.parametrize(
    "name", ["../x.flow", "/x.flow", "./x.flow", "a//b.flow", "@prelude", "x", "", "@other//x.flow"]
)
def test_what_is_not_canonical(name):
    with pytest.raises(LoadProblem):
        check_canonical(name)


def test_library_of():
    assert library_of("@std//a/b.flow") == "@std"
    assert library_of("@prelude//a.flow") == "@prelude"
    assert library_of("lib/a.flow") == ""
