/** The types that elements of a tensor can have, by NumPy's names. @module */

import { ArgumentError } from "../errors.ts";

/** The typed array behind each element type. */
export interface ElementArrays {
  /** Half precision. */
  float16: Float16Array;
  /** Single precision. */
  float32: Float32Array;
  /** Double precision. */
  float64: Float64Array;
  /** Signed, 8 bits. */
  int8: Int8Array;
  /** Unsigned, 8 bits. */
  uint8: Uint8Array;
  /** Signed, 16 bits. */
  int16: Int16Array;
  /** Unsigned, 16 bits. */
  uint16: Uint16Array;
  /** Signed, 32 bits. */
  int32: Int32Array;
  /** Unsigned, 32 bits. */
  uint32: Uint32Array;
}

/** The name of an element type: "float32". */
export type ElementType = keyof ElementArrays;

/** A typed array whose elements are numbers. */
export type NumberArray = ElementArrays[ElementType];

/** What makes a number a float of its type. */
export interface FloatType {
  /** Rounds as the array does. */
  readonly round: (value: number) => number;
  /** Decimal digits that it always keeps. */
  readonly digits: number;
}

/** How an element type makes an array, and, of floats, how exact they are. */
interface Elements<T extends NumberArray> {
  readonly make: (length: number) => T;
  readonly float?: FloatType;
}

/** Every element type. */
export const ELEMENTS: { readonly [N in ElementType]: Elements<ElementArrays[N]> } = {
  float16: {
    make: (length) => new Float16Array(length),
    float: { round: Math.f16round, digits: 3 },
  },
  float32: { make: (length) => new Float32Array(length), float: { round: Math.fround, digits: 6 } },
  float64: {
    make: (length) => new Float64Array(length),
    float: { round: (value) => value, digits: 15 },
  },
  int8: { make: (length) => new Int8Array(length) },
  uint8: { make: (length) => new Uint8Array(length) },
  int16: { make: (length) => new Int16Array(length) },
  uint16: { make: (length) => new Uint16Array(length) },
  int32: { make: (length) => new Int32Array(length) },
  uint32: { make: (length) => new Uint32Array(length) },
};

/**
 * The row of an element type.
 * @throws {ArgumentError} there is no such type
 */
export function elementsOf<N extends ElementType>(type: N): Elements<ElementArrays[N]> {
  if (Object.hasOwn(ELEMENTS, type)) return ELEMENTS[type];
  const known = Object.keys(ELEMENTS).join(", ");
  throw new ArgumentError(`Cannot use the element type "${type}": it is none of ${known}`);
}

/** The element type of a typed array, if tensors can have it. */
export function elementTypeOf(data: ArrayBufferView): ElementType | undefined {
  const tag = (data as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "";
  const name = tag.replace(/Array$/, "").toLowerCase();
  return name in ELEMENTS ? name as ElementType : undefined;
}
