/** Which bytes of its files a layer reads, so that the system can read them ahead. @module */

import type { MemoryRange } from "../native/memory.ts";
import { tensorBytes } from "../quant.ts";
import type { Operand } from "../step/step.ts";
import type { ModelConfig } from "./config.ts";
import type { LayerWeights, Weight } from "./weights.ts";

/** Matrices that a mixture has once for each expert, one after another. */
const OF_EXPERTS: readonly string[] = ["gate", "up", "down"] satisfies (keyof LayerWeights)[];

/** Where the weights of a layer lie. */
export function* rangesOf(
  layer: LayerWeights,
  { experts }: Pick<ModelConfig, "experts">,
): Generator<MemoryRange> {
  for (const [name, operand] of Object.entries(layer) as [string, Operand | undefined][]) {
    if (operand === undefined || !("quant" in operand)) continue;
    const { memory, offset, quant, rows, columns, starts } = operand as Weight;
    if (starts !== undefined) {
      const bytes = tensorBytes(quant, [rows, columns]);
      for (const start of starts) yield { memory, offset: start, bytes };
      continue;
    }
    const count = OF_EXPERTS.includes(name) ? experts?.count ?? 1 : 1;
    yield { memory, offset, bytes: tensorBytes(quant, [count, rows, columns]) };
  }
}
