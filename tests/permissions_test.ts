/** cria runs with one library and one model allowed, and asks for nothing else. @module */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { toFileUrl } from "@std/path";
import { libraryFile } from "../src/native/platform.ts";
import { emptyFolder, someModel, tellingProgram } from "./empty_folder.ts";
import { ROOT, sharedTest, skip } from "./support.ts";

const TITLE = "--allow-ffi=<library> --allow-read=<model>,<library> is all that it takes";
const library = `${ROOT}/${libraryFile()}`;
const model = someModel();

/** What a program asked for while it ran, of those permissions that it was not given. */
async function strangers(
  path: string,
  permissions: readonly string[],
  isAllowed: (permission: string, value: string) => boolean,
): Promise<string[]> {
  await using folder = await emptyFolder();
  const audit = `${folder.path}/audit.jsonl`; // Deno writes here whatever a program asks for
  const program = tellingProgram(toFileUrl(ROOT).href, path);
  const env = { DENO_AUDIT_PERMISSIONS: audit };
  const { code, stdout, stderr } = await folder.run(program, permissions, env);
  assertEquals([code, stdout.length > 1], [0, true], stderr);
  const lines = (await Deno.readTextFile(audit)).trim().split("\n");
  assertGreater(lines.length, 1);
  return lines.flatMap((line) => {
    const { permission, value }: { permission: string; value: string } = JSON.parse(line);
    return isAllowed(permission, value) ? [] : `${permission} of ${value}`;
  });
}

const SAFETENSORS = "a model of shards: --allow-read=<its folder>,<library> is all that it takes";
sharedTest(SAFETENSORS, "conformance/models/llama-gqa-500k-sharded", async (path) => {
  const permissions = [`--allow-ffi=${library}`, `--allow-read=${path},${library}`];
  const strange = await strangers(
    path,
    permissions,
    (permission, value) =>
      permission === "ffi" ? value === library : permission === "read" &&
        (value === library || value === path || value.startsWith(`${path}/`)),
  );
  assertEquals(strange, []);
});

if (model === undefined) skip(TITLE, "there is no model");
else {
  const program = tellingProgram(toFileUrl(ROOT).href, model);

  Deno.test(TITLE, async () => {
    const permissions = [`--allow-ffi=${library}`, `--allow-read=${model},${library}`];
    const strange = await strangers(
      model,
      permissions,
      (permission, value) =>
        permission === "ffi"
          ? value === library
          : permission === "read" && [library, model].includes(value),
    );
    assertEquals(strange, []);
  });

  Deno.test("without a permission for the library, the error names it", async () => {
    await using folder = await emptyFolder();
    const { code, stderr } = await folder.run(program, [`--allow-read=${model}`]);
    assertEquals(code, 1);
    assertMatch(stderr, /ffi access to .*libcria/);
  });
}
