"""The limits of a source text. They hold before any recursive pass runs, so that no later stage can be made to
overflow a stack or to fill the memory by the shape of a program.

Chains that people write are not nesting: operands of `and`, `or` and of binary operators, `elif` branches, elements
and statements are limited only by the number of tokens.
"""

from __future__ import annotations

from typing import Final

SOURCE_BYTES_MAX: Final = 4 << 20
TOKENS_MAX: Final = 500_000
BLOCK_DEPTH_MAX: Final = 16
BRACKET_DEPTH_MAX: Final = 100
EXPRESSION_DEPTH_MAX: Final = 100
COMPREHENSION_DEPTH_MAX: Final = 8
"""`for` clauses inside each other, those of one comprehension counted like those of nested ones."""
NUMBER_LENGTH_MAX: Final = 4_300
"""Characters of a number literal; CPython itself refuses to read longer decimal integers."""
STATEMENT_WEIGHT_MAX: Final = 1_500_000
"""Of one statement of the top level, such as a function (`weight.py`): 30,000 lines that people write, or 11,000 sums
of two names; compiled in some 4 s and 500 MB."""
MODULE_WEIGHT_MAX: Final = 6_000_000
"""Of a module: compiled in some 15 s."""
WEIGHT_PER_TOKEN_MAX: Final = 256
"""No text weighs more for each of its tokens, so small ones need not be weighed."""
DIAGNOSTICS_MAX: Final = 20
"""More errors than anybody reads at once; the parser stops there."""
