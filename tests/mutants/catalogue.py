"""All mutants, by importing the modules that register them."""

from __future__ import annotations

from typing import Final

from tests.mutants import archives, bodies, checkpoints, futures, numbers, order, runs, samples, sessions, tenants

MODULES: Final = (sessions, runs, order, numbers, futures, samples, checkpoints, archives, tenants, bodies)
"""In the order of the documentation."""
