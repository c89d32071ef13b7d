"""The pages about actions and hosting are programs, and they run."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import flowlang

SPEC = Path(__file__).parents[2] / "spec"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
WAIT_S = 60.0


@pytest.mark.parametrize(("page", "least"), [("actions.md", 4), ("hosting.md", 5)])
def test_the_blocks_run(page: str, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = BLOCK.findall((SPEC / page).read_text(encoding="utf-8"))
    assert len(found) >= least
    monkeypatch.chdir(tmp_path)
    module = ModuleType("described")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    async def program() -> None:
        for number, block in enumerate(found):
            code = compile(block, f"{page}, block {number}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
            running = eval(code, vars(module))
            if inspect.isawaitable(running):
                await running

    asyncio.run(asyncio.wait_for(program(), WAIT_S))


def test_every_public_name_of_hosting_is_described() -> None:
    text = (SPEC / "hosting.md").read_text(encoding="utf-8") + (SPEC / "actions.md").read_text(encoding="utf-8")
    homes = {name: home for name, home in vars(flowlang)["_HOMES"].items() if "hosting" in home or "action" in home}
    assert not [name for name in homes if name not in text]
