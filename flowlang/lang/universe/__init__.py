"""The universe: what every module sees without loading it, and the modules that are made of builtins.

A builtin is an ordinary host function marked with `@builtin`; its first parameter is the call depth, which no script
can name. What all of them keep to:

1. Arguments are judged by exact type (`values/argument.py`), never by asking the host, and a wrong one is a Fault
   that names the function and the parameter.
2. Work and memory are charged before they are spent, from the lengths of the arguments alone.
3. Results are new lists, never lazy.
4. A function of the script is only called through `callback.py`.

core.py          the table of names
conversion.py    numbers, characters, bytes, texts, hashes; `fail`
collection.py    lists, dicts, sets, ranges and what looks at their elements
order.py         `sorted`, `min`, `max`
reflection.py    `type`, `dir`, `getattr`, `hasattr`, `struct`
callback.py      how builtins call functions of the script
flows.py         what belongs to flows: `flow`, `Ok`, `Err`, `print`
native_module.py, json_module.py, math_module.py    modules made of builtins
"""
