"""Files below declared roots, and nothing else.

A script names files by text, and that text may come from anywhere, so the kernel is never asked to interpret it.
A path is cut into names, `..` is resolved lexically, and every folder on the way is opened relative to the folder
before it, without following links (`dir_fd`, `O_NOFOLLOW`). A link is read and its target is resolved by the same
rules from the start, so a link may lead from one place below a root to another, and nowhere else. Swapping a folder
for a link between a check and its use gains nothing: what is used is the handle that was checked.

The journal of the project (`.flowlang/`) is out of bounds everywhere: a script that could write there could rewrite
its own past. Only regular files are opened; opening a pipe or a device may block, or do things.

Writing is atomic: a temporary file in the same folder, flushed to the disk, takes the place of the old file in one
rename, and the folder is flushed, too. Readers and crashes see the old text or the new one.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.quote import clip

LINKS_MAX: Final = 40
PATH_LENGTH_MAX: Final = 4096
RESERVED: Final = ".flowlang"
TEMPORARY_PREFIX: Final = ".flowlang-write-"
FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
UPDATE_FLAGS: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
SIBLINGS_MAX: Final = 1000


@attrs.frozen
class FileStat:
    """What is told of a file or folder. `modified_ns` counts from 1970, UTC."""

    is_folder: bool
    size_bytes: int
    modified_ns: int


@attrs.frozen
class _Location:
    """A resolved place: `names` below the root, none of which was a link when it was looked at."""

    root: Path
    names: tuple[str, ...]


class _LinkFound(Exception):
    """The name at `index` is a link to `target`."""

    def __init__(self, index: int, target: str) -> None:
        self.index = index
        self.target = target


class FileAccess:
    """Access to the files below `roots`. Relative paths start at the first one; an absolute path must lie below one
    of them. All paths are text, with `/`. Failures are Faults whose message names the path as it was given."""

    def __init__(self, roots: Sequence[Path | str]) -> None:
        if not roots:
            raise ValueError("at least one root is needed")
        self.roots: tuple[Path, ...] = tuple(Path(os.path.realpath(root)) for root in roots)
        spellings = [(root.parts[1:], root) for root in self.roots]
        spellings += [(Path(os.path.abspath(root)).parts[1:], Path(os.path.realpath(root))) for root in roots]
        self._spellings: tuple[tuple[tuple[str, ...], Path], ...] = tuple(spellings)

    @contextmanager
    def open_read(self, path: str) -> Iterator[BinaryIO]:
        """Opens a regular file for reading, as bytes."""
        with self._parent(path) as (folder, name), os.fdopen(_open_file(folder, name, path, READ_FLAGS), "rb") as file:
            yield file

    @contextmanager
    def open_update(self, path: str) -> Iterator[BinaryIO]:
        """Opens a regular file for reading and writing in place; makes it, and its folders, when they are not there.
        For appending only: everything else is safer with `write`."""
        with self._parent(path, create=True) as (folder, name):
            flags = UPDATE_FLAGS | os.O_CREAT
            with os.fdopen(_open_file(folder, name, path, flags), "r+b") as file, reporting_disk(path):
                yield file

    def write(self, path: str, pieces: Iterable[bytes], commit: Callable[[], None] = lambda: None) -> int:
        """Writes a file in one step, making its folders. `commit` is called right before the file appears, and may
        raise to prevent it. Gives the number of bytes."""
        with self._parent(path, create=True) as (folder, name):
            mode = _mode_to_replace(folder, name, path)
            temporary = f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
            size = 0
            with reporting_disk(path):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(temporary, flags, 0o666 if mode is None else mode, dir_fd=folder)
                try:
                    with os.fdopen(descriptor, "wb") as file:
                        if mode is not None:
                            os.fchmod(descriptor, mode)  # what the umask took away from it, too
                        for piece in pieces:
                            size += file.write(piece)
                        file.flush()
                        os.fsync(file.fileno())
                    commit()
                    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=folder)
                    raise
                os.fsync(folder)
            return size

    def remove(self, path: str, commit: Callable[[], None] = lambda: None) -> bool:
        """Removes a file (a link itself, not what it leads to). False when there is none."""
        try:
            with self._parent(path, follow_last=False) as (folder, name):
                kind = _kind(folder, name)
                if kind is None:
                    return False
                if stat.S_ISDIR(kind):
                    raise _fault("not-a-file", path, "is a folder", hint="only files can be removed")
                with reporting_disk(path):
                    commit()
                    os.unlink(name, dir_fd=folder)
                    os.fsync(folder)
                return True
        except Fault as fault:
            if fault.slug == "file-not-found":
                return False
            raise

    def list(self, path: str) -> list[str]:
        """The names of the files and folders in a folder, sorted; folders end with `/`. Temporary files of writes
        in progress, and the journal, are left out."""
        with self._folder(path) as folder:
            names = []
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith(TEMPORARY_PREFIX) or is_reserved(entry.name):
                        continue
                    names.append(entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name)
            return sorted(names)

    def stat(self, path: str) -> FileStat | None:
        """What is at the path; None when nothing is."""
        try:
            with self._parent(path) as (folder, name):
                found = os.stat(name or ".", dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except Fault as fault:
            if fault.slug == "file-not-found":
                return None
            raise
        return FileStat(stat.S_ISDIR(found.st_mode), found.st_size, found.st_mtime_ns)

    def real_path(self, path: str) -> Path:
        """The absolute path without links, for libraries that open files by name themselves. Whether the last name
        exists is not checked, its folders are not made."""
        location, folder = self._resolve(path, create=False, follow_last=True, missing_ok=True)
        if folder is not None:
            os.close(folder)
        return location.root.joinpath(*location.names)

    @contextmanager
    def _parent(self, path: str, *, create: bool = False, follow_last: bool = True) -> Iterator[tuple[int, str]]:
        """A handle of the folder that holds the path's last name, and that name. For a root itself the handle is
        the root's and the name is empty."""
        location, folder = self._resolve(path, create=create, follow_last=follow_last)
        assert folder is not None
        try:
            yield folder, location.names[-1] if location.names else ""
        finally:
            os.close(folder)

    @contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        with self._parent(path) as (parent, name):
            try:
                folder = os.open(name or ".", FOLDER_FLAGS, dir_fd=parent)
            except FileNotFoundError:
                raise _not_found(path, parent, name) from None
            except NotADirectoryError:
                raise _fault("not-a-file", path, "is not a folder") from None
            except PermissionError:
                raise _fault("permission-denied", path, "may not be read") from None
            try:
                yield folder
            finally:
                os.close(folder)

    def _resolve(
        self, path: str, *, create: bool, follow_last: bool, missing_ok: bool = False
    ) -> tuple[_Location, int | None]:
        """Follows the links on the way, each of them by the rules of this module. Gives the place and a handle of
        the folder that holds its last name; no handle when that folder is missing and may be."""
        root, names = self._split(path, path)
        for _ in range(LINKS_MAX):
            try:
                return _Location(root, names), _open_parent(root, names, path, create, follow_last)
            except _LinkFound as link:
                rest = names[link.index + 1 :]
                root, names = self._split(link.target, path, root, names[: link.index])
                names += rest
            except Fault as fault:
                if missing_ok and fault.slug == "file-not-found":
                    return _Location(root, names), None
                raise
        raise _fault("path-outside-root", path, "goes through too many links")

    def _split(
        self, text: str, path: str, root: Path | None = None, base: tuple[str, ...] = ()
    ) -> tuple[Path, tuple[str, ...]]:
        """Cuts `text`, a path or the target of a link in the folder `base`, into a root and names below it."""
        if not text or "\0" in text or len(text) > PATH_LENGTH_MAX:
            problem = "is empty" if not text else "holds a NUL character" if "\0" in text else "is too long"
            raise _fault("path-outside-root", path, problem)
        if text.startswith("/"):
            absolute = tuple(name for name in os.path.normpath(text).split("/") if name)
            for spelling, spelled in self._spellings:
                if absolute[: len(spelling)] == spelling:
                    root, names = spelled, list(absolute[len(spelling) :])
                    break
            else:
                raise self._outside(path)
        else:
            root, names = root or self.roots[0], list(base)
            for name in text.split("/"):
                if name == "..":
                    if not names:
                        raise self._outside(path)
                    names.pop()
                elif name not in ("", "."):
                    names.append(name)
        if any(is_reserved(name) for name in names):
            raise _fault("permission-denied", path, f"is out of bounds: `{RESERVED}` holds the journal")
        return root, tuple(names)

    def _outside(self, path: str) -> Fault:
        roots = ", ".join(f"`{root}`" for root in self.roots)
        return _fault("path-outside-root", path, "leads out of the project", hint=f"files must lie below {roots}")


