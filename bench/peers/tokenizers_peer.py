#!/usr/bin/env python3
"""Tokenizes texts with llama.cpp and with the package tokenizers, for bench/tokenizers.ts.

Answers one JSON request per line: {"peer", "path", "pre", "text"}, where path is a GGUF file,
packed by gzip maybe, and text is a file. The tokenizer of the package is made of the vocabulary of
the same file: merges of vocabularies with scores are the pairs that make a piece, best score first.
"""
import sys

sys.path.pop(0)  # this script's own folder: a script in it is called what a package is called

import ctypes
import gzip
import json
import struct
import tempfile
import time

import gguf
import llama_cpp as L
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers as pre

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {
    "gpt-2": lambda: pre.ByteLevel(False),
    "smollm": lambda: pre.Sequence([pre.Digits(True), pre.ByteLevel(False)]),
    "llama-bpe": lambda: pre.Sequence([
        pre.Split(Regex(LLAMA3), "isolated"), pre.ByteLevel(False, use_regex=False)]),
}


def unpacked(path, name):
    """The bytes of the file, with another name in tokenizer.ggml.pre."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        data = file.read()
    key = b"tokenizer.ggml.pre"
    if name is None:
        return data
    at = data.index(struct.pack("<Q", len(key)) + key) + 8 + len(key) + 4
    (length,) = struct.unpack_from("<Q", data, at)
    return data[:at] + struct.pack("<Q", len(name)) + name.encode() + data[at + 8 + length:]


def llama_of(path):
    L.llama_log_set(quiet, None)
    params = L.llama_model_default_params()
    params.vocab_only = True
    model = L.llama_model_load_from_file(path.encode(), params)
    vocab = L.llama_model_get_vocab(model)

    def tokenize(data):
        out = (ctypes.c_int32 * (len(data) + 16))()
        start = time.perf_counter()
        count = L.llama_tokenize(vocab, data, len(data), out, len(out), False, False)
        return time.perf_counter() - start, out[:count]

    return tokenize


def merges_of(tokens, scores):
    ranked = []
    for piece, id in tokens.items():
        for cut in range(1, len(piece)):
            if piece[:cut] in tokens and piece[cut:] in tokens:
                ranked.append((-scores[id], piece[:cut], piece[cut:]))
    return [(left, right) for _, left, right in sorted(ranked, key=lambda one: one[0])]


def package_of(path):
    fields = gguf.GGUFReader(path).fields
    value = lambda key: fields[f"tokenizer.ggml.{key}"].contents()
    kinds = value("token_type")
    tokens = {piece: id for id, piece in enumerate(value("tokens"))}
    if value("model") == "llama":
        normal = {piece: id for piece, id in tokens.items() if kinds[id] == 1}
        merges = merges_of(normal, value("scores"))
        model = models.BPE(tokens, merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True)
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.Sequence([
            normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        name = value("pre")
        merges = [tuple(merge.split(" ")) for merge in value("merges")]
        tokenizer = Tokenizer(models.BPE(tokens, merges, ignore_merges=name == "llama-bpe"))
        tokenizer.pre_tokenizer = SPLITS[name]()
        tokenizer.decoder = decoders.ByteLevel()

    def tokenize(data):
        text = data.decode()
        start = time.perf_counter()
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        return time.perf_counter() - start, ids

    return tokenize


quiet = L.llama_log_callback(lambda level, text, data: None)
MAKERS = {"llama.cpp": llama_of, "tokenizers": package_of}


def main():
    known = {}
    print(json.dumps({"peer": "tokenizers"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        key = (request["peer"], request["path"], request.get("pre"))
        if key not in known:
            with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
                file.write(unpacked(request["path"], request.get("pre")))
                file.flush()
                known[key] = MAKERS[request["peer"]](file.name)
        with open(request["text"], "rb") as file:
            seconds, ids = known[key](file.read())
        checksum = sum(id * (i % 1000 + 1) for i, id in enumerate(ids))
        print(json.dumps({"seconds": seconds, "count": len(ids), "checksum": checksum}), flush=True)


if __name__ == "__main__":
    main()
