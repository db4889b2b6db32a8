"""The behaviour part: sequences of requests that no list foresaw, held against the model of contracts/oracle.py.

`exploring` runs it. Hypothesis draws what is done (`machine`, whose rules stand in the modules named `*_rules`), the
world (`world`) does it to the server and compares, `plain` knows the numbers that a history has when nothing disturbs
it, `wire` writes orders down as requests.
"""
