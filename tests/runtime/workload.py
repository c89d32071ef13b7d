"""The workloads of the kill tests: projects whose every effect can be counted afterwards.

Each is one script with its files. Together they use everything that a journal records: actions one after another and
side by side, flows inside flows that fail and are tried again, timers, lines, writes to a database and to files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from flowlang.runtime.action import ActionContext, ActionError, ActionSpec, action

ETL = Path(__file__).parents[2] / "examples" / "etl"


@attrs.frozen
class Workload:
    """A project: the script that is run, and its other files by path. `entry`: where the script is."""

    name: str
    script: str
    files: Mapping[str, str] = attrs.field(factory=dict)
    entry: str = "main.flow"

    def install(self, root: Path) -> None:
        """Writes the project into an empty folder."""
        for path, text in {self.entry: self.script, **self.files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
            os.utime(root / path, (1_700_000_000, 1_700_000_000))  # pages of a table know when it was changed


@action(name="test.double", inline=True)
def double(number: int) -> int:
    """Twice the number, at once."""
    return 2 * number


@action(name="test.refuse")
def refuse(number: int) -> int:
    """Fails for odd numbers."""
    if number % 2:
        raise ActionError("refused", f"{number} is odd", data={"number": number}, retryable=True)
    return number


@action(name="test.attempt")
def attempt(context: ActionContext) -> int:
    """The number of the attempt: what no script should look at, so only tests of attempts use it."""
    return context.attempt


ACTIONS: list[ActionSpec[..., object]] = [double, refuse, attempt]

STRAIGHT = Workload(
    "straight",
    """
load("@std//files.flow", "read_text", "write_text")
load("@std//sql.flow", "execute", "query")

execute("CREATE TABLE step (number INTEGER, doubled INTEGER)")
actions = current_flow().actions
for number in range(4):
    doubled = actions.test.double(number)
    print("step", number, "gives", doubled)
    execute("INSERT INTO step VALUES (?, ?)", [number, doubled])
    write_text("out/last.txt", "%d" % number)
rows = query("SELECT number, doubled FROM step ORDER BY rowid")
print(len(rows), "rows")
write_text("out/report.txt", repr(rows) + read_text("out/last.txt"))
""",
)

PARALLEL = Workload(
    "parallel",
    """
load("@std//sql.flow", "execute", "query")

def _load_impl(fctx, number):
    execute("INSERT INTO part VALUES (?, ?)", [number, 0])
    print("part", number)
    fctx.actions.sleep(1 + number % 3)
    execute("UPDATE part SET done = done + 1 WHERE number = ?", [number])
    if number == 3:
        fail("part 3 is bad")
    return fctx.actions.test.double(number)

load_part = flow(implementation = _load_impl)

execute("CREATE TABLE part (number INTEGER, done INTEGER)")
run = current_flow().actions.run
tasks = [run(load_part, number) for number in range(5)] + [run(current_flow().actions.test.refuse, 7)]
results = current_flow().actions.wait(tasks)
for result in results:
    print(result.value if is_ok(result) else result.failure.message)
print(query("SELECT count(*) AS parts, sum(done) AS done FROM part"))
""",
)

NESTED = Workload(
    "nested",
    """
load("@std//files.flow", "exists", "write_text")
load("@std//sql.flow", "execute", "transaction")

def _leaf_impl(fctx, number):
    marker = "busy-%d" % number
    if not exists(marker):
        write_text(marker, "")
        print("leaf", number, "is busy")
        fail("busy")
    execute("INSERT INTO leaf VALUES (?)", [number])
    return number

leaf = retry(flow(implementation = _leaf_impl), limit = 3, backoff = lambda count: 60 * (count + 1))

def _branch_impl(fctx, number):
    values = [unwrap(leaf(10 * number + index)) for index in range(2)]
    if number == 1:
        return 1 // 0
    return values

branch = flow(implementation = _branch_impl)

def _tree_impl(fctx):
    results = [branch(number) for number in range(3)]
    refused = [flow(implementation = lambda fctx: fctx.actions.test.refuse(n))() for n in (1, 2)]
    print([r.value if is_ok(r) else r.failure.kind for r in results + refused])
    transaction([("INSERT INTO leaf VALUES (?)", [n]) for n in (100, 101)])
    return [is_ok(result) for result in results + refused]

tree = flow(implementation = _tree_impl)

execute("CREATE TABLE leaf (number INTEGER)")
if __name__ == "__flow__":
    tree()
