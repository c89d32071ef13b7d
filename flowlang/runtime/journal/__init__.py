"""The journal: append-only events per run, and the stores that keep them.

`event.py` says what may be recorded and `journal.py` what a store must do. An append passes through `codec.py` (events
to fields), `chain.py` (fields to rows with checksums) and a store: `memory.py`, or `sql.py` with `writer.py` (shared
transactions), `statement.py`, `tables.py`, `dialect.py` and the migrations. `owner.py` holds the rules of leases,
`locate.py` finds a project's database, and `canonical_form.py` makes journals comparable.
"""
