/** Super-blocks of 256 weights whose codes are points of a grid, decoded. @module */

import { half } from "./codes.ts";
import { GRIDS } from "./grids.ts";

/** Points of a grid: `size` weights each. */
interface Grid {
  readonly size: number;
  readonly weights: Int8Array; // [points * size]
}

/** Spreads points of 16 bits over `size` weights, by what the positions on their axis are. */
function makeGrid(hex: string, size: number, positionWeight: (position: number) => number): Grid {
  const weights = new Int8Array(hex.length / 4 * size), bits = 16 / size;
  for (let point = 0; point < hex.length / 4; point++) {
    const word = Number.parseInt(hex.slice(4 * point, 4 * point + 4), 16);
    for (let i = 0; i < size; i++) {
      weights[point * size + i] = positionWeight(word >> bits * i & (1 << bits) - 1);
    }
  }
  return { size, weights };
}

const TWO = [8, 25, 43], THREE = [4, 12, 20, 28, 36, 44, 52, 62];
const made = new Map<string, Grid>();

/** A grid by name, made when it is first asked for. */
function grid(name: keyof typeof GRIDS): Grid {
  const found = made.get(name);
  if (found !== undefined) return found;
  const kinds: Record<typeof name, () => Grid> = {
    IQ2_XXS: () => makeGrid(GRIDS.IQ2_XXS, 8, (i) => TWO[i]!),
    IQ2_XS: () => makeGrid(GRIDS.IQ2_XS, 8, (i) => TWO[i]!),
    IQ2_S: () => makeGrid(GRIDS.IQ2_S, 8, (i) => TWO[i]!),
    IQ3_XXS: () => makeGrid(GRIDS.IQ3_XXS, 4, (i) => THREE[i]!),
    IQ3_S: () => makeGrid(GRIDS.IQ3_S, 4, (i) => 2 * i + 1),
    IQ1: () => makeGrid(GRIDS.IQ1, 8, (i) => i - 1),
  };
  const grid = kinds[name]();
  made.set(name, grid);
  return grid;
}

/** Seven signs, and an eighth that makes the number of negative ones even. */
function evenSigns(seven: number): number {
  let odd = 0;
  for (let bits = seven; bits > 0; bits >>= 1) odd ^= bits & 1;
  return seven | odd << 7;
}

/** Writes a point: scale * (weight + delta), or the negative of it where its bit of `signs` is. */
function put(
  { size, weights }: Grid,
  point: number,
  scale: number,
  signs: number,
  out: Float32Array,
  at: number,
  delta = 0,
): void {
  for (let i = 0; i < size; i++) {
    const value = scale * (weights[point * size + i]! + delta);
    out[at + i] = signs >> i & 1 ? -value : value;
  }
}

/** What a decoder does: decodes the block at byte `offset` into `out` from `at` on. */
type Decode = (block: DataView, offset: number, out: Float32Array, at: number) => void;

/** IQ2_XXS: d: f16 | 8 x (4 points of u8 | signs: 4 x u7, scale: u4). */
export const decodeIQ2XXS: Decode = (block, offset, out, at) => {
  const d = half(block, offset), points = grid("IQ2_XXS");
  for (let i = 0; i < 32; i++) {
    const from = offset + 2 + (i >> 2) * 8, rest = block.getUint32(from + 4, true);
    const signs = evenSigns(rest >>> 7 * (i & 3) & 127);
    put(
      points,
      block.getUint8(from + (i & 3)),
      d * (0.5 + (rest >>> 28)) / 4,
      signs,
      out,
      at + 8 * i,
    );
  }
};

/** IQ2_XS: d: f16 | 32 x (point: u9, signs: u7) | scales: 16 x u4. */
export const decodeIQ2XS: Decode = (block, offset, out, at) => {
  const d = half(block, offset), points = grid("IQ2_XS");
  for (let i = 0; i < 32; i++) {
    const word = block.getUint16(offset + 2 + 2 * i, true);
    const scale = block.getUint8(offset + 66 + (i >> 2)) >> (i >> 1 & 1) * 4 & 15;
    put(points, word & 511, d * (0.5 + scale) / 4, evenSigns(word >> 9), out, at + 8 * i);
  }
};

