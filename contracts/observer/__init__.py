"""Watches exchanges and says what was wrong with them: clients and servers, live and recorded, by the same rules.

`check(exchange, history, spec)` is the door; it changes nothing. `Observer` is a history and a spec that go on together.
"""

from contracts.observer.history import History
from contracts.observer.observer import Observer, check
from contracts.observer.spec import Spec

__all__ = ["History", "Observer", "Spec", "check"]
