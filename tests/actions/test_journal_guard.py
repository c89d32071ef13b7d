"""What scripts cannot do to the journal whose database they may write to, whatever they say in SQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from joint_world import TABLE, JointWorld, joint_commits

from flowlang.lang.values.result import Err

JOURNAL = "SELECT count(*), max(token), max(sequence) FROM run WHERE run_id = 'first'"

HOSTILE = {
    "insert": ["INSERT INTO gate_key (key_id, secret, created_at_ms) VALUES ('x', 'x', 0)"],
    "update": ["UPDATE run SET token = 99"],
    "delete": ["DELETE FROM event"],
    "drop": ["DROP TABLE inbox"],
    "alter": ["ALTER TABLE run ADD COLUMN mine INTEGER"],
    "rename": ["ALTER TABLE event RENAME TO mine"],
    "index": ["CREATE INDEX mine ON run (entry)"],
    "reference": ["CREATE TABLE mine (run_id TEXT REFERENCES run (run_id))"],
    "copy": ["INSERT INTO item SELECT key_id, 1 FROM gate_key"],
    "view": ["CREATE VIEW mine AS SELECT * FROM run", "INSERT INTO item SELECT run_id, 1 FROM mine"],
    "begin": ["BEGIN"],
    "commit": ["INSERT INTO item VALUES ('mine', 1)", "COMMIT"],
    "savepoint": ["SAVEPOINT mine"],
}
HOSTILE_SQLITE = {
    "trigger": ["CREATE TRIGGER mine AFTER INSERT ON event BEGIN DELETE FROM item; END"],
    "own trigger": [
        "CREATE TRIGGER mine AFTER INSERT ON item BEGIN DELETE FROM event; END",
        "INSERT INTO item VALUES ('mine', 1)",
    ],
    "temporary": ["CREATE TEMP TABLE run (run_id TEXT)"],
    "renamed temporary": ["CREATE TEMP TABLE mine (run_id TEXT)", "ALTER TABLE mine RENAME TO run"],
    "row numbers": ["UPDATE sqlite_sequence SET seq = 0 WHERE name = 'inbox'"],
    "no row numbers": ["DELETE FROM sqlite_sequence"],
    "reference later": ["ALTER TABLE item ADD COLUMN run_id TEXT REFERENCES run (run_id)"],
    "setting": ["PRAGMA synchronous = OFF"],
    "other file": ["ATTACH 'other.db' AS other"],
}
HOSTILE_POSTGRES = {
    "truncate": ["TRUNCATE event"],
    "put together": ["DO $$ BEGIN EXECUTE 'UPDATE ' || 'run SET ' || 'token = 99'; END $$"],
    "hidden names": ["SELECT set_config('search_path', 'public, pg_temp', true)", "UPDATE run SET token = 99"],
    "row numbers": ["INSERT INTO item SELECT 'mine', setval(pg_get_serial_sequence('run', 'number'), 1)"],
    "trigger": [
        "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM item; RETURN NULL; END'",
        "CREATE TRIGGER mine AFTER INSERT ON event EXECUTE FUNCTION mine()",
    ],
    "at the commit": [
        "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM event; RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER mine AFTER INSERT ON item INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mine()",
        "INSERT INTO item VALUES ('mine', 1)",
    ],
    "stand-in": [
        "CREATE SCHEMA mine",
        "CREATE VIEW mine.pg_locks AS SELECT * FROM pg_locks WHERE false",
        "SELECT set_config('search_path', 'mine, public, pg_catalog', true)",
        "UPDATE run SET token = 99",
    ],
    "setting": ["SET synchronous_commit = off"],
    "lock": ["LOCK TABLE run"],
}


def made(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> JointWorld:
    world = JointWorld.of_kind(tmp_path, kind, request)
    world.value("return None", "first")  # makes the journal
    world.execute(TABLE)
    return world


def refuses(world: JointWorld, statements: list[str], *, joint: bool) -> None:
    """Performs them in one transaction, in a run that writes something afterwards."""
    before = world.execute(JOURNAL)
    padding = [] if joint else ["INSERT INTO item VALUES ('padding', 1)"] * 101
    body = f"""
failure = wait(run(sql.transaction, {padding + statements!r})).failure
sql.execute("INSERT INTO item VALUES ('run', 1)")
return [failure.kind, failure.message]
"""
    kind, message = world.value(body)
    assert kind == "sql-refused", message
    assert world.execute("SELECT name FROM item") == [("run",)]
    assert world.execute(JOURNAL) == before
    assert world.problems() == {}


@pytest.mark.parametrize("name", [*HOSTILE, *HOSTILE_SQLITE])
def test_in_a_file(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    """Nothing of such a transaction is done, and the run goes on."""
    refuses(made(tmp_path, "sqlite", request), (HOSTILE | HOSTILE_SQLITE)[name], joint=True)


@pytest.mark.parametrize("name", [*HOSTILE, *HOSTILE_POSTGRES])
def test_on_a_server(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    refuses(made(tmp_path, "postgres", request), (HOSTILE | HOSTILE_POSTGRES)[name], joint=True)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_write_that_is_performed_apart_is_guarded_as_well(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    refuses(made(tmp_path, kind, request), HOSTILE["update"], joint=False)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_journal_is_not_read_either(tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    """It holds the keys of gates, and what other runs have done."""
    world = made(tmp_path, kind, request)
    for statement in ("SELECT * FROM gate_key", "SELECT name, (SELECT count(*) FROM event) FROM item"):
        outcome = world.drive(f"return sql.query({statement!r})", f"run-{len(statement)}")
        assert isinstance(outcome.result, Err)
        assert outcome.result.failure.kind == "sql-refused"
    assert world.value("return sql.query('SELECT count(*) AS n FROM item')") == [{"n": 0}]


def test_columns_may_be_called_as_tables_of_the_journal(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """And whatever is dropped or renamed there, with or without row numbers."""
    world = made(tmp_path, "sqlite", request)
    body = """
sql.execute("CREATE TABLE mine (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT, event TEXT REFERENCES mine (id))")
sql.execute("INSERT INTO mine (run) VALUES ('a')")
sql.execute("UPDATE mine SET run = 'b', event = 1")
sql.execute("ALTER TABLE mine RENAME TO yours")
rows = sql.query("SELECT run, event FROM yours")
sql.execute("DROP TABLE yours")
return rows
"""
    assert world.value(body) == [{"run": "b", "event": "1"}]


def test_what_a_statement_sets_is_gone_afterwards(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """On PostgreSQL functions may set what statements may not. The record is written and flushed all the same, into
    the journal's table and not into one that stands in its place, and the next action finds nothing of it."""
    world = made(tmp_path, "postgres", request)
    body = """
sql.transaction([
    "CREATE TEMP TABLE run (run_id text, status text, owner text, token bigint, sequence bigint, checksum bytea)",
    "CREATE TEMP TABLE event (run bigint, sequence bigint)",
    "SELECT set_config('search_path', 'pg_temp, public', false), set_config('synchronous_commit', 'off', false)",
    "SELECT set_config('statement_timeout', '9999', false), set_config('application_name', 'mine', false)",
    "INSERT INTO item VALUES ('run', 1)",
])
names = ["search_path", "synchronous_commit", "statement_timeout", "application_name"]
return [sql.query("SELECT current_setting(?) AS it", [name])[0]["it"] for name in names]
"""
    with joint_commits() as joint:
        settings = world.value(body)
    assert (joint, world.written(), world.completed()) == (["run"], 1, 5)
    assert settings == ['"$user", public', "on", "0", "flowlang action"]
