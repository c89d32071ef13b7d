"""The interpreter: what a host makes first, with everything that its scripts may have.

    interpreter = Interpreter(flows="rules/", predeclared={"region": "eu"}, budget=Budget(steps=1_000_000))
    match interpreter.call("pricing.flow:price", {"sku": "A1", "quantity": 3}):
        case Ok(price): ...

An interpreter never changes. A module is read, compiled and run once, when it is first asked for; whoever wants to see
edited files makes a new interpreter, which is cheap: compiled programs are found again by their text.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from flowlang.embedding.gate import adopt_host_object, conversion_error
from flowlang.embedding.host_function import Builtin
from flowlang.embedding.instance import Setting
from flowlang.embedding.module import Module
from flowlang.embedding.pool import Pool
from flowlang.embedding.program_memory import PROGRAMS
from flowlang.embedding.usage import Watch
from flowlang.errors import EvaluationError, SourceError, UsageError
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.interpreter import Build, ProgramCache, build
from flowlang.lang.resolve.dialect import FLOW, Dialect
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.token import EXPRESSION_KEYWORDS, RESERVED, STATEMENT_KEYWORDS
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.freeze import freeze
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, FileLoader, Loader, MappingLoader, source_reader

TEXT_NAME: Final = "<text>"
WORDS: Final = frozenset({*EXPRESSION_KEYWORDS, *STATEMENT_KEYWORDS, *RESERVED})
"""What no name can be."""
Read = Callable[[str], SourceFile]


class Interpreter:
    """Loads and evaluates scripts. May be used from any number of threads at once.

    `loader` finds the texts of modules, or is a mapping of names to texts; `flows` is a folder instead. `predeclared`
    are names that every module sees: data, builtins, and values of the host's own types. A mapping that holds nothing
    but builtins is a namespace: `{"geo": {"distance": distance}}` gives `geo.distance(…)`. `budget` holds for each
    evaluation on its own: each load, and each call. `on_print` gets the lines that scripts print; without it they go to
    stderr. `cache` keeps compiled programs beyond this process; only its owner may be able to write to it."""

    def __init__(
        self,
        *,
        loader: Loader | Mapping[str, str] | None = None,
        flows: str | Path | None = None,
        predeclared: Mapping[str, object] | None = None,
        budget: Budget | None = None,
        dialect: Dialect = FLOW,
        on_print: Callable[[str], None] | None = None,
        cache: ProgramCache | None = None,
    ) -> None:
        if loader is not None and flows is not None:
            raise UsageError("an interpreter takes a `loader` or a folder of `flows`, not both")
        if flows is not None:
            loader = _folder(flows)
        _check_arguments(loader, budget, dialect, on_print)
        self._read = _reader(loader)
        self._resolve = _resolver(loader)
        self._budget = budget or Budget()
        self._dialect = dialect
        self._on_print = on_print or _print_to_stderr
        self._cache = cache or PROGRAMS
        self._predeclared = _converted(predeclared or {})
        self._watch = Watch()
        self._lock = threading.Lock()
        self._turns: dict[str, threading.RLock] = {}
        self._modules: dict[str, Module] = {}

    def load(self, name: str) -> Module:
        """The module of that canonical name (`pricing.flow`, `shop/rules.flow`), run and frozen. Raises SourceError
        when it, or what it loads, is not there or has errors; EvaluationError when it fails."""
        with self._lock:
            module = self._modules.get(name)
            turn = self._turns.setdefault(name, threading.RLock())
        if module is not None:
            return module
        try:
            with turn:
                # Whoever waited for a turn finds what was made in it.
                module = self._modules.get(name) or self._run(name, self._read)
                with self._lock:
                    return self._modules.setdefault(name, module)
        finally:
            with self._lock:
                self._turns.pop(name, None)

    def evaluate(self, text: str, name: str = TEXT_NAME) -> Module:
        """The module of a text, run and frozen. `name` is what messages call it; what it loads comes from the loader.
        Raises like `load`."""
        _check_text(text)
        if name.startswith("@"):
            raise UsageError(f"`{name}` is the name of a module that comes with flowlang", hint="choose another name")
        return self._run(name, _with_text(self._read, name, text))

    def call(self, target: str, arguments: Mapping[str, Any] | None = None) -> Ok | Err:
        """Calls a flow or a function, `"rules.flow:price"`, with arguments by name. Gives its Result, or Ok of what a
        function returned, or Err of what it failed with, with Python objects inside. Raises what is no failure of the
        script: SourceError, a budget, a deadline or a cancellation, ConversionError, UsageError."""
        module, separator, name = target.rpartition(":")
        if not separator or not module or not name:
            raise UsageError(f"`{target}` names no function", hint="give module and name, such as `rules.flow:price`")
        if arguments is not None and not isinstance(arguments, Mapping):
            message = f"`arguments` is a mapping of names to values, not {_article(arguments)}"
            raise UsageError(message, hint='such as `{"quantity": 3}`; `Module.call` takes arguments by position')
        loaded = self.load(module)
        try:
            result = loaded.call(name, **(arguments or {}))
        except EvaluationError as error:
            if type(error) is not EvaluationError:
                raise
            return Err(error.failure, error.failure)
        return result if type(result) in (Ok, Err) else Ok(result)

    def cancel(self) -> None:
        """Ends all evaluations of this interpreter that are under way, with `Cancelled`. Safe from any thread."""
        self._watch.cancel_running()

    def _run(self, name: str, read: Read) -> Module:
        built = self._build(name, read)
        if built.has_errors:
            raise SourceError(built.diagnostics)
        watch = Watch()
        setting = Setting(built, self._budget, self._predeclared, self._on_print, (self._watch, watch))
        return Module(Pool(setting), name, watch)

    def _build(self, name: str, read: Read) -> Build:
        prelude = prelude_modules() if self._dialect.flows else ()
        return build(
            name, read, prelude, self._cache,
            dialect=self._dialect, predeclared=self._predeclared, resolve=self._resolve,
        )  # fmt: skip


def check(
    source: str,
    *,
    name: str = TEXT_NAME,
    loader: Loader | Mapping[str, str] | None = None,
    predeclared: Iterable[str] = (),
    dialect: Dialect = FLOW,
) -> list[Diagnostic]:
    """All findings about a text, errors and warnings, without running anything. `predeclared` are the names that the
    host gives to scripts."""
    _check_text(source)
    _check_arguments(loader, None, dialect, None)
    read = _with_text(_reader(loader), name, source)
    prelude = prelude_modules() if dialect.flows else ()
    built = build(
        name, read, prelude, PROGRAMS, dialect=dialect, predeclared=predeclared, resolve=_resolver(loader)
    )  # fmt: skip
    return list(built.diagnostics)


def _folder(path: str | Path) -> FileLoader:
    """The loader of a folder. One that is not there would otherwise be told as a module that is not there."""
    folder = Path(path)
    if not folder.is_dir():
        raise UsageError(f"there is no folder `{folder}`", hint="`flows` is the folder that has the `.flow` files")
    return FileLoader(folder)


def _check_arguments(loader: object, budget: object, dialect: object, on_print: object) -> None:
    """What these are used for comes later, and an error there would not say which argument was wrong."""
    if isinstance(loader, str | Path):
        raise UsageError(
            f"`loader` is a mapping or a loader, not {_article(loader)}", hint="a folder is given as `flows`"
        )
    if not (loader is None or isinstance(loader, Mapping) or callable(getattr(loader, "read", None))):
        raise UsageError(
            f"`loader` is a mapping or a loader, not {_article(loader)}",
            hint="a loader has a method `read(name)` that gives the text of a module",
        )
    if not (budget is None or isinstance(budget, Budget)):
        raise UsageError(f"`budget` is a `Budget`, not {_article(budget)}", hint="such as `Budget(steps=1_000_000)`")
    if not isinstance(dialect, Dialect):
        hint = "give `Dialect.flow()` or `Dialect.standard()`"
        raise UsageError(f"`dialect` is a `Dialect`, not {_article(dialect)}", hint=hint)
    if not (on_print is None or callable(on_print)):
        raise UsageError(f"`on_print` is a function that takes a line, not {_article(on_print)}")


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        hint = "decode it first: `data.decode()`" if isinstance(text, bytes) else None
        raise UsageError(f"the text of a script is a `str`, not {_article(text)}", hint=hint)


def _article(object: Any) -> str:
    return f"a `{type(object).__name__}`"


def _resolver(loader: object) -> Callable[[str, str], str] | None:
    """A loader may have names of its own for modules: `resolve(text, from_module)` gives the one that it reads."""
    return getattr(loader, "resolve", None)


def _reader(loader: Loader | Mapping[str, str] | None) -> Read:
    own: Loader = MappingLoader(loader or {}) if loader is None or isinstance(loader, Mapping) else loader
    return source_reader(ChainLoader(BundledLoader(), own))


def _with_text(read: Read, name: str, text: str) -> Read:
    return lambda wanted: SourceFile(name, text) if wanted == name else read(wanted)


def _converted(predeclared: Mapping[str, object]) -> dict[str, Any]:
    """The host's values as values of scripts, frozen: they are the same for all instances and threads."""
    converted: dict[str, Any] = {}
    for name, object in predeclared.items():
        if not name.isidentifier() or not name.isascii() or name in WORDS:
            raise UsageError(f"`{name}` is no name that a script could write")
        try:
            converted[name] = from_host(_namespace(object), name, adopt_host_object)
        except Fault as fault:
            if callable(object):
                fault.hint = "decorate it with `@builtin`" + (
                    ", or the class with `@value_type`" if isinstance(object, type) else ""
                )
            raise conversion_error(fault, name) from None
        freeze(converted[name])
    return converted


def _namespace(object: Any) -> Any:
    """A mapping of names to builtins, or to such mappings, as a struct; everything else as it is."""
    if not _is_namespace(object):
        return object
    return Struct({name: _namespace(value) for name, value in object.items()})


def _is_namespace(object: Any) -> bool:
    return (
        isinstance(object, Mapping)
        and len(object) > 0
        and all(isinstance(name, str) and name.isidentifier() and name.isascii() for name in object)
        and all(type(value) is Builtin or _is_namespace(value) for value in object.values())
    )


def _print_to_stderr(text: str) -> None:
    print(text, file=sys.stderr)
