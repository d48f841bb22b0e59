"""Writes exact.json: hidden states of SmolLM2 by float64 math on its dequantised weights.

python3 tests/conformance/make_exact.py SHARED tests/conformance/exact.json

Teacher-forced over the first case of conformance/smollm2/greedy.json (the prompt, then its exact
greedy tokens): what the output matrix is multiplied by, at the 64 positions that predict those
tokens, as little-endian floats in base64. The product gives the exact logits of the whole
vocabulary, which would not fit here. The logits are checked against the margins of that file.
"""

import base64
import json
import sys
from importlib.metadata import version

import gguf
import numpy as np

MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"


class Model:
    """Weights of a Llama-architecture GGUF as float64, one tensor at a time."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}
        field = lambda name: reader.fields["llama." + name].contents()
        self.layers = field("block_count")
        self.heads = field("attention.head_count")
        self.kv_heads = field("attention.head_count_kv")
        self.epsilon = field("attention.layer_norm_rms_epsilon")
        self.base = field("rope.freq_base")

    def weight(self, name):
        tensor = self.tensors[name + ".weight"]
        return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float64)

    def norm(self, x, name):
        mean_square = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(mean_square + self.epsilon) * self.weight(name)

    def rotate(self, x):
        """RoPE over neighbours; x is [tokens, heads, dimensions]."""
        tokens, _, dims = x.shape
        turns = self.base ** (-np.arange(0, dims, 2) / dims)
        angle = (np.arange(tokens)[:, None] * turns)[:, None, :]
        a, b = x[..., 0::2], x[..., 1::2]
        out = np.empty_like(x)
        out[..., 0::2] = a * np.cos(angle) - b * np.sin(angle)
        out[..., 1::2] = a * np.sin(angle) + b * np.cos(angle)
        return out

    def attend(self, h, blk):
        tokens = len(h)
        split = lambda x, heads: x.reshape(tokens, heads, -1)
        q = self.rotate(split(h @ self.weight(blk + "attn_q").T, self.heads))
        k = self.rotate(split(h @ self.weight(blk + "attn_k").T, self.kv_heads))
        v = split(h @ self.weight(blk + "attn_v").T, self.kv_heads)
        group = self.heads // self.kv_heads
        k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
        scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(q.shape[-1])
        scores += np.triu(np.full((tokens, tokens), -np.inf), 1)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        out = np.einsum("hij,jhd->ihd", weights, v).reshape(tokens, -1)
        return out @ self.weight(blk + "attn_output").T

    def feed_forward(self, h, blk):
        gate = h @ self.weight(blk + "ffn_gate").T
        up = h @ self.weight(blk + "ffn_up").T
        return (gate / (1 + np.exp(-gate)) * up) @ self.weight(blk + "ffn_down").T

    def hidden(self, tokens):
        """What the output matrix is multiplied by, [tokens, dimensions]."""
        x = self.weight("token_embd")[tokens]
        for layer in range(self.layers):
            blk = f"blk.{layer}."
            x = x + self.attend(self.norm(x, blk + "attn_norm"), blk)
            x = x + self.feed_forward(self.norm(x, blk + "ffn_norm"), blk)
        return self.norm(x, "output_norm")


def main(shared, out):
    model = Model(f"{shared}/models/{MODEL}")
    case = json.load(open(f"{shared}/conformance/smollm2/greedy.json"))[0]
    greedy = case["greedy_exact"]
    hidden = model.hidden(case["ids"] + greedy[:-1])[-len(greedy) :]
    logits = hidden @ model.weight("token_embd").T  # tied
    assert (logits.argmax(axis=-1) == greedy).all()
    second, first = np.sort(logits, axis=-1)[:, -2:].T
    result = {
        "model": MODEL,
        "made": f"make_exact.py: float64 with numpy {np.__version__}, weights dequantised by "
        f"gguf-py {version('gguf')}",
        "worstMarginDifference": float(np.abs(first - second - case["margin_exact"]).max()),
        "rows": len(hidden),
        "dim": hidden.shape[1],
        "hidden": base64.b64encode(hidden.astype("<f4").tobytes()).decode(),
    }
    with open(out, "w") as file:
        json.dump(result, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
