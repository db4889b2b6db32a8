"""What can go wrong in the toy model, from the caller's point of view."""


class InvalidInput(ValueError):
    """The user's data is wrong. The message names the datum, the field and its value, and says what to do."""


class DamagedState(ValueError):
    """Bytes that should hold a training state cannot be read back. The message names the problem."""