@contextmanager
def reporting_disk(path: str) -> Iterator[None]:
    """Turns the operating system's refusals to write into Faults."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _fault("disk-full", path, "was not written: no space is left for it", retryable=True) from None
        if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise _fault("permission-denied", path, "may not be written") from None
        if problem.errno == errno.ENAMETOOLONG:
            raise _fault("path-outside-root", path, "has a name that is too long") from None
        raise _fault("input-output-error", path, f"was not written: {problem.strerror}", retryable=True) from None


def is_reserved(name: str) -> bool:
    """Whether a name belongs to flowlang, also on file systems that ignore case."""
    return name.casefold() == RESERVED


def _fault(slug: str, path: str, problem: str, *, hint: str | None = None, retryable: bool = False) -> Fault:
    shown = clip(path, 200)
    return Fault(slug, f"{shown} {problem}", hint=hint, data={"path": path[:PATH_LENGTH_MAX]}, retryable=retryable)


def _open_folders(root: Path, names: Sequence[str], path: str, create: bool) -> int:
    """Opens one folder after the other. Raises _LinkFound for a link on the way."""
    try:
        folder = os.open(root, FOLDER_FLAGS)
    except OSError:
        raise _fault("file-not-found", path, f"is not there: the root `{root}` cannot be opened") from None
    try:
        for index, name in enumerate(names):
            _raise_if_link(folder, name, index)
            try:
                deeper = _enter(folder, name, create)
            except FileNotFoundError:
                raise _not_found(path, folder, name) from None
            except NotADirectoryError:
                raise _fault("not-a-file", path, f"is not there: {clip(name)} is a file, not a folder") from None
            except PermissionError:
                raise _fault("permission-denied", path, f"is out of reach: {clip(name)} may not be entered") from None
            except OSError as problem:
                raise _fault("input-output-error", path, f"cannot be reached: {problem.strerror}") from None
            os.close(folder)
            folder = deeper
    except BaseException:
        os.close(folder)
        raise
    return folder


def _open_parent(root: Path, names: tuple[str, ...], path: str, create: bool, follow_last: bool) -> int:
    """A handle of the folder that holds the last name. Raises _LinkFound for a link on the way, or at its end."""
    folder = _open_folders(root, names[:-1], path, create)
    if follow_last and names:
        try:
            _raise_if_link(folder, names[-1], len(names) - 1)
        except _LinkFound:
            os.close(folder)
            raise
    return folder


def _enter(folder: int, name: str, create: bool) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    try:
        os.mkdir(name, dir_fd=folder)
        os.fsync(folder)
    except FileExistsError:
        pass  # somebody else was faster, which is as good
    return os.open(name, FOLDER_FLAGS, dir_fd=folder)


def _raise_if_link(folder: int, name: str, index: int) -> None:
    try:
        target = os.readlink(name, dir_fd=folder)
    except OSError:
        return  # not a link, or not there: whoever opens it will say
    raise _LinkFound(index, target)


def _kind(folder: int, name: str) -> int | None:
    try:
        return os.stat(name or ".", dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return None


def _mode_to_replace(folder: int, name: str, path: str) -> int | None:
    """The permissions of the file that a write replaces; None when there is none. Refuses what is no file."""
    kind = _kind(folder, name)
    if kind is None:
        return None
    if not stat.S_ISREG(kind):
        raise _fault("not-a-file", path, f"is {_kind_name(kind)}, not a file")
    return stat.S_IMODE(kind)


def _open_file(folder: int, name: str, path: str, flags: int) -> int:
    """Opens a regular file in a folder; asks first what it is, because opening a device may already do harm."""
    kind = _kind(folder, name)
    if kind is None and not flags & os.O_CREAT:
        raise _not_found(path, folder, name)
    if kind is not None and not stat.S_ISREG(kind):
        raise _fault("not-a-file", path, f"is {_kind_name(kind)}, not a file")
    try:
        descriptor = os.open(name, flags, 0o666, dir_fd=folder)
    except PermissionError:
        raise _fault("permission-denied", path, "may not be opened") from None
    except OSError as problem:
        raise _fault("input-output-error", path, f"cannot be opened: {problem.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _fault("not-a-file", path, "changed while it was opened")
    return descriptor


def _kind_name(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"


def _not_found(path: str, folder: int, name: str) -> Fault:
    """A missing name, with the most similar one beside it."""
    with os.scandir(folder) as entries:
        siblings = [entry.name for entry, _ in zip(entries, range(SIBLINGS_MAX), strict=False)]
    close = nearest(name, sorted(each for each in siblings if not each.startswith(".")))
    return _fault("file-not-found", path, "is not there", hint=f"did you mean `{close}`?" if close else None)
