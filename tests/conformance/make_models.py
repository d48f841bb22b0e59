"""Makes the tiny random models of tests/conformance/models/ and the logits that they must give.

    python3 tests/conformance/make_models.py [NAME...]    # transformers 5.23.0, torch 2.15.0,
                                                          # gguf 0.19.0, llama-cpp-python 0.3.36

The logits are those of transformers in float32 with eager attention. The GGUF follows the
conventions of llama.cpp's converter, and llama.cpp must give the same logits from it (cache in
float32; a model with GELU gets llama.cpp's table of it for this), or nothing is written. Weights are random, so that every part of a model shows.
"""

import copy
import json
import math
import os
import sys

import gguf
import llama_cpp
import numpy as np
import torch
import transformers as hf

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")
VOCAB = 288
# An input of GELU beside a tie of float16 may fall on either side of it, and each layer adds some.
TOLERANCE, TOLERANCES = 1e-4, {"gemma3": 2e-3}
SIZES = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_attention_heads=2,
             num_key_value_heads=1, max_position_embeddings=512, pad_token_id=0, bos_token_id=1,
             eos_token_id=2, rms_norm_eps=1e-6)
# Six layers of five windows and one without, as many as it takes; the last has its own base.
GEMMA = dict(SIZES, head_dim=16, query_pre_attn_scalar=16, sliding_window=8)
LONG = dict(rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.5,
            original_max_position_embeddings=256,
            short_factor=[1 + 0.02 * i for i in range(8)],
            long_factor=[1 + 1.5 * i for i in range(8)])

MODELS = {
    "qwen3moe": (hf.Qwen3MoeConfig, dict(
        SIZES, num_hidden_layers=2, head_dim=16, num_experts=8, num_experts_per_tok=3,
        moe_intermediate_size=32, norm_topk_prob=True)),
    "gemma2": (hf.Gemma2Config, dict(
        GEMMA, num_hidden_layers=4, final_logit_softcapping=3.0, attn_logit_softcapping=2.0)),
    "gemma3": (hf.Gemma3TextConfig, dict(GEMMA, num_hidden_layers=7, rope_parameters={
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}})),
    "phi3": (hf.Phi3Config, dict(
        SIZES, num_hidden_layers=2, hidden_size=64, max_position_embeddings=1024,
        original_max_position_embeddings=256, rope_parameters=LONG)),
}
# Lengths of the texts, and how many of the last logits are kept.
TEXTS = {"phi3": [(40, 40), (300, 24)]}

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "self_attn.qkv_proj": "attn_qkv", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "mlp.gate_up_proj": "ffn_up", "mlp.gate": "ffn_gate_inp",
}
GEMMA_NAMES = {"post_attention_layernorm": "post_attention_norm",
               "pre_feedforward_layernorm": "ffn_norm",
               "post_feedforward_layernorm": "post_ffw_norm"}


def random_model(name):
    config_class, options = MODELS[name]
    config = config_class(**options, attn_implementation="eager")
    model = hf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    random = torch.Generator().manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        for key, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=random)
            if value.dim() > 1:
                value.copy_(noise * 1.2 / math.sqrt(value.shape[-1]))
            else:
                value.copy_(noise * 0.2 + (0.0 if name.startswith("gemma") else 1.0))
    return config, model


def tensors(name, config, model):
    """Names and values as llama.cpp's converter writes them."""
    names = {**NAMES, **(GEMMA_NAMES if name.startswith("gemma") else {})}
    for key, value in model.state_dict().items():
        value = value.float().numpy()
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        prefix, layer = "", key
        if key.startswith("model.layers."):
            _, _, index, layer = key.split(".", 3)
            prefix = f"blk.{index}."
        if layer == "mlp.experts.gate_up_proj":
            half = value.shape[1] // 2
            yield prefix + "ffn_gate_exps.weight", value[:, :half]
            yield prefix + "ffn_up_exps.weight", value[:, half:]
        elif layer == "mlp.experts.down_proj":
            yield prefix + "ffn_down_exps.weight", value
        else:
            norm = name.startswith("gemma") and "norm" in layer
            yield prefix + names[layer.removesuffix(".weight")] + ".weight", value + norm
    rope = config.rope_parameters
    if rope.get("rope_type") == "longrope":
        for length in ("long", "short"):
            factors = np.array(rope[length + "_factor"], dtype=np.float32)
            yield f"rope_factors_{length}.weight", factors


