/** A model without a model: tokens are characters, and a function says which comes next. @module */

import type { SpecialFilter } from "../../src/tokenizer/special.ts";
import { sharedLength } from "../../src/model/sequence.ts";
import type {
  Engine,
  EvaluateOptions,
  Sequence,
  SequencePages,
  TokenizerLike,
} from "../../src/session/engine.ts";

/** Ends a text. */
export const END = 128;
/** `<|im_start|>` and `<|im_end|>`. */
export const [TURN, TURN_END] = [129, 130];
/** The two bytes of "é". */
export const [HALF, OTHER_HALF] = [131, 132];

const SPECIAL: Readonly<Record<number, string>> = {
  [END]: "<|end|>",
  [TURN]: "<|im_start|>",
  [TURN_END]: "<|im_end|>",
};
const VOCABULARY = 140;

class FakeTokenizer implements TokenizerLike {
  readonly vocabularySize = VOCABULARY;
  readonly bosToken = undefined;
  readonly eosToken = END;
  readonly endTokens = new Set([END, TURN_END]);
  readonly addBos = false;

  encode(
    text: string,
    { special = false }: { bos?: boolean; special?: boolean | SpecialFilter } = {},
  ): number[] {
    const parts = special ? text.split(/(<\|end\|>|<\|im_start\|>|<\|im_end\|>)/) : [text];
    let end = 0;
    return parts.flatMap((piece, index) => {
      const place = { piece, kind: "control", start: end, end: end += piece.length };
      if (index % 2 === 0 || (typeof special === "function" && !special(place))) {
        return Array.from(piece, (char) => char.charCodeAt(0));
      }
      return Object.keys(SPECIAL).map(Number).filter((id) => SPECIAL[id] === piece);
    });
  }

  encodeAsync(...given: Parameters<FakeTokenizer["encode"]>): Promise<number[]> {
    return Promise.resolve(this.encode(...given));
  }

  piece(id: number): string {
    return SPECIAL[id] ?? String.fromCharCode(id);
  }

  idOf(piece: string): number | undefined {
    return Object.keys(SPECIAL).map(Number).find((id) => SPECIAL[id] === piece);
  }

  kind(id: number): string {
    return id in SPECIAL ? "control" : "normal";
  }

  decodeBytes(ids: Iterable<number>): Uint8Array {
    const bytes = (id: number) => id === HALF ? [0xC3] : id === OTHER_HALF ? [0xA9] : [id];
    return Uint8Array.from([...ids].flatMap((id) => id in SPECIAL ? [] : bytes(id)));
  }

  stream(): { push(id: number): string; flush(): string } {
    const decoder = new TextDecoder();
    return {
      push: (id) => decoder.decode(this.decodeBytes([id]), { stream: true }),
      flush: () => decoder.decode(),
    };
  }
}

/** How a fake behaves. */
export interface FakeOptions {
  /** The token after those in the cache. */
  readonly next: (cached: readonly number[]) => number;
  /** Positions; 1000 if left out. */
  readonly capacity?: number;
  /** Milliseconds that a call takes, asynchronously; synchronous and busy if negative. */
  readonly delayMs?: number;
}

/** An engine that remembers what was asked of it. */
export class FakeEngine implements Engine {
  readonly tokenizer = new FakeTokenizer();
  chatTemplate: string | undefined;
  toolTemplate: string | undefined;
  /** Every list of tokens that was evaluated. */
  readonly calls: number[][] = [];
  /** How many sequences are alive. */
  alive = 0;

  constructor(readonly options: FakeOptions) {}

  identity(): Promise<{ model: string; layout: string }> {
    return Promise.resolve({ model: "fake", layout: "none" });
  }

  createSequence(): Sequence {
    return new FakeSequence(this);
  }
}

class FakeSequence implements Sequence {
  readonly #engine: FakeEngine;
  readonly capacity: number;
  readonly #cached: number[];
  #disposed = false;

  constructor(engine: FakeEngine, cached: readonly number[] = []) {
    this.#engine = engine;
    this.#cached = [...cached];
    this.capacity = engine.options.capacity ?? 1000;
    engine.alive++;
  }

  get tokens(): readonly number[] {
    return this.#cached;
  }

  reuse(text: readonly number[]): number {
    this.rewind(sharedLength(this.#cached, text));
    return this.position;
  }

  withPages<T>(work: (pages: SequencePages) => Promise<T>): Promise<T> {
    return work({ sizes: [], read: () => {} });
  }

  fork(): Sequence {
    return new FakeSequence(this.#engine, this.#cached);
  }

  get position(): number {
    return this.#cached.length;
  }

  rewind(position: number): void {
    this.#assertAlive();
    if (position > this.#cached.length) throw new Error(`rewind to ${position}`);
    this.#cached.length = position;
  }

  evaluate(
    tokens: readonly number[],
    options: EvaluateOptions = {},
  ): Promise<Float32Array> | Float32Array {
    this.#assertAlive();
    if (tokens.length === 0) throw new Error("nothing to evaluate");
    if (this.#cached.length + tokens.length > this.capacity) throw new Error("beyond the end");
    this.#engine.calls.push([...tokens]);
    const { delayMs } = this.#engine.options;
    if (delayMs === undefined) return this.#append(tokens);
    if (delayMs >= 0) return this.#later(tokens, delayMs, options);
    for (const end = performance.now() - delayMs; performance.now() < end;);
    return this.#append(tokens);
  }

  decode(tokens: readonly number[], logits: Float32Array<ArrayBuffer>): Promise<Float32Array> {
    this.#engine.calls.push([...tokens]);
    tokens.forEach((token, row) => logits.set(this.#append([token]), row * VOCABULARY));
    return Promise.resolve(logits);
  }

  [Symbol.dispose](): void {
    this.#assertAlive();
    this.#disposed = true;
    this.#engine.alive--;
  }

  async #later(
    tokens: readonly number[],
    delayMs: number,
    { signal, onProgress }: EvaluateOptions,
  ): Promise<Float32Array> {
    for (const [index, token] of tokens.entries()) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      signal?.throwIfAborted();
      this.#append([token]);
      onProgress?.(index + 1, tokens.length);
    }
    return this.#append([]);
  }

  #append(tokens: readonly number[]): Float32Array {
    this.#assertAlive();
    this.#cached.push(...tokens);
    const logits = new Float32Array(VOCABULARY);
    logits[this.#engine.options.next(this.#cached)] = 50;
    return logits;
  }

  #assertAlive(): void {
    if (this.#disposed) throw new Error("the sequence is freed");
  }
}

/** Answers with a text after whatever stood before, then with END for ever. */
export function script(text: string | readonly number[], promptLength: number) {
  const tokens = typeof text === "string" ? Array.from(text, (c) => c.charCodeAt(0)) : text;
  return (cached: readonly number[]) => tokens[cached.length - promptLength] ?? END;
}
