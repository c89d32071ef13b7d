"""The documents and examples about embedding do what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import flowlang
from flowlang import SourceError

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "embed"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def blocks(document: str) -> list[str]:
    return BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))


def example(name: str) -> ModuleType:
    """The example as a module."""
    specification = spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("temporary_types")
def test_the_blocks_of_the_specification_run() -> None:
    found = blocks("spec/embedding.md")
    assert len(found) >= 8
    names: dict[str, object] = {}
    for number, block in enumerate(found):
        exec(compile(block, f"spec/embedding.md, block {number}", "exec"), names)


def test_every_public_name_of_embedding_is_described() -> None:
    text = (ROOT / "spec" / "embedding.md").read_text(encoding="utf-8")
    homes = {name: home for name, home in vars(flowlang)["_HOMES"].items() if "embedding" in home}
    assert not [name for name in homes if f"{name}" not in text and name not in ("Usage", "Builtin")]


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (code,) = [block for block in blocks("README.md") if "Interpreter(" in block]
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "pricing.flow").write_text("def price(sku, quantity):\n    return (region, sku, quantity)\n")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out == "('eu', 'A1', 3)\n"


def test_pricing() -> None:
    pricing = example("pricing").Pricing()
    order = {"customer": "silver", "currency": "CHF", "items": [{"sku": "chair", "count": 10}]}
    assert pricing.quote(order) == {
        "ok": {"currency": "CHF", "total": 1037.76, "discount": 8, "reason": "amount"},
    }
    assert pricing.quote({"items": [{"sku": "sofa"}]})["message"] == "there is no article `sofa`"
    assert pricing.quote({**order, "currency": "XYZ"})["error"] == "unknown-currency"
    assert pricing.quote({})["error"] == "missing-key"
    with ThreadPoolExecutor(8) as executor:
        counts = list(range(1, 41))
        quotes = executor.map(lambda count: pricing.quote({"items": [{"sku": "lamp", "count": count}]}), counts)
        totals = [quote["ok"]["total"] * 100 / (100 - quote["ok"]["discount"]) for quote in quotes]
    assert totals == pytest.approx([40 * count for count in counts])


def test_rules_that_do_not_end_cost_one_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pricing.flow").write_text("def quote(order, rate):\n    return [x for x in range(1 << 40)]\n")
    pricing = example("pricing").Pricing(tmp_path)
    assert pricing.quote({})["error"] == "no-price"
    assert "pricing.flow:2" in capsys.readouterr().err
    (tmp_path / "pricing.flow").write_text("def quote(order, rate:\n")
    with pytest.raises(SourceError):
        example("pricing").Pricing(tmp_path)


def test_pricing_as_a_program() -> None:
    lines = [{"items": [{"sku": "desk"}]}, {"items": [{"sku": "desk", "count": 2}], "currency": "EUR"}]
    done = subprocess.run(
        [sys.executable, EXAMPLES / "pricing.py"], input="".join(f"{json.dumps(line)}\n" for line in lines),
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}, timeout=60,
    )  # fmt: skip
    assert [json.loads(line)["ok"]["total"] for line in done.stdout.splitlines()] == [250.0, 480.0]


def test_configuration() -> None:
    configuration = example("configuration")
    path = EXAMPLES / "configuration" / "service.flow"
    live = configuration.load_settings(path, stage="live")
    assert (live.host, live.port, live.debug) == ("0.0.0.0", 8000, False)
    assert live.workers >= 1
    assert live.routes == {"billing": "/billing/v2", "search": "/search/v2", "mail": "/mail"}
    assert configuration.load_settings(path).debug


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def settings(stage, cores):\n    return {'port': 'x'}\n", "`port` must be int"),
        ("def settings(stage, cores):\n    return {'port': 1}\n", "host, workers, routes must be given"),
        ("def settings(stage, cores):\n    return {'other': 1}\n", "must give a struct of host"),
        ("def settings(stage, cores):\n    return [stage]\n", "must give a struct of host"),
        ("def settings():\n    return {}\n", "`settings` has no parameter"),
        ("x = 1\n", "no public name `settings`"),
        ("x = open('/etc/passwd')\n", "name `open` is not defined"),
        ("load('../secret.flow', 'x')\n", "cannot go up"),
        ("load('link.flow', 'x')\n", "symbolic link"),
        ("x = 1 // 0\n", "division by zero"),
        ("x = [i for i in range(1000000)]\n", "budget of 100000 steps"),
        ("def f():\n    return f()\n\nx = f()\n", "while it is still running"),
    ],
)
def test_configuration_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    configuration = example("configuration")
    (tmp_path / "settings.flow").write_text(text)
    (tmp_path.parent / "secret.flow").write_text("x = 1\n")
    (tmp_path / "link.flow").symlink_to(tmp_path.parent / "secret.flow")
    with pytest.raises(configuration.ConfigurationError) as caught:
        configuration.load_settings(tmp_path / "settings.flow")
    assert message in str(caught.value)
    assert "Traceback" not in str(caught.value)
