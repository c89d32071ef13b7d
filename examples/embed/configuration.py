"""Configuration that is a program: loops and functions where they help, and no way out of the file.

The file has a function `settings`, which gets what the application tells it and gives the settings. It can load other
files of its folder, and read neither environment nor network. It may take a tenth of a second, and a few megabytes. So
configuration of other people can be evaluated, too.

    python configuration.py configuration/service.flow
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowlang import Budget, Dialect, EvaluationError, Interpreter, SourceError, UsageError

LIMITS = Budget(steps=100_000, memory_bytes=8 << 20, output_bytes=10_000, wall_seconds=0.1)


class ConfigurationError(Exception):
    """A configuration that cannot be used; the text is for whoever wrote it."""


@dataclass(frozen=True)
class Settings:
    """What the application needs."""

    host: str
    port: int
    workers: int
    routes: dict[str, str]
    debug: bool = False


def load_settings(path: Path, *, stage: str = "test") -> Settings:
    """The settings of a file. Raises ConfigurationError."""
    interpreter = Interpreter(
        flows=path.parent,
        budget=LIMITS,
        dialect=Dialect.standard(),
        on_print=lambda line: print(f"{path.name}: {line}", file=sys.stderr),
    )
    try:
        return _checked(interpreter.load(path.name).call("settings", stage=stage, cores=os.cpu_count() or 1), path)
    except SourceError as error:
        raise ConfigurationError(error.render()) from None
    except EvaluationError as error:
        raise ConfigurationError(error.render()) from None
    except UsageError as error:
        raise ConfigurationError(f"{path.name}: {error}") from None


def _checked(given: Any, path: Path) -> Settings:
    kinds = {"host": str, "port": int, "workers": int, "routes": dict, "debug": bool}
    if type(given) is not dict or not given.keys() <= kinds.keys():
        raise ConfigurationError(f"{path.name}: `settings` must give a struct of {', '.join(kinds)}")
    for name, kind in kinds.items():
        if name in given and type(given[name]) is not kind:
            raise ConfigurationError(f"{path.name}: `{name}` must be {kind.__name__}, not {given[name]!r}")
    missing = [name for name in kinds if name not in given and name != "debug"]
    if missing:
        raise ConfigurationError(f"{path.name}: {', '.join(missing)} must be given")
    return Settings(**given)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(f"usage: {sys.argv[0]} FILE [STAGE]")
    try:
        print(load_settings(Path(sys.argv[1]), stage=sys.argv[2] if len(sys.argv) > 2 else "test"))
    except ConfigurationError as problem:
        sys.exit(str(problem))
