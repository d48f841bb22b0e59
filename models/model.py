"""The Llama architecture in PyTorch, just enough of it to train a small model."""

import torch
from torch import nn
from torch.nn import functional

SHAPE = {
    "vocabulary": 2048, "dim": 192, "layers": 5, "heads": 6, "kv_heads": 2, "ff": 512,
    "context": 512, "rope_base": 10000.0, "epsilon": 1e-5,
}


class Norm(nn.Module):
    """Root mean square norm, in float32 whatever comes in."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(SHAPE["dim"]))

    def forward(self, x):
        return functional.rms_norm(x.float(), x.shape[-1:], self.weight, SHAPE["epsilon"])


def rope_table():
    """Cosines and sines of every position: two arrays [context, headDim / 2]."""
    half = SHAPE["dim"] // SHAPE["heads"] // 2
    frequency = SHAPE["rope_base"] ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.outer(torch.arange(SHAPE["context"], dtype=torch.float64), frequency)
    return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
    """Turns neighbour pairs of x [batch, heads, length, headDim] by their positions."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Layer(nn.Module):
    """Attention with fewer key and value heads than query heads, then a gated feed-forward."""

    def __init__(self):
        super().__init__()
        dim, ff = SHAPE["dim"], SHAPE["ff"]
        kv_dim = dim // SHAPE["heads"] * SHAPE["kv_heads"]
        self.attn_norm, self.ffn_norm = Norm(), Norm()
        self.attn_q = nn.Linear(dim, dim, bias=False)
        self.attn_k = nn.Linear(dim, kv_dim, bias=False)
        self.attn_v = nn.Linear(dim, kv_dim, bias=False)
        self.attn_output = nn.Linear(dim, dim, bias=False)
        self.ffn_gate = nn.Linear(dim, ff, bias=False)
        self.ffn_up = nn.Linear(dim, ff, bias=False)
        self.ffn_down = nn.Linear(ff, dim, bias=False)

    def attend(self, x, cos, sin):
        """Causal self-attention over x [batch, length, dim]."""
        head_dim = SHAPE["dim"] // SHAPE["heads"]
        q, k, v = (
            project(x).unflatten(-1, (-1, head_dim)).transpose(1, 2)
            for project in (self.attn_q, self.attn_k, self.attn_v)
        )
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        repeat = SHAPE["heads"] // SHAPE["kv_heads"]
        k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
        length = x.shape[1]
        future = torch.full((length, length), float("-inf")).triu(1)
        scores = (q * head_dim**-0.5) @ k.transpose(-1, -2)  # on a CPU faster than the fused one
        mixed = torch.softmax(scores.float() + future, -1).to(v.dtype) @ v
        return self.attn_output(mixed.transpose(1, 2).flatten(-2))

    def forward(self, x, cos, sin):
        x = x + self.attend(self.attn_norm(x), cos, sin)
        y = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Llama(nn.Module):
    """Tokens [batch, length] to logits [batch, length, vocabulary]; the embedding is tied."""

    def __init__(self):
        super().__init__()
        self.token_embd = nn.Embedding(SHAPE["vocabulary"], SHAPE["dim"])
        self.layers = nn.ModuleList(Layer() for _ in range(SHAPE["layers"]))
        self.output_norm = Norm()
        cos, sin = rope_table()
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        deep = 0.02 / (2 * SHAPE["layers"]) ** 0.5  # what is added to the residual starts smaller
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                small = "attn_output" in name or "ffn_down" in name
                nn.init.normal_(weight, std=deep if small else 0.02)

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.token_embd(tokens)
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length])
        return functional.linear(self.output_norm(x), self.token_embd.weight)
