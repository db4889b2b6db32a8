"""Where the dialect lives. Clients put it behind whatever base URL they are given."""

from typing import Final

PREFIX: Final = "/api/v1"
