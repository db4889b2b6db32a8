"""A local Tinker server: train, save, restore and sample offline, with numbers that are real."""

__version__ = "0.1.0"
