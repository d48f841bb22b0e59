#!/usr/bin/env python3
"""Measures llama.cpp as llama-bench does, through the low-level interface of llama-cpp-python.

    pip install llama-cpp-python          # built on the machine that is measured
    python3 bench/peers/llama_cpp.py MODEL -t 4 -p 512 -n 64 --depth 0 -r 5

pp N is one llama_decode of N random tokens (n_ubatch 512), tg N are N decodes of one token each,
both after `depth` tokens that are not timed; one uncounted run comes first; keys and values are
F16. "flash" is flash attention, "plain" is not. With --parallel B there are B sequences: they read
their prompts in turn, and every decode takes one token of each, as llama-batched-bench does it.
Prints JSON. With --serve it answers one JSON request per line instead, which is how
bench/compare.ts drives it (see bench/peers/worker.ts).
"""
import sys

sys.path.pop(0)  # this script's own folder: the script is called what the package is called

import argparse
import contextlib
import ctypes
import itertools
import json
import statistics
import time

import llama_cpp as L

VARIANTS = {
    "plain": L.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    "flash": L.LLAMA_FLASH_ATTN_TYPE_ENABLED,
}
quiet = L.llama_log_callback(lambda level, text, data: None)


def pseudo_tokens(count, vocabulary, seed):
    """The same ids as pseudoTokens of bench/figures.ts, so that checksums can be compared."""
    ids = []
    for _ in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        ids.append(seed * vocabulary >> 32)
    return ids


@contextlib.contextmanager
def batch_of(rows):
    """A batch of rows (token, position, sequence, whether it gets logits)."""
    batch = L.llama_batch_init(len(rows), 0, 1)
    batch.n_tokens = len(rows)
    for i, (token, position, sequence, logits) in enumerate(rows):
        batch.token[i], batch.pos[i], batch.logits[i] = token, position, logits
        batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
    try:
        yield batch
    finally:
        L.llama_batch_free(batch)


def text_rows(ids, position, sequence):
    """The rows of a text; its last token gets logits."""
    last = len(ids) - 1
    return [(token, position + i, sequence, i == last) for i, token in enumerate(ids)]


class Engine:
    """One model, and a context for each variant and number of sequences."""

    def __init__(self, path, threads, context):
        started = time.perf_counter()
        L.llama_log_set(quiet, ctypes.c_void_p(0))
        L.llama_backend_init()
        options = L.llama_model_default_params()
        options.n_gpu_layers = 0
        self.model = L.llama_model_load_from_file(path.encode(), options)
        if not self.model:
            raise SystemExit(f'Cannot load "{path}": llama.cpp refuses it')
        self.load_ms = (time.perf_counter() - started) * 1000
        self.threads = threads
        self.size = context
        self.contexts = {}
        self.filled = {}  # positions that hold the past, by context
        self.vocabulary = L.llama_vocab_n_tokens(L.llama_model_get_vocab(self.model))
        self.past = pseudo_tokens(context, self.vocabulary, 1)
        self.ids = pseudo_tokens(context, self.vocabulary, 2)

    def context(self, variant, parallel):
        """The context of a variant, made when it is first asked for."""
        key = variant, parallel
        if key not in self.contexts:
            options = L.llama_context_default_params()
            options.n_ctx = self.size * parallel
            options.n_seq_max = parallel
            options.n_batch = max(self.size, parallel, 32)
            options.n_ubatch = 512
            options.n_threads = options.n_threads_batch = self.threads
            options.type_k = options.type_v = L.GGML_TYPE_F16
            options.flash_attn_type = VARIANTS[variant]
            self.contexts[key] = L.llama_init_from_model(self.model, options)
            if not self.contexts[key]:
                raise SystemExit(f'Cannot make a context of {self.size} positions for "{variant}"')
            self.filled[key] = 0
        return self.contexts[key]

    def decode(self, context, batch):
        """Runs a batch."""
        code = L.llama_decode(context, batch)
        if code != 0:
            raise SystemExit(f"Cannot decode {batch.n_tokens} tokens: llama_decode returned {code}")

    def fill(self, variant, parallel, depth):
        """Leaves exactly the first `depth` tokens of the past in the cache of every sequence."""
        context, key = self.context(variant, parallel), (variant, parallel)
        memory = L.llama_get_memory(context)
        kept = min(self.filled[key], depth)
        if not all(L.llama_memory_seq_rm(memory, s, kept, -1) for s in range(parallel)):
            L.llama_memory_clear(memory, False)
            kept = 0
        for sequence in range(parallel if kept < depth else 0):
            with batch_of(text_rows(self.past[kept:depth], kept, sequence)) as batch:
                self.decode(context, batch)
        L.llama_synchronize(context)
        self.filled[key] = depth

    def measure(self, test, tokens, depth, parallel, variant):
        """Seconds that a test takes."""
        self.fill(variant, parallel, depth)
        context, ids = self.context(variant, parallel), self.ids[:tokens]
        if test == "pp":
            steps = [text_rows(ids, depth, sequence) for sequence in range(parallel)]
        else:
            steps = [
                [(token, depth + i, sequence, True) for sequence in range(parallel)]
                for i, token in enumerate(ids)
            ]
        with contextlib.ExitStack() as stack:
            batches = [stack.enter_context(batch_of(rows)) for rows in steps]
            started = time.perf_counter()
            for batch in batches:
                self.decode(context, batch)
                L.llama_synchronize(context)
            return time.perf_counter() - started

    def checksum(self, variant, parallel):
        """The last logits in one number: their sum."""
        logits = L.llama_get_logits_ith(self.context(variant, parallel), -1)
        return float(sum(logits[i] for i in range(self.vocabulary)))

    def hello(self):
        """What is measured here."""
        return {
            "peer": "llama.cpp",
            "version": f"llama-cpp-python {L.__version__}",
            "system": L.llama_print_system_info().decode().strip(),
            "variants": list(VARIANTS),
            "threads": self.threads,
            "loadMs": self.load_ms,
        }


