/**
 * Models, sessions and calls that begin, end, fail and are disposed of in any order: what comes out
 * is right or a proper refusal, and nothing native is left behind.
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DisposedError, Model, type Session } from "../../mod.ts";
import { CacheFullError, CriaError, QueueFullError } from "../../src/errors.ts";
import { Region } from "../../src/native/memory.ts";
import { kernels, Random, SEED } from "../kernel_support.ts";
import { someTokens, type Windows, writeRandomModel } from "./random_model.ts";

const WINDOWS: Windows = { window: 70, fullEvery: 2 };
const OPTIONS = { threads: 2, context: 260, chunkRows: 48, maxQueue: 6 };

/** What may come of a call beside its result: it was disposed of, stopped, or one too many. */
function isRefusal(error: unknown): boolean {
  const isTooMany = error instanceof CacheFullError || error instanceof QueueFullError;
  const isStopped = error instanceof DOMException;
  const isBusy = error instanceof CriaError && /another|is running/.test(error.message);
  return error instanceof DisposedError || isTooMany || isStopped || isBusy;
}

/** A model with what hangs on it. */
interface Life {
  readonly path: string;
  readonly model: Model;
  readonly sessions: Session[];
}

/** Chances, and what was seen. */
class Stress {
  readonly #lives: Life[] = [];
  readonly #flights = new Set<Promise<void>>();
  readonly #random = new Random(SEED);
  readonly #freed: Promise<void>[] = [];
  #failure: Error | undefined;
  readonly #paths: readonly string[];
  readonly #truth: ReadonlyMap<string, readonly number[]>; // by path: a greedy generation
  /** How often each thing was done, and how often it was refused. */
  readonly counts = new Map<string, number>();

  constructor(truth: ReadonlyMap<string, readonly number[]>, readonly folder: string) {
    this.#paths = [...truth.keys()];
    this.#truth = truth;
  }

  /** Does random things, most of them before those before have ended. */
  async run(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      if (this.#lives.length === 0) await this.load();
      const move = this.#random.pick(MOVES);
      this.#start(move, () => this[move]());
      if (this.#random.below(4) === 0) await new Promise((resolve) => setTimeout(resolve));
      if (this.#flights.size > 12) await Promise.race(this.#flights);
    }
    while (this.#lives.length > 0) this.disposeModel();
    await Promise.all(this.#flights);
    while (this.#lives.length > 0) this.disposeModel(); // those that were being loaded
    await Promise.all(this.#freed);
    if (this.#failure) throw this.#failure;
  }

  #start(name: string, work: () => unknown): void {
    const end = (error?: unknown) => {
      this.#flights.delete(flight);
      this.#count(error === undefined ? name : "refused");
      if (error === undefined || isRefusal(error)) return;
      this.#failure ??= new Error(`${name}, seed ${SEED}`, { cause: error });
    };
    const flight = Promise.resolve().then(work).then(() => end(), end);
    this.#flights.add(flight);
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  get #life(): Life {
    if (this.#lives.length === 0) throw new DisposedError("Cannot go on: no model is left");
    return this.#random.pick(this.#lives);
  }

  get #session(): Session {
    const { model, sessions } = this.#life;
    if (sessions.length === 0) sessions.push(model.session());
    return this.#random.pick(sessions);
  }

  async load(): Promise<void> {
    if (this.#lives.length > 2) return;
    const path = this.#random.pick(this.#paths), kv = "f16";
    const model = await Model.load(path, { ...OPTIONS, kv, cacheBytes: 1 << 18 });
    this.#lives.push({ path, model, sessions: [] });
  }

  /** A generation from the text whose end is known; it may be stopped. */
  async generate(): Promise<void> {
    const { model, path } = this.#life, truth = this.#truth.get(path)!;
    const isStopped = this.#random.below(3) === 0, late = this.#random.below(5);
    const signal = isStopped ? AbortSignal.timeout(late) : undefined;
    const speculate = this.#random.below(3) === 0 ? "lookup" : undefined;
    using session = model.session({ temperature: 0 });
    const options = { maxTokens: truth.length, ignoreEos: true, signal, speculate } as const;
    const { tokens } = await session.generate(someTokens(100), options).result;
    assertEquals(tokens, truth.slice(0, tokens.length));
  }

  async goOn(): Promise<void> {
    const session = this.#session, options = { maxTokens: 5, onOverflow: "shift" } as const;
    await session.extend(someTokens(1 + this.#random.below(60)), options).text();
  }

  fork(): void {
    const life = this.#life;
    if (life.sessions.length > 0 && life.sessions.length < 6) {
      life.sessions.push(this.#random.pick(life.sessions).fork());
    }
  }

  rewind(): void {
    const session = this.#session;
    session.rewind(this.#random.below(session.position + 1));
  }

  async save(): Promise<void> {
    const { path, model, sessions } = this.#life, session = sessions[0];
    const file = `${this.folder}/${this.#paths.indexOf(path)}.cria`;
    if (session && this.#random.below(2) === 0) await session.save(file);
    else if (await isThere(file)) sessions.push(await model.restore(file));
  }

  async logits(): Promise<void> {
    const { model } = this.#life;
    for await (const { rows } of model.logitRows(someTokens(100))) assert(rows > 0);
  }

  async watch(): Promise<void> {
    const { model } = this.#life;
    await model.profile(() => model.logits(someTokens(5)));
    await model.preload();
  }

  clear(): void {
    const { model } = this.#life;
    model.clearCache();
    assert(model.memory().kvBytes >= 0);
  }

  disposeSession(): void {
    const { sessions } = this.#life;
    sessions.splice(this.#random.below(sessions.length), 1)[0]?.[Symbol.dispose]();
  }

  disposeModel(): void {
    const life = this.#life, { model, sessions } = life;
    this.#lives.splice(this.#lives.indexOf(life), 1);
    const isLast = this.#random.below(2) === 0;
    if (!isLast) model[Symbol.dispose]();
    for (const session of sessions) session[Symbol.dispose]();
    this.#freed.push(model[Symbol.asyncDispose]());
  }
}

const MOVES = [
  ...["load", "generate", "generate", "goOn", "goOn", "fork", "rewind", "save", "logits"] as const,
  ...["watch", "clear", "disposeSession", "disposeModel"] as const,
];

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** The first free places in the tables of regions and pools: what is left behind moves them. */
function freePlaces(): number[] {
  using region = Region.alloc(kernels, 64);
  const code = kernels.call.cria_pool_create(1, new TextEncoder().encode(`${kernels.isas[0]}\0`));
  const pool = kernels.unwrap(code, "start a pool");
  kernels.unwrap(kernels.call.cria_pool_free(pool), "stop a pool");
  return [region.handle, pool];
}

Deno.test(`anything in any order leaves nothing behind (seed ${SEED})`, async () => {
  const folder = await Deno.makeTempDir(), truth = new Map<string, readonly number[]>();
  const paths = [writeRandomModel("Q8_0"), writeRandomModel("Q4_0", WINDOWS)];
  for (const path of paths) {
    using model = await Model.load(path, { ...OPTIONS, kv: "f16" });
    using session = model.session({ temperature: 0 });
    const options = { maxTokens: 40, ignoreEos: true };
    truth.set(path, (await session.generate(someTokens(100), options).result).tokens);
  }
  const before = freePlaces(), stress = new Stress(truth, folder);
  await stress.run(400);
  assertEquals(freePlaces(), before, `seed ${SEED}`);
  for (const name of [...MOVES, "refused"]) assert(stress.counts.has(name), name);
  for (const path of paths) await Deno.remove(path);
  await Deno.remove(folder, { recursive: true });
});
