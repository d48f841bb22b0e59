"""Makes tests/conformance/embeddings.json and .f32: pooled states that embeddings must be.

    python3 tests/conformance/make_embeddings.py SHARED  # transformers 5.23.0, torch 2.15.0,
                                                         # llama-cpp-python 0.3.36

SHARED is the folder of shared models and conformance data. Of every tiny model, those of
make_models.py and those of the pack, the states are `last_hidden_state` of transformers in float32
with eager attention, pooled in float64. Of SmolLM2 they are what llama.cpp gives with embeddings
and that pooling, not normalised. The vectors of each text follow each other: mean, last, cls.
"""

import json
import os
import sys

import llama_cpp
import numpy as np
import torch
import transformers as hf

import make_models

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = sys.argv[1]
PACK = os.path.join(SHARED, "conformance", "models")
SMOLLM2 = "models/SmolLM2-135M-Instruct.Q4_1.gguf"
POOLINGS = {"mean": lambda x: x.mean(0), "last": lambda x: x[-1], "cls": lambda x: x[0]}
TEXTS = ["The capital of France is Paris, and that of Italy is Rome.",
         "def add(a, b):\n    return a + b\n"]
TYPES = {"mean": llama_cpp.LLAMA_POOLING_TYPE_MEAN, "last": llama_cpp.LLAMA_POOLING_TYPE_LAST,
         "cls": llama_cpp.LLAMA_POOLING_TYPE_CLS}


def states(model, tokens):
    with torch.no_grad():
        out = model.base_model(torch.tensor([tokens]))
    return out.last_hidden_state[0].double().numpy()


def tiny_models():
    """Name, path, whether the path is in the shared folder, tokens and states."""
    for name in make_models.MODELS:
        _, model = make_models.random_model(name)
        tokens = [(i * i * 31 + i * 7 + 3) % (make_models.VOCAB - 3) + 3 for i in range(40)]
        yield name, f"models/{name}.gguf", False, tokens, states(model, tokens)
    for name in sorted(os.listdir(PACK)):
        folder = os.path.join(PACK, name)
        model = hf.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager").eval()
        with open(os.path.join(folder, "expected.json")) as file:
            tokens = json.load(file)["tokens"]
        path = f"conformance/models/{name}" + "/mixtral-moe.gguf" * (name == "mixtral-moe")
        yield name, path, True, tokens, states(model, tokens)


def llama_embedding(pooling, text):
    model = llama_cpp.Llama(os.path.join(SHARED, SMOLLM2), embedding=True, n_ctx=512, n_threads=2,
                            pooling_type=TYPES[pooling], verbose=False)
    return np.array(model.embed(text, normalize=False))


def main():
    rows, values = [], []
    for name, path, shared, tokens, found in tiny_models():
        rows.append({"name": name, "path": path, "shared": shared, "prompt": tokens,
                     "dim": found.shape[1]})
        values += [pool(found) for pool in POOLINGS.values()]
    for text in TEXTS:
        found = [llama_embedding(pooling, text) for pooling in POOLINGS]
        rows.append({"name": "smollm2", "path": SMOLLM2, "shared": True, "prompt": text,
                     "dim": len(found[0])})
        values += found
    np.concatenate(values).astype("<f4").tofile(os.path.join(HERE, "embeddings.f32"))
    made_by = {"command": "python3 tests/conformance/make_embeddings.py SHARED",
               "transformers": hf.__version__, "torch": torch.__version__.split("+")[0],
               "llama-cpp-python": llama_cpp.__version__}
    with open(os.path.join(HERE, "embeddings.json"), "w") as out:
        json.dump({"made_by": made_by, "poolings": list(POOLINGS), "texts": rows}, out)
        out.write("\n")


if __name__ == "__main__":
    main()
