"""Every setting of the server, once: each is an environment variable TINKER_MOCK_*, and a row of docs/settings.md."""

from __future__ import annotations

import json
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mock_server.domain.client_flags import CONFIG_FLAGS, DYNAMIC_CONFIG_FLAGS, FlagValue, checked_flags
from mock_server.domain.dials import OPERATION_KINDS, Dial

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX: Final = "TINKER_MOCK_"
DEFAULT_DATA_DIR: Final = Path(".tinker-mock")
_KIB: Final = 1024
_MIB: Final = 1024 * _KIB


class InvalidSettingsError(Exception):
    """What is wrong with the settings, one line a fault, for the person who gave them."""


def _pairs(given: object) -> object:
    """Read `NAME=VALUE,NAME=VALUE` or a JSON object: an environment variable is text, a program passes a mapping."""
    if not isinstance(given, str):
        return given
    if given.lstrip().startswith("{"):
        return json.loads(given)
    pairs = [pair.partition("=") for pair in given.split(",") if pair.strip()]
    if bad := [name for name, equals, _ in pairs if not equals]:
        raise ValueError(f"{bad[0]!r} has no value: give NAME=VALUE, several with commas between, or a JSON object.")
    return {name.strip(): value.strip() for name, _, value in pairs}


# NoDecode: pydantic-settings would insist on JSON, which nobody likes to type into a shell.
FlagValues = Annotated[dict[str, FlagValue], NoDecode, BeforeValidator(_pairs)]
Dials = Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)]


