"""Writes golden.json: tokens of texts by llama.cpp, for pre-tokenizers that no file at hand uses.

    python3 tests/tokenizer/make_golden.py gpt-2.vocab.gguf.gz tests/tokenizer/golden.json
    deno fmt tests/tokenizer/golden.json

Needs llama-cpp-python. The vocabulary is GPT-2's with another name of a pre-tokenizer in it, so
that the ids show how texts are cut, if not what the models of that name would say.
"""

import ctypes
import gzip
import json
import random
import struct
import sys
import tempfile

import llama_cpp as llama

PRE_TOKENIZERS = ["default", "smollm", "llama-bpe", "qwen2"]
POOLS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ", " ", "  ", " \t\n\r", "\n", "0123456789",
    "'.,;:!?-_()[]{}<>|$+=^~`@#%&*/\\\"", "éüñßøåÄÖ", "漢字日本語中文", "ひらがなカタカナ", "한국어",
    "ابجد", "אבג", "१२३٣٤", "½²³ⅧⅨ㊀", "🦙👍🏽👩\u200d👧", "\x00\x01\x07\x1b\x7f", "ſKΩẞıİ", "ǅǈ", "ऀिी",
    "\u0301\u0308\u200d\u200b\ufeff\u00a0\u3000\u2028\u0085\u180e", "\u0e31\u0e34ก",
    "\U00010400\U0001D7D8\U00020000\U000E0001\uE000",
]
WORDS = [
    "the", "hello", " world", "'s", "'LL", "don't", "it’s", "  \n", "\r\n", "123", "1234567",
    "3.14", "foo_bar", "ABCdef",
]


def with_pre_tokenizer(data, name):
    """The file with another name in tokenizer.ggml.pre."""
    key = b"tokenizer.ggml.pre"
    at = data.index(struct.pack("<Q", len(key)) + key) + 8 + len(key) + 4
    (length,) = struct.unpack_from("<Q", data, at)
    return data[:at] + struct.pack("<Q", len(name)) + name.encode() + data[at + 8 + length:]


def random_text(rng):
    parts = []
    for _ in range(rng.choice([1, 3, 8, 16])):
        if rng.random() < 0.4:
            parts.append(rng.choice(WORDS))
        else:
            pool = rng.choice(POOLS)
            parts.append("".join(rng.choice(pool) for _ in range(rng.choice([1, 1, 2, 3, 5]))))
    return "".join(parts)


def tokens_of(path, texts):
    params = llama.llama_model_default_params()
    params.vocab_only = True
    model = llama.llama_model_load_from_file(path.encode(), params)
    vocab = llama.llama_model_get_vocab(model)
    out = (ctypes.c_int32 * 4096)()
    rows = []
    for text in texts:
        data = text.encode()
        count = llama.llama_tokenize(vocab, data, len(data), out, 4096, False, False)
        assert count >= 0
        rows.append(list(out[:count]))
    llama.llama_model_free(model)
    return rows


def main():
    source, target = sys.argv[1:]
    with gzip.open(source) as file:
        data = file.read()
    rng = random.Random(7)
    texts = [random_text(rng) for _ in range(100)]
    golden = {
        "tool": f"llama-cpp-python {llama.__version__}",
        "command": "python3 tests/tokenizer/make_golden.py gpt-2.vocab.gguf.gz golden.json",
        "texts": texts,
        "ids": {},
    }
    for name in PRE_TOKENIZERS:
        with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
            file.write(with_pre_tokenizer(data, name))
            file.flush()
            golden["ids"][name] = tokens_of(file.name, texts)
    with open(target, "w", encoding="utf-8") as file:
        file.write(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
