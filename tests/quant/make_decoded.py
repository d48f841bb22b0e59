"""Writes decoded.json: made-up blocks of the weight types outside the conformance pack, decoded.

    pip install gguf==0.19.0
    python3 tests/quant/make_decoded.py > tests/quant/decoded.json

The blocks are bytes of a generator that the test runs as well (x = 1664525 x + 1013904223 mod 2^32,
its upper 8 bits), with one bit cleared that would make a half-precision scale infinite. There are
enough of them that every point of a grid and every scale occurs.
"""

import base64
import hashlib
import json

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

BLOCKS = 1024
# type: byte that has the scale's upper half, or None where it is no half-precision float
TYPES = {
    "IQ2_XXS": 1,
    "IQ2_XS": 1,
    "IQ2_S": 1,
    "IQ3_XXS": 1,
    "IQ3_S": 1,
    "IQ1_S": 1,
    "IQ1_M": 55,
    "TQ1_0": 53,
    "TQ2_0": 65,
    "MXFP4": None,
}


def made_up(seed: int, count: int) -> bytearray:
    out = bytearray()
    for _ in range(count):
        seed = (1664525 * seed + 1013904223) % 2**32
        out.append(seed >> 24)
    return out


def main() -> None:
    golden = {"tool": "gguf-py 0.19.0", "command": "python3 tests/quant/make_decoded.py"}
    golden["blocks"] = BLOCKS
    golden["types"] = {}
    for name, high in TYPES.items():
        qtype = GGMLQuantizationType[name]
        size = GGML_QUANT_SIZES[qtype][1]
        data = made_up(qtype.value, BLOCKS * size)
        for block in range(BLOCKS if high is not None else 0):
            data[block * size + high] &= 0xBF
        rows = np.frombuffer(bytes(data), dtype=np.uint8).reshape(BLOCKS, size)
        values = dequantize(rows, qtype).astype("<f4") + np.float32(0)  # no -0
        assert not np.isnan(values).any()
        golden["types"][name] = {
            "high": high,
            "first": base64.b64encode(values[0].tobytes()).decode(),
            "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
        }
    print(json.dumps(golden, indent=2))


if __name__ == "__main__":
    main()
