#!/usr/bin/env python3
"""Measures products of float matrices in NumPy, which hands them to its BLAS.

    OPENBLAS_NUM_THREADS=4 python3 bench/peers/numpy_gemm.py 512 1024 2048

Prints billions of operations per second for [n, n] x [n, n] in float32, the best and the median of
some seconds' calls. With --serve it answers one JSON request per line, {"size": n}, with
{"seconds": ...} of one call, which is how bench/gemm.ts drives it (see bench/peers/worker.ts).
"""
import argparse
import json
import os
import statistics
import sys
import time

import numpy as np

THREADS = int(os.environ.get("OPENBLAS_NUM_THREADS", os.cpu_count()))


def matrices(size):
    """Two matrices, and room for their product."""
    rng = np.random.default_rng(size)
    a, b = (rng.standard_normal((size, size), dtype=np.float32) for _ in range(2))
    return a, b, np.empty_like(a)


def timed(a, b, out):
    """Seconds of one product: rows times rows, as x times a weight's rows."""
    started = time.perf_counter()
    np.matmul(a, b.T, out=out)
    return time.perf_counter() - started


def blas():
    """The BLAS in use."""
    found = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f'{found.get("name", "unknown BLAS")} {found.get("version", "")}'.strip()


def serve():
    """Answers requests until stdin ends."""
    print(json.dumps({"peer": "NumPy", "version": np.__version__, "system": blas()}), flush=True)
    made = {}
    for line in sys.stdin:
        size = json.loads(line)["size"]
        if size not in made:
            made[size] = matrices(size)
        seconds = timed(*made[size])
        print(json.dumps({"seconds": seconds}), flush=True)


def report(sizes):
    """All sizes, for people."""
    print(f"NumPy {np.__version__}, {blas()}, {THREADS} threads, float32")
    for size in sizes:
        given = matrices(size)
        timed(*given)
        seconds = [timed(*given) for _ in range(max(5, int(2e10 / size**3)))]
        rates = [2 * size**3 / s / 1e9 for s in seconds]
        print(f"{size}: {statistics.median(rates):.0f} Gop/s, at best {max(rates):.0f}")


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("sizes", type=int, nargs="*", default=[512, 1024, 2048])
    p.add_argument("--serve", action="store_true", help="answer requests on stdin")
    args = p.parse_args()
    serve() if args.serve else report(args.sizes)


if __name__ == "__main__":
    main()
