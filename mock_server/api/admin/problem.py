"""What the control plane answers where it refuses."""

from typing import Any, Final

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """The error body of all doors (docs/errors.md)."""

    detail: str = Field(description="The field, its value, and what to do.")
    message: str
    error: str = Field(description="A code for programs.")
    category: str
    retryable: bool


REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Problem, "description": "A value can't be right."},
    401: {"model": Problem, "description": "The server has an admin_token, and the request not the same."},
    403: {"model": Problem, "description": "The server has no admin_token, and the request comes from elsewhere."},
    404: {"model": Problem, "description": "There is no such thing."},
    422: {"model": Problem, "description": "A field is missing, unknown or of the wrong type."},
}
