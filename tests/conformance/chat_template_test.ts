/** Chat templates against transformers' own renderings. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { type ChatMessage, ChatTemplate } from "../../src/chat/template.ts";
import { CriaError } from "../../src/errors.ts";
import { sharedFolder, skip } from "../support.ts";

interface Case {
  name: string;
  input: {
    messages: ChatMessage[];
    tools: unknown[] | null;
    documents: unknown[] | null;
    add_generation_prompt: boolean;
    [variable: string]: unknown;
  };
  expected?: string;
  must_reject?: boolean;
}

interface CaseFile {
  template: string;
  bos_token: string;
  eos_token: string;
  strftime_now: string;
  cases: Case[];
}

/** Registers one test for each case of a file. */
function testFile(folder: string, name: string): void {
  const file: CaseFile = JSON.parse(Deno.readTextFileSync(`${folder}/${name}`));
  const template = new ChatTemplate(Deno.readTextFileSync(`${folder}/${file.template}`), {
    bosToken: file.bos_token,
    eosToken: file.eos_token,
    now: file.strftime_now,
  });
  for (const { name: caseName, input, expected, must_reject } of file.cases) {
    if (expected === undefined && !must_reject) continue; // errors that are informational
    Deno.test(`chat template ${file.template}: ${caseName}`, () => {
      const { messages, tools, documents, add_generation_prompt, ...variables } = input;
      const render = () =>
        template.render(messages, {
          tools: tools ?? undefined,
          documents: documents ?? undefined,
          addGenerationPrompt: add_generation_prompt,
          variables,
        }).text;
      if (must_reject) assertThrows(render, CriaError);
      else assertEquals(render(), expected);
    });
  }
}

const shared = sharedFolder();
if (shared === undefined) skip("chat templates", "there is no CRIA_SHARED");
else {
  const folder = `${shared}/conformance/chat`;
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.endsWith(".cases.json")) testFile(folder, name);
  }
}
