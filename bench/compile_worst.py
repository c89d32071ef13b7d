"""What the compiler costs at worst: time and memory for each megabyte of hostile source.

    python bench/compile_worst.py [BYTES] [FORM ...]

Every form repeats one dense construct until the source has BYTES bytes (a million unless told). Each is compiled in a
process of its own; the table tells the seconds of parsing, resolving and compiling, by how much the process grew, and
the error that refused the source, if one did. No form may take more than `SECONDS_MAX` or grow by more than
`GROWTH_MAX`; the exit code says whether one does.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from flowlang.lang.interpreter import build
from flowlang.lang.resolve.load_source import LoadProblem
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse

BYTES: int = 1_000_000
SECONDS_MAX = 20.0
GROWTH_MAX = 500 << 20
ADDRESS_SPACE = 4 << 30
CPU_SECONDS = 120

Form = Callable[[int], str]


def repeated(piece: str, size: int, *, before: str = "", after: str = "\n") -> str:
    """`piece` as often as it fits."""
    return before + piece * max(1, (size - len(before) - len(after)) // len(piece)) + after


def numbered(piece: str, size: int, *, before: str = "", after: str = "\n") -> str:
    """`piece` with `@` standing for a number, again and again with the next number."""
    parts = [before]
    length = len(before) + len(after)
    number = 0
    while length < size:
        part = piece.replace("@", str(number))
        parts.append(part)
        length += len(part)
        number += 1
    return "".join([*parts, after])


def nested(opening: str, core: str, closing: str, depth: int) -> str:
    """`core` inside `depth` pairs."""
    return opening * depth + core + closing * depth


FORMS: dict[str, Form] = {
    "sum of names": partial(repeated, "a+", before="a=1\nx=", after="a\n"),
    "sum of calls": partial(repeated, "a()+", before="a=len\nx=", after="a()\n"),
    "sums in a function": partial(repeated, " a+a\n", before="def f(a):\n"),
    "products in a function": partial(repeated, " a*a*a*a*a*a*a*a\n", before="def f(a):\n"),
    "divisions in a function": partial(repeated, "a//", before="def f(a):\n return ", after="a\n"),
    "comparisons in a function": partial(repeated, " a<a\n", before="def f(a):\n"),
    "equalities": partial(repeated, "a==a,", before="a=1\nx=[", after="]\n"),
    "shifts": partial(repeated, "a<<", before="a=1\nx=", after="a\n"),
    "remainders": partial(repeated, "a%", before="a=1\nx=", after="a\n"),
    "memberships": partial(repeated, "a in a,", before="a=1\nx=[", after="]\n"),
    "conjunctions": partial(repeated, "a and ", before="a=1\nx=", after="a\n"),
    "mixed logic": partial(repeated, "a and a or ", before="a=1\nx=", after="a\n"),
    "negations": partial(repeated, "-a,", before="a=1\nx=[", after="]\n"),
    "nots": partial(repeated, "not a,", before="a=1\nx=[", after="]\n"),
    "choices": partial(repeated, "a if a else a,", before="a=1\nx=[", after="]\n"),
    "nested choices": partial(repeated, nested("a if a else ", "a", "", 60) + ",", before="a=1\nx=[", after="]\n"),
    "nested operators": partial(repeated, nested("-(a+", "a", ")", 45) + ",", before="a=1\nx=[", after="]\n"),
    "nested comparisons": partial(repeated, nested("(a==", "a", ")", 90) + ",", before="a=1\nx=[", after="]\n"),
    "nested calls": partial(repeated, nested("a(", "a", ")", 90) + ",", before="a=len\nx=[", after="]\n"),
    "nested methods": partial(repeated, nested("a.b(", "a", ")", 48) + ",", before="a=1\nx=[", after="]\n"),
    "nested indexes": partial(repeated, nested("a[", "a", "]", 90) + ",", before="a=1\nx=[", after="]\n"),
    "calls": partial(repeated, "a()\n", before="a=len\n"),
    "calls of calls": partial(repeated, "a" + "()" * 90 + "\n", before="a=len\n"),
    "calls of len": partial(repeated, "len(a)\n", before="a=[]\n"),
    "methods": partial(repeated, "a.b()\n", before="a=1\n"),
    "methods in chains": partial(repeated, "a" + ".b()" * 45 + "\n", before="a=1\n"),
    "methods of many names": partial(numbered, "a.b@()\n", before="a=1\n"),
    "appends": partial(repeated, " a.append(a+a)\n", before="def f(a):\n"),
    "keyword arguments": partial(numbered, "a@=a,", before="a=len\na(", after=")\n"),
    "arguments of operators": partial(repeated, "a+a,", before="a=len\na(", after=")\n"),
    "stars": partial(repeated, "a(a=a(),*a,**a)\n", before="a=len\n"),
    "attributes": partial(repeated, "a" + ".b" * 90 + "\n", before="a=1\n"),
    "attribute stores": partial(repeated, "a.b=a\n", before="a=1\n"),
    "attribute changes": partial(repeated, "a.b+=a\n", before="a=1\n"),
    "indexes": partial(repeated, "a[a],", before="a=1\nx=[", after="]\n"),
    "index stores": partial(repeated, "a[a]=a\n", before="a=1\n"),
    "index changes": partial(repeated, "a[a]+=a\n", before="a=1\n"),
    "index changes in a function": partial(repeated, " a[a]+=a\n", before="def f(a):\n"),
    "slices": partial(repeated, "a[a:a:a],", before="a=1\nx=[", after="]\n"),
    "changes": partial(repeated, "a+=a\n", before="a=1\n"),
    "changes in a function": partial(repeated, " a+=a\n", before="def f(a):\n"),
    "assignments": partial(repeated, "a=a\n", before="a=1\n"),
    "assignments of names": partial(numbered, "a@=0\n"),
    "assignments in a chain": partial(numbered, " a@=b@=a@+b@\n", before="def f():\n"),
    "types that depend on each other": lambda size: "".join(
        ["def f():\n", *(f" a{number}=a{number + 1}\n" for number in range(size // 16)), f" a{size // 16}=1\n"]
    ),
    "targets": partial(repeated, "a,", before="a=1\n", after="a=a\n"),
    "index targets": partial(repeated, "a[a],", before="a=1\n", after="a=a\n"),
    "chained targets": partial(repeated, "a=", before="a=1\n", after="a\n"),
    "unpackings": partial(repeated, "a,a=a\n", before="a=1\n"),
    "nested targets": partial(repeated, nested("(", "a", ",)", 45) + "=a\n", before="a=1\n"),
    "list of numbers": partial(repeated, "0,", before="x=[", after="]\n"),
    "list of names": partial(repeated, "a,", before="a=1\nx=[", after="]\n"),
    "list of texts": partial(numbered, "'@',", before="x=[", after="]\n"),
    "empty lists": partial(repeated, "[],", before="x=[", after="]\n"),
    "empty tuples": partial(repeated, "(),", before="x=[", after="]\n"),
    "empty dicts": partial(repeated, "{},", before="x=[", after="]\n"),
    "dict of numbers": partial(numbered, "@:0,", before="x={", after="}\n"),
    "dict of names": partial(repeated, "a:a,", before="a=1\nx={", after="}\n"),
    "dict of expressions": partial(repeated, "a+a:a+a,", before="a=1\nx={", after="}\n"),
    "nested lists": partial(repeated, nested("[", "", "]", 95) + ",", before="x=[", after="]\n"),
    "nested dicts": partial(repeated, nested("{a:", "a", "}", 90) + ",", before="a=1\nx=[", after="]\n"),
    "dicts with the same name in all": partial(
        repeated, "{'a':0,'b':0,'c':'','d':[0],'e':True},", before="x=[", after="]\n"
    ),
    "lists with the same local in all": partial(repeated, "[a],", before="def f():\n a=[]\n x=[", after="]\n"),
    "large numbers": partial(repeated, "9" * 4_300 + ",", before="x=[", after="]\n"),
    "floats": partial(numbered, ".@,", before="x=[", after="]\n"),
    "bytes": partial(numbered, "b'@',", before="x=[", after="]\n"),
    "escapes": partial(repeated, "\\x41", before="x='", after="'\n"),
    "short escapes": partial(repeated, "'\\n',", before="x=[", after="]\n"),
    "lambdas": partial(repeated, "lambda:0,", before="x=[", after="]\n"),
    "lambdas with arguments": partial(repeated, "lambda a=0,*b,**c:a,", before="x=[", after="]\n"),
    "nested lambdas": partial(repeated, nested("lambda:", "0", "", 15) + ",", before="x=[", after="]\n"),
    "lambdas of locals": partial(repeated, " lambda:a\n", before="def f(a):\n"),
    "comprehensions": partial(repeated, "[a for a in a],", before="a=1\nx=[", after="]\n"),
    "comprehensions of dicts": partial(repeated, "{a:a for a in a},", before="a=1\nx=[", after="]\n"),
    "comprehensions of many loops": partial(
        repeated, "[a" + " for a in a" * 8 + "],", before="a=1\nx=[", after="]\n"
    ),
    "comprehensions of many tests": partial(
        repeated, "[a for a in a" + " if a" * 15 + "],", before="a=1\nx=[", after="]\n"
    ),
    "nested comprehensions": partial(
        repeated, nested("[", "a", " for a in a]", 8) + ",", before="a=1\nx=[", after="]\n"
    ),
    "functions": partial(numbered, "def f@():pass\n"),
    "functions with parameters": partial(numbered, "def f@(a,b=0,*,c=1,**d):pass\n"),
    "functions in a function": partial(repeated, " def g():pass\n", before="def f():\n"),
    "functions with locals": partial(numbered, "def f@(a):\n b=a\n return lambda:b\n"),
    "functions of likely types": partial(numbered, "def f@(n,x):\n for i in range(n):x=x*0.5+n%2+n\n return x+n\n"),
    "functions of likely types in each other": lambda size: numbered(
        "".join(" " * n + f"def f@_{n}(n, x):\n" + " " * n + " x=x*0.5+n%2+n//3+n*n+x*x\n" for n in range(14)), size
    ),
    "functions of likely types that call": partial(numbered, "def f@(n):return f0(n-1)+f0(n-2) if n>1 else n%2\n"),
    "stores of likely types": partial(numbered, "def f@(a,i):\n for j in range(i):a[j]=a[i]+a[j-1]*a[j+1]\n"),
    "texts of likely types": partial(numbered, "def f@(s,n):return s.upper()+'a'+s[n%2]+str(n*n-n)\n"),
    "fields": partial(repeated, "a.b+a.b,", before="a=1\nx=[", after="]\n"),
    "methods of texts": partial(repeated, "''.join(a.split(',')).upper(),", before="a=''\nx=[", after="]\n"),
    "looked up methods": partial(repeated, "a.get(a,a),a.pop(),a.startswith(a),", before="a={}\nx=[", after="]\n"),
    "parameters": partial(numbered, "a@,", before="def f(", after="):pass\n"),
    "parameters with defaults": partial(numbered, "a@=0,", before="def f(", after="):pass\n"),
    "loops": partial(repeated, "for a in a:pass\n", before="a=1\n"),
    "loops in a function": partial(repeated, " for a in a:pass\n", before="def f(a):\n"),
    "nested loops": lambda size: repeated(
        "".join(" " * depth + "for a in a:\n" for depth in range(15)) + " " * 15 + "break\n", size, before="a=1\n"
    ),
    "returns in nested loops": lambda size: repeated(
        " " * 16 + "return a\n", size,
        before="def f(a):\n" + "".join(" " * depth + "for a in a:\n" for depth in range(1, 16)),
    ),
    "breaks in nested loops": lambda size: repeated(
        " " * 15 + "if a:break\n", size, before="".join(" " * depth + "for a in []:\n" for depth in range(15)),
    ),
    "branches": partial(repeated, "if a:pass\n", before="a=1\n"),
    "branches of a chain": partial(repeated, "elif a:a\n", before="a=1\nif a:a\n"),
    "nested branches": lambda size: repeated(
        "".join(" " * depth + "if a:\n" for depth in range(15)) + " " * 15 + "a\n", size, before="a=1\n"
    ),
    "passes": partial(repeated, "pass\n"),
    "passes in a line": partial(repeated, "pass;"),
    "blank lines": partial(repeated, "\n"),
    "comments": partial(repeated, "#\n"),
    "a long name": partial(repeated, "a", after="=1\n"),
    "long names": partial(numbered, "a" * 1_000 + "@=1\n"),
    "a long text": partial(repeated, "a", before="x='", after="'\n"),
    "long texts": partial(repeated, "'" + "a" * 100 + "'\n"),
    "undefined names": partial(numbered, "a@\n"),
    "undefined long names": partial(numbered, "a" * 50 + "@\n"),
    "errors in every line": partial(repeated, "x = = 1\n"),
    "one error after another in a line": partial(repeated, ") "),
    "loads": partial(numbered, "'a@',", before="load('//b.flow',", after=")\n"),
    "many loads": partial(numbered, "load('//b@.flow','a@')\n"),
    "duplicate names": partial(repeated, "def f():pass\n"),
    "duplicate parameters": partial(repeated, "a,", before="def f(", after="):pass\n"),
    "duplicate arguments": partial(repeated, "a=1,", before="len(", after=")\n"),
    "globals read by functions": partial(numbered, "a@=0\ndef f@():return a@\n"),
    "annotations": partial(numbered, "def f@(a:int)->int:pass\n"),
    "formats": partial(repeated, "''%a,", before="a=1\nx=[", after="]\n"),
    "continued lines": partial(repeated, "\\\n", before="x=", after="1\n"),
    "opened brackets": partial(repeated, "([{"),
    "opened texts": partial(repeated, "'''a\"\"\""),
    "captured variables": lambda size: "".join(
        [
            "def f():\n", *(f" a{number}=0\n" for number in range(size // 30)),
            " def g():\n", *(f"  a{number}()\n" for number in range(size // 30)),
        ]
    ),
    "captures through every level": lambda size: "".join(
        [
            "def f():\n", *(f" a{number}=0\n" for number in range(size // 25)),
            *(" " * depth + f"def f{depth}():\n" for depth in range(1, 15)),
            *(" " * 15 + f"a{number}\n" for number in range(size // 40)),
        ]
    ),
}  # fmt: skip


def resident(field: str) -> int:
    """The resident memory of this process in bytes: `VmRSS` now, `VmHWM` at its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) << 10
    raise AssertionError(f"no {field}")


