/**
 * Random generations under the schemas of `schemas.ts` with the embedded model, validated by Ajv:
 *
 *     deno run -A tests/grammar/random_generations.ts 10000 [seed]
 *
 * @module
 */

import { Ajv2020 } from "npm:ajv@8.17.1/dist/2020.js";
import addFormats from "npm:ajv-formats@3.0.1";
import { Model } from "../../src/session/model.ts";
import { Random } from "../../src/sampling/random.ts";
import { ROOT } from "../support.ts";
import { SCHEMAS } from "./schemas.ts";

/** What generations came to. */
export interface Outcome {
  /** How many there were. */
  readonly count: number;
  /** How many took the short way to an end for want of room. */
  readonly cutShort: number;
  /** What is wrong, with the text. */
  readonly failures: readonly string[];
}

/** Ajv with every keyword and format of the schemas. */
function validator(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  return ajv;
}

/**
 * Generates at temperature 1.5 from the whole vocabulary: nothing but the grammar holds a text.
 * @param count how many generations, in turn under each schema
 * @param seed of the first one; the others count up
 */
export async function generateRandomly(count: number, seed: number): Promise<Outcome> {
  using model = await Model.load(`${ROOT}/models/story.gguf`, { context: 512, threads: 1 });
  using session = model.session({ temperature: 1.5, topK: 0, topP: 1, minP: 0 });
  const checks = SCHEMAS.map(([, schema]) =>
    validator().compile(Array.isArray(Object(schema).items) ? draft7(schema) : schema)
  );
  const failures: string[] = [];
  let cutShort = 0;
  for (let i = 0; i < count; i++) {
    const [name, schema] = SCHEMAS[i % SCHEMAS.length]!, one = seed + i;
    const maxTokens = 80 + new Random(one).nextWord() % 160;
    const options = { schema, seed: one, maxTokens };
    const { text, finishReason } = await session.generate("Once upon a time", options).result;
    if (finishReason === "length") cutShort++;
    const problem = problemOf(text, checks[i % SCHEMAS.length]!);
    if (problem !== undefined) failures.push(`${name}, seed ${one}: ${problem}: ${text}`);
  }
  return { count, cutShort, failures };
}

/** The same schema in the words of draft 2020-12, which alone Ajv takes here. */
function draft7(schema: object | boolean): object {
  const { items, additionalItems, ...rest } = Object(schema);
  return { ...rest, prefixItems: items, items: additionalItems };
}

function problemOf(text: string, check: ReturnType<Ajv2020["compile"]>): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return String(error);
  }
  return check(value) ? undefined : JSON.stringify(check.errors);
}

if (import.meta.main) {
  const [count = 10_000, seed = 1] = Deno.args.map(Number);
  const { cutShort, failures } = await generateRandomly(count, seed);
  failures.forEach((failure) => console.log(failure));
  console.log(`${count} generations, ${cutShort} cut short, ${failures.length} failures`);
  Deno.exit(failures.length === 0 ? 0 : 1);
}
