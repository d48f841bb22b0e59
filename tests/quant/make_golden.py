# What ggml makes of some weights: the bytes of simple types, the errors of K types. Run:
#   pip install llama-cpp-python==0.3.36 gguf==0.19.0   (libggml 0.25.3)
#   python3 tests/quant/make_golden.py > tests/quant/golden.json
import base64
import ctypes
import glob
import json
import os

import llama_cpp
import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

folder = os.path.join(os.path.dirname(llama_cpp.__file__), "lib")
ggml = ctypes.CDLL(sorted(glob.glob(f"{folder}/libggml-base.*"))[0])
ggml.ggml_quantize_chunk.restype = ctypes.c_size_t
ggml.ggml_quantize_chunk.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p]

SIMPLE = {"Q8_0": (8, 34), "Q4_0": (2, 18), "Q4_1": (3, 20), "Q5_0": (6, 22), "Q5_1": (7, 24)}
SUPER = {"Q4_K": (12, 144), "Q5_K": (13, 176), "Q6_K": (14, 210)}


def weights(kind, count):
    """The same doubles as in encode_test.ts: sums of uniforms, plain, cubed, or all positive."""
    state, out = 7 + len(kind), []
    for i in range(count):
        total = -1.5
        for _ in range(3):
            state = state * 48271 % 0x7FFFFFFF
            total += state / 0x7FFFFFFF
        value = total * total * total if kind == "heavy" else total
        if kind == "edges" and i // 256 % 4 == 0:
            value = 0 if i % 64 < 32 else 0.7
        if kind == "edges" and i // 256 % 4 == 1:
            value = -abs(value)
        if kind == "edges" and i // 256 % 4 == 2:
            value = value * 1e-6 if i % 64 < 32 else value * 1e4
        out.append(value)
    return np.array(out).astype(np.float32)


def encode(number, size, elements, x):
    out = np.zeros(len(x) // elements * size, np.uint8)
    ggml.ggml_quantize_chunk(number, x.ctypes.data, out.ctypes.data, 0, len(x) // 256, 256, None)
    return out


golden = {"bytes": {}, "meanSquares": {}}
for kind in ["plain", "heavy", "edges"]:
    x = weights(kind, 1024)
    for name, (number, size) in SIMPLE.items():
        data = base64.b64encode(encode(number, size, 32, x).tobytes()).decode()
        golden["bytes"].setdefault(kind, {})[name] = data
for kind in ["plain", "heavy"]:
    x = weights(kind, 65536)
    for name, (number, size) in SUPER.items():
        back = dequantize(encode(number, size, 256, x), GGMLQuantizationType[name])
        errors = (back.astype(np.float64) - x) ** 2
        golden["meanSquares"].setdefault(kind, {})[name] = errors.mean()
print(json.dumps(golden, indent=2))
