"""What the SDK can put into a prompt or a datum beyond tokens and dense tensors means something to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contracts.proto import message_class

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk
    from client_tests.harness.wire import Wire


def test_pictures_and_sound_are_seen_in_training_and_in_sampling(sdk: Sdk, wire: Wire) -> None:
    """One position each; another content is another context, wherever it comes in."""

    def program(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
        from tinker.types import DmelChunk, EncodedTextChunk, ImageAssetPointerChunk, ImageChunk

        def sound(level: int) -> DmelChunk:
            return DmelChunk(dmel=bytes([1, 2, 5, 80]) + bytes([level]) * 400)  # 5 frames of 80 numbers

        media = {
            "picture": ImageChunk(data=b"\x89PNG a cat", format="png", expected_tokens=5),
            "another picture": ImageChunk(data=b"\x89PNG a dog", format="png", expected_tokens=5),
            "sound": sound(1),
            "another sound": sound(2),
            "address": ImageAssetPointerChunk(location="https://pictures.test/cat", format="jpeg", expected_tokens=5),
        }
        text = EncodedTextChunk(tokens=kit.TOKENS)

        def with_media(chunk: Any) -> Any:
            return tinker.ModelInput(chunks=[text, chunk, text])

        def datum(chunk: Any) -> Any:
            given = with_media(chunk)
            targets, weights = [7] * given.length, [0.0] * (given.length - 3) + [1.0] * 3
            # The last three positions see what stands before the second text; the others count nothing.
            return tinker.Datum(model_input=given, loss_fn_inputs={"target_tokens": targets, "weights": weights})

        training = kit.trainer(service_client)
        untrained = {}
        for name, chunk in media.items():
            if name != "address":  # protobuf knows no addresses of pictures
                behind_it = tinker.ModelInput(chunks=[text, chunk])
                targets = [7] * behind_it.length
                one = tinker.Datum(model_input=behind_it, loss_fn_inputs={"target_tokens": targets})
                untrained[name] = kit.logprobs(training.forward([one], "cross_entropy").result())[0]
        for _ in range(3):
            training.forward_backward([datum(media["picture"])], "cross_entropy").result()
            training.optim_step(kit.adam()).result()
        sampler = training.save_weights_and_get_sampling_client().result()
        prompts = {name: sampler.compute_logprobs(with_media(chunk)).result() for name, chunk in media.items()}
        return {
            "untrained": untrained,
            "prompts": {name: list(found) for name, found in prompts.items()},
            "lengths": {name: with_media(chunk).length for name, chunk in media.items()},
            "sampled": len(sampler.sample(with_media(media["address"]), 1, kit.greedy(3)).result().sequences[0].tokens),
        }

    seen = sdk.at(wire.url).run(program)
    text = 24
    assert set(seen["lengths"].values()) == {text + 5 + text}
    alike: dict[str, list[float]] = {}
    for name, logprobs in seen["untrained"].items():
        # Up to the last token of the text nothing of the chunk is known; what stands in it is known from then on.
        assert len(logprobs) == text + 5
        alike[name] = logprobs[:text]
    assert len({tuple(each) for each in alike.values()}) == 1
    assert len({tuple(logprobs[text:]) for logprobs in seen["untrained"].values()}) == 4
    after = {name: tuple(logprobs[text + 5 :]) for name, logprobs in seen["prompts"].items()}
    assert len(set(after.values())) == 5
    assert seen["sampled"] == 3
    kinds = {chunk["type"] for each in wire.of("asample") for chunk in each.request["prompt"]["chunks"]}
    assert kinds == {"encoded_text", "image", "image_asset_pointer", "dmel"}


def test_sparse_tensors_are_what_they_would_be_dense(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
        tensor, rows, columns = tinker.TensorData, 23, 4
        targets, weights = [0] * rows * columns, [0.0] * rows * columns
        for row in range(rows):
            targets[row * columns + row % columns] = kit.TOKENS[row + 1]
            weights[row * columns + row % columns] = 1.0 + row
        layout = {
            "shape": [rows, columns],
            "sparse_crow_indices": list(range(rows + 1)),
            "sparse_col_indices": [row % columns for row in range(rows)],
        }

        def datum(**inputs: Any) -> Any:
            return tinker.Datum(model_input=tinker.ModelInput.from_ints(kit.TOKENS[:-1]), loss_fn_inputs=inputs)

        dense = datum(
            target_tokens=tensor(data=targets, dtype="int64", shape=[rows, columns]),
            weights=tensor(data=weights, dtype="float32", shape=[rows, columns]),
        )
        sparse = datum(
            target_tokens=tensor(data=kit.TOKENS[1:], dtype="int64", **layout),
            weights=tensor(data=[1.0 + row for row in range(rows)], dtype="float32", **layout),
        )
        steps = []
        for data in (dense, sparse):
            training = kit.trainer(service_client)
            steps.append(kit.steps(training, 3, [data]))
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        wanted = tensor(data=kit.TOKENS[1:], dtype="int64", **layout)
        answer = sampler.sample(kit.prompt(), 1, kit.greedy(1), target_prompt_logprobs=wanted).result()
        found = answer.target_prompt_logprobs
        return {
            "dense": steps[0],
            "sparse": steps[1],
            "listed": found.data if isinstance(found.data, list) else list(found.data),
            "layout": [found.sparse_crow_indices, found.sparse_col_indices, found.shape],
            "sent": [layout["sparse_crow_indices"], layout["sparse_col_indices"], layout["shape"]],
            "prompt": list(sampler.compute_logprobs(kit.prompt()).result()),
        }

    seen = sdk.run(program)
    assert seen["sparse"] == seen["dense"]
    assert seen["sparse"][2] < seen["sparse"][0]
    assert seen["layout"] == seen["sent"]
    assert seen["listed"] == pytest.approx(seen["prompt"][1:], abs=1e-5)


def test_provenance_goes_with_a_datum_and_changes_no_number(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
        from tinker.types.provenance_spans import PromptProvenanceSpan, SampledProvenanceSpan

        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        (sequence,) = sampler.sample(kit.prompt(), 1, kit.greedy(6)).result().sequences
        tokens, known = [*kit.TOKENS, *sequence.tokens], len(kit.TOKENS)
        plain = kit.datum(tokens)
        prompted = PromptProvenanceSpan(sequence_id=sequence.sequence_id, length=known)
        sampled = SampledProvenanceSpan(sequence_id=sequence.sequence_id, length=5)
        inputs = [PromptProvenanceSpan(sequence_id=sequence.sequence_id, offset=1, length=known - 1)]
        told = plain.with_provenance(
            [prompted, sampled], [*inputs, SampledProvenanceSpan(sequence_id=sequence.sequence_id, length=6)]
        )
        return {
            "plain": kit.steps(kit.trainer(service_client), 3, [plain]),
            "told": kit.steps(kit.trainer(service_client), 3, [told]),
        }

    seen = sdk.at(wire.url).run(program)
    assert seen["told"] == seen["plain"]
    assert seen["told"][2] < seen["told"][0]
    batches = [message_class("ForwardBackwardRequest").FromString(each.body) for each in wire.of("forward_backward")]
    spans = [(len(batch.data[0].model_input_spans), len(batch.data[0].loss_fn_input_spans)) for batch in batches]
    assert spans == [(0, 0)] * 3 + [(2, 2)] * 3
