/** The operations of a step, as kernels/ops.def lists them too. @module */

/** What one operation takes, in the order of its fields in `cria_op`. */
export interface OperationFields {
  /** Operands, in slots 0 to 7. */
  readonly operands: readonly string[];
  /** Unsigned integers. */
  readonly parameters: readonly string[];
  /** 32-bit floats. */
  readonly floats: readonly string[];
}

function row(operands: string, parameters = "", floats = ""): OperationFields {
  const words = (text: string) => text.split(" ").filter((word) => word !== "");
  return { operands: words(operands), parameters: words(parameters), floats: words(floats) };
}

/** By name; an operation's number is its place in this list. What each means: step/step.ts. */
export const OPERATIONS = {
  embed: row("tokens weight out", "", "scale"),
  norm: row("x weight out", "heads xStride outStride", "epsilon"),
  quantize: row("x out", "xStride"),
  matmul: row(
    "x weight out bias residual groups places",
    "xStride outStride residualStride experts",
  ),
  gated: row(
    "x gate up out groups gatePlaces upPlaces",
    "xStride outStride activation experts",
  ),
  rope: row("x angles", "heads headDim dims pairs stride"),
  store: row("k v slots keys values", "heads headDim stride pagePositions pageCount pageBytes"),
  attend: row(
    "q keys values places tables out",
    "heads kvHeads headDim qStride outStride pagePositions pageCount pageBytes window tableWords",
    "scale softcap",
  ),
  activate: row("gate up out", "gateStride upStride outStride activation"),
  add: row("a b out", "aStride bStride outStride"),
  copy: row("x out index", "xStride outStride xRows"),
  softmax: row("x out", "xStride outStride"),
  softcap: row("x out", "xStride outStride", "cap"),
  route: row("x weights slots groups", "xStride weightStride normalised"),
  scatter: row("x slots out", "ranks xStride"),
  gather: row("x slots weights residual out", "ranks residualStride outStride"),
} as const satisfies Record<string, OperationFields>;

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS;

/** All names, in the order of their numbers. */
export const OPERATION_NAMES: readonly OperationName[] = Object.keys(
  OPERATIONS,
) as OperationName[];

/** The lines that C must have for this list. */
export function operationLines(): string[] {
  return OPERATION_NAMES.map((name) => {
    const { operands, parameters, floats } = OPERATIONS[name];
    return `${name}: ${operands.join(" ")} | ${parameters.join(" ")} | ${floats.join(" ")}`;
  });
}

/** Element types of operands that are not weight types; weight types use ggml's ids. */
export const ELEMENT = {
  F32: 0,
  F16: 1,
  Q8_0: 8,
  I32: 26,
  ACT32: 200,
  ACT256: 201,
  NONE: 255,
} as const;

/** Layout of `cria_op` in 32-bit words. */
export const OP_WORDS = { size: 52, parameters: 5, floats: 16, operands: 20 } as const;
