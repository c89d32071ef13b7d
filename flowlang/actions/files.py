"""Files below the project folder (or the roots that the host declared): read, write, list, remove.

Where a path may lead is decided in `flowlang.runtime.file_access`; here is only what scripts see of it. Text is
refused rather than repaired: a file in another encoding is an error that names the first wrong byte. All of these
may be repeated after a crash without harm: writing the same text again gives the same file, and removing what is
gone succeeds in a second attempt.
"""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, TypeAlias

from flowlang.lang.values.quote import clip
from flowlang.runtime.action import ActionContext, ActionError, action

READ_BYTES_MAX: Final = 16 << 20
NAMES_MAX: Final = 100_000
Encoding: TypeAlias = Literal["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "ascii"]


@action(name="files.read_text")
def read_text(context: ActionContext, path: str, encoding: Encoding = "utf-8") -> str:
    """The text of a file, line ends as they are. At most 16 MiB."""
    with context.files.open_read(path) as file:
        data = file.read(READ_BYTES_MAX + 1)
    if len(data) > READ_BYTES_MAX:
        raise ActionError(
            "result-too-large",
            f"{clip(path, 200)} is larger than {READ_BYTES_MAX >> 20} MiB",
            hint='read tables page by page: `load("@std//tables.flow", "each_page")`',
            data={"path": path},
        )
    return decode_text(data, path, encoding)


@action(name="files.write_text")
def write_text(context: ActionContext, path: str, text: str) -> int:
    """Writes a file as UTF-8, in one step: whoever reads it sees the old text or the new one. Makes missing folders.
    Gives the number of bytes."""
    return context.files.write(path, [text.encode()], context.commit)


@action(name="files.list")
def list_names(context: ActionContext, path: str = ".", pattern: str = "*") -> list[str]:
    """The names in a folder that match a pattern (`*.csv`), sorted. Folders end with `/`."""
    names = [name for name in context.files.list(path) if fnmatchcase(name.removesuffix("/"), pattern)]
    if len(names) > NAMES_MAX:
        raise ActionError("result-too-large", f"{clip(path, 200)} holds more than {NAMES_MAX} such names")
    return names


@action(name="files.exists")
def exists(context: ActionContext, path: str) -> bool:
    """Whether there is a file or folder at the path."""
    return context.files.stat(path) is not None


@action(name="files.stat")
def stat(context: ActionContext, path: str) -> dict[str, Any]:
    """What is at the path: `kind` (`file` or `folder`), `size` in bytes and `modified` (UTC, like `now()`)."""
    found = context.files.stat(path)
    if found is None:
        with context.files.open_read(path):  # tells what is missing better than anything said here
            raise ActionError("file-changed", f"{clip(path, 200)} appeared while it was looked at", retryable=True)
    modified = datetime.fromtimestamp(found.modified_ns // 1_000_000 / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "kind": "folder" if found.is_folder else "file",
        "size": found.size_bytes,
        "modified": modified.replace("+00:00", "Z"),
    }


@action(name="files.remove")
def remove(context: ActionContext, path: str, missing_ok: bool = False) -> bool:
    """Removes a file. A missing one is an error unless `missing_ok`; gives whether there was one."""
    if context.files.remove(path, context.commit):
        return True
    if not missing_ok and context.attempt == 1:
        raise ActionError(
            "file-not-found",
            f"{clip(path, 200)} is not there",
            hint="with `missing_ok = True` that is no error",
            data={"path": path},
        )
    return False


def decode_text(data: bytes, path: str, encoding: str, offset: int = 0) -> str:
    """Decodes bytes of a file; `offset` is where they begin in it. Raises ActionError `not-utf-8`."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as problem:
        at = offset + problem.start
        byte = data[problem.start]
        kind = "not-utf-8" if encoding.startswith("utf-8") else "wrong-encoding"
        raise ActionError(
            kind,
            f"{clip(path, 200)} is not {encoding.upper()}: byte {byte:#04x} at offset {at}",
            hint='if it was written on Windows, try `encoding = "cp1252"`',
            data={"path": path, "offset": at},
        ) from None
