/** Every construct of templates against what transformers renders. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { ChatTemplate } from "../../src/chat/template.ts";
import { TemplateError } from "../../src/errors.ts";
import golden from "./golden.json" with { type: "json" };

const variables = golden.data;

for (const { template, expected } of golden.cases) {
  Deno.test(`as transformers renders ${JSON.stringify(template)}`, () => {
    const render = () => new ChatTemplate(template).render([], { variables }).text;
    if (expected === undefined) assertThrows(render, TemplateError);
    else assertEquals(render(), expected);
  });
}
