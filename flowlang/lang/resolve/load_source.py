"""Load sources: from the text in a `load` to the one name of a module.

A module has exactly one canonical name, so that it runs once however it is reached:

    examples/etl/etl.flow      a file of the project, from its root
    @std//tables.flow          a file of the standard library
    @prelude//retry.flow       a file of the prelude
    @prelude                   all names of the prelude; no file

Everything here is lexical: nothing is looked up, so the same text means the same module on every machine. What could
name a file outside of the project, or one file in two ways, is refused by a rule of its own and never normalised away.
"""

from __future__ import annotations

from typing import Final

from flowlang.errors import FlowlangError
from flowlang.lang.diagnostics.suggest import nearest

PRELUDE: Final = "@prelude"
SUFFIX: Final = ".flow"
PACKAGES: Final = {"pkg.flowmetal.io/v1/prelude": PRELUDE, "pkg.flowmetal.io/prelude/v1": PRELUDE, PRELUDE: PRELUDE}
"""Sources that stand for a package as a whole."""

LIBRARIES: Final = ("@std", "@prelude")
SOURCE_LENGTH_MAX: Final = 512
PATH_LENGTH_MAX: Final = 480
"""Of a path from its root; with the root in front it is a valid source again."""

SEGMENT_BYTES_MAX: Final = 255
"""What file systems allow in one name."""


