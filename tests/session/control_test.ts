/** Tests of stopping, disposing of and sharing the event loop with generations. @module */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CriaError, DisposedError } from "../../src/errors.ts";
import { Session } from "../../src/session/session.ts";
import { FakeEngine } from "./fake.ts";

const A = 65;

Deno.test("leaving the loop stops the work", async () => {
  const engine = new FakeEngine({ next: () => A });
  using session = new Session(engine);
  const generation = session.generate("abc");
  let count = 0;
  for await (const _ of generation) if (++count === 2) break;
  const { finishReason, text } = await generation.result;
  assertEquals([finishReason, text, engine.calls.length], ["abort", "AA", 2]);
  assertEquals(await session.extend("", { maxTokens: 1 }).text(), "A"); // free again
});

Deno.test("abort throws where it is read and resolves the result", async () => {
  const engine = new FakeEngine({ next: () => A, delayMs: 1 });
  using session = new Session(engine);
  const control = new AbortController();
  const generation = session.generate("abc", { signal: control.signal });
  const reading = assertRejects(async () => {
    for await (const piece of generation) if (piece.token === A) control.abort();
  }, DOMException);
  assertEquals((await generation.result).finishReason, "abort");
  await reading;
});

Deno.test("abort is honoured inside the prompt and leaves a usable session", async () => {
  const engine = new FakeEngine({ next: () => A, delayMs: 1 });
  using session = new Session(engine);
  await session.generate("abc", { maxTokens: 2 }).text();
  const control = new AbortController();
  const reason = new Error("enough");
  const generation = session.extend("x".repeat(500), {
    signal: control.signal,
    onPromptProgress: (done) => done === 5 && control.abort(reason),
  });
  assertEquals(await assertRejects(() => generation.text()), reason);
  assertEquals((await generation.result).finishReason, "abort");
  assertEquals(String.fromCharCode(...session.tokens), "abcAA");
  assertEquals(await session.extend("", { maxTokens: 1 }).text(), "A");
});

Deno.test("abort is honoured while a draft reads the prompt", async () => {
  const engine = new FakeEngine({ next: () => A }), control = new AbortController();
  const reason = new Error("enough"), prompt = "x".repeat(300);
  let read = 0;
  const next = (cached: readonly number[]) => {
    if ((read = cached.length) === 5) control.abort(reason);
    return A;
  };
  const draft = new FakeEngine({ next, delayMs: 0 });
  using session = new Session(engine);
  const options = { signal: control.signal, speculate: draft, maxTokens: 9 };
  assertEquals(await assertRejects(() => session.generate(prompt, options).text()), reason);
  assertEquals([read, draft.alive], [5, 0]);
  assertEquals(session.position, 301);
});

Deno.test("a signal that is aborted already computes nothing", async () => {
  const engine = new FakeEngine({ next: () => A });
  using session = new Session(engine);
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => session.generate("a", { signal }).text(), Error, "before");
  assertEquals(engine.calls, []);
});

Deno.test("one generation at a time", async () => {
  using session = new Session(new FakeEngine({ next: () => A, delayMs: 1 }));
  const first = session.generate("a", { maxTokens: 5 }).text();
  await assertRejects(() => session.generate("b").text(), CriaError, "another generation");
  assertThrows(() => session.reset(), CriaError, "running");
  assertEquals(await first, "AAAAA");
});

Deno.test("a failure of the engine reaches reader and result, and frees the session", async () => {
  const next = (cached: readonly number[]) => {
    if (cached.length === 4) throw new Error("broken");
    return A;
  };
  using session = new Session(new FakeEngine({ next }));
  const generation = session.generate("ab");
  await assertRejects(() => generation.text(), Error, "broken");
  await assertRejects(() => generation.result, Error, "broken");
  assertEquals(await session.generate("a", { maxTokens: 1 }).text(), "A");
});

Deno.test("the stream gives text and cancelling stops", async () => {
  const engine = new FakeEngine({ next: () => A });
  using session = new Session(engine);
  const chunks = await Array.fromAsync(session.generate("a", { maxTokens: 3 }).stream());
  assertEquals(chunks, ["A", "A", "A"]);
  const generation = session.generate("a");
  const reader = generation.stream().getReader();
  await reader.read();
  await reader.cancel();
  assertEquals((await generation.result).finishReason, "abort");
  const unread = session.generate("a");
  await unread.stream().cancel();
  assertEquals((await unread.result).finishReason, "abort");
});

Deno.test("use after disposal throws", async () => {
  const engine = new FakeEngine({ next: () => A });
  const session = new Session(engine);
  const early = session.generate("a");
  session[Symbol.dispose]();
  session[Symbol.dispose](); // twice is fine
  assertEquals(engine.alive, 0);
  assertThrows(() => session.generate("a"), DisposedError);
  assertThrows(() => session.reset(), DisposedError);
  await assertRejects(() => early.text(), DisposedError);
  await assertRejects(() => early.result, DisposedError);
});

Deno.test("disposal waits for the call in flight", async () => {
  const engine = new FakeEngine({ next: () => A, delayMs: 5 });
  const session = new Session(engine);
  const text = session.generate("abc").text();
  const failed = assertRejects(() => text, DisposedError);
  await new Promise((resolve) => setTimeout(resolve, 8));
  session[Symbol.dispose]();
  assertEquals(engine.alive, 1);
  await failed;
  assertEquals(engine.alive, 0);
});

Deno.test("disposal between two tokens is noticed by the next", async () => {
  const engine = new FakeEngine({ next: () => A });
  const session = new Session(engine);
  await assertRejects(async () => {
    for await (const _ of session.generate("a")) session[Symbol.dispose]();
  }, DisposedError);
  assertEquals(engine.alive, 0);
});

Deno.test("timers run while tokens are generated synchronously", async () => {
  using session = new Session(new FakeEngine({ next: () => A, delayMs: -1.5 }));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await session.generate("a", { maxTokens: 100 }).text(); // 150 ms, a turn after 8 at the latest
  clearInterval(timer);
  assert(ticks >= 10, `timers had ${ticks} turns`);
});
