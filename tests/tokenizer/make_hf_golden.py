"""Writes hf_golden.json: small tokenizer.json files of every make, and what they cut texts into.

Needs the PyPI package tokenizers. The file in the repository was made with tokenizers 0.23.3:

    python3 tests/tokenizer/make_hf_golden.py > tests/tokenizer/hf_golden.json
"""

import base64
import json
import os

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from tokenizers import processors, trainers

CORPUS = [
    "Once upon a time there was a little llama who lived in the high mountains.",
    "The llama's wool wasn't white; it'd been dyed 1234 times, they'll say in 2024!",
    "Él cría llamas — ¿cuántas? Más de 1.000, en los Andes: Perú, Bolivia y Chile.",
    "if (x == 10) {\n    return x + 1;\n}\n\n// the end\t\tof it",
    "東京の天気は晴れです。明日も晴れるでしょう。 北京 서울",
    "We're here; you've won, I'm told. 'Tis the season to be jolly, isn't it? DON'T!",
] * 4

TEXTS = [
    "",
    " ",
    "Hello world",
    " leading and trailing ",
    "two  spaces   three    four",
    "tabs\tand\nlines\r\nand\n\n\nmore \n x",
    "It's they'll WE'VE don't 'S 'ſ I'D",
    "numbers 1 12 123 1234 12345 3.14 1,000,000 ٣٤٥ Ⅷ ½ ²",
    "Ünïcödé é e\u0301 ﬁ Ω \u212b",
    "東京 は晴れ。 서울 ไทย हिन्दी",
    "emoji 😀👍🏽 👨‍👩‍👧 🇵🇪",
    "a\u00a0b\u3000c\u0085d\ufeffe\u200bf\u2028g",
    "snake_case camelCase x+=1; // why?! ... --- ###",
    "the little llama lived in the mountains",
    "▁already▁blank ▁ x",
    "zero \x00 bell \x07 del \x7f",
    "<s>not special</s> <|user|> \n hi <|end|>\n tool<tool> call",
    "  \n  if (x == 10) {\n        return x;\n  }",
    "ABCdefGHI jkl'mno o'clock rock'n'roll",
    "word" * 30,
    "Ａａ１！ ﬁn ½… 👍🏽 e\u0301 \u200b x\u3000y。",
    "\x01\x1b",
    "\n \t x ी",
    "ΑΣ ΟΔΟΣ İstanbul ıI ẞß \x8f\x1f \u200e \ufffd \u0378",
]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
BLANKS = normalizers.Replace(" ", "▁")


def add_tokens(tokenizer):
    tokenizer.add_special_tokens([
        AddedToken("<s>", normalized=False),
        AddedToken("</s>", normalized=False),
        AddedToken("<|user|>", normalized=False, rstrip=True),
        AddedToken("<|end|>", normalized=False, lstrip=True, rstrip=True),
    ])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])


def bos(tokenizer, after=False):
    ids = [(name, tokenizer.token_to_id(name)) for name in ("<s>", "</s>")]
    single = "<s> $A </s>" if after else "<s> $A"
    return processors.TemplateProcessing(single=single, special_tokens=ids)


def byte_level(normalizer, pre_tokenizer, processor=None, size=360, **options):
    """BPE over bytes dressed as letters."""
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    add_tokens(tokenizer)
    if processor is not None:
        tokenizer.post_processor = processor(tokenizer)
    return tokenizer


