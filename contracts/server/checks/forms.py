"""What a request may look like, and how one is refused that can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contracts.server.numbers import must_equal
from contracts.server.runs import Run
from contracts.server.samplers import Sampler
from contracts.server.tenant import JSON, answer_of, object_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant

_BAD: Final = (400, 422)


@check("null-is-absent", requirement="FORM-EXTRA-NULL", kind="behaviour")
def null_is_absent(asker: Asker) -> None:
    """An optional field that is null means what it means when it is left out."""
    tenant, prompt = asker.tenant(), asker.tokens(6)
    session_id = tenant.session(**_nulls("user_metadata", "project_id", "display_name"))
    plain = Run.new(tenant, session_id)
    nulls = Run.new(
        tenant,
        session_id,
        model_seq_id=1,
        lora_config=_nulls("train_mlp", "train_attn", "train_unembed"),
        **_nulls("user_metadata", "optimizer_config"),
    )
    adam = {"learning_rate": 1e-3} | _nulls("beta1", "beta2", "eps", "weight_decay", "grad_clip_norm")
    plain.step()
    tenant.result(nulls.forward_backward())
    tenant.result(nulls.submit("/optim_step", {"adam_params": adam, "optimizer_params": None}))
    must_equal("the loss of a run made with nulls", nulls.loss(), plain.loss(), *tenant.last)
    nulls.save("n", **_nulls("ttl_seconds", "overwrite", "user_metadata"))
    sampler = Sampler.new(tenant, session_id=session_id)
    due = sampler.sample(prompt, temperature=0.0)[0].tokens
    asked = sampler.ask(
        prompt,
        sampling_params={"temperature": 0.0, **_nulls("seed", "top_k", "top_p")},
        **_nulls("prompt_logprobs", "topk_prompt_logprobs", "topk_sample_logprobs", "prompt_alt_tokens_k"),
    )
    if sampler.drawn(asked)[0].tokens != due:
        raise Violation("a sample asked for with nulls has other tokens", asked, *tenant.last)


def _nulls(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names)


@check("unknown-field-is-ignored", requirement="FORM-EXTRA-FIELD", kind="behaviour")
def unknown_field_is_ignored(asker: Asker) -> None:
    """A field that the server does not know changes nothing."""
    tenant = asker.tenant()
    new: dict[str, Any] = {"field_of_the_future": {"a": [1]}}
    tenant.ok(tenant.post("/client/config", sdk_version="0.38.0", **new))
    session_id = tenant.session(**new)
    tenant.ok(tenant.post("/session_heartbeat", session_id=session_id, **new))
    run = Run.new(tenant, session_id, lora_config=new, **new)
    tenant.result(run.forward_backward())
    tenant.result(run.submit("/optim_step", {"adam_params": {"learning_rate": 1e-4, **new}, **new}))
    sampler = Sampler.new(tenant, session_id=session_id)
    sampler.drawn(sampler.ask(asker.tokens(4), sampling_params=new, **new))


@check("no-json-is-refused", requirement="FORM-BAD-JSON", kind="behaviour")
def no_json_is_refused(asker: Asker) -> None:
    """A body that is no JSON, or no object, is refused with 400 or 422."""
    tenant = asker.tenant()
    for path in ("/create_session", "/create_model", "/optim_step", "/asample", "/retrieve_future", "/weights_info"):
        for body in (b"", b"{", b'{"session_id": "a"', b"[]", b'"text"', b"5", b"null", b"\xff\xfe"):
            tenant.refused(tenant.send("POST", path, content=body, headers={"content-type": JSON}), *_BAD)


def _complete(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """Requests with no field but those that they must have."""
    session_id = tenant.session()
    run = Run.new(tenant, session_id)
    return {
        "/session_heartbeat": {"session_id": session_id},
        "/create_model": {"session_id": session_id, "model_seq_id": 7, "base_model": tenant.base_model()},
        "/get_info": {"model_id": run.id},
        "/optim_step": {"model_id": run.id},
        "/create_sampling_session": {"session_id": session_id, "sampling_session_seq_id": 7},
        "/retrieve_future": {"request_id": "r"},
        "/weights_info": {"tinker_path": "tinker://a:train:0/weights/b"},
        f"/sessions/{session_id}/finish": {"reason": {"type": "success"}},
    }


@check("missing-field-is-named", requirement="FORM-MISSING-FIELD", kind="behaviour")
def missing_field_is_named(asker: Asker) -> None:
    """A required field that is missing or of a wrong type is refused with 400 or 422, and the message names it."""
    tenant = asker.tenant()
    for path, fields in _complete(tenant).items():
        for name in fields:
            others = {key: value for key, value in fields.items() if key != name}
            for body in (others, {**others, name: [["of", "no", "such", "type"]]}):
                answer = tenant.send("POST", path, body)
                tenant.refused(answer, *_BAD)
                if name.encode() not in answer_of(answer).body:
                    raise Violation(f"the refusal does not name {name}", answer)


@check("unknown-path-is-404", requirement="FORM-UNKNOWN-PATH", kind="behaviour")
def unknown_path_is_404(asker: Asker) -> None:
    """A path that does not exist is answered with 404, in the form of every other 404."""
    tenant = asker.tenant()
    known = tenant.post("/get_info", model_id="never-made:train:0")
    tenant.refused(known, 404)
    for method, path in (("GET", "/no_such_path"), ("POST", "/no_such_path"), ("GET", "/no/such/path")):
        answer = tenant.send(method, path)
        tenant.refused(answer, 404)
        _alike(answer, known)


@check("wrong-method-is-405", requirement="FORM-METHOD", kind="behaviour")
def wrong_method_is_405(asker: Asker) -> None:
    """A path asked with another method is answered with 405, and Allow names those that it has."""
    tenant = asker.tenant()
    for method, path, allowed in (("GET", "/create_session", "POST"), ("DELETE", "/training_runs", "GET")):
        answer = tenant.send(method, path)
        tenant.refused(answer, 405)
        if allowed not in answer_of(answer).headers.get("allow", ""):
            raise Violation(f"Allow does not name {allowed}", answer)


@check("refused-key-has-the-usual-body", requirement="ERR-401-JSON", kind="behaviour")
def refused_key_has_the_usual_body(asker: Asker) -> None:
    """401 has the body of every other error."""
    tenant = asker.tenant()
    known = tenant.post("/get_info", model_id="never-made:train:0")
    answer = tenant.send("POST", "/get_info", {"model_id": "a"}, headers={"x-api-key": ""})
    tenant.refused(answer, 401)
    _alike(answer, known)


def _alike(error: Exchange, known: Exchange) -> None:
    """An error's body must have the fields that clients read, as another one has them."""
    said, usual = ({"detail", "message", "category"} & object_of(each).keys() for each in (error, known))
    if not said or said != usual:
        raise Violation(f"its body has {sorted(said)} where that of a 404 has {sorted(usual)}", known, error)
