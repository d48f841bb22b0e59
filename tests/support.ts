/** What tests share: the shared folder, skipping with a reason, a server, subprocesses. @module */

import { ROOT } from "../src/toolchain/build.ts";

export { ROOT };

/**
 * The folder of shared models and conformance data: what `CRIA_SHARED` names, or `shared` beside
 * the checkout.
 * @returns `undefined` when there is none
 */
export function sharedFolder(): string | undefined {
  const path = Deno.env.get("CRIA_SHARED") || `${ROOT.slice(0, ROOT.lastIndexOf("/"))}/shared`;
  return isThere(path) ? path : undefined;
}

/** Whether a file or folder is there. */
export function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Registers a test that does not run here, and says why. */
export function skip(name: string, reason: string): void {
  Deno.test({ name: `${name} (skipped: ${reason})`, ignore: true, fn: () => {} });
}

/**
 * Registers a test that needs something of the shared folder, and skips it where that is missing.
 * @param needs a path in the shared folder; the test receives it as an absolute one
 */
export function sharedTest(
  name: string,
  needs: string,
  fn: (path: string, t: Deno.TestContext) => void | Promise<void>,
): void {
  const folder = sharedFolder();
  const path = `${folder}/${needs}`;
  if (folder !== undefined && isThere(path)) Deno.test(name, (t) => fn(path, t));
  else skip(name, `there is no ${needs} in CRIA_SHARED`);
}

/** What a program did. */
export interface Ran {
  /** Its exit code. */
  readonly code: number;
  /** What it wrote to stdout. */
  readonly stdout: string;
  /** What it wrote to stderr. */
  readonly stderr: string;
}

/** How a program is run. */
export interface RunOptions {
  /** Working folder; default: the checkout. */
  readonly cwd?: string;
  /** Environment variables beside ours. */
  readonly env?: Readonly<Record<string, string>>;
}

const LIMIT_MS = 120_000;

/** Runs this Deno with some arguments, for two minutes at most; nobody answers its prompts. */
export async function deno(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: options.cwd ?? ROOT,
    env: { NO_COLOR: "1", ...options.env },
    signal: AbortSignal.timeout(LIMIT_MS),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  return {
    code: output.code,
    stdout: text.decode(output.stdout),
    stderr: text.decode(output.stderr),
  };
}

/** A static server over the checkout, on a port of its own. */
export interface CheckoutServer extends AsyncDisposable {
  /** Where it is, without a slash at its end. */
  readonly origin: string;
  /** The paths asked for so far. */
  readonly requests: string[];
}

/**
 * Serves the checkout as a plain web server would.
 * @param replace gives another body for a path, to see what a damaged file does
 */
export function serveCheckout(
  replace: (path: string, body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (_, b) => b,
): CheckoutServer {
  const requests: string[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  // Deno keeps modules by their address, and a port comes again.
  const folder = `/${crypto.randomUUID()}`;
  const server = Deno.serve(options, async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname).slice(folder.length);
    requests.push(path);
    try {
      const body = replace(path, await Deno.readFile(`${ROOT}${path}`));
      const type = path.endsWith(".ts") ? "application/typescript" : "application/octet-stream";
      return new Response(body, { headers: { "content-type": type } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}${folder}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
