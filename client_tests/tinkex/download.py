"""Tinkex's archive download (checkpoint_download.ex): no redirects, no headers of its own, a plain tar or nothing."""

from __future__ import annotations

import shutil
import tarfile
from typing import TYPE_CHECKING

import httpx

from client_tests.tinkex.tinkex import TinkexError, checkpoint_route

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_tests.tinkex.tinkex import Tinkex


class DownloadFailed(Exception):
    """`{:error, reason}`; the first argument is the reason's name."""


def archive_url(client: Tinkex, path: str) -> str:
    """get_checkpoint_archive_url: 503 means "being built" and is asked again five more times, 30 s apart."""
    for _ in range(6):
        try:
            found = client.call("GET", f"{checkpoint_route(path)}/archive", retries=0)
        except TinkexError as error:
            if error.status != 503:
                raise
            client.sleep(30.0)
            last = error
            continue
        return str(found["url"])
    raise last


def download(
    client: Tinkex,
    path: str,
    output: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """CheckpointDownload.download. DownloadFailed("exists") comes before any request."""
    target = output / path.removeprefix("tinker://").replace("/", "_")
    if target.exists() and not force:
        raise DownloadFailed("exists")
    shutil.rmtree(target, ignore_errors=True)
    url = archive_url(client, path)
    tar = output / "archive.tar"
    with httpx.Client(headers={"user-agent": "mint/1.7.1"}) as http, http.stream("GET", url) as answer:
        if answer.status_code != 200:
            raise DownloadFailed("download_failed", answer.status_code)
        total = int(answer.headers["content-length"])
        with tar.open("wb") as file:
            for piece in answer.iter_bytes():
                file.write(piece)
                progress(file.tell(), total)
    try:
        with tarfile.open(tar, "r:") as archive:  # erl_tar without :compressed
            archive.extractall(target, filter="data")
    except tarfile.ReadError as error:
        raise DownloadFailed("extraction_failed") from error
    return target