""",
)

TIMERS = Workload(
    "timers",
    """
load("@std//sql.flow", "execute")
load("@std//time.flow", "now")

def _tick_impl(fctx, number):
    for turn in range(3):
        fctx.actions.sleep(3600 * (number + 1))
        execute("INSERT INTO tick VALUES (?, ?)", [number, turn])
        fctx.actions.log("tick %d.%d" % (number, turn), level = "debug")
    return number

tick = flow(implementation = _tick_impl)

execute("CREATE TABLE tick (number INTEGER, turn INTEGER)")
began = now()
tasks = [current_flow().actions.run(tick, number) for number in range(2)]
sleep(86400)
print([unwrap(result) for result in current_flow().actions.wait(tasks)], now() > began)
""",
)

FAILING = Workload(
    "failing",
    """
load("@std//sql.flow", "execute")

def _main_impl(fctx):
    execute("CREATE TABLE t (n INTEGER)")
    print("before the failure")
    execute("INSERT INTO missing VALUES (1)")

main = flow(implementation = _main_impl)

if __name__ == "__flow__":
    main()
""",
)

PAGES = Workload(
    "pages",
    """
load("@std//sql.flow", "execute", "insert", "query")
load("@std//tables.flow", "append_csv", "read_csv", "read_csv_page", "write_csv")
load("@std//files.flow", "exists", "write_text")

def _page_impl(fctx, rows, marker):
    if not exists(marker):
        write_text(marker, "")
        fail("the database is busy")
    return insert("flight", rows)

stage = retry(flow(implementation = _page_impl), limit = 2, backoff = lambda count: 1)

def _copy_impl(fctx):
    airlines = {row["code"]: row["name"] for row in read_csv("data/airlines.csv")}
    cursor, end, good, bad = None, 0, 0, 0
    for number in range(1000):
        page = read_csv_page("data/flights.csv", cursor, rows = 10, types = {"delay": "int"}, missing = "NA")
        kept = [row | {"airline": airlines[row["code"]]} for row in page["rows"] if row["delay"] != None]
        left = [row for row in page["rows"] if row["delay"] == None]
        unwrap(stage(kept, "out/busy-%d" % number))
        end = append_csv("out/quarantine.csv", left, columns = ["id", "code", "delay"], at = end)
        good += len(kept)
        bad += len(left)
        print("page", number, "kept", len(kept), "left", len(left))
        cursor = page["cursor"]
        if cursor == None:
            break
    return {"good": good, "bad": bad}

copy = flow(implementation = _copy_impl)

def _report_impl(fctx):
    rows = query("SELECT airline, count(*) AS flights, sum(delay) AS delay FROM flight GROUP BY airline ORDER BY 1")
    write_csv("out/report.csv", rows)
    return len(rows)

report = flow(implementation = _report_impl)

def _main_impl(fctx):
    execute("CREATE TABLE flight (id TEXT PRIMARY KEY, code TEXT, delay INTEGER, airline TEXT)")
    counts = unwrap(copy())
    tasks = [fctx.actions.run(report), fctx.actions.run(query, "SELECT count(*) AS n FROM flight")]
    lines, found = [unwrap(result) for result in fctx.actions.wait(tasks)]
    print(counts, lines, found)
    return [counts, lines, found]

main = flow(implementation = _main_impl)

if __name__ == "__flow__":
    main()
""",
    {
        "data/airlines.csv": "code,name\nAA,Alpha\nBB,Beta\n",
        "data/flights.csv": "id,code,delay\n"
        + "".join(f"{n},{'AB'[n % 2] * 2},{'NA' if n % 7 == 3 else n % 50}\n" for n in range(45)),
    },
)


def example_etl(flights: int = 240, page_rows: int = 40) -> Workload:
    """The example with fewer flights in smaller pages."""
    script = (ETL / "etl.flow").read_text()
    paged = script.replace("read_csv_page(source, cursor)", f"read_csv_page(source, cursor, rows = {page_rows})")
    assert paged != script
    head = {"airlines.csv": 100, "planes.csv": 400, "flights-2013-01.csv": flights + 1}
    files = {
        f"examples/etl/data/{name}": "".join((ETL / "data" / name).read_text().splitlines(keepends=True)[:lines])
        for name, lines in head.items()
    }
    return Workload("etl", paged, files, "examples/etl/etl.flow")


WORKLOADS = {each.name: each for each in (STRAIGHT, PARALLEL, NESTED, TIMERS, FAILING, PAGES)}
