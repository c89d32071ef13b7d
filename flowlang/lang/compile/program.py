"""Programs: compiled modules. Immutable, without values, fit for caching and for sharing between threads.

This module knows nothing of how programs are made (`lowering.py`), so that running a cached one loads no compiler.
"""

from __future__ import annotations

import hashlib
import marshal
from types import CodeType
from typing import Final

import attrs

COMPILER_VERSION: Final = 16
"""Grows with every change of the generated code or of `Program`; part of the cache key."""


@attrs.frozen
class LoadedName:
    """One name that a module takes from another: `local = module.original`."""

    module: str
    original: str
    local: str


@attrs.frozen
class GuardInfo:
    """The main guard: the flow that its body calls, if that is all it does, and the line of the guard."""

    flow: str | None
    line: int


@attrs.frozen
class Program:
    """A compiled module. `codes` are the bodies of `%module`, to run in turn. `exports`: the names that other modules
    may load. `methods` and `universals`: what the code refers to and the linker must provide."""

    name: str
    digest: str
    codes: tuple[CodeType, ...] = attrs.field(repr=False)
    exports: tuple[str, ...]
    loads: tuple[LoadedName, ...]
    methods: tuple[str, ...]
    universals: tuple[str, ...]
    predeclared: tuple[str, ...]
    guard: GuardInfo | None
    acts: bool
    documentation: str | None


def source_digest(text: str) -> str:
    """The digest under which a module's text is pinned and its program cached."""
    return hashlib.sha256(text.encode()).hexdigest()


def dump_program(program: Program) -> bytes:
    """The program as bytes for a cache (`load_program`). Only for caches that nobody else can write."""
    fields = {field.name: getattr(program, field.name) for field in attrs.fields(Program)}
    fields["loads"] = tuple(attrs.astuple(load) for load in program.loads)
    fields["guard"] = attrs.astuple(program.guard) if program.guard is not None else None
    return marshal.dumps(fields)


def load_program(data: bytes) -> Program:
    """The reverse of `dump_program`. Raises ValueError, EOFError or TypeError on data that is not a program."""
    fields = marshal.loads(data)
    fields["loads"] = tuple(LoadedName(*load) for load in fields["loads"])
    fields["guard"] = GuardInfo(*fields["guard"]) if fields["guard"] is not None else None
    return Program(**fields)