def blank(normalizer, pre_tokenizer, processor=bos, fallback=True, size=420, fuse=True):
    """BPE over characters with blanks for spaces, as SentencePiece has it."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=fuse, byte_fallback=fallback))
    tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    special = ["<unk>", *(BYTES if fallback else [])]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, limit_alphabet=60, show_progress=False,
        max_token_length=8)
    tokenizer.train_from_iterator(CORPUS, trainer)
    saved = json.loads(tokenizer.to_str())
    saved["added_tokens"] = [one for one in saved["added_tokens"] if one["content"] == "<unk>"]
    tokenizer = Tokenizer.from_str(json.dumps(saved))
    add_tokens(tokenizer)
    if processor is not None:
        tokenizer.post_processor = processor(tokenizer)
    return tokenizer


def unigram(fallback, first=normalizers.NFKC):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([first(), normalizers.Replace(
        Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre.Metaspace()
    special = ["<unk>", *(BYTES if fallback else [])]
    trainer = trainers.UnigramTrainer(
        vocab_size=420 if fallback else 200, special_tokens=special, unk_token="<unk>",
        show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    saved = json.loads(tokenizer.to_str())
    saved["model"]["byte_fallback"] = fallback
    saved["added_tokens"] = [one for one in saved["added_tokens"] if one["content"] == "<unk>"]
    tokenizer = Tokenizer.from_str(json.dumps(saved))
    add_tokens(tokenizer)
    return tokenizer


def word_piece(normalizer, most=100):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=most))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=260, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return tokenizer


def charsmap():
    """A small table for normalising, as sentencepiece made it for make_gguf_golden.py."""
    with open(os.path.join(os.path.dirname(__file__), "gguf_golden.json"), encoding="utf-8") as file:
        case = json.load(file)["cases"][0]
    return base64.b64decode(json.loads(case["metadata"])["precompiled_charsmap"])


def split(pattern, behavior="isolated", invert=False):
    parts = [pre.Split(Regex(pattern), behavior, invert), pre.ByteLevel(False, use_regex=False)]
    return pre.Sequence(parts)


def both(tokenizer):
    return processors.Sequence([processors.ByteLevel(trim_offsets=False), bos(tokenizer)])


BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]

TOKENIZERS = {
    "three digits, whole words": lambda: byte_level(None, split(LLAMA3), both, ignore_merges=True),
    "NFC, one digit": lambda: byte_level(normalizers.NFC(), split(QWEN2)),
    "cases": lambda: byte_level(None, split(TEKKEN), lambda t: bos(t, after=True)),
    "digits, then bytes": lambda: byte_level(
        None, pre.Sequence([pre.Digits(True), pre.ByteLevel(False)])),
    "bytes with a prefix": lambda: byte_level(None, pre.ByteLevel(True)),
    "several splits": lambda: byte_level(None, pre.Sequence([
        pre.Split(Regex(r"\p{N}{1,3}"), "isolated"),
        pre.Split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"),
        pre.Split(Regex(
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
        pre.ByteLevel(False, use_regex=False),
    ])),
    "prepended blank": lambda: blank(
        normalizers.Sequence([normalizers.Prepend("▁"), BLANKS]), None),
    "no bytes": lambda: blank(
        normalizers.Sequence([normalizers.Prepend("▁"), BLANKS]), None, None, False, 200, False),
    "no bytes, fused": lambda: blank(
        normalizers.Sequence([normalizers.Prepend("▁"), BLANKS]), None, None, False, 200),
    "metaspace first": lambda: blank(
        normalizers.Sequence([]), pre.Metaspace(prepend_scheme="first", split=False)),
    "metaspace always": lambda: blank(
        normalizers.Sequence([]), pre.Metaspace(prepend_scheme="always")),
    "metaspace never": lambda: blank(
        normalizers.Sequence([]), pre.Metaspace(prepend_scheme="never", split=False)),
    "blanks, merged with previous": lambda: blank(BLANKS, pre.Split(" ", "merged_with_previous")),
    "whitespace": lambda: blank(normalizers.Lowercase(), pre.Whitespace(), None),
    "strip, punctuation": lambda: blank(
        normalizers.Strip(), pre.Sequence([pre.WhitespaceSplit(), pre.Punctuation()]), None),
    "unigram": lambda: unigram(False),
    "unigram with bytes": lambda: unigram(True),
    "unigram, by a table": lambda: unigram(False, lambda: normalizers.Precompiled(charsmap())),
    "unigram, by rules of translation": lambda: unigram(False, normalizers.Nmt),
    "word pieces": lambda: word_piece(normalizers.BertNormalizer()),
    "word pieces with capitals": lambda: word_piece(normalizers.BertNormalizer(lowercase=False)),
    "word pieces, as they are": lambda: word_piece(normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)),
    "word pieces of short words": lambda: word_piece(normalizers.Sequence([
        normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]), 6),
    **{f"split {how}": lambda how=how: byte_level(None, split(r"\s|[a-m]", how), size=280)
       for how in BEHAVIORS},
    "split inverted": lambda: byte_level(None, split(r"\p{L}+", "removed", True), size=280),
}


def main():
    cases = []
    for name, make in TOKENIZERS.items():
        tokenizer = make()
        ids = [tokenizer.encode(text).ids for text in TEXTS]
        cases.append({
            "name": name,
            "tokenizer": json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False,
                                    separators=(",", ":")),
            "ids": [" ".join(map(str, one)) for one in ids],
        })
    made = {"tool": f"tokenizers {tokenizers.__version__}", "texts": TEXTS, "cases": cases}
    print(json.dumps(made, ensure_ascii=True, indent=2))


if __name__ == "__main__":
    main()
