/**
 * Lets sessions come and go at random for some minutes, and watches memory and pages.
 *
 *     deno run -A bench/soak.ts MODEL --minutes 10 --sessions 200 --seed 1 --cache-mib 128
 *
 * Sessions begin with a prompt or as a fork, go on, go back, chat, are stopped by a signal or
 * dropped; all of them share one scheduler and one cache. At the end no page may be in use but
 * those kept for later, and resident memory should be what it was after the first quarter.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { Model, type Session } from "../mod.ts";
import { pseudoTokens } from "./figures.ts";

/** Numbers in [0, 1) by mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One life of a session: some turns, then it is dropped. Counts tokens and ends. */
async function live(
  model: Model,
  origin: Session | undefined,
  random: () => number,
  counts: { tokens: number; stopped: number; forked: number },
): Promise<void> {
  using session = origin?.fork() ?? model.session();
  if (origin) counts.forked++;
  const turns = 1 + Math.floor(random() * 4);
  for (let turn = 0; turn < turns; turn++) {
    if (random() < 0.3) session.rewind(Math.floor(random() * (session.position + 1)));
    const length = 1 + Math.floor(random() * 150);
    const shared = pseudoTokens(90, model.config.vocabularySize, 1);
    const own = pseudoTokens(length, model.config.vocabularySize, Math.floor(random() * 1e6));
    const prompt = random() < 0.5 ? [...shared, ...own] : own;
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), random() < 0.3 ? random() * 200 : 60000);
    const options = {
      ...{ maxTokens: 1 + Math.floor(random() * 40), ignoreEos: true, signal: control.signal },
      ...{ onOverflow: "shift", speculate: random() < 0.2 ? "lookup" : undefined } as const,
    };
    try {
      const generation = random() < 0.5
        ? session.generate(prompt, options)
        : session.extend(prompt.slice(0, 200), options);
      const { tokens, finishReason } = await generation.result;
      counts.tokens += tokens.length;
      if (finishReason === "abort") counts.stopped++;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** MiB, for a person. */
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

if (import.meta.main) {
  const { _: [path], ...flags } = parseArgs(Deno.args, {
    string: ["minutes", "sessions", "seed", "cache-mib"],
  });
  if (!path) throw new Error("Cannot soak: give a MODEL, as bench/soak.ts shows");
  const minutes = Number(flags.minutes ?? 10), sessions = Number(flags.sessions ?? 200);
  const random = randomNumbers(Number(flags.seed ?? 1));
  const cacheBytes = Number(flags["cache-mib"] ?? 128) * 2 ** 20;
  using model = await Model.load(String(path), { context: 512, cacheBytes });
  const { pageBytes, pageCount } = model.cacheStatistics();
  console.log(
    `${sessions} sessions in ${minutes} minutes; ${pageCount} pages of ${mib(pageBytes)}`,
  );
  const counts = { tokens: 0, stopped: 0, forked: 0 };
  const begin = performance.now(), end = begin + minutes * 60e3, rss: number[] = [];
  const watch = setInterval(() => {
    rss.push(Deno.memoryUsage().rss);
    const { usedPages, idlePages } = model.cacheStatistics();
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.log(`${seconds} s: ${mib(rss.at(-1)!)}, ${usedPages} pages, ${idlePages} of them idle`);
  }, minutes * 60e3 / 20);
  let begun = 0;
  const lives = new Set<Promise<void>>();
  using origin = model.session();
  await origin.generate(pseudoTokens(120, model.config.vocabularySize, 1), { maxTokens: 1 }).text();
  const worker = async () => {
    while (begun < sessions && performance.now() < end) {
      const due = begin + begun++ / sessions * (end - begin);
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      await live(model, random() < 0.3 ? origin : undefined, random, counts);
    }
  };
  for (let i = 0; i < 8; i++) lives.add(worker());
  await Promise.all(lives);
  clearInterval(watch);
  origin[Symbol.dispose]();
  const { usedPages, idlePages } = model.cacheStatistics();
  model.clearCache();
  const left = model.cacheStatistics().usedPages, quarter = rss[Math.floor(rss.length / 4)] ?? 0;
  const growth = ((rss.at(-1) ?? 0) / quarter - 1) * 100;
  console.log(
    `${begun} sessions, ${counts.forked} forks, ${counts.stopped} stopped, ` +
      `${counts.tokens} tokens; ${usedPages - idlePages} pages in use at the end, ${left} after ` +
      `the cache was cleared; resident memory ${growth.toFixed(1)} % above the first quarter's`,
  );
  if (left > 0 || usedPages > idlePages) Deno.exit(1);
}