def resident():
    """Resident bytes of this process, 0 where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def serve(engine):
    """Answers requests until stdin ends; between them it only waits for a line."""
    print(json.dumps(engine.hello()), flush=True)
    for line in sys.stdin:
        ask = json.loads(line)
        variant, parallel = ask.get("variant", "plain"), ask.get("parallel", 1)
        seconds = engine.measure(ask["test"], ask["tokens"], ask["depth"], parallel, variant)
        answer = {
            "seconds": seconds,
            "checksum": engine.checksum(variant, parallel),
            "rssBytes": resident(),
        }
        print(json.dumps(answer), flush=True)


def report(engine, args):
    """All tests, one after the other."""
    counts = {"pp": args.prompt, "tg": args.tokens}
    tests = itertools.product(args.depth, args.parallel, counts)
    results = []
    for (depth, parallel, test), variant in itertools.product(list(tests), VARIANTS):
        for tokens in (count for count in counts[test] if count > 0):
            run = lambda: engine.measure(test, tokens, depth, parallel, variant)
            run()
            samples = [tokens * parallel / run() for _ in range(args.repeats)]
            results.append({
                "test": f"{test}{tokens}",
                "threads": args.threads,
                "depth": depth,
                "parallel": parallel,
                "variant": variant,
                "samples": samples,
                "median": statistics.median(samples),
            })
    print(json.dumps({**engine.hello(), "results": results}, indent=2))


def main():
    numbers = lambda text: [int(part) for part in text.split(",")]
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("model")
    p.add_argument("-t", "--threads", type=int, default=4)
    p.add_argument("-p", "--prompt", type=numbers, default=[512])
    p.add_argument("-n", "--tokens", type=numbers, default=[64])
    p.add_argument("-d", "--depth", type=numbers, default=[0])
    p.add_argument("--parallel", type=numbers, default=[1], help="sequences")
    p.add_argument("-r", "--repeats", type=int, default=5)
    p.add_argument("--context", type=int, help="positions; default: as many as the tests need")
    p.add_argument("--serve", action="store_true", help="answer requests on stdin")
    args = p.parse_args()
    needed = max(args.depth) + max(args.prompt + args.tokens)
    engine = Engine(args.model, args.threads, args.context or needed)
    serve(engine) if args.serve else report(engine, args)


if __name__ == "__main__":
    main()
