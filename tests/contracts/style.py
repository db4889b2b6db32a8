"""How openapi.yaml is written: small rules, each saying of a document where it does not hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from contracts.proto import message_class
from contracts.requirements import requirements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.spec import Operation, Spec

_CLIENT: Final = re.compile(r"tinker (>=|<)0\.\d+|tinkex \d+\.\d+\.\d+")
_SELF_EVIDENT: Final = {"$ref", "const", "enum", "anyOf", "oneOf", "format"}


def operation_ids_are_snake_case(spec: Spec) -> Iterator[str]:
    """What a person calls it, in the words of the wire: create_session."""
    for operation in spec.operations.values():
        if not re.fullmatch(r"[a-z]+(_[a-z]+)*", operation.id):
            yield operation.id


def summaries_are_titles(spec: Spec) -> Iterator[str]:
    """One line that begins with a capital and ends without a full stop."""
    for operation in spec.operations.values():
        summary = operation.summary
        if not summary[:1].isupper() or summary.endswith(".") or len(summary) > 90 or "\n" in summary:
            yield f"{operation.id}: {summary!r}"


def operations_stand_with_their_noun(spec: Spec) -> Iterator[str]:
    """One tag each, declared, and the file ordered by them."""
    declared = [tag["name"] for tag in spec.document["tags"]]
    order: list[str] = []
    for operation in spec.operations.values():
        if operation.raw["tags"] != [operation.tag] or operation.tag not in declared:
            yield f"{operation.id}: tags {operation.raw['tags']}"
        elif operation.tag not in order[-1:]:
            order.append(operation.tag)
    if order != declared:
        yield f"the order of the operations is {order}, that of the tags {declared}"


def properties_are_described(spec: Spec) -> Iterator[str]:
    """Every property says what it is, or is of a type that does, or can have one value only."""
    for where, schema in _schemas(spec):
        # Alternatives of a `not` or `anyOf` narrow properties that are described where they stand.
        if schema.get("type") == "object" and where.split("/")[-2] not in {"anyOf", "oneOf"}:
            for name, each in schema.get("properties", {}).items():
                if each is not False and "description" not in each and not _SELF_EVIDENT & each.keys():
                    yield f"{where}: {name}"


def errors_have_the_one_schema_and_an_example(spec: Spec) -> Iterator[str]:
    """Each 4xx and 5xx; 408 is the end of a long poll and no error."""
    for operation in spec.operations.values():
        for status, response in _responses(spec, operation):
            if status >= 400 and status != 408:
                content = response.get("content", {})
                schema = content.get("application/json", {}).get("schema")
                if list(content) != ["application/json"] or schema != {"$ref": "#/components/schemas/Error"}:
                    yield f"{operation.id} {status}: no Error"
                elif not content["application/json"].get("examples"):
                    yield f"{operation.id} {status}: no example"


def json_has_examples(spec: Spec) -> Iterator[str]:
    """Every body of JSON that is sent or answered, parts of files aside."""
    for operation in spec.operations.values():
        bodies = [("request", spec.resolved(operation.raw.get("requestBody", {})))]
        bodies += [(str(status), each) for status, each in _responses(spec, operation) if status != 206]
        for where, body in bodies:
            if "application/json" in body.get("content", {}) and not body["content"]["application/json"].get(
                "examples"
            ):
                yield f"{operation.id}: {where}"


def answers_say_what_they_hold(spec: Spec) -> Iterator[str]:
    """A success has a body unless its status says that it has none."""
    for operation in spec.operations.values():
        if not any(status < 400 for status in operation.statuses):
            yield f"{operation.id}: no success"
        for status, answer in operation.answers.items():
            if bool(answer.content) == (status in {204, 304} or (operation.method == "HEAD" and status < 400)):
                yield f"{operation.id}: {status}"


def keys_and_their_refusal_go_together(spec: Spec) -> Iterator[str]:
    """401 wherever a key is needed, and only there."""
    for operation in spec.operations.values():
        if operation.secured != (401 in operation.statuses):
            yield operation.id


def bodies_can_be_refused(spec: Spec) -> Iterator[str]:
    """Whatever reads a body answers 400 to what is none, and 413 to what is too long."""
    for operation in spec.operations.values():
        if operation.body and not operation.statuses >= {400, 413}:
            yield operation.id


def parameters_of_queries_can_be_refused(spec: Spec) -> Iterator[str]:
    """A parameter that is not just any text answers 422; addresses that nobody writes are refused as a whole."""
    for operation in spec.operations.values():
        typed = [name for name, each in operation.query.items() if each.schema != {"type": "string"}]
        if operation.secured and bool(typed) != (422 in operation.statuses) and not operation.body:
            yield f"{operation.id}: {typed}"


def parameters_of_paths_are_declared(spec: Spec) -> Iterator[str]:
    """Those of the template and no others, all required."""
    for operation in spec.operations.values():
        declared = {each.name for each in operation.parameters if each.place == "path" and each.required}
        if declared != set(re.findall(r"{(\w+)}", operation.path)):
            yield f"{operation.id}: {sorted(declared)}"


def clients_are_named(spec: Spec) -> Iterator[str]:
    """`x-clients`: who uses it, by versions; an empty list where nobody does yet."""
    for operation in spec.operations.values():
        clients = operation.raw.get("x-clients")
        if clients is None or not all(_CLIENT.fullmatch(client) for client in clients):
            yield f"{operation.id}: {clients}"


def requirements_exist(spec: Spec) -> Iterator[str]:
    """`x-requirements`, of the whole and of each operation: ids of contracts/requirements.yaml."""
    yield from (each for each in spec.document["x-requirements"] if each not in requirements())
    for operation in spec.operations.values():
        if "x-requirements" not in operation.raw:
            yield f"{operation.id}: no x-requirements"
        for each in operation.requirements:
            if each not in requirements():
                yield f"{operation.id}: {each}"


def protobuf_bodies_name_their_message(spec: Spec) -> Iterator[str]:
    """`x-protobuf`: messages of the .proto file beside it."""
    for operation in spec.operations.values():
        for body in (spec.resolved(operation.raw.get("requestBody", {})), *dict(_responses(spec, operation)).values()):
            content = body.get("content", {})
            if "application/x-protobuf" in content:
                file, _, names = content["application/x-protobuf"].get("x-protobuf", "").partition("#")
                try:
                    found = [message_class(name) for name in names.split(", ")]
                except KeyError:
                    found = []
                if file != "contracts/proto/tinker_public.proto" or not found:
                    yield f"{operation.id}: {names!r}"


def null_is_absent(spec: Spec) -> Iterator[str]:
    """Every optional field of a request takes null, which old clients send for what was not set."""
    for operation in spec.operations.values():
        schema = operation.body.get("application/json")
        if schema is not None:
            resolved = spec.resolved(schema)
            for name, each in resolved.get("properties", {}).items():
                if name not in resolved.get("required", ()) and spec.problems(each, None):
                    yield f"{operation.id}: {name}"


def objects_are_open(spec: Spec) -> Iterator[str]:
    """Newer clients send more and newer servers answer more, so nothing is closed."""
    for where, schema in _schemas(spec):
        if schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False:
            yield where


def components_are_used(spec: Spec) -> Iterator[str]:
    """By something else, and named in capitals."""
    used = set(_references(spec.document))
    for kind, components in spec.document["components"].items():
        for name in components if kind != "securitySchemes" else ():
            if f"#/components/{kind}/{name}" not in used:
                yield f"{kind}/{name} is not used"
            if not re.fullmatch(r"([A-Z][a-z0-9]*)+", name):
                yield f"{kind}/{name} is no name"


def links_lead_somewhere(spec: Spec) -> Iterator[str]:
    """To operations that exist, with parameters and fields that those have."""
    for operation in spec.operations.values():
        for _, response in _responses(spec, operation):
            for name, given in response.get("links", {}).items():
                link = spec.resolved(given)
                target = spec.operations.get(link["operationId"])
                known = set() if target is None else {f"{each.place}.{each.name}" for each in target.parameters}
                body = {} if target is None else spec.resolved(target.body.get("application/json", {}))
                if not (
                    target is not None
                    and link.get("parameters", {}).keys() <= known
                    and link.get("requestBody", {}).keys() <= body.get("properties", {}).keys()
                ):
                    yield f"{operation.id}: {name}"


def examples_are_valid(spec: Spec) -> Iterator[str]:
    """Every example is what its schema says, and an error's example is one of its own status."""
    for operation in spec.operations.values():
        bodies = [spec.resolved(operation.raw.get("requestBody", {}))]
        bodies += [response for _, response in _responses(spec, operation)]
        for body in bodies:
            for media_type, content in body.get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    for problem in spec.problems(content["schema"], spec.resolved(example)["value"]):
                        yield f"{operation.id} {media_type} {name}: {problem}"


RULES: Final = (
    operation_ids_are_snake_case,
    summaries_are_titles,
    operations_stand_with_their_noun,
    properties_are_described,
    errors_have_the_one_schema_and_an_example,
    json_has_examples,
    answers_say_what_they_hold,
    keys_and_their_refusal_go_together,
    bodies_can_be_refused,
    parameters_of_queries_can_be_refused,
    parameters_of_paths_are_declared,
    clients_are_named,
    requirements_exist,
    protobuf_bodies_name_their_message,
    null_is_absent,
    objects_are_open,
    components_are_used,
    links_lead_somewhere,
    examples_are_valid,
)


def _responses(spec: Spec, operation: Operation) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for status, response in operation.raw["responses"].items():
        yield int(status), spec.resolved(response)


def _schemas(spec: Spec) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All schemas of the components with where they stand, those within others too."""
    yield from _within("schemas/", spec.document["components"]["schemas"])


def _within(where: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        if "type" in value and isinstance(value["type"], str | list):
            yield where, value
        for key, inner in value.items():
            if key != "not":
                yield from _within(f"{where}/{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _within(f"{where}/{index}", inner)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
