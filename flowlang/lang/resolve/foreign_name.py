"""Names that people bring along from Python and other languages, and what to use here.

They are looked up only for names that nothing binds, so a host that does offer one of them is not contradicted. Each
text is a hint: it says what to do and makes sense without the message above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_NO_EXCEPTIONS = "there are no exceptions: a flow gives `Ok(value)` or `Err(error)`; `fail(...)` ends it with an error"
_NO_IMPORTS = "there are no imports: `load` brings in names of other `.flow` files, and effects are actions"
_FILES = "files are read and written by actions: `current_flow().actions.files.read_text(path)`"
_NO_CODE = "code is never made from text here; put it into a function, or load it from a file"
_NO_CLASSES = "there are no classes: use functions and `struct(name = value)`"
_TYPE_TEST = 'compare the name of the type: `type(x) == "string"`'
_COMPREHENSION = "use a list comprehension: `[f(x) for x in items if test(x)]`"
_NO_SELF = "there are no classes and no `self`: pass the value as a parameter"
_ITERATION = "loop with `for`, or index a list; there are no iterators"
_NOW = "the time is an action, so that it can be recorded: `current_flow().actions.now()`"
_PRINT = 'to show a text: `print("...")`'
_NO_THREADS = "start flows side by side with `current_flow().actions.run(...)` and collect them with `.wait([...])`"
_TABLES = 'rows are lists of dicts here; `load("@std//tables.flow", "read_csv")` reads them from a file'
_NO_REGEX = "there are no regular expressions: use the methods of strings (`split`, `partition`, `find`, `startswith`)"
_TEXT_OF_NUMBER = 'format with `%`: `"%x" % n` and `"%o" % n`'
_DICT = "use a dict: `{}` and `d.get(key, default)`"

FOREIGN_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "null": "write `None`",
        "nil": "write `None`",
        "undefined": "write `None`",
        "none": "write `None`, with a capital letter",
        "NULL": "write `None`",
        "true": "write `True`, with a capital letter",
        "TRUE": "write `True`",
        "false": "write `False`, with a capital letter",
        "FALSE": "write `False`",
        "self": _NO_SELF,
        "this": _NO_SELF,
        "super": _NO_CLASSES,
        "object": _NO_CLASSES,
        "isinstance": _TYPE_TEST,
        "issubclass": _TYPE_TEST,
        "callable": 'compare the name of the type: `type(x) == "function"`',
        "map": _COMPREHENSION,
        "filter": _COMPREHENSION,
        "reduce": "loop with `for` and keep the result in a variable",
        "sum": "add up in a loop: `total = 0`, then `total += x` for each `x`",
        "round": "use `int(x + 0.5)` for a positive number",
        "pow": "multiply in a loop; there is no power operator",
        "divmod": "use `a // b` and `a % b`",
        "iter": _ITERATION,
        "next": _ITERATION,
        "id": "values have no identity here; compare them with `==`",
        "hex": _TEXT_OF_NUMBER,
        "oct": _TEXT_OF_NUMBER,
        "bin": "there are no binary texts; build one in a loop with `n % 2` and `n // 2`",
        "format": 'use the method or the operator: `"{}".format(x)` or `"%s" % x`',
        "frozenset": "use `set(...)`; a value is frozen when its module has been loaded",
        "slice": "write the slice itself: `x[start:stop]`",
        "vars": "names cannot be looked up by text; use a dict",
        "globals": "names cannot be looked up by text; use a dict",
        "locals": "names cannot be looked up by text; use a dict",
        "setattr": "fields are not set by name; use a dict",
        "delattr": "fields are not removed; use a dict",
        "input": "ask for the value as an argument of the flow, or wait for a signal",
        "open": _FILES,
        "eval": _NO_CODE,
        "exec": _NO_CODE,
        "compile": _NO_CODE,
        "__import__": _NO_IMPORTS,
        "importlib": _NO_IMPORTS,
        "os": "the operating system is reached through actions only; files: `current_flow().actions.files`",
        "sys": "there is no `sys`: arguments come with the flow, and `fail(...)` ends it",
        "exit": "a flow ends by `return`, or with an error by `fail(...)`",
        "quit": "a flow ends by `return`, or with an error by `fail(...)`",
        "pathlib": _FILES,
        "Path": "paths are strings; " + _FILES,
        "shutil": _FILES,
        "io": _FILES,
        "glob": 'files are listed by an action: `current_flow().actions.files.list(".", "*.csv")`',
        "subprocess": "programs are started by actions that the host offers; a script cannot start them itself",
        "json": "this host offers no `json` here; `str(...)` shows a value, and actions take and give data as it is",
        "math": "this host offers no `math` here; use `+ - * / // %`, `abs`, `min` and `max`",
        "time": _NOW,
        "datetime": _NOW,
        "date": _NOW,
        "timedelta": "durations are numbers of seconds",
        "re": _NO_REGEX,
        "random": "random numbers are actions, so that they can be recorded: `current_flow().actions.random()`",
        "uuid": "ids are made by an action, so that they can be recorded: `current_flow().actions.uuid()`",
        "csv": _TABLES,
        "pandas": _TABLES,
        "pd": _TABLES,
        "numpy": "use lists and comprehensions",
        "np": "use lists and comprehensions",
        "sqlite3": 'databases are reached by actions: `current_flow().actions.sql.query("select ...")`',
        "sqlalchemy": 'databases are reached by actions: `current_flow().actions.sql.query("select ...")`',
        "requests": "requests are actions that the host offers; a script cannot open connections itself",
        "urllib": "requests are actions that the host offers; a script cannot open connections itself",
        "socket": "requests are actions that the host offers; a script cannot open connections itself",
        "asyncio": _NO_THREADS,
        "threading": _NO_THREADS,
        "multiprocessing": _NO_THREADS,
        "logging": 'write `print("...")` for a line of the run\'s output',
        "collections": _DICT,
        "defaultdict": _DICT,
        "OrderedDict": "use a dict: it keeps the order in which keys were added",
        "Counter": "use a dict: `counts[key] = counts.get(key, 0) + 1`",
        "namedtuple": "use `struct(name = value)`",
        "dataclass": "use `struct(name = value)`",
        "itertools": "use nested loops and comprehensions",
        "functools": "use a function inside a function; it keeps the values around it",
        "typing": _NO_IMPORTS,
        "string": "the type is called `str`",
        "String": "the type is called `str`",
        "integer": "the type is called `int`",
        "Integer": "the type is called `int`",
        "double": "the type is called `float`",
        "boolean": "the type is called `bool`",
        "Boolean": "the type is called `bool`",
        "array": "write a list: `[1, 2, 3]`",
        "Array": "write a list: `[1, 2, 3]`",
        "printf": _PRINT,
        "println": _PRINT,
        "echo": _PRINT,
        "puts": _PRINT,
        "console": _PRINT,
        "length": "use `len(x)`",
        "size": "use `len(x)`",
        "System": _PRINT,
        "fmt": _PRINT,
        "alert": _PRINT,
        "sprintf": "use `%` or `format`: `'%s: %d' % (name, count)`",
        "lenght": "use `len(x)`",
        "sizeof": "use `len(x)`",
        "append": "call the method of the list: `items.append(x)`",
        "push": "call the method of the list: `items.append(x)`",
        "Math": "use `math`, `abs`, `min` and `max`",
        "JSON": "use `json.encode(x)` and `json.decode(text)`",
        "parseInt": "use `int(text)`",
        "parseFloat": "use `float(text)`",
        "Number": "use `int(text)` or `float(text)`",
        "isNaN": 'compare the value with itself as text: `str(x) == "nan"`',
        "typeof": "use `type(x)`",
        "Date": _NOW,
        "setTimeout": "use `sleep(seconds)`",
        "Promise": _NO_THREADS,
        "Object": _NO_CLASSES,
        "Map": _DICT,
        "HashMap": _DICT,
        "Set": "use `set([1, 2])`",
        "List": "write a list: `[1, 2, 3]`",
        "ArrayList": "write a list: `[1, 2, 3]`",
        "Optional": "use `None` for a value that is not there",
        "Some": "use the value itself, and `None` where there is none",
        "Nothing": "write `None`",
        "require": 'take names from another file with `load("module.flow", "name")`',
        "include": 'take names from another file with `load("module.flow", "name")`',
        "exports": "every global of a module whose name has no leading underscore can be loaded",
        "strconv": "use `str(x)` and `int(text)`",
        "panic": 'call `fail("what went wrong")`',
        "end": "a block ends where its indentation does; remove the line",
        "fi": "a block ends where its indentation does; remove the line",
        "done": "a block ends where its indentation does; remove the line",
        "endif": "a block ends where its indentation does; remove the line",
        "endfor": "a block ends where its indentation does; remove the line",
        "begin": "a block begins with the `:` of its header",
        "do": "a block begins with the `:` of its header",
        "then": "a block begins with the `:` of its header",
        "select": "write an `if`, or look the case up in a dict",
        "depset": "use a list or a `set`",
        "provider": "use `struct(name = value)`",
        "native": "there are no rules here, only functions, flows and actions",
        "Exception": _NO_EXCEPTIONS,
        "BaseException": _NO_EXCEPTIONS,
        "ValueError": _NO_EXCEPTIONS,
        "TypeError": _NO_EXCEPTIONS,
        "KeyError": _NO_EXCEPTIONS,
        "RuntimeError": _NO_EXCEPTIONS,
        "StopIteration": _ITERATION,
        "__file__": "a module does not know its file",
        "__main__": 'the main guard is `if __name__ == "__flow__":`',
    }
)
"""The name, and the hint."""

OWN_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("null", "nil", "none", "NULL", "undefined"), "None"),
        **dict.fromkeys(("true", "TRUE"), "True"),
        **dict.fromkeys(("false", "FALSE"), "False"),
        **dict.fromkeys(("println", "puts", "echo"), "print"),
        "length": "len",
        "frozenset": "set",
    }
)
"""The foreign names that mean just what a name of the language means."""
