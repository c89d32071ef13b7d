"""Loaders: where the text of a module comes from, given its canonical name.

`FileLoader` is a wall: a script decides what is loaded, so nothing outside the root may be read through it. It never
hands a path to the system. It opens each folder relative to the handle of the one before it and refuses links at
every step, so that no link, and no folder exchanged for a link meanwhile, leads out of the root; and it opens only
regular files, so that no device or pipe can make it hang.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.resolve.load_source import SUFFIX, LoadProblem, check_canonical, library_of
from flowlang.lang.source import SourceFile
from flowlang.library import bundled_modules, read_bundled

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CANDIDATES_MAX: Final = 1000


class Loader(Protocol):
    """Gives texts of modules. Implementations may be asked from any thread and keep no state between calls.

    One that has names of its own for modules has a method `resolve(text, from_module)` as well, which gives the name
    for the text of a `load` in a module, or raises LoadProblem; otherwise modules are named by `.flow` paths."""

    def read(self, name: str) -> str:
        """The text of the module `name`. Raises LoadProblem, with the slug `load-not-found` when there is none."""
        ...

    def candidates(self, name: str) -> Iterable[str]:
        """Names of modules that somebody who wrote `name` may have meant."""
        ...


def source_reader(loader: Loader) -> Callable[[str], SourceFile]:
    """`loader` as the load graph wants it: canonical name in, source out."""
    return lambda name: SourceFile(name, loader.read(name))


class MappingLoader:
    """Modules from a mapping of canonical names to texts: for tests, and for hosts that keep scripts elsewhere."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def read(self, name: str) -> str:
        """The text under `name`."""
        text = self._modules.get(name)
        if text is None:
            raise not_found(name, self.candidates(name))
        return text

    def candidates(self, name: str) -> Iterable[str]:
        """All names of the mapping."""
        return list(self._modules)


class BundledLoader:
    """The modules that come with flowlang: `@prelude//…` and `@std//…`."""

    def read(self, name: str) -> str:
        """The text of a bundled module."""
        if not library_of(name):
            raise not_found(name, ())
        try:
            return read_bundled(name)
        except LoadProblem as problem:
            if problem.slug != "load-not-found":
                raise
            raise not_found(name, self.candidates(name)) from None

    def candidates(self, name: str) -> Iterable[str]:
        """All modules of the library that `name` asks for."""
        library = library_of(name)
        return bundled_modules(library) if library else []


class ChainLoader:
    """Asks several loaders in turn; the first that has the module decides."""

    def __init__(self, *loaders: Loader) -> None:
        self._loaders = loaders

    def read(self, name: str) -> str:
        """The text from the first loader that has `name`; a problem other than its absence is final."""
        absence: LoadProblem | None = None
        for loader in self._loaders:
            try:
                return loader.read(name)
            except LoadProblem as problem:
                if problem.slug != "load-not-found":
                    raise
                if absence is None or absence.hint is None:
                    absence = problem
        raise absence or not_found(name, [])

    def candidates(self, name: str) -> Iterable[str]:
        """The candidates of all loaders, in their order."""
        return [candidate for loader in self._loaders for candidate in loader.candidates(name)]


