/** Tests that write files: each has a folder of its own. @module */

/**
 * Registers a test with an empty folder.
 * @param fn receives what makes a path of a name, and what lists the folder
 */
export function folderTest(
  name: string,
  fn: (at: (name: string) => string, names: () => string[]) => Promise<void>,
): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const names = () => Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
      await fn((name) => `${folder}/${name}`, names);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
