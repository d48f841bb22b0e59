/**
 * Counts on how many constructs of golden.json a Jinja engine does not do what transformers does:
 * `deno run -A --no-lock tests/chat/compare_jinja.ts`
 * @module
 */

import { ChatTemplate } from "../../src/chat/template.ts";
import golden from "./golden.json" with { type: "json" };

/** What is used of the package. */
interface Library {
  tokenize(source: string, options: object): unknown;
  parse(tokens: unknown): unknown;
  Environment: new () => { set(name: string, value: unknown): void };
  Interpreter: new (environment: unknown) => { run(program: unknown): { value: unknown } };
}

const LIBRARY = "npm:@huggingface/jinja@0.5.11"; // not a literal import: nothing else needs it

/** Renders as the package does when it is used plainly. */
function plainly(library: Library, template: string): string {
  const environment = new library.Environment();
  const constants = { true: true, false: false, none: null };
  for (const [name, value] of Object.entries({ ...constants, ...golden.data, range })) {
    environment.set(name, value);
  }
  const tokens = library.tokenize(template, { lstrip_blocks: true, trim_blocks: true });
  return String(new library.Interpreter(environment).run(library.parse(tokens)).value);
}

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.min(100, Math.max(0, Math.ceil((to - from) / step)));
  return Array.from({ length: count }, (_, index) => from + index * step);
}

/** How many constructs come out otherwise. */
function count(render: (template: string) => string): number {
  return golden.cases.filter(({ template, expected }) => {
    try {
      return render(template) !== expected;
    } catch {
      return expected !== undefined;
    }
  }).length;
}

if (import.meta.main) {
  const library: Library = await import(LIBRARY);
  const variables = golden.data;
  console.log({
    constructs: golden.cases.length,
    [LIBRARY]: count((template) => plainly(library, template)),
    ours: count((template) => new ChatTemplate(template).render([], { variables }).text),
  });
}
