/** Ranking: scores are those of plain logits and vectors, and prompts keep texts apart. @module */

import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, ContextError, cosine, DisposedError, Model, topK } from "../../mod.ts";
import { rerank, type RerankParts } from "../../src/session/rerank.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { isThere, ROOT, sharedTest, skip } from "../support.ts";
import { FakeEngine } from "./fake.ts";

const QUERY = "What is the capital of France?";
const DOCUMENTS = [
  "The sun is hot and far away.",
  "Paris is the capital of France.",
  "A dog lay on the rug. <|im_end|>", // spells a special token, which stays text
  "Rome is the capital of Italy. ".repeat(4),
];

Deno.test("cosine and topK", () => {
  assertAlmostEquals(cosine([1, 2, 3], [4, -5, 6]), 12 / Math.sqrt(14 * 77), 1e-15);
  assertEquals(cosine([2, 0], [5, 0]), 1);
  assertEquals([cosine([0, 0], [1, 2]), cosine([], [])], [0, 0]);
  assertThrows(() => cosine([1], [1, 2]), ArgumentError, "a vector of 1 with one of 2");
  const vectors = [[0, 1], [1, 0], [1, 1], [2, 0], [-1, 0]];
  const expected = [{ index: 1, score: 1 }, { index: 3, score: 1 }, {
    index: 2,
    score: Math.SQRT1_2,
  }];
  assertEquals(topK([3, 0], vectors, 3).map(({ index }) => index), [1, 3, 2]);
  topK([3, 0], vectors, 3).forEach(({ score }, i) =>
    assertAlmostEquals(score, expected[i]!.score, 1e-15)
  );
  assertEquals(topK([3, 0], vectors, 99).length, 5);
  assertEquals(topK([3, 0], vectors, 0), []);
  const broken = topK([1], [[NaN], [-1], [NaN], [1]], 4);
  assertEquals(broken.map(({ index }) => index), [3, 1, 0, 2]);
  assertEquals(topK([3, 0], [], 3), []);
  assertThrows(() => topK([3, 0], vectors, -1), ArgumentError, "the best -1");
  assertThrows(() => topK([3, 0], vectors, NaN), ArgumentError, "the best NaN");
});

sharedTest("rerank: a judge's score is that of plain logits", SMOLLM2, async (path) => {
  using model = await Model.load(path, { threads: 2, context: 300 });
  const { tokenizer } = model;
  const encode = (text: string, special: boolean) =>
    tokenizer.encode(text, { bos: false, special });
  const [yes, no] = ["yes", "no"].map((word) => encode(word, false)[0]!);
  // The prompt of the model card of Qwen3-Reranker, without the block that is left empty.
  const before = "<|im_start|>system\nJudge whether the Document meets the requirements based on " +
    'the Query and the Instruct provided. Note that the answer can only be "yes" or "no".' +
    "<|im_end|>\n<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant " +
    `passages that answer the query\n<Query>: ${QUERY}\n<Document>: `;
  const after = "<|im_end|>\n<|im_start|>assistant\n", expected: number[] = [];
  for (const document of DOCUMENTS) {
    const parts = document.includes("<|im_end|>")
      ? [
        ...encode(before.slice(0, before.indexOf("user\n")), true),
        ...encode(before.slice(before.indexOf("user\n")) + document, false),
        ...encode(after, true),
      ]
      : encode(before + document + after, true);
    using sequence = model.createSequence({ keep: false });
    const logits = await sequence.evaluate(parts);
    expected.push(1 / (1 + Math.exp(logits[no!]! - logits[yes!]!)));
  }
  const ranked = await model.rerank(QUERY, DOCUMENTS, { method: "judge" });
  assertEquals(ranked.map(({ index }) => index).toSorted(), [0, 1, 2, 3]);
  for (const { index, score } of ranked) assertEquals(score, expected[index]);
  assert(ranked.every(({ score }, i) => score <= (ranked[i - 1]?.score ?? 1)));
  const two = await model.rerank(QUERY, DOCUMENTS, { method: "judge", top: 2 });
  assertEquals(two, ranked.slice(0, 2));
  const [alone] = await model.rerank(QUERY, DOCUMENTS.slice(1, 2), { method: "judge" });
  assertEquals(alone!.score, expected[1]);
  assertEquals(model.memory().kvBytes, 0);
});

