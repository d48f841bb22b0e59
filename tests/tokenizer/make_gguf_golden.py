"""Writes gguf_golden.json: small GGUF vocabularies of every kind, and how llama.cpp cuts texts.

    python3 tests/tokenizer/make_gguf_golden.py > tests/tokenizer/gguf_golden.json

Needs llama-cpp-python, gguf, sentencepiece, protobuf and tokenizers. Vocabularies are trained on the corpus
of make_hf_golden.py; normalising is by a few rules, for a table of all of them has 240 kB.
"""

import base64
import ctypes
import io
import json
import os
import random
import sys
import tempfile

import gguf
import llama_cpp as llama
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as spm_pb2
from tokenizers import Tokenizer, models, trainers
from tokenizers import normalizers, pre_tokenizers as pre

from make_golden import random_text
from make_hf_golden import BYTES, CORPUS, TEXTS

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
RULES = {
    "\t": " ", "\n": " ", "\u3000": " ", "\u00a0": " ", "ﬁ": "fi", "ﬂ": "fl", "…": "...", "½": "1/2",
    "e\u0301": "é", "Ａ": "A", "ａ": "a", "１": "1", "！": "!", "。": ".", "\u212b": "Å",
    "\x07": "", "\u200b": "", "👍🏽": "👍",
}


def charsmap_file(folder):
    path = os.path.join(folder, "rules.tsv")
    with open(path, "w", encoding="utf-8") as file:
        for source, target in RULES.items():
            code = lambda text: " ".join(f"{ord(char):X}" for char in text)
            file.write(f"{code(source)}\t{code(target)}\n")
    return path


def sentence_pieces(kind, folder, **options):
    """Trains a model of sentencepiece; returns its protocol buffer."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, model_type=kind,
        normalization_rule_tsv=charsmap_file(folder), minloglevel=2, hard_vocab_limit=False,
        **options)
    proto = spm_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto


def of_proto(proto, model, **more):
    spec = proto.normalizer_spec
    return {
        "model": model,
        "tokens": [one.piece for one in proto.pieces],
        "scores": [one.score for one in proto.pieces],
        "token_type": [one.type for one in proto.pieces],
        **more,
        **({"precompiled_charsmap": base64.b64encode(spec.precompiled_charsmap).decode()}
           if model == "t5" else {}),
    }


def unigram(folder, **more):
    proto = sentence_pieces("unigram", folder, vocab_size=260, pad_id=0, eos_id=1, unk_id=2,
                            bos_id=-1, user_defined_symbols=["<tool>"])
    return of_proto(proto, "t5", add_space_prefix=True, **more)


def scored(folder, **more):
    proto = sentence_pieces("bpe", folder, vocab_size=450, byte_fallback=True,
                            user_defined_symbols=["<tool>"], **more.pop("train", {}))
    return of_proto(proto, "llama", **more)


def words(**more):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=230, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda one: one[1])
    plain = lambda piece: piece[2:] if piece.startswith("##") else "▁" + piece
    return {
        "model": "bert",
        "tokens": [piece if id < 5 else plain(piece) for piece, id in pieces],
        "token_type": [UNKNOWN if id == 1 else CONTROL if id < 5 else NORMAL for _, id in pieces],
        "bos_token_id": 2, "unknown_token_id": 1, "seperator_token_id": 3, "padding_token_id": 0,
        "mask_token_id": 4, **more,
    }


def blank_merges():
    """BPE over text with blanks, and bytes for what is no piece."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    special = ["<unk>", "<bos>", "<eos>", *BYTES, "\n", "\n\n", "\n\n\n"]
    trainer = trainers.BpeTrainer(
        vocab_size=520, special_tokens=special, limit_alphabet=60, show_progress=False,
        max_token_length=8)
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(model["vocab"].items(), key=lambda one: one[1])
    kind = lambda id: [UNKNOWN, CONTROL, CONTROL][id] if id < 3 else BYTE if id < 259 else NORMAL
    return {
        "model": "gemma4",
        "tokens": [piece for piece, _ in pieces],
        "token_type": [kind(id) for _, id in pieces],
        "merges": [" ".join(merge) for merge in model["merges"]],
        "bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0, "add_bos_token": False,
    }


def write_gguf(path, metadata):
    writer = gguf.GGUFWriter(path, "llama")
    for name, value in metadata.items():
        key = name if name.startswith("general.") else f"tokenizer.ggml.{name}"
        if name == "precompiled_charsmap":
            writer.add_precompiled_charsmap(base64.b64decode(value))
        elif isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_array(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def ids_of(metadata, texts):
    params = llama.llama_model_default_params()
    params.vocab_only = True
    out = (ctypes.c_int32 * 4096)()
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        write_gguf(file.name, metadata)
        model = llama.llama_model_load_from_file(file.name.encode(), params)
    vocab = llama.llama_model_get_vocab(model)
    rows = []
    for text in texts:
        data = text.encode()
        count = llama.llama_tokenize(vocab, data, len(data), out, 4096, True, True)
        assert count >= 0
        rows.append(" ".join(map(str, out[:count])))
    llama.llama_model_free(model)
    return rows


def main():
    rng = random.Random(11)
    texts = TEXTS + [random_text(rng) for _ in range(80)]
    texts += ["  two  <tool>  tools </s>[SEP] ", "\n\n\n\na\n\nb\n", "a </s>  b<s>  c<tool> \t\n d<|endoftext|>  e", "Ａａ１！ ﬁn 👍🏽 e\u0301", "İıΣς ÅÉ한국"]
    with tempfile.TemporaryDirectory() as folder:
        vocabularies = {
            "likelihoods": unigram(folder, remove_extra_whitespaces=True),
            "likelihoods, every blank": unigram(folder, remove_extra_whitespaces=False),
            "likelihoods, no prefix": {**unigram(folder), "add_space_prefix": False},
            "scores": scored(folder),
            "scores, blanks within pieces": scored(
                folder, train={"split_by_whitespace": False, "max_sentencepiece_length": 12},
                add_space_prefix=False, add_bos_token=False, add_eos_token=True),
            "scores, blanks after special tokens": scored(
                folder, train={"control_symbols": ["<|endoftext|>"]}, **{"general.name": "My-Phi-3"}),
            "words": words(),
            "words, capitals": words(**{"normalizer.lowercase": False}),
            "words, accents": words(**{"normalizer.strip_accents": False}),
            "merges over text": blank_merges(),
        }
    cases = [{"name": name, "metadata": json.dumps(metadata, ensure_ascii=False),
              "ids": ids_of(metadata, texts)} for name, metadata in vocabularies.items()]
    tool = f"llama-cpp-python {llama.__version__}"
    json.dump({"tool": tool, "texts": texts, "cases": cases}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
