/** A JSON Schema as a tree of places, with its references resolved. @module */

import { ArgumentError } from "../../errors.ts";
import { isEnforced } from "./formats.ts";
import { type KeywordRole, roleOf } from "./keywords.ts";

/** A schema somewhere in a document. */
export interface Place {
  /** Where it is, as a JSON pointer: `#/properties/name`. */
  readonly path: string;
  /** A number of its own. */
  readonly id: number;
  /** What it says; `true` and `false` are schemas, too. */
  readonly schema: boolean | Readonly<Record<string, unknown>>;
}

/** A schema that cannot be compiled: `path` says where the reason stands. */
export function refuse(path: string, state: string): ArgumentError {
  return new ArgumentError(`Cannot compile the schema: ${path} ${state}`);
}

/** Whether a value is an object as JSON has them. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** All places of one document. */
export class SchemaDocument {
  readonly #root: unknown;
  readonly #places = new Map<string, Place>();
  #anchors: ReadonlyMap<string, string> | undefined;

  /** Takes a document; its parts are looked at when they are asked for. */
  constructor(root: unknown) {
    this.#root = root;
  }

  /** The whole document. */
  get root(): Place {
    return this.#place("#", this.#root);
  }

  /** The schema under some keys of a place. */
  child(from: Place, ...keys: readonly (string | number)[]): Place {
    let value: unknown = from.schema, path = from.path;
    for (const key of keys) {
      value = own(value, String(key));
      path += `/${escapePointer(String(key))}`;
    }
    return this.#place(path, value);
  }

  /**
   * The schema that a reference of a place means.
   * @throws ArgumentError when it leads out of the document, or to nothing
   */
  target(from: Place, reference: unknown): Place {
    const path = `${from.path}/$ref`;
    if (typeof reference !== "string") throw refuse(path, "is no text");
    const id = isObject(this.#root) ? this.#root.$id : undefined;
    const local = typeof id === "string" && id !== "" && reference.startsWith(id)
      ? reference.slice(id.length) || "#"
      : reference;
    if (!local.startsWith("#")) {
      throw refuse(path, `is ${JSON.stringify(reference)}, which is not in this document`);
    }
    const fragment = decode(local.slice(1));
    if (fragment !== "" && !fragment.startsWith("/")) {
      const pointer = this.#findAnchors().get(fragment);
      if (pointer === undefined) {
        throw refuse(path, `names no anchor: ${JSON.stringify(reference)}`);
      }
      return this.#follow(path, pointer);
    }
    return this.#follow(path, fragment);
  }

  #follow(path: string, pointer: string): Place {
    let value: unknown = this.#root;
    for (const key of pointer.split("/").slice(1)) {
      value = own(value, key.replaceAll("~1", "/").replaceAll("~0", "~"));
      if (value === undefined) throw refuse(path, `leads to nothing: "#${pointer}"`);
    }
    return this.#place(`#${pointer}`, value);
  }

  #place(path: string, value: unknown): Place {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const place = { path, id: this.#places.size, schema: checked(path, value) };
    this.#places.set(path, place);
    return place;
  }

  /** The pointers of all anchors. */
  #findAnchors(): ReadonlyMap<string, string> {
    if (this.#anchors !== undefined) return this.#anchors;
    const found = new Map<string, string>(), open: [unknown, string][] = [[this.#root, ""]];
    for (const [value, pointer] of open) {
      if (typeof value !== "object" || value === null) continue;
      const anchor = own(value, "$anchor");
      if (typeof anchor === "string") found.set(anchor, pointer);
      for (const [key, part] of Object.entries(value)) {
        open.push([part, `${pointer}/${escapePointer(key)}`]);
      }
    }
    return this.#anchors = found;
  }
}

/** A schema with no keyword that is not understood. */
function checked(path: string, value: unknown): Place["schema"] {
  if (typeof value === "boolean") return value;
  if (!isObject(value)) throw refuse(path, "is no schema: it is neither an object nor a boolean");
  for (const [key, said] of Object.entries(value)) {
    if (said === undefined) continue;
    if (roleOf(key, said) === undefined) {
      throw refuse(`${path}/${escapePointer(key)}`, "is not supported");
    }
    if (key === "$id" && path !== "#") {
      throw refuse(`${path}/$id`, "is not supported below the root");
    }
    if (key === "format" && !isEnforced(value)) {
      throw refuse(`${path}/format`, `is not supported: ${JSON.stringify(said)}`);
    }
  }
  return value;
}

/** What a schema says by a keyword; nothing for `true` and `false`. */
export function keyword({ schema }: Place, name: string): unknown {
  return own(schema, name);
}

/** Roles of keywords whose schemas have no others inside of them. */
const PLAIN: ReadonlySet<KeywordRole> = new Set(["value", "string", "number"]);

/** A text that places have in common which say the same; in doubt, one of each place's own. */
export function contentKey({ id, schema }: Place): string {
  const said = Object.entries(schema).filter(([name, value]) =>
    value !== undefined && roleOf(name, value) !== "note"
  );
  const isPlain = said.every(([name, value]) => PLAIN.has(roleOf(name, value)!));
  return isPlain ? JSON.stringify(said) : String(id);
}

/** Whether a schema has keywords of a kind. */
export function hasRole({ schema }: Place, ...roles: readonly KeywordRole[]): boolean {
  return isObject(schema) && Object.entries(schema).some(([key, said]) => {
    return said !== undefined && roles.includes(roleOf(key, said)!);
  });
}

function own(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
