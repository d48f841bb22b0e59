/**
 * Everything that sequences can do, by several of them at once, over a cache that is too small for
 * all: every logit is that of one sequence alone in a cache that lies in one piece, to the bit.
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Model } from "../../mod.ts";
import { KV_TYPES, type KvType } from "../../src/cache/pages.ts";
import { CacheFullError } from "../../src/errors.ts";
import { ModelSequence } from "../../src/model/sequence.ts";
import type { Sequence } from "../../src/session/engine.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { Random, SEED } from "../kernel_support.ts";
import { sharedTest } from "../support.ts";
import { FlatModel } from "./flat.ts";
import { randomModelTest, someTokens, VOCABULARY } from "./random_model.ts";

const CONTEXT = 260;

const MOVES = ["go on", "take over", "rewind", "fork", "drop", "copy", "stop", "guess"] as const;

/** How much is done, with what. */
interface Game {
  readonly rounds: number;
  readonly kv: KvType;
  readonly vocabulary?: number;
  readonly longest?: number;
}

/** One of several that play at once; each has its own sequences and random numbers. */
class Player {
  readonly #sequences: Sequence[] = [];
  /** How often each thing was done. */
  readonly counts = new Map<string, number>();

  constructor(
    readonly model: Model,
    readonly flat: FlatModel,
    readonly random: Random,
    readonly texts: readonly (readonly number[])[],
  ) {}

  /** Does random things, and compares all logits. */
  async play(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      if (this.#sequences.length === 0) this.#sequences.push(this.model.createSequence());
      const move = this.random.pick(MOVES);
      try {
        await this[move]();
        this.#count(move);
      } catch (error) {
        if (!(error instanceof CacheFullError)) throw error;
        this.#count("full");
        this.dispose(); // makes room for others
      }
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  get #one(): number {
    return this.random.below(this.#sequences.length);
  }

  /** Some tokens that fit behind a sequence; none where it is full. */
  #tokens(sequence: Sequence): readonly number[] {
    const room = sequence.capacity - sequence.position, text = this.random.pick(this.texts);
    return text.slice(0, Math.min(room, 1 + this.random.below(this.random.pick([2, 9, 200]))));
  }

  async "go on"(sequence = this.#sequences[this.#one]!): Promise<void> {
    const tokens = this.#tokens(sequence), priority = this.random.below(2);
    if (tokens.length > 0) await this.#compare(sequence, sequence.evaluate(tokens, { priority }));
  }

  async "take over"(): Promise<void> {
    const sequence = this.#sequences[this.#one]!, text = this.random.pick(this.texts);
    const end = 2 + this.random.below(text.length - 2);
    const known = sequence.reuse(text.slice(0, end - 1));
    assert(known < end);
    await this.#compare(sequence, sequence.evaluate(text.slice(known, end)));
  }

  async rewind(): Promise<void> {
    const sequence = this.#sequences[this.#one]!;
    sequence.rewind(this.random.below(sequence.position + 1));
    await this["go on"](sequence);
  }

  async fork(): Promise<void> {
    const fork = this.#sequences[this.#one]!.fork();
    this.#sequences.push(fork);
    await this["go on"](fork);
  }

  drop(): void {
    this.#sequences.splice(this.#one, 1)[0]![Symbol.dispose]();
  }

  /** As saving and restoring do, without the file. */
  async copy(): Promise<void> {
    const from = this.#sequences[this.#one]!, tokens = [...from.tokens];
    if (tokens.length === 0) return;
    const copies = await from.withPages(({ sizes, read }) =>
      Promise.resolve(sizes.map((bytes, index) => {
        const page = new Uint8Array(bytes);
        read(index, page);
        return page;
      }))
    );
    const copy = this.model.createSequence();
    assert(copy instanceof ModelSequence);
    this.#sequences.push(copy);
    await copy.load(tokens, ReadableStream.from(copies));
    assertEquals(copy.tokens, tokens);
    await this["go on"](copy);
  }

  /** An evaluation that is stopped; what it leaves is gone on from. */
  async stop(): Promise<void> {
    const sequence = this.#sequences[this.#one]!, tokens = this.#tokens(sequence);
    if (tokens.length === 0) return;
    const before = sequence.position, signal = AbortSignal.timeout(this.random.below(3));
    try {
      await sequence.evaluate(tokens, { signal });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
    assert(sequence.position >= before && sequence.position <= before + tokens.length);
    await this["go on"](sequence);
  }

  /** Logits after each of some tokens, most of which are then taken back. */
  async guess(): Promise<void> {
    const sequence = this.#sequences[this.#one]!, size = this.model.config.vocabularySize;
    const tokens = this.#tokens(sequence).slice(0, 16), before = [...sequence.tokens];
    if (tokens.length === 0) return;
    const logits = new Float32Array(tokens.length * size), kept = this.random.below(tokens.length);
    await sequence.decode(tokens, logits);
    const row = logits.subarray(kept * size, (kept + 1) * size);
    await this.#same(row, [...before, ...tokens.slice(0, kept + 1)]);
    sequence.rewind(before.length + kept + 1);
    assertEquals(sequence.position, before.length + kept + 1); // so much is always spared
  }

  async #compare(sequence: Sequence, logits: Promise<Float32Array> | Float32Array): Promise<void> {
    await this.#same(new Float32Array(await logits), [...sequence.tokens]);
  }

  async #same(logits: Float32Array, tokens: readonly number[]): Promise<void> {
    const expected = await this.flat.bits(tokens);
    const bits = new Uint32Array(logits.slice().buffer);
    assert(bits.every((bit, i) => bit === expected[i]), `${tokens.length} tokens, seed ${SEED}`);
  }

