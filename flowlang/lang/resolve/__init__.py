"""Names: which binding each name of a module means, what a `load` names, and how modules hang together.

dialect.py         what a module may do
resolver.py        the two passes over each scope, and the static errors
binder.py          first pass: what a block binds
checks.py          rules about one construct
constant.py        names that nothing may bind
findings.py        where the rules put what they find
foreign_name.py    names known from other languages
main_guard.py      `if __name__ == "__flow__":`
type_comparison.py `type(x) == int`
undefined_name.py  what is said of a name that nothing binds
after_error.py     what stands although parts of a module did not parse
load_source.py     from the text of a `load` to the name of a module
load_graph.py      all modules of a program in dependency order
"""
