"""flowlang: a sandboxed workflow language and its durable runtime.

The names below are the public surface. They are imported when first used: `import flowlang` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowlang.embedding.handle import Function
    from flowlang.embedding.host_function import Builtin, BuiltinError, builtin
    from flowlang.embedding.interpreter import Interpreter, check
    from flowlang.embedding.module import Module
    from flowlang.embedding.usage import Usage, Watch
    from flowlang.embedding.value_type import value_type
    from flowlang.errors import (
        BudgetExceededError,
        Cancelled,
        ConversionError,
        DeadlineExceeded,
        EvaluationError,
        FlowlangError,
        InternalError,
        SourceError,
        TraceFrame,
        UsageError,
    )
    from flowlang.hosting.engine import Engine
    from flowlang.hosting.run import Run
    from flowlang.hosting.script import run
    from flowlang.lang.diagnostics.diagnostic import Diagnostic
    from flowlang.lang.resolve.dialect import Dialect
    from flowlang.lang.values.meter import Budget
    from flowlang.lang.values.result import Err, Failure, Ok
    from flowlang.lang.values.struct import Struct
    from flowlang.loaders import ChainLoader, FileLoader, Loader, MappingLoader
    from flowlang.runtime.action import action
    from flowlang.runtime.action_context import ActionContext, ActionError
    from flowlang.runtime.driver import RunDriver
    from flowlang.runtime.hooks import Hooks
    from flowlang.runtime.journal.locate import open_journal
    from flowlang.runtime.operations.operations import Operations
    from flowlang.runtime.outcome import RunOutcome
    from flowlang.runtime.retry import Retry
    from flowlang.version import __version__

_HOMES = {
    "ActionContext": "flowlang.runtime.action_context",
    "ActionError": "flowlang.runtime.action_context",
    "Budget": "flowlang.lang.values.meter",
    "BudgetExceededError": "flowlang.errors",
    "Builtin": "flowlang.embedding.host_function",
    "BuiltinError": "flowlang.embedding.host_function",
    "Cancelled": "flowlang.errors",
    "ChainLoader": "flowlang.loaders",
    "ConversionError": "flowlang.errors",
    "DeadlineExceeded": "flowlang.errors",
    "Diagnostic": "flowlang.lang.diagnostics.diagnostic",
    "Dialect": "flowlang.lang.resolve.dialect",
    "Engine": "flowlang.hosting.engine",
    "Err": "flowlang.lang.values.result",
    "EvaluationError": "flowlang.errors",
    "Failure": "flowlang.lang.values.result",
    "FileLoader": "flowlang.loaders",
    "FlowlangError": "flowlang.errors",
    "Function": "flowlang.embedding.handle",
    "Hooks": "flowlang.runtime.hooks",
    "InternalError": "flowlang.errors",
    "Interpreter": "flowlang.embedding.interpreter",
    "Loader": "flowlang.loaders",
    "MappingLoader": "flowlang.loaders",
    "Module": "flowlang.embedding.module",
    "Ok": "flowlang.lang.values.result",
    "Operations": "flowlang.runtime.operations.operations",
    "Retry": "flowlang.runtime.retry",
    "Run": "flowlang.hosting.run",
    "RunDriver": "flowlang.runtime.driver",
    "RunOutcome": "flowlang.runtime.outcome",
    "SourceError": "flowlang.errors",
    "Struct": "flowlang.lang.values.struct",
    "TraceFrame": "flowlang.errors",
    "Usage": "flowlang.embedding.usage",
    "UsageError": "flowlang.errors",
    "Watch": "flowlang.embedding.usage",
    "__version__": "flowlang.version",
    "action": "flowlang.runtime.action",
    "builtin": "flowlang.embedding.host_function",
    "check": "flowlang.embedding.interpreter",
    "open_journal": "flowlang.runtime.journal.locate",
    "run": "flowlang.hosting.script",
    "value_type": "flowlang.embedding.value_type",
}

__all__ = [
    "ActionContext",
    "ActionError",
    "Budget",
    "BudgetExceededError",
    "Builtin",
    "BuiltinError",
    "Cancelled",
    "ChainLoader",
    "ConversionError",
    "DeadlineExceeded",
    "Diagnostic",
    "Dialect",
    "Engine",
    "Err",
    "EvaluationError",
    "Failure",
    "FileLoader",
    "FlowlangError",
    "Function",
    "Hooks",
    "InternalError",
    "Interpreter",
    "Loader",
    "MappingLoader",
    "Module",
    "Ok",
    "Operations",
    "Retry",
    "Run",
    "RunDriver",
    "RunOutcome",
    "SourceError",
    "Struct",
    "TraceFrame",
    "Usage",
    "UsageError",
    "Watch",
    "__version__",
    "action",
    "builtin",
    "check",
    "open_journal",
    "run",
    "value_type",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'flowlang' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__all__", "__doc__", "__name__", "__path__"]
