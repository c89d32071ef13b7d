"""Loaders with names of their own for modules."""

from __future__ import annotations

from collections.abc import Iterable

from flowlang import Dialect, Interpreter, check


class Stars:
    """Modules without `.flow` in their names."""

    def __init__(self, **modules: str) -> None:
        self.modules = modules

    def read(self, name: str) -> str:
        return self.modules[name]

    def candidates(self, name: str) -> Iterable[str]:
        return list(self.modules)

    def resolve(self, text: str, from_module: str) -> str:
        return text.removesuffix(".star").lstrip(":")


def test_a_loader_may_resolve() -> None:
    loader = Stars(rules='load(":lib.star", "x")\ny = x + 1\n', lib="x = 1\n")
    assert Interpreter(loader=loader, dialect=Dialect.standard()).load("rules").globals["y"] == 2


def test_checks_ask_it_as_well() -> None:
    text = 'load("lib", "x", "z")\nx\n'
    assert [found.slug for found in check(text, loader=Stars(lib="x = 1\n"))] == ["missing-load-name"]
    assert [found.slug for found in check(text, loader={"lib": "x = 1\n"})] == ["load-not-flow"]
