"""The project itself: what is locked, built and documented is what the code says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from mock_server.settings import Settings, variable_of

ROOT: Final = Path(__file__).parent.parent
LOCKS: Final = sorted((ROOT / "requirements").rglob("*.txt"))
VERBS: Final = ("install", "serve", "test", "contract", "environments", "clients", "bench", "check", "docs", "clean")


def normal_name(requirement: str) -> str:
    """The distribution's name as indexes compare it, without extras, version and marker."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def locked_names(lock: Path) -> set[str]:
    return {normal_name(line) for line in lock.read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_holds_versions_and_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host|@ ", text)
    requirements = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert requirements
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9._-]+==\S+ (; [^\\]+ )?\\\n", requirement), requirement
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}\b", requirement), requirement


def test_every_requirement_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {normal_name(line) for line in project["project"]["dependencies"]} <= locked_names(
        ROOT / "requirements" / "runtime.txt"
    )
    for source in (ROOT / "requirements").rglob("*.in"):
        lines = [line for line in source.read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)]
        # torch is installed by its version alone: the hash of its build differs from machine to machine.
        wanted = {normal_name(line) for line in lines} - {"torch"}
        assert wanted <= locked_names(source.with_suffix(".txt")), source


def test_development_runs_on_what_the_server_ships_with() -> None:
    """The two locks are installed into one environment, so no version may differ."""
    pins = [dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE)) for lock in LOCKS]
    runtime, development, build = (
        pins[LOCKS.index(ROOT / "requirements" / f"{n}.txt")] for n in ("runtime", "dev", "build")
    )
    for name in development:
        assert development[name] == runtime.get(name, build.get(name, development[name])), name


@pytest.mark.parametrize("verb", VERBS)
def test_make_has_the_verb(verb: str) -> None:
    done = subprocess.run(["make", "--dry-run", verb], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    helped = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^{verb} +\S", helped, re.MULTILINE)


def test_the_image_serves_and_checks_itself() -> None:
    instructions = dockerfile_instructions()
    last_stage = instructions[max(i for i, (name, _) in enumerate(instructions) if name == "FROM") :]
    stage = dict(last_stage)
    assert yaml.safe_load(stage["HEALTHCHECK"].partition("CMD ")[2]) == ["tinker-mock", "healthcheck"]
    assert yaml.safe_load(stage["ENTRYPOINT"]) == ["tinker-mock", "serve", "--host", "0.0.0.0", "--allow-remote"]
    assert stage["USER"] not in {"root", "0"}
    variables = re.findall(r"\b(TINKER_MOCK_\w+)=", stage["ENV"])
    assert set(variables) <= {variable_of(field) for field in Settings.model_fields}
    assert stage["EXPOSE"] == str(Settings.model_fields["port"].default)
    everything = "\n".join(arguments for _, arguments in instructions)
    assert not re.search(r"\bcurl\b|\bwget\b", everything)
    assert everything.count("--require-hashes") == everything.count("-r requirements/")


def test_the_image_gets_the_files_that_it_copies() -> None:
    ignored, *kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored == "*"
    shown = {line.removeprefix("!") for line in kept if line.startswith("!")}
    copied = [arguments.split()[:-1] for name, arguments in dockerfile_instructions() if name == "COPY"]
    for source in (path for paths in copied if not paths[0].startswith("--from") for path in paths):
        assert source.split("/")[0] in shown
        assert (ROOT / source).exists()


def test_compose_shows_the_server_to_this_machine_only() -> None:
    compose: Any = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    (service,) = compose["services"].values()
    assert service["build"] == "."
    for mapping in service["ports"]:
        assert mapping.startswith("127.0.0.1:")
    assert service["environment"].keys() <= {variable_of(field) for field in Settings.model_fields}
    assert {volume.split(":")[0] for volume in service["volumes"]} == compose["volumes"].keys()
    assert {volume.split(":")[1] for volume in service["volumes"]} == {"/data"}


def test_generated_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_setting_has_a_description_and_a_row() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for field, info in Settings.model_fields.items():
        assert info.description, field
        assert f"| `{variable_of(field)}` |" in page


def test_the_readme_shows_the_program_as_it_is() -> None:
    program, test = code_blocks("README.md", "python")
    assert program == (ROOT / "examples" / "memorise.py").read_text()
    # It looks at the losses as well, which a README need not.
    tried = (ROOT / "examples" / "test_server_dies.py").read_text().replace("losses = train", "train")
    assert all(line in tried.splitlines() for line in test.splitlines())


def test_the_readme_promises_only_commands_that_are_tried() -> None:
    program = ".venvs/sdk-0.38.0/bin/python examples/memorise.py"
    tried = {
        "make serve",  # test_make_has_the_verb; that it serves: tests/cli/test_serve.py
        "make test",  # .ci/run
        "make check",  # .ci/run
        "make .venvs/sdk-0.38.0",  # .ci/run
        'eval "$(.venv/bin/tinker-mock env)"',  # tests/cli/test_env.py
        f".venv/bin/tinker-mock scenario run lost-response-doubles-step -- {program}",  # client_tests/test_readme.py
        program,  # client_tests/test_readme.py
        f".venv/bin/tinker-mock run -- {program}",  # client_tests/test_readme.py
        # tests/contracts/test_server_suite.py; the file: tests/cli/test_check_server.py
        ".venv/bin/tinker-mock check server http://127.0.0.1:8000 --html report.html",
    }
    commands = {line for block in code_blocks("README.md", "bash") for line in block.splitlines()}
    assert commands == tried


def test_links_between_pages_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", (ROOT / "README.md").read_text()))
    assert linked == {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}


def dockerfile_instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if line.strip()]
    assert {name for name, _, _ in lines} <= {
        "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT",
    }  # fmt: skip
    for name, _, arguments in lines:
        if name == "RUN":
            shlex.split(arguments)  # an open quote would only show in a build
    return [(name, arguments) for name, _, arguments in lines]


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
