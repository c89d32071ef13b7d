"""The four engines that the kernels run on: flowlang, CPython, and the bindings of starlark-go and starlark-rust.

Each engine takes the text of a kernel and gives its function `run`, ready to be called: reading, compiling and the
run of the module's top level are over by then. What the engines cannot share is settled here:

- CPython has no module `json` among its builtins and other names for types, so it is given both;
- starlark-go's binding only evaluates expressions: a call is the evaluation of `run(n)`, whose parsing is about ten
  microseconds, nothing beside a kernel; it has no `json`;
- starlark-rust's binding calls a function of a frozen module; it has no `set`.

An engine whose package is not installed is left out by `available`.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, Final

from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation
from flowlang.lang.interpreter import UNIVERSE, build
from flowlang.lang.values.convert import to_host
from flowlang.lang.values.meter import METER
from flowlang.loaders import MappingLoader, source_reader
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog

Run = Callable[[int], Any]
Engine = Callable[[str], Run]


class Unsupported(Exception):
    """The engine lacks something that the kernel uses."""


def in_flowlang(text: str) -> Run:
    """The kernel's `run`, compiled by flowlang."""
    built = build("kernel.flow", source_reader(MappingLoader({"kernel.flow": text})), ())
    assert not built.has_errors, built.diagnostics
    catalog = Catalog(ActionRegistry(()))
    evaluation = Evaluation(built.programs, (), Entry("kernel.flow"), universe=UNIVERSE, catalog=catalog)
    evaluation.go_live()
    assert isinstance(evaluation.start(), Completed)
    METER.set(evaluation.meter)
    run = evaluation.modules["kernel.flow"].exports()["run"]
    return lambda size: to_host(run(0, size))


def in_python(text: str) -> Run:
    """The kernel's `run`, compiled by CPython."""
    encoder = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    names: dict[str, Any] = {
        "json": SimpleNamespace(encode=encoder.encode, decode=json.loads),
        "type": operator.attrgetter("__class__.__name__"),
    }
    exec(compile(text.replace('"string"', '"str"'), "kernel", "exec"), names)
    run: Run = names["run"]
    return run


def in_go(text: str) -> Run:
    """The kernel's `run`, compiled by starlark-go."""
    import starlark_go

    starlark_go.configure_starlark(allow_set=True, allow_recursion=True, allow_global_reassign=True)
    module = starlark_go.Starlark()
    try:
        module.exec(text)
    except starlark_go.ResolveError as problem:
        raise Unsupported(str(problem)) from problem
    return lambda size: module.eval(f"run({size})")


def in_rust(text: str) -> Run:
    """The kernel's `run`, compiled by starlark-rust."""
    import starlark

    dialect = starlark.Dialect.extended()
    universe = starlark.Globals.extended_by([starlark.LibraryExtension.Json, starlark.LibraryExtension.StructType])
    module = starlark.Module()
    try:
        starlark.eval(module, starlark.parse("kernel", text, dialect), universe)
    except starlark.StarlarkError as problem:
        raise Unsupported(str(problem)) from problem
    frozen = module.freeze()
    return lambda size: frozen.call("run", size)


ENGINES: Final[dict[str, tuple[str, Engine]]] = {
    "flowlang": ("flowlang", in_flowlang),
    "CPython": ("sys", in_python),
    "starlark-go": ("starlark_go", in_go),
    "starlark-rust": ("starlark", in_rust),
}
"""Name to the package that it needs and the engine."""


def available() -> dict[str, Engine]:
    """The engines whose packages are installed."""
    return {name: engine for name, (package, engine) in ENGINES.items() if find_spec(package) is not None}


def canonical(value: Any) -> Any:
    """A result as every binding would give it: tuples are lists."""
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    return value
