"""From text to tree.

    text -> lexer (lexer.py, literal.py, token.py) -> tokens
         -> parser (parser.py) on the automaton (automaton.py) of the grammar (grammar.lark, grammar.py, table.json)
         -> nodes (builder.py, nodes.py), checked for depth (depth.py) against the limits (limit.py)

Lark computes the LALR(1) table of the grammar when somebody edits the grammar; running it is the parser's own work,
since it has to be fast, to survive any text, and to go on after errors. Where a token does not fit, `situation.py`
looks around it, and `habit.py` and `explain.py` find words for it.

`parser.parse` is the way in.
"""
