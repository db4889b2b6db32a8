"""A new environment is given what others beside it have, and pip takes it for installed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from client_tests.harness import linking
from client_tests.harness.linking import packages_of

if TYPE_CHECKING:
    from pathlib import Path

LOCK = "some-thing==1.0 \\\n    --hash=sha256:0\nother==2.0 \\\n    --hash=sha256:0\n"


def install(environment: Path, name: str, version: str, *files: str) -> Path:
    """What pip leaves of a package, with a command; returns what it wrote about it."""
    packages = packages_of(environment)
    about = packages / f"{name}-{version}.dist-info"
    written = {
        **{f"{name}/{file}": "" for file in files},
        f"../../../bin/{name}": f"#!{environment}/bin/python\n",
        f"{about.name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    for file, text in {**written, f"{about.name}/RECORD": "".join(f"{file},,\n" for file in written)}.items():
        (packages / file).parent.mkdir(parents=True, exist_ok=True)
        (packages / file).write_text(text)
    (environment / "bin" / name).chmod(0o755)
    return about


@pytest.fixture
def new(tmp_path: Path) -> Path:
    environment = tmp_path / "new"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    return environment


def run(monkeypatch: pytest.MonkeyPatch, new: Path, lock: str = LOCK, *more: str) -> None:
    (new.parent / "lock.txt").write_text(lock)
    monkeypatch.setattr(sys, "argv", ["linking.py", str(new), str(new.parent / "lock.txt"), *more])
    linking.main()


def test_what_another_has_in_that_version_is_the_same_file(
    new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, unlisted = (f"__pycache__/{name}.{sys.implementation.cache_tag}.pyc" for name in ("listed", "unlisted"))
    install(tmp_path / "old", "some_thing", "1.0", "listed.py", listed, "unlisted.py")
    install(tmp_path / "old", "other", "2.1", "__init__.py")
    ours, theirs = packages_of(new), packages_of(tmp_path / "old")
    (theirs / "some_thing" / unlisted).touch()
    run(monkeypatch, new)
    for file in ("listed.py", listed, "unlisted.py", unlisted):
        assert (ours / "some_thing" / file).samefile(theirs / "some_thing" / file)
    assert not list(ours.glob("other*"))
    command = new / "bin" / "some_thing"
    assert command.read_text() == f"#!{new}/bin/python\n"
    assert command.stat().st_mode & 0o111
    pip = [sys.executable, "-m", "pip", "--python", str(new), "install", "--no-index", "--no-deps"]
    told = subprocess.run([*pip, "some-thing==1.0"], capture_output=True, text=True, check=True).stdout
    assert "Requirement already satisfied: some-thing==1.0" in told


def test_a_version_without_a_build_is_any_of_them(new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "old", "heavy", "3.0+cpu", "__init__.py")
    run(monkeypatch, new, LOCK, "heavy==3.0")
    assert (packages_of(new) / "heavy-3.0+cpu.dist-info" / "METADATA").exists()


def test_what_another_has_in_part_is_left_to_pip(new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    being_installed = install(tmp_path / "old", "some_thing", "1.0", "__init__.py")
    (being_installed / "RECORD").unlink()
    install(tmp_path / "old", "other", "2.0", "__init__.py", "lost.py")
    (packages_of(tmp_path / "old") / "other" / "lost.py").unlink()
    run(monkeypatch, new)
    assert not list(packages_of(new).glob("*.dist-info"))
