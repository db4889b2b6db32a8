"""Train a text into a model until it knows it by heart, restore it from its checkpoint, and let it speak."""

import tinker
from tinker import types

TEXT = "The tide came in at seven, and the harbour master wrote it down in the long book of the sea."

service = tinker.ServiceClient()
training = service.create_lora_training_client("Qwen/Qwen3-8B", rank=32, seed=1).result()
tokenizer = training.get_tokenizer()
tokens = tokenizer.encode(TEXT)
inputs, targets = types.ModelInput.from_ints(tokens[:-1]), tokens[1:]
datum = types.Datum(model_input=inputs, loss_fn_inputs={"target_tokens": targets, "weights": [1.0] * len(targets)})

for step in range(41):
    result = training.forward_backward([datum], "cross_entropy")
    training.optim_step(types.AdamParams(learning_rate=5e-4))
    if step % 10 == 0:
        print(f"step {step:2}: {result.result().metrics['loss:sum'] / len(targets):.3f} nats per token")

checkpoint = training.save_state("by-heart").result().path
restored = service.create_training_client_from_state_with_optimizer(checkpoint).result()
sampler = restored.save_weights_and_get_sampling_client().result()
prompt = tokenizer.encode("The tide")
greedy = types.SamplingParams(max_tokens=len(tokens) - len(prompt), temperature=0.0)
answer = sampler.sample(types.ModelInput.from_ints(prompt), num_samples=1, sampling_params=greedy).result()
print("The tide|" + tokenizer.decode(answer.sequences[0].tokens))
