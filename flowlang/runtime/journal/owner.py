"""Owners of leases: who they are, and whether they still live.

An owner id is made once per worker start, from random bits, the process id and the host's name; it is never used
again. A lease ends by itself after a while, but a killed run should go on at once. So every owner on a host holds an
operating-system lock on a file of its own: the kernel gives the lock back when the process ends, however it ends.

    lock file held          the owner lives
    lock file free or gone  the owner is dead; whoever finds a free file removes it
    owner of another host   nothing is known; its lease has to run out

A database on a server says nothing about where its owners keep their files. Their ids then name the directory as well
(`realm`), and an owner of another directory counts like one of another host.

A wrong answer costs time or a repeated action, never the journal: appends are fenced by the lease's token. The rules
of claims and appends stand here, too, once for all stores.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import socket
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from flowlang.errors import JournalUnavailable, LeaseHeld, LeaseLost, RunError
from flowlang.runtime.journal.model import Lease, RunRecord

_OWNER = re.compile(r"[0-9a-f]{32}-[0-9]{1,20}-[A-Za-z0-9.]{0,60}")


def make_owner_id(realm: str = "") -> str:
    """A fresh owner id, such as `4be1…-1234-hostname`."""
    return f"{secrets.token_hex(16)}-{os.getpid()}-{_host(realm)}"


def _host(realm: str) -> str:
    name = re.sub(r"[^A-Za-z0-9.]", ".", socket.gethostname())
    return f"{name[:40]}..{realm}" if realm else name[:60]


def check_claim(run: RunRecord, now_ms: int, is_owner_alive: Callable[[str], bool]) -> None:
    """The rule of claims. Returns when the run's lease may be taken; raises RunError when the run has ended and
    LeaseHeld when its owner lives and its lease has not run out."""
    if run.status.is_final:
        raise RunError(
            f"run `{run.run_id}` has ended (`{run.status.value}`)",
            run_id=run.run_id,
            hint="its result is final: retry it, reset it, or start a new run under another id",
        )
    if run.owner and now_ms < run.lease_expires_at_ms and is_owner_alive(run.owner):
        raise LeaseHeld(
            f"run `{run.run_id}` is driven by `{run.owner}`",
            owner=run.owner,
            hint="wait until that worker ends or gives the run back",
        )


def check_append(run: RunRecord, lease: Lease, expected_sequence: int | None) -> None:
    """The rule of appends. Raises LeaseLost unless the lease is the run's newest one and the journal stands where
    its holder believes (None: wherever it stands)."""
    if run.token != lease.token or run.owner != lease.owner:
        holder = f"`{run.owner}` holds it now" if run.owner else "it was given back"
        raise LeaseLost(
            f"the lease of run `{lease.run_id}` was lost: {holder}",
            hint="stop driving the run; nothing was written",
        )
    if expected_sequence is not None and run.sequence != expected_sequence:
        raise LeaseLost(
            f"the journal of run `{lease.run_id}` ends at record {run.sequence}, not at {expected_sequence}",
            hint="stop driving the run; nothing was written",
        )


class LocalOwners:
    """Owners that exist inside one process only, for journals in memory."""

    def __init__(self) -> None:
        self._living: set[str] = set()

    def new(self) -> str:
        """Makes an owner that lives until it is dropped."""
        owner = make_owner_id()
        self._living.add(owner)
        return owner

    def drop(self, owner: str) -> None:
        """Ends an owner."""
        self._living.discard(owner)

    def is_alive(self, owner: str) -> bool:
        """Whether the owner was made here and not dropped since."""
        return owner in self._living

    def close(self) -> None:
        """Ends all owners."""
        self._living.clear()


class FileOwners:
    """Owners with a locked file each, in one directory. `realm` tells directories of the same host apart where owners
    of several may meet in a database."""

    def __init__(self, directory: Path, *, realm: str = "") -> None:
        self._directory = directory
        self._realm = realm
        self._guard = threading.Lock()
        self._held: dict[str, int] = {}
        _every_holder.add(self)

    def new(self) -> str:
        """Makes an owner and holds its lock until it is dropped or the process ends. Raises JournalUnavailable."""
        owner = make_owner_id(self._realm)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path(owner), os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalUnavailable(
                f"no lock file can be made in `{self._directory}`: {error.strerror or error}",
                hint="make the directory writable, or choose another place for the database",
            ) from error
        with self._guard:
            self._held[owner] = descriptor
        return owner

    def drop(self, owner: str) -> None:
        """Removes the owner's file and gives back its lock."""
        with self._guard:
            descriptor = self._held.pop(owner, None)
        if descriptor is not None:
            self._remove(owner)
            os.close(descriptor)

    def is_alive(self, owner: str) -> bool:
        """False when the owner is known to be dead. Removes the file that a dead owner left behind."""
        if owner in self._held:
            return True
        if _OWNER.fullmatch(owner) is None or owner.split("-", 2)[2] != _host(self._realm):
            return True
        try:
            descriptor = os.open(self._path(owner), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        try:
            # A shared lock, so that two claimants who look at once do not take each other for the owner.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            self._remove(owner)
            return False
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Drops all owners."""
        for owner in list(self._held):
            self.drop(owner)

    def forget(self) -> None:
        """Closes the files that a forked child inherited, which would keep the parent's locks beyond its death."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()
        self._guard = threading.Lock()

    def _path(self, owner: str) -> Path:
        return self._directory / f"{owner}.lock"

    def _remove(self, owner: str) -> None:
        with contextlib.suppress(OSError):
            self._path(owner).unlink()


_every_holder: weakref.WeakSet[FileOwners] = weakref.WeakSet()


def _forget_in_child() -> None:
    for holder in list(_every_holder):
        holder.forget()


os.register_at_fork(after_in_child=_forget_in_child)
