/** A folder with nothing in it but a program, and nothing cached: a user's first run. @module */

import { deno, isThere, type Ran, ROOT, sharedFolder } from "./support.ts";

/** An empty folder; it goes when it is disposed of. */
export interface EmptyFolder extends AsyncDisposable {
  /** Its absolute path. */
  readonly path: string;
  /**
   * Writes a program and runs it, with `deno/` and `cache/` in this folder as empty caches.
   * @param permissions flags of `deno run`
   * @param env environment variables beside ours
   */
  run(program: string, permissions: readonly string[], env?: Record<string, string>): Promise<Ran>;
}

/** Makes an empty folder. */
export async function emptyFolder(): Promise<EmptyFolder> {
  const path = await Deno.makeTempDir({ prefix: "cria-test-" });
  const caches = { DENO_DIR: `${path}/deno`, CRIA_CACHE: `${path}/cache`, CRIA_LIBRARY: "" };
  return {
    path,
    run: async (program, permissions, env = {}) => {
      await Deno.writeTextFile(`${path}/main.ts`, program);
      return await deno(["run", "--no-config", "--no-prompt", ...permissions, "main.ts"], {
        cwd: path,
        env: { ...caches, ...env },
      });
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Some model to run: the embedded one, or the small shared one; `undefined` without either. */
export function someModel(): string | undefined {
  const paths = [
    `${ROOT}/models/story.gguf`,
    `${sharedFolder()}/models/SmolLM2-135M-Instruct.Q4_1.gguf`,
  ];
  return paths.find(isThere);
}

/** A program that loads a model with the cria at a URL, and prints eight greedy tokens. */
export function tellingProgram(root: string, model: string): string {
  return `
import { Model } from "${root}/mod.ts";
using model = await Model.load(${JSON.stringify(model)}, { threads: 2, context: 64 });
using session = model.session({ temperature: 0 });
console.log(await session.generate("Once upon a time", { maxTokens: 8 }).text());
`;
}
