"""What a client asks before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker


@check("client-config-is-there", requirement="CFG-EXISTS", kind="behaviour")
def client_config_is_there(asker: Asker) -> None:
    """client/config answers 200 with a JSON object."""
    tenant = asker.tenant()
    answer = tenant.post("/client/config", sdk_version="0.38.0")
    tenant.refused(answer, 200)
    if not isinstance(tenant.ok(answer), dict):
        raise Violation("the configuration is no JSON object", answer)


@check("unknown-version-is-served", requirement="CFG-UNKNOWN-VERSION", kind="behaviour")
def unknown_version_is_served(asker: Asker) -> None:
    """A client version of the far future, or of no known form, is served."""
    tenant = asker.tenant()
    for version in ("99.1.0", "1.0.0rc1+local", "elixir-repro"):
        fields, headers = {"sdk_version": version}, {"user-agent": f"AsyncTinker/Python {version}"}
        tenant.ok(tenant.send("POST", "/client/config", fields, headers=headers))
        tenant.field(tenant.send("POST", "/create_session", {**fields, "tags": []}, headers=headers), "session_id")


@check("health-is-told", requirement="HEALTH-OK", kind="behaviour")
def health_is_told(asker: Asker) -> None:
    """Healthz answers 200 with status."""
    tenant = asker.tenant()
    answer = tenant.get("/healthz")
    tenant.refused(answer, 200)
    tenant.field(answer, "status")


@check("models-are-listed", requirement="CAP-MODELS", kind="behaviour")
def models_are_listed(asker: Asker) -> None:
    """get_server_capabilities lists at least one model, each by its name."""
    tenant = asker.tenant()
    answer = tenant.get("/get_server_capabilities")
    told = tenant.ok(answer)
    models = told.get("supported_models") if isinstance(told, dict) else None
    if not models or not all(isinstance(model, dict) and model.get("model_name") for model in models):
        raise Violation("supported_models is no list of objects with a model_name each", answer)


@check("heartbeat-has-one-path", requirement="HEARTBEAT-PATH", kind="behaviour")
def heartbeat_has_one_path(asker: Asker) -> None:
    """/heartbeat is answered with 404: session_heartbeat is the path."""
    tenant = asker.tenant()
    tenant.refused(tenant.post("/heartbeat", session_id=tenant.session()), 404)
