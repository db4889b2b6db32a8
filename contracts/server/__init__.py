"""The suite that asks: judges any server by its URL and a key, from outside.

`judge(target)` is the door. Its parts, each a module or package with a function `run(target, judgement)`:
`vectors` (recorded clients), `checks` (one question each), `shape` (schemathesis) and `behaviour` (a state machine).
"""
