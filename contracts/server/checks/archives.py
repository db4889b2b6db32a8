"""Archives and external weights: what is in the files, and how they are served."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from contracts.server.batches import datum
from contracts.server.downloads import archive_of, external_urls, fetched, file_of, members, tensors_of
from contracts.server.runs import RANK, Run
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant


@check("archive-comes-as-a-redirect", requirement="ARC-302", kind="behaviour")
def archive_comes_as_a_redirect(asker: Asker) -> None:
    """An archive's address is the Location of a 302, and the archive of what is not there is 404."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    answer, _ = archive_of(run, "weights/a")
    tenant.refused(answer, 302)
    tenant.refused(tenant.get(f"{run.place('weights/never-saved')}/archive"), 404)


@check("archive-is-a-plain-tar", requirement="ARC-PLAIN-TAR", kind="behaviour")
def archive_is_a_plain_tar(asker: Asker) -> None:
    """An archive, of weights and of weights for a sampler, is an uncompressed tar of plain files at its top."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for kind in ("weights", "sampler_weights"):
        run.save("a", kind=kind)
        if not members(tenant, archive_of(run, f"{kind}/a")[1]):
            raise Violation("the archive is empty", *tenant.last)


@check("archive-holds-the-adapter", requirement="ARC-PEFT", kind="behaviour")
def archive_holds_the_adapter(asker: Asker) -> None:
    """An archive holds adapter_config.json with the run's rank, and in safetensors weights that training changes."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    run = Run.new(tenant)
    weights = []
    for name in ("before", "after"):
        run.save(name, kind="sampler_weights")
        files = members(tenant, archive_of(run, f"sampler_weights/{name}")[1])
        weights.append(_adapter(files, tenant))
        run.step(data)
    if weights[0] == weights[1]:
        raise Violation("a step of training left the adapter as it was", *tenant.last)


def _adapter(files: dict[str, bytes], tenant: Tenant) -> bytes:
    """The adapter's weights among these files."""
    try:
        config = json.loads(files["adapter_config.json"])
        tensors_of(files["adapter_model.safetensors"])
        rank = config["r"]
    except (LookupError, TypeError, ValueError) as error:
        raise Violation(f"{sorted(files)} are no adapter: {error!r}", *tenant.last) from error
    if rank != RANK:
        raise Violation(f"adapter_config.json has r {rank} of a run of rank {RANK}", *tenant.last)
    return files["adapter_model.safetensors"]


@check("external-weights-are-files", requirement="EXT-URLS", kind="behaviour")
def external_weights_are_files(asker: Asker) -> None:
    """External weights are the files of an adapter, each at an address of its own that works for a while from now."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a", kind="external_weights")
    answer, urls = external_urls(run, "a")
    expires = datetime.fromisoformat(tenant.field(answer, "expires"))
    if expires.tzinfo is None or expires <= datetime.now(UTC):
        raise Violation(f"the addresses expire at {expires}", answer)
    _adapter({file: file_of(tenant, url) for file, url in urls.items()}, tenant)


@check("download-can-go-on", requirement="ARC-LENGTH", kind="behaviour")
def download_can_go_on(asker: Asker) -> None:
    """A file has one ETag and its length, also for HEAD; a range is that part of it, one behind the end is 416."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    _, url = archive_of(run, "weights/a")
    whole = fetched(tenant, url)
    tenant.refused(whole, 200)
    content = answer_of(whole).body
    head = fetched(tenant, url, "HEAD")
    tenant.refused(head, 200)
    part = fetched(tenant, url, range="bytes=100-299")
    tenant.refused(part, 206)
    for answer, length in ((whole, len(content)), (head, len(content)), (part, 200)):
        if answer_of(answer).headers.get("content-length") != str(length):
            raise Violation(f"Content-Length is not {length}", answer)
        if not answer_of(answer).headers.get("etag") or _tag(answer) != _tag(whole):
            raise Violation(f"ETag is {_tag(answer)!r}, and was {_tag(whole)!r}", whole, answer)
    if answer_of(part).body != content[100:300]:
        raise Violation("bytes=100-299 is another part of the file", part)
    if answer_of(part).headers.get("content-range") != f"bytes 100-299/{len(content)}":
        raise Violation(f"Content-Range is {answer_of(part).headers.get('content-range')!r}", part)
    tenant.refused(fetched(tenant, url, range=f"bytes={len(content)}-"), 416)


def _tag(answer: Exchange) -> str:
    return answer_of(answer).headers.get("etag", "")
