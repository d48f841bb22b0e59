/** Where the elements of a tensor lie: shapes, strides, and what views make of them. @module */

import { ArgumentError } from "../errors.ts";

/** Element (i, j, …) lies at `offset + i * strides[0] + j * strides[1] + …`. */
export interface Layout {
  /** Length of each axis, outermost first. */
  readonly shape: readonly number[];
  /** Per axis, how far apart neighbours lie, in elements; negative when it runs backwards. */
  readonly strides: readonly number[];
  /** Where the first element lies. */
  readonly offset: number;
}

/**
 * What a slice takes of one axis: an index (the axis goes away), `[start, stop, step]` as in
 * Python (any may be left out or `null`; negative ones count from the end; what lies outside is
 * cut off; a negative step runs backwards), or `null` for all of it.
 */
export type Range =
  | number
  | null
  | readonly [start?: number | null, stop?: number | null, step?: number | null];

/** "[2, 3]". */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** The layout of a tensor whose elements lie row after row. */
export function rowMajor(shape: readonly number[]): Layout {
  const sound = shape.every((length) => Number.isSafeInteger(length) && length >= 0);
  if (!sound || !Number.isSafeInteger(sizeOf(shape))) {
    const state = "its lengths must be whole numbers from 0, with a product below 2^53";
    throw new ArgumentError(`Cannot use the shape ${shapeText(shape)}: ${state}`);
  }
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  return { shape: [...shape], strides, offset: 0 };
}

/** Whether the elements lie row after row, without gaps. */
export function isRowMajor({ shape, strides }: Layout): boolean {
  if (sizeOf(shape) === 0) return true;
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== stride) return false;
    stride *= shape[axis]!;
  }
  return true;
}

/** An index into an axis as it counts from the start; throws where there is nothing. */
function indexIn(shape: readonly number[], axis: number, index: number, action: string): number {
  const length = shape[axis]!;
  const found = index < 0 ? index + length : index;
  if (Number.isInteger(index) && found >= 0 && found < length) return found;
  const state = `index ${index} is not in axis ${axis}, which has ${length}`;
  throw new ArgumentError(`Cannot ${action} a tensor of shape ${shapeText(shape)}: ${state}`);
}

/** Where one element lies. */
export function positionOf({ shape, strides, offset }: Layout, indices: readonly number[]): number {
  if (indices.length !== shape.length) {
    const state = `it takes ${shape.length} indices, not ${indices.length}`;
    throw new ArgumentError(`Cannot index a tensor of shape ${shapeText(shape)}: ${state}`);
  }
  return indices.reduce(
    (sum, index, axis) => sum + indexIn(shape, axis, index, "index") * strides[axis]!,
    offset,
  );
}

/** Where a range begins in an axis, how far it steps, and how often. */
function stepsOf(
  [start, stop, step]: Exclude<Range, number | null>,
  length: number,
): { start: number; step: number; count: number } | undefined {
  const by = step ?? 1;
  const given = [start ?? 0, stop ?? 0, by];
  if (by === 0 || !given.every(Number.isInteger)) return undefined;
  const [least, most] = by > 0 ? [0, length] : [-1, length - 1];
  const cut = (at: number) => Math.min(most, Math.max(least, at < 0 ? at + length : at));
  const [low, high] = by > 0 ? [least, most] : [most, least];
  const first = typeof start === "number" ? cut(start) : low;
  const end = typeof stop === "number" ? cut(stop) : high;
  return { start: first, step: by, count: Math.max(0, Math.ceil((end - first) / by)) };
}

/** The part of a layout that ranges take; axes without a range stay whole. */
export function sliced({ shape, strides, offset }: Layout, ranges: readonly Range[]): Layout {
  const refuse = (state: string) =>
    new ArgumentError(`Cannot slice a tensor of shape ${shapeText(shape)}: ${state}`);
  if (ranges.length > shape.length) {
    throw refuse(`it has ${shape.length} axes, not ${ranges.length}`);
  }
  const out = { shape: [] as number[], strides: [] as number[], offset };
  for (const [axis, length] of shape.entries()) {
    const range = ranges[axis] ?? [], stride = strides[axis]!;
    if (typeof range === "number") {
      out.offset += indexIn(shape, axis, range, "slice") * stride;
      continue;
    }
    const steps = stepsOf(range, length);
    if (steps === undefined) {
      throw refuse(`[${range}] is no range of whole numbers with a step other than 0`);
    }
    if (steps.count > 0) out.offset += steps.start * stride;
    out.shape.push(steps.count);
    out.strides.push(steps.step * stride);
  }
  return out;
}

