"""Holds the GGUF files that `cria quantize` writes of folders against llama.cpp: run by hand.

    python3 tests/conformance/check_written.py    # transformers 5.23.0, torch 2.15.0,
                                                  # llama-cpp-python 0.3.36

Random models are saved by transformers, written as GGUF by cria, and run by llama.cpp, which must
give the logits of transformers. The tokenizers of tests/tokenizer/hf_golden.json, written as GGUF,
must cut texts in llama.cpp into the ids of the package tokenizers.
"""

import json
import os
import subprocess
import tempfile
import unicodedata

import llama_cpp
import numpy as np
import torch
import transformers as hf

import make_models

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SIZES = dict(make_models.SIZES, num_hidden_layers=2)
BANDS = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
             original_max_position_embeddings=64, rope_theta=10000.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=128,
            rope_theta=10000.0)
MORE = {
    "llama": (hf.LlamaConfig, dict(SIZES, attention_bias=True, mlp_bias=True,
                                   rope_parameters=BANDS)),
    "llama-yarn": (hf.LlamaConfig, dict(SIZES, head_dim=32, rope_parameters=YARN)),
    "mixtral": (hf.MixtralConfig, dict(SIZES, num_local_experts=5, num_experts_per_tok=2)),
    "qwen2": (hf.Qwen2Config, dict(SIZES, tie_word_embeddings=True)),
    "qwen3": (hf.Qwen3Config, dict(SIZES, head_dim=32)),
}
make_models.MODELS.update(MORE)


def tokenizer_json():
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    while len(vocab) < make_models.VOCAB:
        vocab[f"\u2581w{len(vocab)}"] = len(vocab)
    special = [dict(id=i, content=content, special=True, lstrip=False, rstrip=False,
                    single_word=False, normalized=False)
               for i, content in enumerate(["<unk>", "<s>", "</s>"])]
    return dict(added_tokens=special, normalizer=dict(
        type="Sequence", normalizers=[
            dict(type="Prepend", prepend="\u2581"),
            dict(type="Replace", pattern=dict(String=" "), content="\u2581")]),
        pre_tokenizer=None, post_processor=None, decoder=None,
        model=dict(type="BPE", unk_token="<unk>", byte_fallback=True, vocab=vocab, merges=[]))


def write(folder):
    path = os.path.join(folder, "out.gguf")
    command = ["deno", "run", "-A", "--no-check", "src/cli/main.ts", "quantize", folder, path,
               "--type", "F32", "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True)
    return path


def check_model(name):
    config, model = make_models.random_model(name)
    for length in [60] if name != "phi3" else [60, 300]:
        tokens = [(i * i * 31 + i * 7 + 3) % (make_models.VOCAB - 3) + 3 for i in range(length)]
        twin = make_models.like_llama_cpp(name, model, tokens)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            json.dump(tokenizer_json(), open(os.path.join(folder, "tokenizer.json"), "w"))
            theirs = make_models.llama_cpp_logits(write(folder), tokens)
        distance = float(np.abs(twin - theirs).max())
        print(f"{name}, {length} tokens: llama.cpp is off by", distance, "of", float(twin.std()))
        if distance > make_models.TOLERANCES.get(name, make_models.TOLERANCE):
            raise SystemExit(f"{name}: the logits differ by {distance}")


def agrees(case, text):
    """Whether llama.cpp does with this text as the tokenizer.json says."""
    if "<|end|>" in text:  # tokens that take white space with them
        return False
    if case["name"].startswith("NFC"):
        return unicodedata.normalize("NFC", text) == text
    if case["name"] in ("metaspace first", "metaspace always"):  # it always puts a blank before
        return text.lstrip(" \u2581") == text
    return True


def check_tokenizers():
    golden = json.load(open(os.path.join(ROOT, "tests/tokenizer/hf_golden.json")))
    for case in golden["cases"]:
        if case["name"].startswith("no bytes"):  # llama.cpp ends itself at the first such character
            continue
        saved = json.loads(case["tokenizer"])
        size = max(token["id"] for token in saved["added_tokens"]) + 1
        config = hf.LlamaConfig(**dict(SIZES, vocab_size=size, num_hidden_layers=1))
        with tempfile.TemporaryDirectory() as folder:
            hf.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
            open(os.path.join(folder, "tokenizer.json"), "w").write(case["tokenizer"])
            try:
                path = write(folder)
            except subprocess.CalledProcessError:
                print(f"tokenizer {case['name']}: not written")
                continue
            try:
                model = llama_cpp.Llama(path, vocab_only=True, verbose=False)
            except ValueError as error:
                print(f"tokenizer {case['name']}: llama.cpp says {error}")
                continue
            texts = [(text, [int(one) for one in ids.split()])
                     for text, ids in zip(golden["texts"], case["ids"]) if agrees(case, text)]
            wrong = [text for text, ids in texts
                     if model.tokenize(text.encode(), add_bos=True, special=True) != ids]
            print(f"tokenizer {case['name']}: {len(wrong)} of {len(texts)} texts differ")
            if wrong:
                raise SystemExit(f"{case['name']}: other ids for {wrong}")


if __name__ == "__main__":
    hf.logging.set_verbosity_error()
    for name in list(make_models.MODELS):
        check_model(name)
    check_tokenizers()
