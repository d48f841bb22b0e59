/** cria runs with one library and one model allowed, and asks for nothing else. @module */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { toFileUrl } from "@std/path";
import { libraryFile } from "../src/native/platform.ts";
import { emptyFolder, someModel, tellingProgram } from "./empty_folder.ts";
import { ROOT, skip } from "./support.ts";

const TITLE = "--allow-ffi=<library> --allow-read=<model>,<library> is all that it takes";
const library = `${ROOT}/${libraryFile()}`;
const model = someModel();

if (model === undefined) skip(TITLE, "there is no model");
else {
  const program = tellingProgram(toFileUrl(ROOT).href, model);

  Deno.test(TITLE, async () => {
    await using folder = await emptyFolder();
    const audit = `${folder.path}/audit.jsonl`; // Deno writes here whatever a program asks for
    const permissions = [`--allow-ffi=${library}`, `--allow-read=${model},${library}`];
    const { code, stdout, stderr } = await folder.run(program, permissions, {
      DENO_AUDIT_PERMISSIONS: audit,
    });
    assertEquals([code, stdout.length > 1], [0, true], stderr);
    const lines = (await Deno.readTextFile(audit)).trim().split("\n");
    assertGreater(lines.length, 1);
    for (const line of lines) {
      const { permission, value }: { permission: string; value: string } = JSON.parse(line);
      const allowed = permission === "ffi"
        ? [library]
        : permission === "read"
        ? [library, model]
        : [];
      assertEquals(allowed.includes(value), true, `asked for ${permission} of ${value}`);
    }
  });

  Deno.test("without a permission for the library, the error names it", async () => {
    await using folder = await emptyFolder();
    const { code, stderr } = await folder.run(program, [`--allow-read=${model}`]);
    assertEquals(code, 1);
    assertMatch(stderr, /ffi access to .*libcria/);
  });
}
