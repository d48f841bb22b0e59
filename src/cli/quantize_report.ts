/** The report of `cria quantize`: what rounding did to each tensor, and to predictions. @module */

import { type Perplexity, perplexity } from "../evaluate/perplexity.ts";
import type { QuantizeResult } from "../quantize/quantize.ts";
import { grouped, table, threeDigits } from "./layout.ts";
import { loadModel } from "./models.ts";
import { evaluationProgress } from "./perplexity.ts";
import { Progress } from "./terminal.ts";

/** A text of our own, for reports without one: plain prose, some 300 tokens. */
const PASSAGE = `The ferry left the harbour a little after six, when the lamps along the quay were
still burning. Only a dozen people were aboard: two farmers with crates of apples, a teacher who was
reading letters, and a family on its way to a wedding. The wind had turned during the night, and the
water between the islands was grey and restless. Nobody spoke much. The captain, who had made the
crossing every morning for twenty years, knew each rock by the colour of the waves around it.

Halfway across, the engine stopped. It did so without a sound of warning, and for a moment the
silence was so complete that one could hear the gulls on the far shore. The captain did not seem to
be surprised. He went below with a lantern, and the teacher put her letters away and followed him,
because she had once studied machines before she began to teach. They found that a valve had come
loose. She held the light while he worked, and told him why the pressure had fallen so slowly that
the gauge on the bridge had shown nothing.

When the engine ran again, the sun was up, and the islands lay green and clear before them. The
farmers shared their apples with everybody. The children of the family counted the houses on the
hill, and argued about how many there were: the younger said nine, the elder insisted on eleven. In
the end the captain settled the matter. There were ten, he said, but one of them was a barn.`;

const CONTEXT = 512;
const CHUNKS = 8; // more would take longer than quantising does

/** How well the text was predicted, before and after. */
export interface Comparison {
  /** The file, or "a passage of ours". */
  readonly text: string;
  /** Predicted tokens. */
  readonly tokens: number;
  /** Perplexity of the input. */
  readonly before: number;
  /** Perplexity of the output. */
  readonly after: number;
}

/** What a comparison needs. */
export interface ComparisonOptions {
  /** The text, and what it is called; a passage of ours, if left out. */
  readonly text?: { readonly name: string; readonly content: string } | undefined;
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/** Measures how well both models predict the text; its first 4,096 tokens at most. */
export async function compare(
  input: string,
  output: string,
  { text = { name: "a passage of ours", content: PASSAGE }, quiet, signal }: ComparisonOptions,
): Promise<Comparison> {
  const predict = async (path: string): Promise<Perplexity> => {
    const engine = { threads: undefined, ctx: CONTEXT, kv: "f32", quiet } as const;
    using opened = await loadModel(path, engine, signal);
    using progress = new Progress(!quiet);
    const onProgress = evaluationProgress(progress);
    const options = { context: CONTEXT, chunks: CHUNKS, signal, onProgress };
    return await perplexity(opened.model, text.content, options);
  };
  const before = await predict(input), after = await predict(output);
  const { tokens } = before;
  return { text: text.name, tokens, before: before.perplexity, after: after.perplexity };
}

/** The report as lines of at most `width` columns. */
export function reportLines(
  { tensors }: QuantizeResult,
  { text, tokens, before, after }: Comparison,
  width: number,
): string[] {
  const columns = [
    { title: "tensor", flexible: true },
    { title: "type" },
    { title: "signal/noise", align: "right" },
    { title: "largest error", align: "right" },
  ] as const;
  const rows = tensors.map(({ name, type, sqnrDb, maxError }) => [
    ...[name, type, sqnrDb === null ? "exact" : `${threeDigits(sqnrDb)} dB`],
    maxError === 0 ? "0" : maxError.toExponential(2),
  ]);
  const change = threeDigits(100 * (after / before - 1));
  return [
    ...table(columns, rows, width),
    "",
    `perplexity before ${before.toFixed(4)}, after ${after.toFixed(4)} (${change} %)`,
    `over ${grouped(tokens)} predicted tokens of ${text}`,
  ];
}