def write_rope(writer, name, config):
    rope = config.rope_parameters
    if name == "gemma3":
        writer.add_rope_freq_base(rope["full_attention"]["rope_theta"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["full_attention"]["factor"])
        return
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "longrope":
        original = config.original_max_position_embeddings
        scale = config.max_position_embeddings / original
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))


def write_vocabulary(writer):
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    kinds = [2, 3, 3] + [6] * 256
    words = [f"\u2581w{i}" for i in range(VOCAB - len(pieces))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces + words)
    writer.add_token_scores([-float(i) for i in range(VOCAB)])
    writer.add_token_types(kinds + [1] * len(words))
    writer.add_bos_token_id(1), writer.add_eos_token_id(2)


def write_gguf(path, name, config, model):
    writer = gguf.GGUFWriter(path, name)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(head_dim), writer.add_value_length(head_dim)
    share = (config.rope_parameters or {}).get("partial_rotary_factor", 1.0)
    writer.add_rope_dimension_count(int(head_dim * share))
    write_rope(writer, name, config)
    if name == "qwen3moe":
        writer.add_expert_count(config.num_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    if name.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
    if name == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    write_vocabulary(writer)
    for key, value in tensors(name, config, model):
        writer.add_tensor(key, np.ascontiguousarray(value, dtype=np.float32))
    writer.write_header_to_file(), writer.write_kv_data_to_file()
    writer.write_tensors_to_file(), writer.close()


def llama_cpp_logits(path, tokens):
    context = 256 if len(tokens) <= 256 else 512
    model = llama_cpp.Llama(path, n_ctx=context, logits_all=True, verbose=False, n_threads=2,
                            type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32,
                            n_batch=512, swa_full=True)
    model.eval(tokens)
    return np.array(model.scores[:len(tokens)], dtype=np.float32)


class TableGelu(torch.nn.Module):
    """GELU as llama.cpp has it on a CPU: looked up by float16, in float16, between -10 and 10."""

    def forward(self, x):
        looked_up = torch.nn.functional.gelu(x.half().float(), approximate="tanh").half().float()
        return torch.where(x <= -10, torch.zeros(()), torch.where(x >= 10, x, looked_up))


def like_llama_cpp(name, model, tokens):
    """What llama.cpp is held to: the same model, with its GELU."""
    if name.startswith("gemma"):
        model = copy.deepcopy(model)
        for layer in model.model.layers:
            layer.mlp.act_fn = TableGelu()
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].numpy()


def make(name):
    config, model = random_model(name)
    path = os.path.join(HERE, name + ".gguf")
    write_gguf(path, name, config, model)
    made, worst = [], 0.0
    for length, kept in TEXTS.get(name, [(40, 40)]):
        tokens = [(i * i * 31 + i * 7 + 3) % (VOCAB - 3) + 3 for i in range(length)]
        with torch.no_grad():
            exact = model(torch.tensor([tokens])).logits[0].numpy()
        twin = like_llama_cpp(name, model, tokens)
        distance = float(np.abs(twin - llama_cpp_logits(path, tokens)).max())
        print(name, length, "tokens: llama.cpp is off by", distance, "of", float(exact.std()))
        if distance > TOLERANCES.get(name, TOLERANCE):
            os.remove(path)
            raise SystemExit(f"{name}: the two oracles differ by {distance}")
        worst = max(worst, distance)
        file = f"{name}.{length}.f32"
        exact[-kept:].astype("<f4").tofile(os.path.join(HERE, file))
        made.append({"tokens": tokens, "context": 256 if length <= 256 else 512,
                     "kept": kept, "logits": file})
    return {"name": name, "gguf": name + ".gguf", "vocab": VOCAB, "texts": made,
            "llamacpp_distance": worst}


def main():
    os.makedirs(HERE, exist_ok=True)
    index = os.path.join(HERE, "models.json")
    names = sys.argv[1:] or list(MODELS)
    known = json.load(open(index))["models"] if os.path.exists(index) else []
    rows = {row["name"]: row for row in known} | {name: make(name) for name in names}
    made_by = {"command": "python3 tests/conformance/make_models.py",
               "transformers": hf.__version__, "torch": torch.__version__.split("+")[0],
               "gguf": "0.19.0", "llama-cpp-python": llama_cpp.__version__}
    with open(index, "w") as out:
        json.dump({"made_by": made_by, "models": [rows[name] for name in sorted(rows)]}, out)
        out.write("\n")


if __name__ == "__main__":
    main()