/** The layout with its axes in another order; none given: the reverse. */
export function permuted({ shape, strides, offset }: Layout, axes: readonly number[]): Layout {
  const order = axes.length > 0
    ? axes.map((axis) => axis < 0 ? axis + shape.length : axis)
    : shape.map((_, axis) => shape.length - 1 - axis);
  if (order.length !== shape.length || !shape.every((_, axis) => order.includes(axis))) {
    const state = `[${axes}] does not name each of its ${shape.length} axes once`;
    throw new ArgumentError(`Cannot transpose a tensor of shape ${shapeText(shape)}: ${state}`);
  }
  const pick = (list: readonly number[]) => order.map((axis) => list[axis]!);
  return { shape: pick(shape), strides: pick(strides), offset };
}

/** A shape with its -1 filled in, checked to have as many elements as the tensor. */
function completed(from: readonly number[], to: readonly number[]): number[] {
  const size = sizeOf(from), known = sizeOf(to.filter((length) => length !== -1));
  const open = to.filter((length) => length === -1).length;
  const shape = to.map((length) => length === -1 ? size / known : length);
  if (open > 1 || sizeOf(rowMajor(shape.map((n) => n || 0)).shape) !== size) {
    const state = `it has ${size} elements`;
    throw new ArgumentError(
      `Cannot reshape a tensor of shape ${shapeText(from)} to ${shapeText(to)}: ${state}`,
    );
  }
  return shape;
}

/** Axes joined into the longest runs that one stride walks through, outermost first. */
function runsOf({ shape, strides }: Layout): { length: number; stride: number }[] {
  const runs: { length: number; stride: number }[] = [];
  for (const [axis, length] of shape.entries()) {
    if (length === 1) continue;
    const stride = strides[axis]!, last = runs.at(-1);
    if (last?.stride === stride * length) {
      runs[runs.length - 1] = { length: last.length * length, stride };
    } else runs.push({ length, stride });
  }
  return runs;
}

/**
 * The same elements in another shape, over the same data. One length may be -1. Each new axis must
 * lie within one run of the old ones: where it does not, no strides could say where it lies.
 */
export function reshaped(layout: Layout, to: readonly number[]): Layout {
  const shape = completed(layout.shape, to);
  if (sizeOf(shape) === 0) return { ...rowMajor(shape), offset: layout.offset };
  const runs = runsOf(layout), strides: number[] = [];
  let { length: left, stride } = runs.pop() ?? { length: 1, stride: 1 };
  for (const length of shape.toReversed()) { // innermost first
    if (left === 1 && length > 1) ({ length: left, stride } = runs.pop()!);
    if (left % length !== 0) {
      const [from, into] = [shapeText(layout.shape), shapeText(shape)];
      const state = "its elements would have to be copied (copy() it first)";
      throw new ArgumentError(`Cannot reshape a view of shape ${from} to ${into}: ${state}`);
    }
    strides.unshift(stride);
    [left, stride] = [left / length, stride * length];
  }
  return { shape, strides, offset: layout.offset };
}

/**
 * Calls `visit` for pieces of a layout in which elements lie evenly, in order: where the first one
 * lies, how far apart they are, how many there are.
 */
export function forPieces(
  layout: Layout,
  visit: (start: number, stride: number, count: number) => void,
): void {
  if (sizeOf(layout.shape) === 0) return;
  const runs = runsOf(layout), inner = runs.pop() ?? { length: 1, stride: 1 };
  const walk = (axis: number, start: number): void => {
    const run = runs[axis];
    if (run === undefined) return visit(start, inner.stride, inner.length);
    for (let i = 0; i < run.length; i++) walk(axis + 1, start + i * run.stride);
  };
  walk(0, layout.offset);
}

/** Where the elements lie, row after row. */
export function* positions({ shape, strides, offset }: Layout, axis = 0): Generator<number> {
  if (axis === shape.length) return yield offset;
  const length = shape[axis]!, stride = strides[axis]!, last = axis === shape.length - 1;
  for (let i = 0, at = offset; i < length; i++, at += stride) {
    if (last) yield at;
    else yield* positions({ shape, strides, offset: at }, axis + 1);
  }
}
