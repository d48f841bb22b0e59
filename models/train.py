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
from stories import stories

SEED = 20261123
LENGTH = 256  # tokens of a sequence
LONG_FROM = 0.88  # from this share of the time on, half as many sequences of twice the length
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


def loss_of(model, rows):
    """The mean cross entropy of the rows' next tokens, in nats."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(rows[:, :-1])
    return functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten())


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
        loss = loss_of(model if late else fast, rows)
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
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True, help="a folder outside the repository")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options)
