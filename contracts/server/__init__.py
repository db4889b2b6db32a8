"""The suite that asks: judges any server by its URL and a key, from outside.

`suite.judge(target)` is the door. Its parts, each of which begins with a function `run(target, judgement, deadline)`:
`vectors` (recorded clients), `checks` (one question each, run by `asking`), `behaviour` (a state machine, run by its
module `exploring`) and `shape` (schemathesis).
"""
