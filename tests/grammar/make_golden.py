"""Writes llama_cpp_golden.json: which tokens llama.cpp's grammar sampler allows after some texts.

    python3 make_golden.py story=../../models/story.gguf smollm2=SmolLM2-135M-Instruct.Q4_1.gguf

Made with llama-cpp-python 0.3.36. Left out are tokens whose text is no text, where the two differ on
purpose: control and unknown tokens (llama.cpp matches how they are spelled), a zero byte (it ends a
text of C), and bytes from 0xF5 on (no UTF-8 has them). A case is a grammar, a text before, and for each vocabulary the number of allowed
tokens, whether the text may end, and the SHA-256 of their ids as text, joined by commas.
"""

import ctypes
import hashlib
import json
import sys
from pathlib import Path

from llama_cpp import llama_cpp as L

HERE = Path(__file__).parent
CASES = json.loads((HERE / "gbnf_cases.json").read_text())


def allowed(vocab, grammar, tokens):
    sampler = L.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
    assert sampler, grammar
    for token in tokens:
        L.llama_sampler_accept(sampler, token)
    count = L.llama_vocab_n_tokens(vocab)
    data = (L.llama_token_data * count)()
    for i in range(count):
        data[i].id = i
    array = L.llama_token_data_array(data, count, -1, False)
    L.llama_sampler_apply(sampler, ctypes.byref(array))
    kept = [d.id for d in array.data[:array.size] if d.logit != float("-inf")]
    L.llama_sampler_free(sampler)
    return kept


def can_be_text(vocab, token):
    attributes = L.llama_vocab_get_attr(vocab, token)
    if attributes & (L.LLAMA_TOKEN_ATTR_UNKNOWN | L.LLAMA_TOKEN_ATTR_CONTROL):
        return False
    if L.llama_vocab_is_eog(vocab, token):
        return False
    return all(0 < byte < 0xF5 for byte in piece(vocab, token))


def piece(vocab, token):
    buffer = ctypes.create_string_buffer(256)
    count = L.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, True)
    return buffer.raw[:count]


def main():
    L.llama_backend_init()
    found = []
    for argument in sys.argv[1:]:
        name, path = argument.split("=")
        params = L.llama_model_default_params()
        params.vocab_only = True
        model = L.llama_model_load_from_file(path.encode(), params)
        vocab = L.llama_model_get_vocab(model)
        is_text = [can_be_text(vocab, t) for t in range(L.llama_vocab_n_tokens(vocab))]
        for case in CASES:
            for text in case["texts"]:
                tokens = bytes_tokens(vocab, text)
                kept = allowed(vocab, case["grammar"], tokens)
                ends = any(L.llama_vocab_is_eog(vocab, t) for t in kept)
                ids = [t for t in kept if is_text[t]]
                digest = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
                found.append([name, case["name"], text, len(ids), ends, digest[:16]])
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in found)
    (HERE / "llama_cpp_golden.json").write_text(f"[\n{lines}\n]\n")


def bytes_tokens(vocab, text):
    """Tokens that spell exactly this text: of each place the longest."""
    global PIECES
    if PIECES.get("vocab") is not vocab:
        PIECES = {"vocab": vocab}
        for token in range(L.llama_vocab_n_tokens(vocab)):
            if can_be_text(vocab, token):
                PIECES.setdefault(piece(vocab, token), token)
    data, tokens = text.encode(), []
    while data:
        length = next(n for n in range(len(data), 0, -1) if data[:n] in PIECES)
        tokens.append(PIECES[data[:length]])
        data = data[length:]
    return tokens


PIECES = {}
main()
