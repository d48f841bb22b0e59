/** Opens the bytes of a model where they lie: in a file here, or on a server. @module */
import { type ByteSource, Source } from "./source.ts";
import { isUrl, type UrlOptions, UrlSource } from "./url_source.ts";

/** Opens a path, or a URL of which only what is looked at is fetched. */
export async function openSource(path: string, options: UrlOptions = {}): Promise<ByteSource> {
  options.signal?.throwIfAborted();
  return isUrl(path) ? await UrlSource.open(path, options) : await Source.open(path);
}
