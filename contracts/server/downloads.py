"""What a server hands out as files, fetched as clients do: without a key, from whatever address it names."""

from __future__ import annotations

import io
import json
import tarfile
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from contracts.server.tenant import answer_of, header_names
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.exchange import Exchange
    from contracts.server.runs import Run
    from contracts.server.tenant import Tenant

_BUILDING_SECONDS: Final = 40.0
"""How long an archive may be "not built yet" (503). Clients ask for minutes, but ours are tiny."""


def archive_of(run: Run, checkpoint_id: str) -> tuple[Exchange, str]:
    """The answer that names an archive's address, and the address."""
    end = monotonic() + _BUILDING_SECONDS
    while True:
        answer = run.tenant.get(f"{run.place(checkpoint_id)}/archive")
        if answer_of(answer).status != 503 or monotonic() > end:
            break
        sleep(2)
    location = answer_of(answer).headers.get("location", "")
    if answer_of(answer).status == 200:
        location = run.tenant.field(answer, "url")
    if not location.startswith("http"):
        raise Violation(f"status {answer_of(answer).status} and Location {location!r}: no address", answer)
    return answer, location


def external_urls(run: Run, name: str) -> tuple[Exchange, dict[str, str]]:
    """The answer that names the addresses of external weights, and those by file."""
    answer = run.tenant.get(f"{run.place(f'external_weights/{name}')}/external_weights_urls")
    value = run.tenant.ok(answer)
    urls = value.get("urls") if isinstance(value, dict) else None
    if not isinstance(urls, dict) or not urls:
        raise Violation("there are no urls", answer)
    return answer, {str(file): str(url) for file, url in urls.items()}


def fetched(tenant: Tenant, url: str, method: str = "GET", **headers: str) -> Exchange:
    """The answer to who has the address and no key."""
    return tenant.send(method, url, headers={"x-api-key": "", "accept": "*/*", **header_names(headers)})


def file_of(tenant: Tenant, url: str) -> bytes:
    """The content of a file that must be there."""
    answer = fetched(tenant, url)
    tenant.refused(answer, 200)
    return answer_of(answer).body


def members(tenant: Tenant, url: str) -> dict[str, bytes]:
    """The files of a plain tar by name. Violation: it is none, or holds something that could leave its folder."""
    content = file_of(tenant, url)
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            found = {}
            for member in archive.getmembers():
                if not member.isfile() or "/" in member.name or member.name in found:
                    raise Violation(f"its member {member.name!r} is no plain file at the top", *tenant.last)
                file = archive.extractfile(member)
                found[member.name] = b"" if file is None else file.read()
    except tarfile.TarError as error:
        raise Violation(f"{len(content)} bytes that are no plain tar: {error}", *tenant.last) from error
    return found


def tensors_of(content: bytes) -> dict[str, Any]:
    """The header of a safetensors file: dtype, shape and place of each tensor by name. ValueError: it is none."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if not tensors or max(entry["data_offsets"][1] for entry in tensors.values()) != len(content) - 8 - length:
        raise ValueError("the tensors do not fill the file")
    return tensors


def forgeries(url: str, other: str) -> Iterator[tuple[str, str]]:
    """Addresses that nobody signed, each with what is wrong: a parameter changed, or the path of another address."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    for place, (name, value) in enumerate(query):
        changed = str(int(value) + 3600) if value.isdecimal() else value[:-1] + ("a" if value[-1:] != "a" else "b")
        altered = [*query[:place], (name, changed), *query[place + 1 :]]
        yield f"another {name}", urlunsplit(parts._replace(query=urlencode(altered)))
        yield f"no {name}", urlunsplit(parts._replace(query=urlencode([*query[:place], *query[place + 1 :]])))
    yield "another path", urlunsplit(parts._replace(path=urlsplit(other).path))
