"""A second implementation of the language, slow and obvious, to check the compiler against.

environment.py   where names keep their values
expression.py    what each expression gives
statement.py     what each statement does
function.py      making functions and binding arguments
observation.py   one program in both implementations: what can be seen of each
claim.py         checks what the compiler's type inference claims
description.py   a text that tells any two different values apart
choice.py        where a generator's decisions come from
vocabulary.py    the constants, names and operators that generated programs are made of
term.py          generated expressions
text_term.py, collection_term.py   those about text and about collections
program.py       generated statements, functions and programs
kernel.py        programs such as a compiler is tempted to specialise
containers.py    programs about who can get hold of a container
agreement.py     what it means that two implementations agree
soak.py          programs without end
reduction.py     makes a program smaller that shows a problem
steps.py         the steps of corner cases, from another process
"""
