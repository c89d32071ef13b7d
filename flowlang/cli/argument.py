"""What `run` is given: FILE[:FLOW], `--arg NAME=VALUE`, and `--args` with a JSON object."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from flowlang.errors import UsageError
from flowlang.lang.diagnostics.suggest import nearest

ARGUMENTS_BYTES_MAX: Final = 16 * 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def parse_target(text: str) -> tuple[Path, str]:
    """The script and the flow of `FILE[:FLOW]`; no flow is an empty text. A file of just that name wins."""
    path = Path(text)
    if path.exists() or ":" not in text:
        return _existing(path, text), ""
    file, _, flow = text.rpartition(":")
    if _NAME.fullmatch(flow) is None:
        hint = "write `FILE:FLOW`, such as `etl.flow:main`"
        raise UsageError(f"`{flow}` in `{text}` is not the name of a flow", hint=hint)
    return _existing(Path(file), file), flow


def _existing(path: Path, shown: str) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        raise UsageError(f"`{shown}` is a folder, not a script", hint="name one of the scripts in it")
    folder = path.parent if path.parent.is_dir() else Path()
    siblings = [str(found.relative_to(folder)) for found in sorted(folder.glob("*.flow"))]
    near = nearest(path.name, siblings)
    if near is None and f"{path.name}.flow" in siblings:
        near = f"{path.name}.flow"
    hint = f"did you mean `{path.parent / near}`?" if near is not None else f"looked for `{path.absolute()}`"
    raise UsageError(f"there is no file `{shown}`", hint=hint)


def parse_texts(given: Iterable[str]) -> dict[str, str]:
    """The values of `--arg NAME=VALUE`, by name."""
    texts: dict[str, str] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals or _NAME.fullmatch(name) is None:
            raise UsageError(f"`--arg {argument}` has no name", hint="write `--arg NAME=VALUE`")
        if name in texts:
            raise UsageError(f"`--arg {name}` is given twice", hint="a list can be given by `--args`, as JSON")
        texts[name] = value
    return texts


def parse_labels(given: Iterable[str]) -> dict[str, str | int | float | bool]:
    """The attributes of `--label NAME=VALUE`, by name. A value that is a number or truth value of JSON is one; in
    quotes it stays a text."""
    labels: dict[str, str | int | float | bool] = {}
    for label in given:
        name, equals, text = label.partition("=")
        if not equals or _LABEL.fullmatch(name) is None:
            raise UsageError(f"`--label {label}` has no name", hint="write `--label NAME=VALUE`")
        if name in labels:
            raise UsageError(f"`--label {name}` is given twice", hint="give each name once")
        try:
            value = json.loads(text, parse_constant=_constant)
        except (ValueError, RecursionError):
            value = text
        labels[name] = value if isinstance(value, (str, int, float, bool)) else text
    return labels


def read_arguments(source: str | None) -> dict[str, Any]:
    """The JSON object in a file, or on stdin for `-`."""
    if source is None:
        return {}
    shown = "stdin" if source == "-" else f"`{source}`"
    try:
        if source == "-":
            data = sys.stdin.buffer.read(ARGUMENTS_BYTES_MAX + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(ARGUMENTS_BYTES_MAX + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{shown} cannot be read: {reason}", hint="`--args` takes a file, or `-`") from None
    if len(data) > ARGUMENTS_BYTES_MAX:
        raise UsageError(f"{shown} is larger than {ARGUMENTS_BYTES_MAX >> 20} MiB", hint="give the path of the data")
    return _parse_arguments(data, shown)


def read_payload(source: str | None) -> Any:
    """The value that `--payload` gives: JSON, or for `-` the JSON on stdin. None when it gives nothing."""
    if source is None:
        return None
    hint = "a text is JSON in quotes: --payload '\"ready\"'"
    if source != "-":
        return _parse_json(source.encode("utf-8", "surrogateescape"), "`--payload`", hint)
    data = sys.stdin.buffer.read(ARGUMENTS_BYTES_MAX + 1)
    if len(data) > ARGUMENTS_BYTES_MAX:
        raise UsageError(f"stdin is larger than {ARGUMENTS_BYTES_MAX >> 20} MiB", hint="send where the data is")
    return _parse_json(data, "stdin", hint)


def _parse_arguments(data: bytes, shown: str) -> dict[str, Any]:
    hint = 'the arguments are one JSON object, such as {"day": "2026-01-31"}'
    arguments = _parse_json(data, shown, hint)
    if not isinstance(arguments, dict):
        raise UsageError(f"{shown} is not a JSON object", hint=hint)
    return arguments


def _parse_json(data: bytes, shown: str, hint: str) -> Any:
    try:
        return json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"{shown} is not JSON: {error.msg.lower()} at {place}", hint=hint) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown} is not UTF-8 at byte {error.start}", hint="save it as UTF-8") from None
    except RecursionError:
        raise UsageError(f"{shown} is nested too deeply", hint=hint) from None
    except ValueError as error:
        raise UsageError(f"{shown} is not JSON: {error}", hint=hint) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twice}` occurs twice")
    return result


def _constant(text: str) -> Any:
    raise ValueError(f"`{text}` is no value of JSON")


def check_disjoint(texts: Mapping[str, str], arguments: Mapping[str, Any]) -> None:
    """Raises UsageError for a name that both `--arg` and `--args` give."""
    for name in texts:
        if name in arguments:
            raise UsageError(f"`{name}` is given by `--arg` and by `--args`", hint="give it once")