sharedTest("rerank: by vectors it is cosine and topK", SMOLLM2, async (path) => {
  using model = await Model.load(path, { threads: 2, context: 300 });
  const [query, ...vectors] = await model.embed([QUERY, ...DOCUMENTS]);
  assertEquals(await model.rerank(QUERY, DOCUMENTS), topK(query!, vectors, 4));
  assertEquals((await model.rerank(QUERY, DOCUMENTS, { top: 1 }))[0]!.index, 1);
  const instruction = "Find the reverse", asked = `Instruct: ${instruction}\nQuery: ${QUERY}`;
  const [other] = await model.embed([asked], { pooling: "last" });
  const last = await model.embed(DOCUMENTS, { pooling: "last" });
  const ranked = await model.rerank(QUERY, DOCUMENTS, { instruction, pooling: "last" });
  assertEquals(ranked, topK(other!, last, 4));
});

const STORY = `${ROOT}/models/story.gguf`, story = "rerank: in a cache of one prompt, and refusals";
if (!isThere(STORY)) skip(story, "there is no models/story.gguf");
else {Deno.test(story, async () => {
    const path = STORY, answers = ["no", "the"] as const, method = "judge" as const;
    using roomy = await Model.load(path, { threads: 2, context: 500 });
    const documents = ["w1 w2", "w3 ".repeat(60), "w4", ""];
    const expected = await roomy.rerank("w5", documents, { method, answers });
    const { pageBytes } = roomy.cacheStatistics();
    using tight = await Model.load(path, { threads: 2, context: 500, cacheBytes: 8 * pageBytes });
    assertEquals(await tight.rerank("w5", documents, { method, answers }), expected);
    assertEquals(await roomy.rerank("w5", [], { method, answers }), []);
    await assertRejects(
      () => roomy.rerank("w5", documents, { method }),
      ArgumentError,
      'Cannot judge by "yes": it is 2 tokens, not one',
    );
    await assertRejects(
      () => roomy.rerank("w5", ["w1", "w2 ".repeat(400)], { method, answers }),
      ContextError,
      "Cannot judge document 2",
    );
    await assertRejects(
      () => roomy.rerank("w5", documents, { method: "constructor" as "judge" }),
      ArgumentError,
      'Cannot rank by "constructor": it is none of judge, embedding',
    );
    const reason = new Error("enough"), control = new AbortController();
    const stop = {
      method,
      answers,
      signal: control.signal,
      onProgress: () => control.abort(reason),
    };
    const one = await Model.load(path, { threads: 1, context: 500, maxQueue: 1 });
    await assertRejects(() => one.rerank("w5", documents, stop), Error, "enough");
    assertEquals(one.memory().kvBytes, 0);
    one[Symbol.dispose]();
    await assertRejects(() => one.rerank("w5", documents), DisposedError);
    const text = "text" as unknown as string[];
    await assertRejects(() => roomy.rerank("w5", text), ArgumentError, "a list of documents");
  });}

Deno.test("rerank: a file's own prompt for ranking is used, texts in it stay texts", async () => {
  const engine = new FakeEngine({ next: () => 65 });
  const parts = {
    engine,
    metadata: new Map<string, unknown>([
      ["tokenizer.chat_template.rerank", "Q:{query} D:{document} Q:{query}!"],
      ["x.pooling_type", 4],
    ]),
    ...{ architecture: "x", context: 1000, maxQueue: 8, freePages: () => 99 },
    createSequence: () => engine.createSequence(),
    embed: () => Promise.reject(new Error("not by vectors")),
  } satisfies RerankParts;
  await rerank(parts, "a{document}", ["b{query}"], { answers: ["y", "n"] });
  const text = engine.calls.flat().map((code) => String.fromCharCode(code)).join("");
  assertEquals(text, "Q:a{document} D:b{query} Q:a{document}!");
});

Deno.test("rerank: a template that knows no system gets one message", async () => {
  const chatTemplate = "{% for m in messages %}{% if m.role == 'system' %}" +
    "{{ raise_exception('none of these') }}{% endif %}[{{ m.content }}]{% endfor %}";
  const engine = new FakeEngine({ next: () => 65 });
  engine.chatTemplate = chatTemplate;
  const parts = {
    ...{ engine, metadata: new Map<string, unknown>(), architecture: "x", context: 1000 },
    ...{ maxQueue: 8, freePages: () => 99, createSequence: () => engine.createSequence() },
    embed: () => Promise.reject(new Error("not by vectors")),
  } satisfies RerankParts;
  const options = { method: "judge", answers: ["Y", "N"], instruction: "Seek" } as const;
  await rerank(parts, "a", ["b"], options);
  const text = engine.calls.flat().map((code) => String.fromCharCode(code)).join("");
  assertEquals(text.slice(0, 6), "[Judge");
  assertEquals(
    text.slice(text.indexOf("only")),
    'only be "Y" or "N".\n\n<Instruct>: Seek\n<Query>: a\n<Document>: b]',
  );
});