class FileLoader:
    """The `.flow` files below one folder, the project's root."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def name_of(self, path: Path) -> str:
        """The canonical name of the file at `path`. Raises LoadProblem when it lies outside the root."""
        # Folders count by their real place, the file itself by its name: a link to a file is refused when it is read.
        folder = os.path.realpath(path.parent)
        relative = os.path.relpath(os.path.join(folder, path.name), os.path.realpath(self._root))
        if relative == os.pardir or relative.startswith(os.pardir + os.sep):
            raise LoadProblem(
                "load-outside-root",
                f"`{path}` lies outside of the project",
                hint=f"the project's root is `{self._root}`; run it from the folder it belongs to",
            )
        name = relative.replace(os.sep, "/")
        check_canonical(name)
        return name

    def read(self, name: str) -> str:
        """The text of the file `name`."""
        check_canonical(name)
        if name.startswith("@"):
            raise not_found(name, [])
        try:
            data = self._bytes(name)
        except FileNotFoundError:
            raise self._not_found(name) from None
        except OSError as error:
            raise _unreadable(name, error) from None
        return _decoded(name, data)

    def candidates(self, name: str) -> Iterable[str]:
        """The `.flow` files in the folder of `name`, and the file of the same name in the root."""
        folder, slash, file_name = name.rpartition("/")
        siblings = [folder + slash + entry for entry in self._entries(folder)]
        return [*siblings, file_name] if slash and file_name in self._entries("") else siblings

    def _not_found(self, name: str) -> LoadProblem:
        file_name = name.rpartition("/")[2]
        candidates = list(self.candidates(name))
        if nearest(name, candidates) is None and file_name in candidates:
            return LoadProblem(
                "load-not-found",
                f"there is no module `{name}`",
                hint=f"did you mean `//{file_name}`, at the project's root?",
                instead=f"//{file_name}",
            )
        return not_found(name, candidates)

    def _bytes(self, name: str) -> bytes:
        *folders, file_name = name.split("/")
        handle = self._folder(folders)
        try:
            file = os.open(file_name, _FILE_FLAGS, dir_fd=handle)
        except OSError as error:
            _refuse_link(name, file_name, handle, error)
            raise
        finally:
            os.close(handle)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise LoadProblem("load-not-a-file", f"`{name}` is not a regular file")
            with open(file, "rb", closefd=False) as stream:
                data = stream.read(FILE_BYTES_MAX + 1)
        finally:
            os.close(file)
        if len(data) > FILE_BYTES_MAX:
            raise LoadProblem(
                "load-too-large",
                f"`{name}` is larger than {FILE_BYTES_MAX // (1024 * 1024)} MiB",
                hint="split the module, or read data by an action",
            )
        return data

    def _folder(self, folders: list[str]) -> int:
        """A handle of the folder, which the caller closes."""
        # The root itself is the host's choice and may be a link.
        handle = os.open(self._root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
        for folder in folders:
            try:
                inner = os.open(folder, _FOLDER_FLAGS, dir_fd=handle)
            except OSError as error:
                _refuse_link("/".join(folders), folder, handle, error)
                raise
            finally:
                os.close(handle)
            handle = inner
        return handle

    def _entries(self, folder: str) -> list[str]:
        try:
            handle = self._folder(folder.split("/") if folder else [])
        except (OSError, LoadProblem):
            return []
        try:
            names = os.listdir(handle)
        finally:
            os.close(handle)
        return sorted(name for name in names if name.endswith(SUFFIX))[:_CANDIDATES_MAX]


def not_found(name: str, candidates: Iterable[str]) -> LoadProblem:
    """The problem of a module that is not there, with the nearest of `candidates` as hint."""
    near = nearest(name, candidates)
    if near is not None and not near.startswith("@"):
        near = f"//{near}"
    hint = None if near is None else f"did you mean `{near}`?"
    return LoadProblem("load-not-found", f"there is no module `{name}`", hint=hint, instead=near)


def _refuse_link(name: str, entry: str, folder: int, error: OSError) -> None:
    """Opening `entry` failed with `error`: say so if it did because `entry` is a link."""
    if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        return
    try:
        is_link = stat.S_ISLNK(os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return
    if is_link:
        raise LoadProblem(
            "load-link",
            f"`{name}` leads through a symbolic link",
            hint="links are not followed; copy the file into the project",
        ) from None


def _unreadable(name: str, error: OSError) -> LoadProblem:
    if isinstance(error, NotADirectoryError):
        return LoadProblem("load-not-found", f"there is no module `{name}`", hint="a part of its path is no folder")
    if isinstance(error, PermissionError):
        return LoadProblem(
            "load-forbidden", f"`{name}` may not be read", hint="look at the permissions of the file and its folders"
        )
    reason = (error.strerror or "unknown reason").lower()
    return LoadProblem("load-unreadable", f"`{name}` cannot be read: {reason}")


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise LoadProblem(
            "load-not-utf-8",
            f"`{name}` is not UTF-8: byte 0x{data[error.start]:02x} at line {line}, column {column}",
            hint="save the file as UTF-8",
        ) from None
