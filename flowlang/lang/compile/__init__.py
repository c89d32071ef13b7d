"""From the resolved syntax tree to a CPython code object.

The lowering builds a Python `ast` by hand and compiles it; it never goes through Python source text. What agrees
with Python stays Python: locals are Python locals, closures are Python cells, calls are Python calls. What differs
is guarded inline with the fast case first, and falls back to an operator of `lang.eval`:

    a + b     becomes     a + b if type(a) is type(b) is int else $add(a, b)

The generated code sees no Python builtins. Everything that it names lives in its module's globals under names that
no script can write (`naming.py`), and `program.py` refuses to compile a tree that holds any other kind of node than
the listed ones.
"""
