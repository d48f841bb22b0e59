"""Makes the tiny random models of tests/conformance/folders/ in Hugging Face layout, with logits.

    python3 tests/conformance/make_folders.py [NAME...]    # transformers 5.23.0, torch 2.15.0

The logits are those of transformers in float32 with eager attention, from weights that are stored
as BF16. Each config is there as transformers 5 writes it and as version 4 did; transformers must
give the same logits from either, or nothing is written. Mixtures are there twice: as transformers
writes them, a tensor for each expert, and as it holds them, those of a layer in one.
"""

import json
import math
import os
import sys
import tempfile

import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "folders")
VOCAB = 64
SIZES = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_attention_heads=2,
             num_key_value_heads=1, max_position_embeddings=256, pad_token_id=0, bos_token_id=1,
             eos_token_id=2, rms_norm_eps=1e-6, num_hidden_layers=2)
GEMMA = dict(SIZES, head_dim=16, query_pre_attn_scalar=20, sliding_window=5)
LONG = dict(rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.5,
            original_max_position_embeddings=32, short_factor=[1.0, 1.02, 1.04, 1.06],
            long_factor=[1.0, 2.5, 4.0, 5.5])

MODELS = {
    "mixtral": (hf.MixtralConfig, dict(
        SIZES, intermediate_size=32, num_local_experts=3, num_experts_per_tok=2, sliding_window=7)),
    "qwen3moe": (hf.Qwen3MoeConfig, dict(
        SIZES, head_dim=16, num_experts=11, num_experts_per_tok=3, moe_intermediate_size=16,
        norm_topk_prob=False)),
    "gemma2": (hf.Gemma2Config, dict(
        GEMMA, final_logit_softcapping=3.0, attn_logit_softcapping=2.0)),
    "gemma3": (hf.Gemma3TextConfig, dict(GEMMA, num_hidden_layers=3, rope_parameters={
        "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0},
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}},
        layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    "phi3": (hf.Phi3Config, dict(
        SIZES, original_max_position_embeddings=32, rope_parameters=LONG, sliding_window=20)),
    "qwen2": (hf.Qwen2Config, dict(
        SIZES, num_hidden_layers=3, use_sliding_window=True, sliding_window=6,
        max_window_layers=1)),
    "llama": (hf.LlamaConfig, dict(SIZES, attention_bias=True, mlp_bias=True, rope_parameters=dict(
        rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=64, rope_theta=10000.0))),
}
# Lengths of the texts, and how many of the last logits are kept.
TEXTS = {"phi3": [(24, 24), (60, 12)]}


def random_model(name):
    config_class, options = MODELS[name]
    config = config_class(**options, attn_implementation="eager")
    model = hf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    random = torch.Generator().manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        for key, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=random)
            if value.dim() > 1:
                noise = noise * 1.2 / math.sqrt(value.shape[-1])
            else:
                noise = noise * 0.2 + (0.0 if name.startswith("gemma") or "bias" in key else 1.0)
            value.copy_(noise.bfloat16().float())
    return model


def old_spelling(name, config):
    """The same config as transformers 4 wrote it."""
    old = {key: value for key, value in config.items()
           if key not in ("rope_parameters", "dtype", "layer_types", "num_experts")}
    old["torch_dtype"], old["transformers_version"] = config["dtype"], "4.50.0"
    if "num_experts" in config or name == "qwen3moe":
        old.pop("num_local_experts", None)
        old["num_experts"] = MODELS[name][1]["num_experts"]
    rope = config["rope_parameters"]
    if name == "gemma3":
        old["rope_theta"] = rope["full_attention"]["rope_theta"]
        old["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        old["rope_scaling"] = {"factor": 8.0, "rope_type": "linear"}
        old["sliding_window_pattern"] = 2
        old.pop("_sliding_window_pattern", None)
        return old
    old["rope_theta"] = rope["rope_theta"]
    scaling = {key: value for key, value in rope.items()
               if key not in ("rope_theta", "partial_rotary_factor")}
    if scaling.get("rope_type", "default") != "default":
        old["rope_scaling"] = scaling
    if name == "phi3":
        old["partial_rotary_factor"] = rope["partial_rotary_factor"]
        scaling["type"] = scaling.pop("rope_type")
        del scaling["original_max_position_embeddings"]
    return old


def logits_of(folder, tokens):
    model = hf.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32)
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].numpy()


def make(name):
    model = random_model(name)
    texts = TEXTS.get(name, [(24, 24)])
    tokens = [[(i * i * 31 + i * 7 + 3) % (VOCAB - 3) + 3 for i in range(length)]
              for length, _ in texts]
    with torch.no_grad():
        exact = [model(torch.tensor([some])).logits[0].numpy() for some in tokens]
    weights = [f"{name}.safetensors"]
    with tempfile.TemporaryDirectory() as folder:
        model.bfloat16().save_pretrained(folder)
        config = json.load(open(os.path.join(folder, "config.json")))
        configs = {"new": config, "old": old_spelling(name, config)}
        for spelling in configs.values():
            json.dump(spelling, open(os.path.join(folder, "config.json"), "w"))
            for some, logits in zip(tokens, exact):
                distance = float(np.abs(logits_of(folder, some) - logits).max())
                if distance > 1e-5:
                    raise SystemExit(f"{name}: the logits differ by {distance}: {spelling}")
        stored = load_file(os.path.join(folder, "model.safetensors"))
        save_file(stored, os.path.join(HERE, weights[0]), {"format": "pt"})
    if any("experts" in key for key in stored):
        held = {key: value.contiguous() for key, value in model.state_dict().items()}
        weights.append(f"{name}.fused.safetensors")
        save_file(held, os.path.join(HERE, weights[1]), {"format": "pt"})
    made = []
    for (length, kept), some, logits in zip(texts, tokens, exact):
        file = f"{name}.{length}.f32"
        logits[-kept:].astype("<f4").tofile(os.path.join(HERE, file))
        made.append({"tokens": some, "context": 32 if length <= 32 else 64, "kept": kept,
                     "logits": file})
    print(name, sorted(stored)[:4], float(exact[0].std()))
    return {"name": name, "weights": weights, "configs": configs, "texts": made}


def main():
    os.makedirs(HERE, exist_ok=True)
    index = os.path.join(HERE, "folders.json")
    names = sys.argv[1:] or list(MODELS)
    known = json.load(open(index))["models"] if os.path.exists(index) else []
    rows = {row["name"]: row for row in known} | {name: make(name) for name in names}
    made_by = {"command": "python3 tests/conformance/make_folders.py",
               "transformers": hf.__version__, "torch": torch.__version__.split("+")[0]}
    with open(index, "w") as out:
        json.dump({"made_by": made_by, "models": [rows[name] for name in sorted(rows)]}, out)
        out.write("\n")


if __name__ == "__main__":
    main()
