"""Link into a new environment what others beside it have already; pip comes behind it and unpacks the rest.

But for the SDK itself the clients' environments are of the same packages, which take pip twenty seconds each time.
`linking.py ENVIRONMENT LOCK [REQUIREMENT ...]`, as the Makefile runs it: with nothing but the standard library.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from sysconfig import get_path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def packages_of(environment: Path) -> Path:
    """Where its packages are. In an environment of another Python there is no such folder."""
    return Path(get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)}))


def known(requirements: str, folders: Iterable[Path]) -> Iterator[Path]:
    """For each of the requirements that is in one of these folders, what pip has written there about it."""
    for name, version in re.findall(r"^([\w.-]+)==([\w.!-]+)", requirements, re.MULTILINE):
        package = f"{re.sub('[-_.]+', '_', name).lower()}-{version}"
        # A version that names no build is any of them. RECORD is the last that pip writes.
        builds = (
            found
            for folder in folders
            for pattern in (f"{package}.dist-info", f"{package}+*.dist-info")
            for found in folder.glob(pattern)
            if (found / "RECORD").exists()
        )
        if about := next(builds, None):
            yield about


def link(about: Path, packages: Path) -> None:
    """All files of a package, and what Python has compiled of them. OSError: it is not all there."""
    with (about / "RECORD").open(newline="") as record:
        # Some lists have what was compiled, some have not: it comes with its source.
        paths = [path for path, *_ in csv.reader(record) if not path.endswith(".pyc")]
    # What is written about it comes last: by that pip knows a package.
    for path in sorted(paths, key=lambda path: path.startswith(f"{about.name}/")):
        source, target = about.parent / path, packages / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.startswith("../../../bin/"):
            _adopt(source, target)
            continue
        target.hardlink_to(source)
        if path.endswith(".py"):
            compiled = Path(cache_from_source(str(target)))
            compiled.parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                compiled.hardlink_to(cache_from_source(str(source)))


def _adopt(command: Path, target: Path) -> None:
    """A command begins with the path of its environment's interpreter."""
    theirs, ours = (f"{os.path.normpath(script.parent)}/".encode() for script in (command, target))
    target.write_bytes(command.read_bytes().replace(theirs, ours))
    shutil.copymode(command, target)


def main() -> None:
    environment, lock, *more = sys.argv[1:]
    new = Path(environment).absolute()
    others = [packages_of(each) for each in new.parent.iterdir() if each != new]
    for about in known("\n".join((*more, Path(lock).read_text())), others):
        try:
            link(about, packages_of(new))
        except OSError:
            shutil.rmtree(packages_of(new) / about.name, ignore_errors=True)  # so that pip installs it


if __name__ == "__main__":
    main()
