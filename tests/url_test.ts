/** A program in an empty folder, with empty caches, that imports cria from a web server. @module */

import { assertEquals, assertGreater } from "@std/assert";
import { toFileUrl } from "@std/path";
import { emptyFolder, someModel, tellingProgram } from "./empty_folder.ts";
import { ROOT, serveCheckout, skip } from "./support.ts";

const TITLE = "a program that imports mod.ts from a URL runs a model, as a local one does";
const model = someModel();

if (model === undefined) skip(TITLE, "there is no model");
else {
  Deno.test(TITLE, async () => {
    await using folder = await emptyFolder();
    await using server = serveCheckout();
    const remote = await folder.run(tellingProgram(server.origin, model), ["-A"]);
    assertEquals([remote.code, remote.stdout.length > 1], [0, true], remote.stderr);
    assertGreater(server.requests.length, 5);
    const local = await folder.run(tellingProgram(toFileUrl(ROOT).href, model), ["-A"]);
    assertEquals(local.stdout, remote.stdout, local.stderr);
  });
}
