"""Writes float8.json: the value of every code of the 8-bit floats, as halves in base64.

Needs the PyPI packages ml_dtypes and numpy. The file in the repository is of ml_dtypes 0.6.0:

    python3 tests/quant/make_float8.py > tests/quant/float8.json
"""

import base64
import json

import ml_dtypes
import numpy as np

codes = np.arange(256, dtype=np.uint8)
TYPES = {"F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2}
halves = {name: codes.view(kind).astype(np.float16) for name, kind in TYPES.items()}
values = {name: base64.b64encode(one.tobytes()).decode() for name, one in halves.items()}
print(json.dumps({"tool": f"ml_dtypes {ml_dtypes.__version__}", "halves": values}, indent=2))
