/** Which tensor of a model becomes which type when the model is quantised. @module */
import { quote } from "../bytes.ts";
import { ArgumentError, ModelError } from "../errors.ts";
import type { ModelTensor } from "../model/model_tensor.ts";
import { type Quant, quantByName, weightType } from "../quant.ts";

/** One thing that a model can be quantised to. */
export interface Target {
  /** As people name it. */
  readonly name: string;
  /** The type of its matrices in the file. */
  readonly type: string;
  /** `general.file_type`: ggml's number of such files. */
  readonly fileType: number;
  /** The type of the output matrix (of the embedding where they are tied), if it is finer. */
  readonly output?: string;
  /** Each row, or the whole matrix, has one scale: see quant/int8.ts. */
  readonly oneScale?: boolean;
}

/** Everything that a model can be quantised to. */
export const TARGETS: readonly Target[] = [
  { name: "Q8_0", type: "Q8_0", fileType: 7 },
  { name: "int8", type: "Q8_0", fileType: 7, oneScale: true },
  { name: "Q4_0", type: "Q4_0", fileType: 2, output: "Q6_K" },
  { name: "Q4_1", type: "Q4_1", fileType: 3, output: "Q6_K" },
  { name: "Q5_0", type: "Q5_0", fileType: 8, output: "Q6_K" },
  { name: "Q5_1", type: "Q5_1", fileType: 9, output: "Q6_K" },
  { name: "Q4_K", type: "Q4_K", fileType: 14, output: "Q6_K" },
  { name: "Q5_K", type: "Q5_K", fileType: 16, output: "Q6_K" },
  { name: "Q6_K", type: "Q6_K", fileType: 18 },
  { name: "F16", type: "F16", fileType: 1 },
  { name: "BF16", type: "BF16", fileType: 32 },
  { name: "F32", type: "F32", fileType: 0 },
];

/** What takes the place of a type whose blocks do not fit a matrix's rows, as in llama-quantize. */
const FALLBACKS: Readonly<Record<string, string>> = { Q4_K: "Q5_0", Q5_K: "Q5_1", Q6_K: "Q8_0" };
const LAST_FALLBACK = "F16";

/** A tensor and what becomes of it. */
export interface PlannedTensor {
  /** Its name in the new file. */
  readonly name: string;
  /** Where its values come from. */
  readonly tensor: ModelTensor;
  /** ggml's name of its type in the new file. */
  readonly type: string;
  /** The type that it could not have, as its rows are no whole blocks of that. */
  readonly instead?: string | undefined;
  /** One scale per row, or one for all. */
  readonly oneScale: boolean;
}

/**
 * Plans every tensor of a file: matrices become the target's type, everything else (norms, biases,
 * routers of experts) stays as it is, or becomes plain floats where a GGUF has them so.
 *
 * @param tensors those of the model, by name
 * @param floats whether everything else becomes F32
 * @param target what it becomes
 * @param requantize takes matrices as well that have been rounded coarsely before
 * @throws {ModelError} a matrix is of a type that cannot be decoded, or was rounded before
 */
export function planTensors(
  tensors: ReadonlyMap<string, ModelTensor>,
  target: Target,
  { requantize, floats }: { readonly requantize: boolean; readonly floats: boolean },
): PlannedTensor[] {
  const outputName = tensors.has("output.weight") ? "output.weight" : "token_embd.weight";
  return [...tensors].map(([name, tensor]) => {
    if (!isMatrix(name, tensor)) {
      return { name, tensor, type: floats ? "F32" : tensor.type, oneScale: false };
    }
    const wanted = name === outputName ? target.output ?? target.type : target.type;
    const type = fitting(wanted, tensor.shape.at(-1)!);
    checkSource(tensor, type, requantize);
    const oneScale = target.oneScale === true && type === target.type;
    return { name, tensor, type, instead: type === wanted ? undefined : wanted, oneScale };
  });
}

/** Whether a tensor is a matrix of products or embeddings: what llama-quantize quantises, too. */
function isMatrix(name: string, { shape }: ModelTensor): boolean {
  return shape.length >= 2 && name.endsWith(".weight") && !/_norm\.|ffn_gate_inp\./.test(name);
}

/** The type, or the first of its fallbacks whose blocks fit rows of so many columns. */
function fitting(type: string, columns: number): string {
  if (columns % quantByName(type)!.elements === 0) return type;
  return fitting(FALLBACKS[type] ?? LAST_FALLBACK, columns);
}

/** Refuses what cannot be decoded, and a second coarse rounding on top of a first one. */
function checkSource(tensor: ModelTensor, to: string, requantize: boolean): void {
  const { name, type, pieces } = tensor, from = weightType(type);
  const what = `Cannot quantize ${quote(name)} of ${quote(pieces[0]!.path, Infinity)}`;
  if (from === undefined) throw new ModelError(`${what}: cria cannot decode its type, ${type}`);
  if (requantize || type === to || !isCoarse(from) || !isCoarse(quantByName(to)!)) return;
  throw new ModelError(
    `${what}: it is ${type} already, and rounding it again to ${to} adds up errors ` +
      "(--allow-requantize does it nevertheless)",
  );
}

/** Fewer than 8 bits a weight. */
function isCoarse({ bytes, elements }: Pick<Quant, "bytes" | "elements">): boolean {
  return bytes / elements < 1;
}

/**
 * The target of a name.
 * @throws {ArgumentError} there is none; the message lists them
 */
export function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found) return found;
  const known = TARGETS.map((target) => target.name).join(", ");
  throw new ArgumentError(`Cannot quantize to "${name}": it is none of ${known}`);
}