class Settings(BaseSettings):
    """What a server is told at its start. Given values go before the environment, the environment before defaults."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", validate_default=False
    )

    host: str = Field(default="127.0.0.1", min_length=1, description="Address or host name to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    allow_remote: bool = Field(
        default=False,
        description="Allow a host that other machines can reach. Any `tml-` key works: whoever reaches it may use it.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$",
        description="Where clients find this server, for the addresses that it hands out. "
        "By default they come from each request.",
    )

    admin_token: str | None = Field(
        default=None,
        min_length=8,
        description="Secret that opens the control plane `/__admin`, sent as X-Admin-Token. "
        "Without one it answers only to this machine.",
    )

    data_dir: Path = Field(
        default=DEFAULT_DATA_DIR,
        description="Directory of the database and the checkpoint files. The default lies in the working directory, "
        "since what was trained for a project belongs to that project and two projects can run at once.",
    )
    ephemeral: bool = Field(
        default=False, description="Keep everything in a temporary directory that is removed at the stop."
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**63,
        description="The source of every random number and id of the server. "
        "By default drawn at the first start of a data directory, and kept there.",
    )
    models_file: Path | None = Field(
        default=None, description="Catalogue of the base models (YAML or JSON) instead of the built-in one."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severity that is logged, on standard error."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="Lines for people, or one JSON object a line."
    )

    observe: bool = Field(
        default=False,
        description="Judge every exchange by the contract, and log what a client or this server does wrong, "
        "each kind of fault once. Needs tinker-mock[contract].",
    )

    journal: bool = Field(
        default=True,
        description="Keep a journal of what crossed the wire of late, for `/__admin/journal` (docs/journal.md).",
    )
    journal_exchanges: PositiveInt = Field(
        default=10_000, description="Exchanges of each tenant in the journal; the oldest make room for new ones."
    )
    journal_bytes: ByteSize = Field(
        default=ByteSize(64 * _MIB),
        ge=_MIB,
        description="Bytes of memory for the journal, of all tenants together; equal bodies count once, and of a body "
        "over 4 MiB only its beginning is kept. The tenant that has been silent longest loses its oldest first.",
    )

    scenario: str | None = Field(
        default=None,
        min_length=1,
        description="Scenario that every tenant plays who chooses none: its id, or the path of its file "
        "(`tinker-mock scenario list`).",
    )
    scenarios_dir: Path | None = Field(
        default=None, description="Directory of scenario files of your own, besides those that come with this."
    )

    durability: Literal["power", "process"] = Field(
        default="power",
        description="What acknowledged work survives: a power cut (every group commit is synced to the disk), "
        "or only the death of the process (faster on slow disks).",
    )
    inline_bytes: ByteSize = Field(
        default=ByteSize(64 * _KIB),
        description="Request bodies above this many bytes live in files instead of the database.",
    )
    max_body_bytes: ByteSize = Field(
        default=ByteSize(256 * _MIB),
        gt=0,
        description="Longest request body, in bytes; longer ones are answered with 413.",
    )
    snapshot_steps: PositiveInt = Field(
        default=100, description="Optimizer steps of a run between two snapshots of its state."
    )
    snapshot_bytes: ByteSize = Field(
        default=ByteSize(64 * _MIB),
        gt=0,
        description="Bytes of a run's logged requests that bring its next snapshot forward.",
    )

    poll_seconds: float = Field(
        default=30.0,
        gt=0,
        lt=45,
        allow_inf_nan=False,
        description="Longest wait of one retrieve_future, in seconds; the official client gives up after 45.",
    )
    gap_seconds: float = Field(
        default=5.0,
        ge=0,
        allow_inf_nan=False,
        description="How long a run waits for a sequence number that never came, in seconds.",
    )
    result_ttl_seconds: PositiveFloat = Field(
        default=86_400.0, description="How long the result of a finished operation can be asked for, in seconds."
    )
    session_timeout_seconds: PositiveFloat = Field(
        default=86_400.0, description="How long a session lives without a heartbeat, in seconds."
    )
    clock: Literal["real", "manual", "auto"] = Field(
        default="real",
        description="Time as tenants see it who were given no clock of their own: `real` passes like the machine's, "
        "`manual` stands until `/__admin/clock` moves it, `auto` passes, and skips time in which a client waits and "
        "nothing is done. Their waits and expiries go by it.",
    )
    min_ttl_seconds: NonNegativeInt = Field(
        default=3600, description="Shortest lifetime that a checkpoint may be given, in seconds; 0 allows any."
    )

    checkpoint_shapes: Literal["tiny", "real"] = Field(
        default="tiny",
        description="Shapes of downloaded checkpoints: those of the tiny models that our hub serves, or those of the "
        "real ones, up to 19 GB, to try downloads of realistic size.",
    )

    client_config: FlagValues = Field(
        default_factory=dict, description="Flags told to clients by `client/config`, as FLAG=VALUE,FLAG=VALUE or JSON."
    )
    dynamic_config: FlagValues = Field(
        default_factory=dict, description="Flags told to clients by `client/dynamic_config`, in the same form."
    )
    dials: Dials = Field(
        default_factory=dict,
        description="When results may be seen, by kind of operation: `immediate`, `after:<seconds>`, `polls:<n>`, "
        "`manual` or `never`, as KIND=DIAL,KIND=DIAL or JSON. What waiting clients are told may follow: "
        "`after:5/paused_capacity/no GPU is free`.",
    )

    @field_validator("client_config")
    @classmethod
    def _known_client_flags(cls, given: Mapping[str, object]) -> dict[str, FlagValue]:
        return checked_flags(given, CONFIG_FLAGS)

    @field_validator("dynamic_config")
    @classmethod
    def _known_dynamic_flags(cls, given: Mapping[str, object]) -> dict[str, FlagValue]:
        return checked_flags(given, DYNAMIC_CONFIG_FLAGS)

    @field_validator("observe")
    @classmethod
    def _observer_installed(cls, given: bool) -> bool:
        if given and find_spec("jsonschema_rs") is None:
            raise ValueError("judging exchanges needs jsonschema-rs: install tinker-mock[contract].")
        return given

    @field_validator("dials")
    @classmethod
    def _known_dials(cls, given: Mapping[str, str]) -> dict[str, str]:
        if unknown := sorted(set(given) - set(OPERATION_KINDS)):
            raise ValueError(f"{unknown[0]!r} is no kind of operation: give one of {', '.join(OPERATION_KINDS)}.")
        return {kind: str(Dial.parse(dial)) for kind, dial in given.items()}

    @model_validator(mode="after")
    def _one_place_for_data(self) -> Self:
        if self.ephemeral and self.data_dir != DEFAULT_DATA_DIR:
            raise ValueError("--ephemeral and --data-dir exclude each other: leave one of them out.")
        return self


def load_settings(given: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Make the settings of given values and the environment; InvalidSettingsError has a line for each fault."""
    _refuse_unknown_variables(environ)
    # Given values go before the environment also where the two contradict each other.
    if given.get("ephemeral"):
        given = {"data_dir": DEFAULT_DATA_DIR, **given}
    elif "data_dir" in given:
        given = {"ephemeral": False, **given}
    try:
        return Settings(**given)
    except ValidationError as invalid:
        raise InvalidSettingsError("\n".join(_fault(error) for error in invalid.errors())) from invalid


def variable_of(field: str) -> str:
    """The environment variable of a setting."""
    return ENVIRONMENT_PREFIX + field.upper()


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """A misspelt variable would be ignored without a word, and its setting keep the default."""
    known = {variable_of(field): field for field in Settings.model_fields}
    for name in environ:
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known:
            near = get_close_matches(name.removeprefix(ENVIRONMENT_PREFIX).lower(), known.values(), n=1)
            hint = f": did you mean {variable_of(near[0])}?" if near else "; docs/settings.md lists them."
            raise InvalidSettingsError(f"the environment variable {name} is no setting{hint}")


def _fault(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    field = str(error["loc"][0])
    return f"{field} ({variable_of(field)}) is {error['input']!r}: {message}"