class LoadProblem(FlowlangError):
    """A source that cannot be loaded: wrong by its text alone, or not readable. The slug tells which. `instead` is a
    source that was likely meant, surely so when `is_sure`."""

    def __init__(
        self, slug: str, message: str, *, hint: str | None = None, instead: str | None = None, is_sure: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.slug = slug
        self.instead = instead
        self.is_sure = is_sure


def resolve_source(text: str, from_module: str) -> str:
    """The canonical name of what `load(text, …)` in the module `from_module` names. Raises LoadProblem."""
    _check_text(text)
    if text in PACKAGES:
        return PACKAGES[text]
    library, path = _split(text, from_module)
    _check_path(text, path)
    return f"{library}//{path}" if library else path


def check_canonical(name: str) -> None:
    """Raise LoadProblem unless `name` is a canonical name of a file: loaders ask again, whoever calls them."""
    resolved = resolve_source(name if name.startswith("@") else f"//{name}", "")
    if resolved != name or resolved == PRELUDE:
        raise LoadProblem("load-not-found", f"`{name}` is not the name of a module")


def library_of(module: str) -> str:
    """`@std` or `@prelude` for a bundled module, empty for one of the project."""
    library, separator, _ = module.partition("//")
    return library if separator and library in LIBRARIES else ""


def _split(text: str, from_module: str) -> tuple[str, str]:
    """The library (empty: the project) and the path from its root."""
    if text.startswith("@"):
        library, separator, path = text.partition("//")
        if not separator or library not in LIBRARIES:
            raise _unknown_package(text)
        return library, path
    if text.startswith("pkg."):
        raise _unknown_package(text)
    own = library_of(from_module)
    if text.startswith("//"):
        return own, text[2:]
    if text.startswith("/"):
        raise LoadProblem(
            "load-absolute-path",
            "a `load` cannot name an absolute path",
            hint="start from the project's root with `//`, or from this file's folder with `./`",
        )
    folder, slash, _ = from_module.removeprefix(f"{own}//" if own else "").rpartition("/")
    return own, folder + slash + text.removeprefix("./")


def _check_text(text: str) -> None:
    """Rules about the characters, before the text is taken apart."""
    if not text:
        raise LoadProblem(
            "load-empty-source", "the source of a `load` is empty", hint='name a file: `load("./lib.flow", "name")`'
        )
    if len(text) > SOURCE_LENGTH_MAX:
        raise LoadProblem(
            "load-too-long",
            f"the source of a `load` has {len(text)} characters",
            hint=f"at most {SOURCE_LENGTH_MAX} are allowed",
        )
    if not text.isprintable():
        raise LoadProblem(
            "load-control-character",
            "the source of a `load` holds a character that cannot be seen",
            hint="rename the file with plain characters and write its name anew",
        )
    if "\\" in text:
        raise LoadProblem(
            "load-backslash",
            "the source of a `load` holds a backslash",
            hint="folders are separated by `/`",
            instead=text.replace("\\", "/"),
            is_sure=True,
        )
    if "://" in text:
        raise LoadProblem(
            "load-url",
            "a `load` cannot fetch from the network",
            hint="put the file into the project and load it by its path",
        )
    if text.startswith("~"):
        raise LoadProblem(
            "load-home-path",
            "a `load` cannot name a home folder",
            hint="only files of the project can be loaded: `//folder/file.flow` from its root",
        )
    if "%" in text:
        raise LoadProblem(
            "load-percent-escape",
            "the source of a `load` holds a `%`",
            hint="write the file's name as it is; escapes are not undone",
        )
    if ":" in text:
        raise _colon(text)


def _colon(text: str) -> LoadProblem:
    if text[0].isalpha() and text[1:2] == ":":
        return LoadProblem(
            "load-absolute-path",
            "a `load` cannot name a drive",
            hint="start from the project's root with `//`, or from this file's folder with `./`",
        )
    plain = "./" + text[1:] if text.startswith(":") else text.replace(":", "/")
    return LoadProblem(
        "load-colon",
        "the source of a `load` holds a colon",
        hint=f"write a path: `{plain}`",
        instead=plain,
        is_sure=True,
    )


def _check_path(text: str, path: str) -> None:
    """Rules about the segments of a path from a root."""
    segments = path.split("/")
    if ".." in segments:
        raise LoadProblem(
            "load-parent-path",
            "a `load` cannot go up a folder with `..`",
            hint="start from the project's root with `//`",
        )
    if "" in segments or "." in segments:
        raise LoadProblem(
            "load-empty-segment",
            "the source of a `load` has an empty part",
            hint="write single slashes between names, and `./` only at the beginning",
        )
    if any(len(segment.encode()) > SEGMENT_BYTES_MAX for segment in segments):
        raise LoadProblem(
            "load-too-long",
            "the source of a `load` has a name that is too long for a file",
            hint=f"one name may have {SEGMENT_BYTES_MAX} bytes",
        )
    if len(path) > PATH_LENGTH_MAX:
        raise LoadProblem(
            "load-too-long",
            "the source of a `load` leads too deep into the project",
            hint=f"a path from the root may have {PATH_LENGTH_MAX} characters",
        )
    file_name = segments[-1]
    if not file_name.endswith(SUFFIX) or file_name == SUFFIX:
        raise LoadProblem(
            "load-not-flow",
            f"`{text}` is not the name of a `.flow` file",
            hint=_suffix_hint(text, file_name),
            instead=None if "." in file_name else text + SUFFIX,
            is_sure=True,
        )


def _suffix_hint(text: str, file_name: str) -> str:
    stem, dot, _ = file_name.rpartition(".")
    if file_name == SUFFIX:
        return "the file needs a name before `.flow`"
    if not dot:
        return f"write `{text}{SUFFIX}`"
    if file_name.lower().endswith(SUFFIX):
        return f"the ending is written in small letters: `{text[: -len(SUFFIX)]}{SUFFIX}`"
    return f"only `.flow` files can be loaded, for example `{stem}{SUFFIX}`; data is read by actions"


def _unknown_package(text: str) -> LoadProblem:
    near = _near_package(text)
    hint = "the packages are `@std//name.flow`, `@prelude//name.flow` and `pkg.flowmetal.io/v1/prelude`"
    if near is not None:
        hint = f"did you mean `{near}`?"
    return LoadProblem("load-unknown-package", f"there is no package `{text}`", hint=hint, instead=near)


def _near_package(text: str) -> str | None:
    near = nearest(text, PACKAGES)
    if near is not None:
        return near
    library, _, path = text.partition("/")
    path = path.lstrip("/")
    known = library if library in LIBRARIES else nearest(library, LIBRARIES)
    if known is None and library.lower() in ("@stdlib", "@lib", "@flowlang", "@standard"):
        known = "@std"
    return f"{known}//{path}" if known is not None and path else None
