/** A server of one file, in ranges as servers do it, or wrong in one way. @module */

/** How the server differs from a good one. */
export interface Manners {
  /** Answers instead of it; undefined: as a good one does. `asked` is [start, end] of the range. */
  readonly answer?: (
    asked: readonly [start: number, end: number],
    count: number,
    request: Request,
  ) => Response | Promise<Response> | undefined;
}

/** A server, its file's URL, and what was asked of it. */
export interface FileServer extends AsyncDisposable {
  readonly url: string;
  /** Each range that was asked for, from and to, the end excluded. */
  readonly ranges: [start: number, end: number][];
}

/** A good answer with a part of some bytes. */
export function partOf(
  file: Uint8Array<ArrayBuffer>,
  [start, end]: readonly [number, number],
  headers: Record<string, string> = {},
): Response {
  if (start >= file.length) {
    return new Response(null, {
      status: 416,
      headers: { "content-range": `bytes */${file.length}` },
    });
  }
  const body = file.subarray(start, end);
  const range = `bytes ${start}-${start + body.length - 1}/${file.length}`;
  return new Response(body, { status: 206, headers: { "content-range": range, ...headers } });
}

/** Serves a file. */
export function serveFile(file: Uint8Array<ArrayBuffer>, { answer }: Manners = {}): FileServer {
  const ranges: [number, number][] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => gone() };
  const server = Deno.serve(options, async (request) => {
    const found = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    const asked = [Number(found?.[1]), Number(found?.[2]) + 1] as [number, number];
    ranges.push(asked);
    return await answer?.(asked, ranges.length, request) ??
      partOf(file, asked, { etag: '"one"' });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/model.gguf`,
    ranges,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function gone(): Response {
  return new Response(null, { status: 500 });
}

/** A body that never ends. */
export function endless(): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(64 * 1024).fill(71);
  return new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
}
