"""The tokens of gates, as far as the records of a run tell them.

A token is not recorded itself. But where a script passed one on, the arguments of that call hold it, and a replay must
give the script the same one again. The key cannot always make it: it does not leave its journal, so an exported run has
none; and a run that was forked saw the tokens of the run that it was forked from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from flowlang.errors import GateNotFound
from flowlang.runtime.gate_token import parse_token
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.event import ChapterStarted, GateOpened, Record, RunForked, position_text

TokenMaker: TypeAlias = Callable[[GateOpened, str], str]

TOKEN: Final = re.compile(r"flg1\.[\w-]+\.[\w-]+\.[\d-]+\.[\w-]{43}")
"""A gate's token in the text of a payload (`gate_token.py`)."""


def recorded_tokens(run_id: str, records: Sequence[Record], make: TokenMaker | None = None) -> TokenMaker:
    """Gives the tokens that the records of a run hold. `make` makes any other; without it, one that was never passed on
    is a text that decides nothing. Tokens of other runs, which a script may pass on as well, are none of its own."""
    found: dict[str, str] | None = None

    def token_of(event: GateOpened, salt: str) -> str:
        nonlocal found
        if found is None:
            found = _passed_on(run_id, records)
        position = position_text(event.position)
        if position in found:
            return found[position]
        if make is not None:
            return make(event, salt)
        return f"flg1.unknown.unknown.{position.replace('.', '-')}.unknown"

    return token_of


def _passed_on(run_id: str, records: Sequence[Record]) -> dict[str, str]:
    """Tokens by the positions of their gates."""
    found: dict[str, str] = {}
    standing = standing_records(records)
    own = {run_id, *(record.event.run_id for record in standing if type(record.event) is RunForked)}
    for record in standing:
        if type(record.event) is ChapterStarted:
            found.clear()
        payload = getattr(record.event, "payload", None)
        if payload is not None and b"flg1." in payload:
            for token in TOKEN.findall(payload.decode()):
                with suppress(GateNotFound):  # it only looked like one
                    address = parse_token(token)
                    if address.run_id in own:
                        found.setdefault(address.position, token)
    return found
