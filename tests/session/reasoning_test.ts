/** What a model thinks, apart from what it answers: pieces, results, prompts. @module */

import { assertEquals } from "@std/assert";
import { Session } from "../../src/session/session.ts";
import { END, FakeEngine, script, TURN, TURN_END } from "./fake.ts";

const codes = (text: string) => Array.from(text, (char) => char.charCodeAt(0));

/** Thinks before it answers; leaves out what was thought in earlier turns. */
const TEMPLATE = "{% for m in messages %}{{ m.role }}:{{ m.content.split('</think>')[-1] }}" +
  "{% if m.reasoning_content and loop.last %}({{ m.reasoning_content }}){% endif %}" +
  "<|im_end|>{% endfor %}{% if add_generation_prompt %}assistant:{{ opening }}{% endif %}";
const USER = [{ role: "user", content: "Q" }];

/** A session with a model that writes a text after the prompt. */
function session(output: string | readonly number[], opening = ""): Session {
  const tokens = typeof output === "string" ? codes(output) : output;
  let length = 0; // of the prompt
  const engine = new FakeEngine({
    next: (cached) => {
      length ||= cached.length;
      return tokens[cached.length - length] ?? TURN_END;
    },
  });
  engine.chatTemplate = TEMPLATE.replace("{{ opening }}", opening);
  return new Session(engine);
}

Deno.test("pieces and result have reasoning apart from the text", async () => {
  using one = session("<think>\nwhy\n</think>\n\nYes.");
  const generation = one.chat(USER);
  let text = "", reasoning = "";
  for await (const piece of generation) {
    text += piece.text;
    reasoning += piece.reasoning ?? "";
  }
  assertEquals([reasoning, text], ["why", "Yes."]);
  const result = await generation.result;
  assertEquals([result.reasoning, result.text, result.finishReason], ["why", "Yes.", "stop"]);
  assertEquals(result.tokens.length, "<think>\nwhy\n</think>\n\nYes.".length);
});

Deno.test("a template may open the block, or close it at once", async () => {
  using open = session("why</think>Yes.", "<think>\n");
  assertEquals((await open.chat(USER).result).reasoning, "why");
  using closed = session("Yes.", "<think>\n\n</think>\n\n");
  const { reasoning, text } = await closed.chat(USER).result;
  assertEquals([reasoning, text], [undefined, "Yes."]);
});

Deno.test("reasoning that is cut off is kept, and a stop text in it does not stop", async () => {
  using one = session("<think>one two", "");
  const cut = await one.chat(USER, { maxTokens: 11 }).result;
  assertEquals([cut.reasoning, cut.text, cut.finishReason], ["one", "", "length"]);
  using two = session("<think>a STOP b</think>c STOP d");
  const { reasoning, text, finishReason } = await two.chat(USER, { stop: "STOP" }).result;
  assertEquals([reasoning, text, finishReason], ["a STOP b", "c ", "stop"]);
});

Deno.test("it can stay in the text, and plain generations know nothing of it", async () => {
  using one = session("<think>a</think>b");
  const whole = await one.chat(USER, { reasoning: false }).result;
  assertEquals([whole.reasoning, whole.text], [undefined, "<think>a</think>b"]);
  using two = session("<think>a</think>b");
  assertEquals(await two.generate("x").text(), "<think>a</think>b");
});

Deno.test("marks that are control tokens are seen", async () => {
  const engine = new FakeEngine({ next: script([TURN, ...codes("why"), TURN_END, 65], 2) });
  const { tokenizer } = engine;
  const names: Record<number, string> = { [TURN]: "<think>", [TURN_END]: "</think>" };
  const piece = tokenizer.piece.bind(tokenizer), idOf = tokenizer.idOf.bind(tokenizer);
  tokenizer.piece = (id) => names[id] ?? piece(id);
  tokenizer.idOf = (text) => {
    const id = Object.keys(names).map(Number).find((one) => names[one] === text);
    return id ?? idOf(text);
  };
  tokenizer.endTokens.delete(TURN_END);
  engine.chatTemplate = "{{ messages[0].content }}?{# <think> #}";
  using one = new Session(engine);
  const { reasoning, text } = await one.chat(USER, { maxTokens: 6 }).result;
  assertEquals([reasoning, text], ["why", "A"]);
});

Deno.test("reasoning of earlier turns reaches the template, which may leave it out", async () => {
  using one = session("Yes.");
  const messages = [...USER, { role: "assistant", content: "A", reasoning: "r" }];
  const { rendered } = await one.chat(messages).result;
  assertEquals(rendered, "user:Q<|im_end|>assistant:A(r)<|im_end|>assistant:");
  const later = await one.chat([...messages, ...USER]).result;
  assertEquals(later.rendered, "user:Q<|im_end|>assistant:A<|im_end|>user:Q<|im_end|>assistant:");
});

Deno.test("chats with tools take the template that a model has for them", async () => {
  const engine = new FakeEngine({ next: () => TURN_END });
  engine.chatTemplate = "plain {{ messages[0].content }}";
  engine.toolTemplate = "{{ tools | length }} tools{# <tool_call> #} {{ messages[0].content }}";
  using one = new Session(engine);
  assertEquals((await one.chat(USER).result).rendered, "plain Q");
  assertEquals(
    (await one.chat(USER, { tools: [{ name: "a" }, { name: "b" }] }).result).rendered,
    "2 tools Q",
  );
});

Deno.test("a grammar holds for the answer, not for what is thought before it", async () => {
  // It would end in the middle of a thought, and answer what is not allowed.
  const logitsOf = (wanted: readonly number[]) => {
    let at = 0;
    return () => wanted[at++] ?? END;
  };
  const engine = new FakeEngine({ next: logitsOf([...codes("why"), ...codes("</think>"), 88]) });
  engine.chatTemplate = TEMPLATE.replace("{{ opening }}", "<think>");
  using one = new Session(engine);
  const { reasoning, text } = await one.chat(USER, { grammar: ["yes", "no"] }).result;
  assertEquals([reasoning, ["yes", "no"].includes(text)], ["why", true]);
  const ending = new FakeEngine({ next: logitsOf([END, ...codes("</think>")]) });
  ending.chatTemplate = engine.chatTemplate;
  using two = new Session(ending);
  const other = await two.chat(USER, { grammar: ["yes", "no"], maxTokens: 40 }).result;
  assertEquals(other.finishReason, "stop");
  assertEquals(["yes", "no"].includes(other.text), true);
});
