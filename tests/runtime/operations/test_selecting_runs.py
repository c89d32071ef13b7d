"""Selections find the runs that they describe, on every store, however they are split between filter and test."""

from __future__ import annotations

from random import Random

from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.operations.selection import PAGE, select

SCRIPT = """
def _done(fctx, fails, state):
    fctx.actions.set_status(state)
    fctx.actions.progress(1, 4)
    if fails:
        fctx.actions.files.read_text("none.txt")
    return 1

def _go(fctx):
    return _done(fctx, fctx.args.fails, fctx.args.state)

go = flow(implementation = _go, args = {"fails": args.bool(), "state": args.string()})
"""
PARTS = (
    ('status = "failed"', lambda row: row["fails"]),
    ('status in ["failed", "completed"]', lambda row: True),
    ('status != "failed"', lambda row: not row["fails"]),
    ('region = "eu"', lambda row: row["region"] == "eu"),
    ('region != "eu"', lambda row: row["region"] not in ("eu", None)),
    ('region begins "e"', lambda row: (row["region"] or "").startswith("e")),
    ("size >= 2", lambda row: row["size"] >= 2),
    ("size in [1, 3]", lambda row: row["size"] in (1, 3)),
    ('size = "1"', lambda row: False),
    ("size = true", lambda row: False),
    ("hot = true", lambda row: row["hot"]),
    ('state = "odd"', lambda row: row["size"] % 2 == 1),
    ('state != "odd"', lambda row: row["size"] % 2 == 0),
    ('attribute.state = "own"', lambda row: row["size"] == 3),
    ('sequence = "own"', lambda row: row["size"] == 3),
    ('partition = ""', lambda row: True),
    ('reason = "x"', lambda row: False),
    ("events > 3 and priority = 1 and crashes = 0", lambda row: True),
    ("actions >= 1", lambda row: False),
    ('updated > "1h ago"', lambda row: True),
    ('due > "1h ago"', lambda row: False),
    ('root = "r-3"', lambda row: row["id"] == "r-3"),
    ('parent = ""', lambda row: True),
    ("progress < 0.5", lambda row: True),
    ('id begins "r-1"', lambda row: row["id"].startswith("r-1")),
    ('id in ["r-1", "r-2", "none"]', lambda row: row["id"] in ("r-1", "r-2")),
    ('flow = "go" and script = "main.flow"', lambda row: True),
    ('created < "1h ago"', lambda row: False),
    ('missing = "x"', lambda row: False),
)


def rows_of(made):
    """Runs that differ in everything that can be asked for, and what is known of them."""
    rows = []
    for number in range(12):
        row = {
            "id": f"r-{number}", "fails": number % 3 == 0, "size": number % 4, "hot": number % 2 == 0,
            "region": ("eu", "us", None)[number % 3],
        }  # fmt: skip
        labels = {"size": row["size"], "hot": row["hot"]} | ({"region": row["region"]} if row["region"] else {})
        labels |= {"state": "own", "sequence": "own"} if row["size"] == 3 else {}
        arguments = {"fails": row["fails"], "state": "odd" if row["size"] % 2 else "even"}
        made.start("go", row["id"], arguments=arguments, attributes=labels)
        rows.append(row)
    made.work()
    return rows


def test_selections_find_what_they_describe(project):
    """Random expressions over all parts find exactly the runs for which they hold, the newest first, and count them."""
    made = project(SCRIPT)
    rows = rows_of(made)
    random = Random(11)
    for _ in range(250):
        text, holds = random_expression(random, 3)
        expected = [row["id"] for row in reversed(rows) if holds(row)]
        selection = select(text, made.clock.now_ms())
        assert [run.run_id for run in selection.runs(made.journal)] == expected, text
        assert sum(selection.count(made.journal).values()) == len(expected), text


def random_expression(random, depth):
    """An expression, and whether it holds for a row."""
    form = random.choice(("part", "and", "or", "not")) if depth else "part"
    if form == "part":
        text, holds = random.choice(PARTS)
        return f"({text})", holds
    left, holds_left = random_expression(random, depth - 1)
    if form == "not":
        return f"not ({left})", lambda row: not holds_left(row)
    right, holds_right = random_expression(random, depth - 1)
    if form == "and":
        return f"({left}) and ({right})", lambda row: holds_left(row) and holds_right(row)
    return f"({left} or {right})", lambda row: holds_left(row) or holds_right(row)


def test_selections_go_from_page_to_page(project):
    """More runs than a page holds are all found, and a limit ends the search."""
    made = project(SCRIPT)
    for number in range(PAGE + 3):
        made.start("go", f"p-{number:04}", arguments={"fails": False, "state": "x"})
    everything = select("", 0)
    found = [run.run_id for run in everything.runs(made.journal)]
    assert found == [f"p-{number:04}" for number in reversed(range(PAGE + 3))]
    assert everything.count(made.journal) == {RunStatus.SUSPENDED: PAGE + 3}
    assert len(list(everything.runs(made.journal, 7))) == 7
