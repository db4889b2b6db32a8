"""Seed data: declared by name or given, made through the runtime, with the same ids and numbers wherever it is sown."""

from mock_server.seeding.model import InvalidSeedData, SeedData, UnknownSeedData, catalogue, seed_data
from mock_server.seeding.sowing import Sown, sow

__all__ = ["InvalidSeedData", "SeedData", "Sown", "UnknownSeedData", "catalogue", "seed_data", "sow"]
