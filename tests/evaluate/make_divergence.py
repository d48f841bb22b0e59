"""Makes tests/evaluate/base.kld and divergence.json: log-probabilities, and what they say.

    python3 tests/evaluate/make_divergence.py    # llama-cpp-python 0.3.36, numpy 2

base.kld has the form that llama-perplexity gives a file with --save-all-logits, of llama.cpp's
logits of a model: that of tests/conformance/models/phi3.gguf with noise in its weights. The
statistics are those of --kl-divergence for the model without the noise, from llama.cpp's logits of
it, in float64. The program itself is in no package; this follows tools/perplexity/perplexity.cpp.
divergence.json has rows of an odd vocabulary as well, which are harder to get right.
"""

import json
import os
import sys
import tempfile

import llama_cpp
import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
CONFORMANCE = os.path.join(HERE, "..", "conformance")
sys.path.insert(0, CONFORMANCE)
import make_models  # noqa: E402

NAME, CONTEXT, CHUNKS, NOISE, BOS = "phi3", 24, 6, 0.05, 1
FIRST = CONTEXT // 2
F = np.float32


def noisy_gguf(folder):
    config, model = make_models.random_model(NAME)
    random = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for value in model.parameters():
            if value.dim() > 1:
                value += torch.randn(value.shape, generator=random) * NOISE * value.std()
    path = os.path.join(folder, "noisy.gguf")
    make_models.write_gguf(path, NAME, config, model)
    return path


def log_sum_exp(row):
    most = row.max()
    return most + np.log(np.exp(row.astype(np.float64) - most).sum())


def encode(row):
    """A row in 16 bits: step and least log-probability as floats, then codes, an even count."""
    most = row.max()
    least = max(row.min(), F(most - F(16)))
    log_sum = F(log_sum_exp(row) - np.float64(most))
    step = F(F(most - least) / F(65535))
    codes = np.zeros(2 * ((len(row) + 1) // 2), dtype=np.uint16)
    if step > 0:
        inverse = F(F(1) / step)
        with np.errstate(invalid="ignore"):
            exact = np.rint(inverse * (row - least))
        above = row > least
        codes[: len(row)][above] = exact[above].astype(np.uint16)
    return np.concatenate([np.array([step, F(F(least - most) - log_sum)], dtype=F).view(np.uint16),
                           codes])


def decode(words, vocab):
    step, least = words[:4].view(F).astype(np.float64)
    return words[4:4 + vocab] * step + least


def logits_of(path, chunks):
    """[chunks][rows, vocab] of the tokens that something follows, in the second half of a chunk."""
    return [make_models.llama_cpp_logits(path, [BOS] + chunk[1:])[FIRST:-1] for chunk in chunks]


def estimate(values):
    values = np.asarray(values, dtype=np.float64)
    return values.mean(), values.std(ddof=0) / np.sqrt(len(values) - 1)


def spread(values):
    mean, error = estimate(values)
    shares = [0, 0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100]
    return {"mean": mean, "error": error,
            "percentiles": {f"{share:g}": np.percentile(values, share) for share in shares}}


def statistics(base, own, chunks):
    nll, nll_base, kld, delta, same = [], [], [], [], 0
    for words, logits, chunk in zip(base, own, chunks):
        for row, code_words, token in zip(logits, words, chunk[FIRST + 1:]):
            log_q = row.astype(np.float64) - log_sum_exp(row)
            log_p = decode(code_words, len(row))
            near = log_p > -16
            kld.append((np.exp(log_p[near]) * (log_p[near] - log_q[near])).sum())
            nll.append(-log_q[token]), nll_base.append(-log_p[token])
            delta.append(np.exp(log_q[token]) - np.exp(log_p[token]))
            same += int(log_q.argmax() == log_p.argmax())
    count = len(nll)
    (mean, error), (base_mean, base_error) = estimate(nll), estimate(nll_base)
    covariance = np.cov(nll, nll_base, ddof=0)[0, 1] / (count - 1)
    ratio_error = np.sqrt(error ** 2 + base_error ** 2 - 2 * covariance)
    ppl, base_ppl, top = np.exp(mean), np.exp(base_mean), same / count
    square, square_error = estimate(np.square(delta))
    difference_error = np.sqrt((ppl * error) ** 2 + (base_ppl * base_error) ** 2
                               - 2 * ppl * base_ppl * covariance)
    return {
        "tokens": count, "chunks": len(chunks), "context": CONTEXT,
        "nll": mean, "nllError": error, "perplexity": ppl, "perplexityError": ppl * error,
        "base": {"nll": base_mean, "nllError": base_error, "perplexity": base_ppl,
                 "perplexityError": base_ppl * base_error},
        "lnRatio": {"value": mean - base_mean, "error": ratio_error},
        "ratio": {"value": ppl / base_ppl, "error": ppl / base_ppl * ratio_error},
        "difference": {"value": ppl - base_ppl, "error": difference_error},
        "correlation": covariance / (error * base_error),
        "kld": spread(kld), "deltaP": spread(delta),
        "rmsDeltaP": {"value": np.sqrt(square), "error": square_error / (2 * np.sqrt(square))},
        "sameTop": {"value": top, "error": np.sqrt(top * (1 - top) / (count - 1))},
    }


def odd_rows():
    """Rows of 7 logits, with what they become: ordinary, wide, flat, with one of minus infinity."""
    random = np.random.default_rng(5)
    rows = [random.normal(size=7) * 3, random.normal(size=7) * 20, np.full(7, -2.5),
            np.array([0, -1, -np.inf, 2, -15.5, -14.1, -13.9]), random.normal(size=7) * 1e-4]
    rows = [np.array(row, dtype=F) for row in rows]
    shown = lambda row: [None if np.isinf(x) else float(x) for x in row]
    return [{"logits": shown(row), "words": encode(row).tolist()} for row in rows]


def main():
    tokens = [(i * i * 31 + i * 7 + 3) % (make_models.VOCAB - 3) + 3 for i in range(CONTEXT * CHUNKS)]
    chunks = [tokens[i:i + CONTEXT] for i in range(0, len(tokens), CONTEXT)]
    path = os.path.join(CONFORMANCE, "models", NAME + ".gguf")
    vocabulary = llama_cpp.Llama(path, vocab_only=True, verbose=False)._model.vocab
    assert llama_cpp.llama_vocab_get_add_bos(vocabulary)  # then chunks begin with it
    with tempfile.TemporaryDirectory() as folder:
        theirs = logits_of(noisy_gguf(folder), chunks)
    base = [[encode(row) for row in rows] for rows in theirs]
    with open(os.path.join(HERE, "base.kld"), "wb") as out:
        out.write(b"_logits_")
        np.array([CONTEXT, make_models.VOCAB, CHUNKS] + tokens, dtype="<i4").tofile(out)
        np.array(base, dtype="<u2").tofile(out)
    found = statistics(base, logits_of(path, chunks), chunks)
    made_by = {"command": "python3 tests/evaluate/make_divergence.py",
               "llama-cpp-python": llama_cpp.__version__, "numpy": np.__version__}
    with open(os.path.join(HERE, "divergence.json"), "w") as out:
        json.dump({"made_by": made_by, "tokens": tokens, "expected": found, "rows": odd_rows()},
                  out, indent=2)
        out.write("\n")


if __name__ == "__main__":
    main()
