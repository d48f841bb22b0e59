"""Writes the grids of the IQ types for C and for TypeScript, from those of gguf-py.

    pip install gguf==0.19.0
    python3 kernels/make_grids.py

A grid is a list of points: each has 8 weights on 3 positions of an axis, 2 bits a position, or 4
weights on 8 positions, 4 bits each. That is 16 bits a point, the first weight lowest.
"""

from pathlib import Path


from gguf import quants

ROOT = Path(__file__).parent.parent
GRIDS = {
    "IQ2_XXS": quants.IQ2_XXS,
    "IQ2_XS": quants.IQ2_XS,
    "IQ2_S": quants.IQ2_S,
    "IQ3_XXS": quants.IQ3_XXS,
    "IQ3_S": quants.IQ3_S,
    "IQ1": quants.IQ1_S,
}
FROM = "from gguf-py (MIT) by kernels/make_grids.py"


def points(source) -> list[int]:
    """The points of a grid, 16 bits each."""
    source.init_grid()
    size = source.grid_shape[1]
    bits = 16 // size
    position = {value: index for index, value in enumerate(source.grid_map)}
    rows = source.grid.reshape(source.grid_shape).astype(int).tolist()
    return [sum(position[v] << bits * i for i, v in enumerate(row)) for row in rows]


def c_macro(name: str, values: list[int]) -> str:
    calls = [f"P(0x{value:04x})" for value in values]
    lines = [" ".join(calls[i : i + 9]) for i in range(0, len(calls), 9)]
    body = " \\\n".join(f"  {line}" for line in lines)
    return f"#define GRID_{name}(P) \\\n{body}\n"


def ts_constant(name: str, values: list[int]) -> str:
    text = "".join(f"{value:04x}" for value in values)
    lines = [text[i : i + 92] for i in range(0, len(text), 92)]
    body = " +\n".join(f'    "{line}"' for line in lines)
    return f"  {name}:\n{body},\n"


def main() -> None:
    grids = {name: points(source) for name, source in GRIDS.items()}
    header = f"// Points of the grids of the IQ types, 16 bits each, {FROM}.\n#pragma once\n\n"
    header += "\n".join(c_macro(name, values) for name, values in grids.items())
    (ROOT / "kernels/grids.h").write_text(header)
    script = f"/** Points of the grids of the IQ types, {FROM}. @module */\n\n"
    script += "/** The points of each grid. */\nexport const GRIDS = {\n"
    script += "".join(ts_constant(name, values) for name, values in grids.items())
    script += "} as const;\n"
    (ROOT / "src/quant/grids.ts").write_text(script)


if __name__ == "__main__":
    main()
