"""`tinker-mock check server`: any server, by its URL and key, held to the contract."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from mock_server import __version__
from mock_server.cli.failure import FAILED, USAGE, fail
from mock_server.cli.progress import progress
from mock_server.cli.where import base_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from contracts.report.model import Report
    from contracts.server.expected import Expected
    from contracts.server.target import Target

NEEDED: Final = ("httpx", "hypothesis", "jinja2", "jsonschema-rs", "schemathesis")
"""The extra `contract`, some of which is imported only when minutes have passed."""
SECONDS: Final = {"short": 170.0, "full": 590.0}
"""Time limits that keep a run below what is promised of its effort."""
INTERRUPTED: Final = 130
"""As shells say it of Ctrl-C."""


def server(
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="Base URL of the server, such as http://127.0.0.1:8000.")],
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", help="API key to use; may be repeated. Without one, fresh keys: one a tenant."),
    ] = None,
    profiles: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            help="What the server claims: core, futures, sampling, checkpoints, rest, archives, security; may be"
            " repeated.  [default: all]",
        ),
    ] = None,
    effort: Annotated[str, typer.Option("--effort", help="short (below 3 minutes) or full (below 10).")] = "full",
    seed: Annotated[int, typer.Option("--seed", help="Of everything that is drawn; the same asks the same.")] = 0,
    base_model: Annotated[
        str | None, typer.Option("--base-model", help="Model to train.  [default: the first that the server lists]")
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option("--part", help="What to run: vectors, checks, behaviour, shape; may be repeated.  [default: all]"),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", metavar="SECONDS", min=1, help="End after so long.")
    ] = None,
    restart: Annotated[
        str | None,
        typer.Option(
            "--restart", metavar="COMMAND", help="Shell command that restarts the server and returns when it answers."
        ),
    ] = None,
    clock: Annotated[
        bool, typer.Option("--clock", help="Move the server's clock, where that is a tinker-mock (/__admin/clock).")
    ] = False,
    expected_failures: Annotated[
        Path | None,
        typer.Option(
            "--expected-failures",
            metavar="FILE",
            help="Failures that are known: a check, or a check and an operation, a line. One that passes is an error.",
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")] = None,
    junit_file: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write it as JUnit XML.")] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as one HTML file to read.")
    ] = None,
) -> None:
    """Judge a server by its URL: recorded clients, questions, generated requests, a model of what must follow.

    Exits with 0 if every MUST is kept that is not an expected failure, with 1 if not, and with 2 if nothing could be
    judged. The reports hold the score of each profile and the exchanges behind each failure, without keys.
    """
    if missing := [name for name in NEEDED if find_spec(name.replace("-", "_")) is None]:
        fail(f"judging needs {', '.join(missing)}: install tinker-mock[contract].", USAGE)
    from contracts.report.build import Circumstances, report_of  # noqa: PLC0415 - only who judges needs any of it
    from contracts.requirements import FORM, SERVER_PROFILES  # noqa: PLC0415
    from contracts.server.suite import PARTS, judge  # noqa: PLC0415
    from contracts.server.target import Target  # noqa: PLC0415

    url = base_url(url)
    _known("--profile", profiles or (), SERVER_PROFILES)
    _known("--part", parts or (), PARTS)
    _known("--effort", [effort], SECONDS)
    expected = _expected(expected_failures)
    files = _files({"--json": json_file, "--junit": junit_file, "--html": html_file})
    target = Target(
        url,
        tuple(keys or ()),
        base_model=base_model,
        effort="short" if effort == "short" else "full",
        seed=seed,
        profiles=tuple(name for name in SERVER_PROFILES if name in (FORM, *(profiles or SERVER_PROFILES))),
        seconds=time_limit or SECONDS[effort],
        restart=restart,
        clock=clock,
    )
    started, began = datetime.now(UTC), monotonic()
    with progress() as shown:
        judgement = judge(target, shown.told, doing=shown.doing, parts=parts or PARTS)
    if not judgement.answered:
        fail(f"{url} does not answer: start the server, or give another URL", USAGE)
    options = tuple(_repeated(target, profiles or (), parts or (), time_limit, expected_failures))
    circumstances = Circumstances(f"tinker-mock {__version__}", started, monotonic() - began, options)
    report = report_of(judgement, target, circumstances, expected)
    _write(report, files)
    _end(report, interrupted=any(part.ended == "interrupted" for part in judgement.parts))


def _known(option: str, given: Iterable[str], known: Iterable[str]) -> None:
    """End with an error unless each value is one that there is."""
    for value in given:
        if value not in known:
            near = get_close_matches(value, list(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"give one of {', '.join(known)}"
            fail(f"{option} {value!r}: {hint}", USAGE)


def _expected(path: Path | None) -> Expected | None:
    from contracts.server.expected import ExpectedError, read_expected  # noqa: PLC0415 - as above

    try:
        return None if path is None else read_expected(path)
    except ExpectedError as error:
        fail(error, USAGE)


def _files(given: Mapping[str, Path | None]) -> dict[str, Path]:
    """By their options. To be told before minutes have passed: those that can't be written."""
    files = {option: path for option, path in given.items() if path is not None}
    for option, path in files.items():
        if path.is_dir() or not path.absolute().parent.is_dir():
            fail(f"{option} {path}: give a file in a folder that exists", USAGE)
    return files


def _repeated(
    target: Target, profiles: Iterable[str], parts: Iterable[str], time_limit: float | None, expected: Path | None
) -> Iterator[str]:
    """The options that decide what is asked; keys are not told."""
    yield from ("--effort", target.effort, "--seed", str(target.seed))
    for option, values in (("--profile", profiles), ("--part", parts)):
        for value in values:
            yield from (option, value)
    for option, given in (
        ("--base-model", target.base_model),
        ("--time-limit", time_limit and f"{time_limit:g}"),
        ("--restart", target.restart),
        ("--expected-failures", expected and str(expected)),
    ):
        if given:
            yield from (option, given)
    if target.clock:
        yield "--clock"


def _write(report: Report, files: Mapping[str, Path]) -> None:
    from contracts.report.as_html import as_html  # noqa: PLC0415 - as above
    from contracts.report.as_json import as_json  # noqa: PLC0415
    from contracts.report.as_junit import as_junit  # noqa: PLC0415
    from contracts.report.as_text import as_text  # noqa: PLC0415

    for line in as_text(report):
        typer.echo(line)
    writers: dict[str, Callable[[Report], str]] = {"--json": as_json, "--junit": as_junit, "--html": as_html}
    for option, path in files.items():
        try:
            path.write_text(writers[option](report), "utf-8")
        except OSError as error:
            fail(f"{option} {path}: {error.strerror}", USAGE)


def _end(report: Report, *, interrupted: bool) -> NoReturn:
    """Exit, whoever still waits for an answer that does not end: a thread of a pool would hold the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    code = INTERRUPTED if interrupted else 0 if report.verdict == "kept" else FAILED
    if interrupted or any(part.ended.startswith("left behind") for part in report.parts):
        os._exit(code)
    raise typer.Exit(code)