  dispose(): void {
    for (const sequence of this.#sequences.splice(0)) sequence[Symbol.dispose]();
  }
}

/** Several players at once; the cache has room for some of their texts. */
async function play(path: string, game: Game): Promise<void> {
  const { rounds, kv, vocabulary = VOCABULARY, longest = CONTEXT } = game;
  const options = { threads: 2, context: CONTEXT, chunkRows: 48, kv };
  const { pageBytes } = await pageSizes(path, options);
  using model = await Model.load(path, { ...options, cacheBytes: 24 * pageBytes });
  using flat = await FlatModel.load(path, kv, CONTEXT);
  const tokens = someTokens(2 * longest, vocabulary), half = tokens.slice(0, longest / 2);
  const texts = [[0, 1], [0.25, 0.75], [0.5, 1]].map(([from = 0, to = 0]) =>
    tokens.slice(from * longest, to * longest + longest / 2)
  ).flatMap((text) => [text.slice(0, longest), [...half, ...text].slice(0, longest)]);
  const players = [1, 2, 3, 4].map((index) =>
    new Player(model, flat, new Random(SEED + index), texts)
  );
  await Promise.all(players.map((player) => player.play(rounds)));
  for (const player of players) player.dispose();
  const seen = new Set(players.flatMap(({ counts }) => [...counts.keys()]));
  for (const move of rounds > 20 ? MOVES : []) assert(seen.has(move), `${move}, seed ${SEED}`);
  const { usedPages, idlePages } = model.cacheStatistics();
  assertEquals([usedPages, model.memory().kvBytes], [idlePages, 0]);
  model.clearCache();
  assertEquals(model.cacheStatistics().usedPages, 0);
}

async function pageSizes(path: string, options: { kv: KvType; context: number }) {
  using model = await Model.load(path, options);
  return model.cacheStatistics();
}

for (const kv of KV_TYPES) {
  const name = `any mixture of all that sequences do, ${kv} (seed ${SEED})`;
  randomModelTest(name, (path) => play(path, { rounds: 60, kv }));
  for (const fullEvery of [0, 2]) {
    const windows = { window: 70, fullEvery };
    const run = (path: string) => play(path, { rounds: 60, kv });
    randomModelTest(`${name}, windows, all in one layer of ${fullEvery}`, run, "Q8_0", windows);
  }
}

sharedTest(`the same with SmolLM2 (seed ${SEED})`, SMOLLM2, async (path) => {
  await play(path, { rounds: 5, kv: "f16", vocabulary: 49152, longest: 80 });
});