def measure(text: str) -> dict[str, object]:
    """Builds `text` in this process: seconds of the stages, growth, and how it ended."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    source = SourceFile("//worst.flow", text)
    before = resident("VmRSS")
    started = time.process_time()
    parse(source)
    parsed = time.process_time()
    built = build("//worst.flow", _read(source), ())
    ended = time.process_time()
    return {
        "parse": parsed - started,
        "build": ended - parsed,
        "growth": resident("VmHWM") - before,
        "end": built.diagnostics[0].slug if built.has_errors else "ok",
    }


def _read(source: SourceFile) -> Callable[[str], SourceFile]:
    def read(name: str) -> SourceFile:
        if name != source.name:
            raise LoadProblem("load-not-found", f"no module `{name}`", hint="write it")
        return source

    return read


def in_child(form: str, size: int) -> dict[str, object]:
    """As `measure`, in a process of its own that starts as small as this one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            result = measure(FORMS[form](size))
        except BaseException as error:
            result = {"parse": 0.0, "build": 0.0, "growth": 0, "end": f"{type(error).__name__}: {error}"[:100]}
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if not told:
        return {"parse": 0.0, "build": 0.0, "growth": 0, "end": f"KILLED by {os.waitstatus_to_exitcode(status)}"}
    found: dict[str, object] = json.loads(told)
    return found


def main(arguments: Sequence[str]) -> int:
    """Measures the forms and prints the table."""
    size = int(arguments[0]) if arguments else BYTES
    names = arguments[1:] or list(FORMS)
    build("//warm.flow", lambda name: SourceFile(name, "def f(x):\n    return [x + 1 for x in x]\n"), ())
    failed = []
    print(f"{'form':36} {'parse':>7} {'build':>7} {'MB':>6}  end")
    for name in names:
        found = in_child(name, size)
        seconds, growth = float(str(found["build"])), int(str(found["growth"]))
        bad = seconds > SECONDS_MAX or growth > GROWTH_MAX or ":" in str(found["end"]) or "KILLED" in str(found["end"])
        failed += [name] * bad
        mark = "  <--" if bad else ""
        print(f"{name:36} {found['parse']:7.2f} {seconds:7.2f} {growth >> 20:6}  {found['end']}{mark}", flush=True)
    print(
        f"{len(failed)} of {len(names)} beyond {SECONDS_MAX:.0f} s or {GROWTH_MAX >> 20} MB: {', '.join(failed) or '-'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
