"""Writes golden.json: how llama.cpp cuts texts into words, for every pre-tokenizer that cria knows.

    python3 tests/tokenizer/make_golden.py > tests/tokenizer/golden.json

Needs llama-cpp-python and gguf. The vocabulary has every byte and every pair of bytes, and any two
bytes of a word merge, the pair first whose first byte is lowest: so the lengths of the tokens, of
one byte or of two, show which bytes are of one word. Names with the same cuts stand together.
"""

import ctypes
import json
import random
import sys
import tempfile

import gguf
import llama_cpp as llama

NAMES = """
default falcon gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 jina-es jina-de jina-v1-en
jina-v2-es jina-v2-de jina-v2-code roberta-bpe gigachat a.x-4.0 mellum modern-bert starcoder refact
command-r smollm codeshell exaone minerva-7b mellum2 dbrx smaug-bpe glm4 chatglm-bpe llama-bpe
llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano jais-2 qwen2 deepseek-r1-qwen
kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2 qwen35 ufakzeka laguna minicpm5 seed-coder
bailingmoe bailingmoe2 llada-moe exaone-moe deepseek-llm deepseek-coder deepseek-v3 hunyuan-dense
joyai-llm hy_v4 spark2_5 afmoe tekken gpt-4o llama4 kanana2 talkie minimax-m2
granite-embed-multi-97m youtu kimi-k2 superbpe poro-chat bloom gpt3-finnish viking chameleon
tiny_aya cohere2moe
""".split()
POOLS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ", " ", "  ", " \t\n\r", "\n", "0123456789",
    "'.,;:!?-_()[]{}<>|$+=^~`@#%&*/\\\"", "éüñßøåÄÖ", "漢字日本語中文", "ひらがなカタカナ", "한국어",
    "ابجد", "אבג", "१२३٣٤", "½²³ⅧⅨ㊀", "🦙👍🏽👩\u200d👧", "\x00\x01\x07\x1b\x7f", "ſKΩẞıİ", "ǅǈ", "ऀिी",
    "\u0301\u0308\u200d\u200b\ufeff\u00a0\u3000\u2028\u0085\u180e", "\u0e31\u0e34ก",
    "\U00010400\U0001D7D8\U00020000\U000E0001\uE000",
]
WORDS = [
    "the", "hello", " world", "'s", "'LL", "don't", "it’s", "  \n", "\r\n", "123", "1234567",
    "3.14", "foo_bar", "ABCdef", "<sentinel:12>", "IMGIMGABCZ", "    ", "1234567 ", "12345a",
    "'S'RE", "AbcÉfg", "ǅa", "한글ㄱ", "。、", "//\n", " \u3000 ", "\n\n\n", "\t\t", " 12",
]


def letters():
    """What stands for each byte: itself where it prints, else a letter from U+0100 on."""
    prints = [0x20 < byte < 0x7F or (byte > 0xA0 and byte != 0xAD) for byte in range(256)]
    hidden = [byte for byte in range(256) if not prints[byte]]
    return [chr(b) if prints[b] else chr(0x100 + hidden.index(b)) for b in range(256)]


def write_vocabulary(path, name):
    writer = gguf.GGUFWriter(path, "llama")
    single = letters()
    pieces = single + [a + b for a in single for b in single]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name)
    writer.add_token_list(pieces)
    writer.add_token_types([1] * len(pieces))
    writer.add_token_merges([f"{a} {b}" for a in single for b in single])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def random_text(rng):
    parts = []
    for _ in range(rng.choice([1, 3, 8, 16])):
        if rng.random() < 0.4:
            parts.append(rng.choice(WORDS))
        else:
            pool = rng.choice(POOLS)
            parts.append("".join(rng.choice(pool) for _ in range(rng.choice([1, 1, 2, 3, 5]))))
    return "".join(parts)


def cuts_of(path, texts):
    """The lengths of the tokens of each text, as digits."""
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
        rows.append("".join("1" if id < 256 else "2" for id in out[:count]))
    llama.llama_model_free(model)
    return rows


def main():
    rng = random.Random(7)
    texts = [random_text(rng) for _ in range(150)]
    names = {}
    for name in NAMES:
        with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
            write_vocabulary(file.name, name)
            names.setdefault(tuple(cuts_of(file.name, texts)), []).append(name)
    golden = {
        "tool": f"llama-cpp-python {llama.__version__}",
        "command": "python3 tests/tokenizer/make_golden.py",
        "texts": texts,
        "cuts": [{"names": " ".join(same), "lengths": " ".join(cuts)}
                 for cuts, same in names.items()],
    }
    json.dump(golden, sys.stdout, ensure_ascii=True, indent=2)
    print()


if __name__ == "__main__":
    main()
