/** Quantises a model file: reads, encodes and writes it in a stream. @module */
import { quote } from "../bytes.ts";
import { ArgumentError } from "../errors.ts";
import type { MetadataValue, ModelFile } from "../format/file.ts";
import { openModelFile } from "../format/open.ts";
import { refuseTaken } from "../format/whole_file.ts";
import { writeGguf } from "../format/write.ts";
import { type GgufForm, ggufForm } from "./gguf_form.ts";
import type { Clipping, Scope } from "../quant/int8.ts";
import { planTensors, type Target, targetNamed } from "./plan.ts";
import { Work } from "./stream.ts";

/** How a file is quantised. */
export interface QuantizeOptions {
  /** "Q8_0", "Q4_K", ...: see `TARGETS`. */
  readonly type: string;
  /** Takes the place of a file that is there, never of the input. */
  readonly overwrite?: boolean | undefined;
  /** Rounds again what was rounded to fewer than 8 bits before. */
  readonly requantize?: boolean | undefined;
  /** Of int8: what shares a scale, a row (the default) or the whole matrix. */
  readonly scope?: Scope | undefined;
  /**
   * Of int8: how far a scale reaches; by default to the largest weight, with `importance` as far as
   * leaves the least error.
   */
  readonly clipping?: Clipping | undefined;
  /**
   * Of int8 per row: finds, by tensor, the mean square of the activations that meet each column,
   * [columns]; the error that "mse" makes least is then that of the products.
   */
  readonly importance?: (() => Promise<Importance>) | undefined;
  /** Workers; as many as there are processors by default. */
  readonly workers?: number | undefined;
  /** Stops it; nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far it is. */
  readonly onProgress?: ((doneBytes: number, allBytes: number) => void) | undefined;
}

/** By tensor, how much each of its columns matters, [columns]. */
export type Importance = ReadonlyMap<string, Float32Array>;

/** What became of a tensor. */
export interface QuantizedTensor {
  /** Its name. */
  readonly name: string;
  /** ggml's name of its type now. */
  readonly type: string;
  /** Signal to noise in decibels; null where nothing was lost. */
  readonly sqnrDb: number | null;
  /** The largest error of a weight. */
  readonly maxError: number;
  /** The type that it could not have, as its rows are no whole blocks of that. */
  readonly instead?: string | undefined;
}

/** What became of a file. */
export interface QuantizeResult {
  /** What was asked for. */
  readonly type: string;
  /** Size of the input. */
  readonly inBytes: number;
  /** Size of the output. */
  readonly outBytes: number;
  /** All tensors, in the file's order. */
  readonly tensors: readonly QuantizedTensor[];
}

/**
 * Quantises a model file, or a folder in Hugging Face layout, whose tensors get the names and the
 * order that GGUF has for them. They pass through in parts of some megabytes, so that memory does
 * not grow with the file; the output gets its name when it is whole.
 *
 * @param input a model file of any format that cria reads
 * @param output the GGUF file to be
 * @param options to what, and how
 * @throws {ArgumentError} the output is there already, or is the input
 * @throws {ModelError} a tensor cannot be quantised so, or GGUF cannot say what the model is
 * @example
 * ```ts ignore
 * await quantizeFile("model.F16.gguf", "model.Q4_K.gguf", { type: "Q4_K" });
 * ```
 */
export async function quantizeFile(
  input: string,
  output: string,
  options: QuantizeOptions,
): Promise<QuantizeResult> {
  const { type, overwrite = false, requantize = false, signal } = options;
  const target = targetNamed(type);
  signal?.throwIfAborted();
  using file = await openModelFile(input);
  const form = ggufForm(file);
  await refuseSame(file, output);
  await refuseTaken(output, overwrite);
  const plan = planTensors(form.tensors, target, { requantize, floats: file.format !== "gguf" });
  const tensors = plan.map(({ name, tensor: { shape }, type }) => ({ name, shape, type }));
  const importance = target.oneScale ? await options.importance?.() : undefined;
  const clipping = options.clipping ?? (importance ? "mse" : "min-max");
  using work = new Work(plan, { ...options, clipping }, importance);
  const contents = {
    metadata: describe(form, target, { ...options, clipping }),
    numberTypes: form.numberTypes,
    tensors,
  };
  await writeGguf(output, contents, work.parts(), { overwrite, signal });
  const { size } = await Deno.stat(output);
  return { type, inBytes: file.fileBytes, outBytes: size, tensors: work.results() };
}

/** Refuses to write over what is being read, by whatever name. */
async function refuseSame(file: ModelFile, output: string): Promise<void> {
  const there = await Deno.stat(output).catch(() => undefined);
  if (there === undefined) return;
  const paths = new Set([file.path, ...[...file.tensors.values()].map(({ path }) => path)]);
  for (const path of paths) {
    const own = await Deno.stat(path);
    const isSame = own.ino !== null && own.ino === there.ino && own.dev === there.dev;
    if (!isSame && await Deno.realPath(path) !== await Deno.realPath(output)) continue;
    throw new ArgumentError(`Cannot write ${quote(output, Infinity)}: it is the input`);
  }
}

/** The metadata of the new file. */
function describe(
  form: GgufForm,
  { fileType, oneScale }: Target,
  { scope = "row", clipping = "min-max" }: QuantizeOptions,
): Map<string, MetadataValue> {
  const kept = [...form.metadata].filter(([key]) => !/^(split|cria\.int8)\./.test(key));
  const metadata = new Map(kept).set("general.file_type", fileType)
    .set("general.quantization_version", 2);
  if (oneScale) metadata.set("cria.int8.scope", scope).set("cria.int8.clipping", clipping);
  return metadata;
}