/** IQ2_S: d: f16 | 32 points of u8 | signs: 32 x u8 | upper bits: 32 x u2 | scales: 16 x u4. */
export const decodeIQ2S: Decode = (block, offset, out, at) => {
  const d = half(block, offset), points = grid("IQ2_S");
  for (let i = 0; i < 32; i++) {
    const high = block.getUint8(offset + 66 + (i >> 2)) >> 2 * (i & 3) & 3;
    const scale = block.getUint8(offset + 74 + (i >> 2)) >> (i >> 1 & 1) * 4 & 15;
    const point = block.getUint8(offset + 2 + i) | high << 8;
    put(points, point, d * (0.5 + scale) / 4, block.getUint8(offset + 34 + i), out, at + 8 * i);
  }
};

/** IQ3_XXS: d: f16 | 64 points of u8 | 8 x (signs: 4 x u7, scale: u4). */
export const decodeIQ3XXS: Decode = (block, offset, out, at) => {
  const d = half(block, offset), points = grid("IQ3_XXS");
  for (let i = 0; i < 64; i++) {
    const rest = block.getUint32(offset + 66 + (i >> 3) * 4, true);
    const signs = evenSigns(rest >>> 7 * (i >> 1 & 3) & 127) >> 4 * (i & 1);
    const point = block.getUint8(offset + 2 + i);
    put(points, point, d * (0.5 + (rest >>> 28)) / 2, signs, out, at + 4 * i);
  }
};

/** IQ3_S: d: f16 | 64 points of u8 | their ninth bits | signs: 32 x u8 | scales: 8 x u4. */
export const decodeIQ3S: Decode = (block, offset, out, at) => {
  const d = half(block, offset), points = grid("IQ3_S");
  for (let i = 0; i < 64; i++) {
    const high = block.getUint8(offset + 66 + (i >> 3)) >> (i & 7) & 1;
    const scale = block.getUint8(offset + 106 + (i >> 4)) >> (i >> 3 & 1) * 4 & 15;
    const signs = block.getUint8(offset + 74 + (i >> 1)) >> 4 * (i & 1);
    const point = block.getUint8(offset + 2 + i) | high << 8;
    put(points, point, d * (1 + 2 * scale), signs, out, at + 4 * i);
  }
};

/** IQ1_S: d: f16 | 32 points of u8 | 8 x (their upper bits: 4 x u3, scale: u3, less: u1). */
export const decodeIQ1S: Decode = (block, offset, out, at) => {
  const d = half(block, offset), points = grid("IQ1");
  for (let i = 0; i < 32; i++) {
    const word = block.getUint16(offset + 34 + (i >> 2) * 2, true);
    const point = block.getUint8(offset + 2 + i) | (word >> 3 * (i & 3) & 7) << 8;
    const delta = word >> 15 ? -0.125 : 0.125;
    put(points, point, d * (2 * (word >> 12 & 7) + 1), 0, out, at + 8 * i, delta);
  }
};

/** IQ1_M: 32 points of u8 | 32 x (upper bits: u3, less: u1) | 4 x (scales: 4 x u3, of d: u4). */
export const decodeIQ1M: Decode = (block, offset, out, at) => {
  const words = [0, 1, 2, 3].map((i) => block.getUint16(offset + 48 + 2 * i, true));
  const bits = words.reduce((sum, word, i) => sum | word >> 12 << 4 * i, 0);
  const d = half(new DataView(Uint16Array.of(bits).buffer), 0), points = grid("IQ1");
  for (let i = 0; i < 32; i++) {
    const nibble = block.getUint8(offset + 32 + (i >> 1)) >> 4 * (i & 1) & 15;
    const scale = words[i >> 3]! >> 3 * (i >> 1 & 3) & 7;
    const point = block.getUint8(offset + i) | (nibble & 7) << 8;
    put(points, point, d * (2 * scale + 1), 0, out, at + 8 * i, nibble >> 3 ? -0.125 : 0.125);
  }
};
