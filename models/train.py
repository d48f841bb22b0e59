"""Trains the story model and writes it as GGUF: `python3 train.py --out /elsewhere`.

The model has the Llama architecture with grouped heads and rotary pairs of neighbours, so its rows
go into the file as they are. The learning rate follows the clock, not a step count: whatever time
it is given, a run ends with the rate at its floor. A checkpoint is written every few minutes.
"""

import argparse
import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from torch.nn import functional

from gguf_file import write_gguf
from model import SHAPE, Llama
from stories import TABLES, stories

SEED = 20261123
LENGTH = 256  # tokens of a sequence
LONG_FROM = 0.88  # from this share of the time on, half as many sequences of twice the length
COPY_UNTIL, COPY_ROWS = 0.35, 3  # until this share of the time, this many rows are copies
FLOOR, WARMUP = 2e-5, 200  # the last learning rate, steps up to the peak


def train_tokenizer(prefix):
    """A SentencePiece model of 2,048 BPE pieces, bytes among them, from 20,000 stories."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=stories(20_000, SEED), model_prefix=str(prefix), model_type="bpe",
        vocab_size=SHAPE["vocabulary"], byte_fallback=True, split_digits=True,
        character_coverage=1.0, normalization_rule_name="identity", unk_id=0, bos_id=1, eos_id=2,
        pad_id=-1, minloglevel=1,
    )


def encode(pieces, count, seed):
    """`count` stories as one array of tokens, each story between BOS and EOS."""
    texts = list(stories(count, seed))
    rows = pieces.encode(texts, add_bos=True, add_eos=True, num_threads=3)
    return torch.from_numpy(np.concatenate([np.array(row, dtype=np.int64) for row in rows]))


def cut(tokens, length):
    """The tokens as rows [count, length + 1], what is left over dropped."""
    return tokens[: len(tokens) // (length + 1) * (length + 1)].view(-1, length + 1)


def batches(pieces, seed, batch, length):
    """Endless batches [batch, length + 1] of stories, of which none is trained on twice."""
    while True:
        rows = cut(encode(pieces, 10_000, seed), length)
        rows = rows[torch.randperm(len(rows))]
        yield from rows[: len(rows) // batch * batch].split(batch)
        seed += 1


def with_copies(rows):
    """The batch with its first rows replaced by random pieces that come twice.

    They teach what a name needs, to look up what followed a piece before, much sooner than stories
    do (Olsson et al., arXiv:2209.11895).
    """
    length = rows.shape[1]
    once = torch.randint(259, SHAPE["vocabulary"], (COPY_ROWS, (length + 1) // 2))
    return torch.cat((once.repeat(1, 2)[:, :length], rows[COPY_ROWS:]))


def single_tokens(pieces, words):
    """The tokens of those words that are one piece."""
    tokens = [pieces.encode(word) for word in words]
    return torch.tensor([token[0] for token in tokens if len(token) == 1])


def token_weights(pieces, names, who_weight):
    """The weight [vocabulary] of each token in training; words that say who it is have their own.

    The wording of a story is learnt soon. That its names and pronouns must stay the same is a small
    part of the loss and would be learnt last.
    """
    pronouns = "he she him his her himself herself He She His Her boy girl".split()
    weights = torch.ones(SHAPE["vocabulary"])
    weights[single_tokens(pieces, pronouns)] = who_weight
    weights[names] = who_weight
    return weights


def loss_of(model, rows, weights=None):
    """The mean cross entropy of the rows' next tokens, in nats."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(rows[:, :-1])
    return functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten(), weights)


@torch.no_grad()
def validate(model, rows):
    """The loss over held-out rows."""
    parts = rows.split(32)
    return sum(loss_of(model, part).item() for part in parts) / len(parts)


def rate_at(peak, step, progress):
    """The learning rate: a short warm-up, then a cosine over the time budget."""
    cosine = FLOOR + (peak - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return cosine * min(1.0, (step + 1) / WARMUP)


def make_optimizer(model):
    """AdamW; only matrices of the layers decay."""
    matrices = [p for p in model.layers.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if not any(p is m for m in matrices)]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95))


def train(options):
    """Trains for options.minutes; options.out receives tokenizer, checkpoints, log and GGUF.

    A checkpoint that is there already is trained further, on the stories of another seed.
    """
    out, seed, batch = options.out, options.seed, options.batch
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "pieces.model").exists():
        train_tokenizer(out / "pieces")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(out / "pieces.model"))
    held_out = cut(encode(pieces, 1_000, SEED - 1), LENGTH)[:128]
    short = batches(pieces, seed + 1, batch, LENGTH)
    long = batches(pieces, seed + 10_000, batch // 2, 2 * LENGTH)
    names = single_tokens(pieces, TABLES["girls"] + TABLES["boys"])
    weights = token_weights(pieces, names, options.who)
    model = Llama()
    if (out / "model.pt").exists():
        model.load_state_dict(torch.load(out / "model.pt"))
    fast = torch.compile(model, dynamic=False)
    optimizer = make_optimizer(model)
    start = saved = time.monotonic()
    for step in itertools.count():
        now = time.monotonic()
        progress = (now - start) / (60 * options.minutes)
        late = progress > LONG_FROM  # too short a time to compile for
        rows = next(long if late else short)
        if progress < COPY_UNTIL:
            rows = with_copies(rows)
        loss = loss_of(model if late else fast, rows, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(options.rate, step, progress)
        optimizer.step()
        optimizer.zero_grad()
        last = progress >= 1
        if step % 50 == 0 or last:
            line = {"step": step, "tokens": (step + 1) * batch * LENGTH, "loss": loss.item()}
            line["minutes"] = (now - start) / 60
            if step % 100 == 0 or last:
                line["held_out"] = validate(model, held_out)
            with (out / "log.ndjson").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
        if last or now - saved > 120:
            saved = now
            torch.save(model.state_dict(), out / "model.pt")
            write_gguf(model, pieces, out / "story.gguf")
        if last:
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Trains the story model.")
    parser.add_argument("--minutes", type=float, default=24)
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8, help="sequences of a step")
    parser.add_argument("--rate", type=float, default=2e-3, help="the peak learning rate")
    parser.add_argument("--who", type=float, default=3.0, help="weight of names and pronouns")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True, help="a folder outside the repository")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options)
