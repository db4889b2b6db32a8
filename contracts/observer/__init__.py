"""Watches exchanges and says what was wrong with them: servers and clients, live, behind a proxy and from files.

`check(exchange, history, spec)` is the door; it changes nothing. `Observer` remembers from one exchange to the next.
"""

from contracts.observer.history import History
from contracts.observer.observer import Observer, check
from contracts.observer.spec import Spec

__all__ = ["History", "Observer", "Spec", "check"]
