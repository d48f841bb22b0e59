/** Text that knows which of its characters messages have brought in. @module */

import { spend, spendText } from "./budget.ts";

const OWN = "t"; // of the template
const FOREIGN = "m"; // of a message
const SURROGATE = /[\uD800-\uDFFF]/;
const ENTITIES: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;" },
};
/** What Python takes for white space. */
// deno-lint-ignore no-control-regex -- Python counts four control characters
export const SPACE = /[\t-\r\x1C-\x20\x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]/;

/**
 * A text with a mark for each of its UTF-16 units. Whatever a template does with it, each character
 * keeps its mark: that is how special tokens of a template are told from those in a message.
 */
export class Text {
  /** The empty text. */
  static readonly EMPTY: Text = new Text("", "");

  private constructor(
    /** The characters. */
    readonly text: string,
    /** As many marks. */
    readonly marks: string,
    /** Whether a template has called it safe: what is added to it is then escaped. */
    readonly markup = false,
  ) {}

  /** A text of the template. */
  static own(text: string): Text {
    spendText(text.length);
    return new Text(text, OWN.repeat(text.length));
  }

  /** A text of a message. */
  static foreign(text: string): Text {
    spendText(text.length);
    return new Text(text, FOREIGN.repeat(text.length));
  }

  /** One text after the other. */
  static join(parts: readonly Text[], between: Text = Text.EMPTY): Text {
    if (parts.length === 1) return parts[0]!;
    const gaps = between.text.length * Math.max(0, parts.length - 1);
    spendText(parts.reduce((sum, { text }) => sum + text.length, gaps));
    spend(parts.length);
    return new Text(
      parts.map(({ text }) => text).join(between.text),
      parts.map(({ marks }) => marks).join(between.marks),
    );
  }

  /** The same, called safe. */
  asMarkup(): Text {
    return new Text(this.text, this.marks, true);
  }

  /** For HTML; what is safe stays as it is. */
  escaped(): Text {
    if (this.markup) return this;
    return this.rewrite(/[&<>'"]/g, (one) => ENTITIES[one]!).asMarkup();
  }

  /** Length in characters, as Python counts: of a pair of surrogates one. */
  get length(): number {
    return SURROGATE.test(this.text) ? this.characters().length : this.text.length;
  }

  /** Each character. */
  characters(): Text[] {
    spend(this.text.length);
    let at = 0;
    return Array.from(this.text, (one) => this.cut(at, at += one.length));
  }

  /** The part between two UTF-16 units. */
  cut(start: number, end: number = this.text.length): Text {
    return new Text(this.text.slice(start, end), this.marks.slice(start, end));
  }

  /** As it is several times in a row. */
  repeat(times: number): Text {
    const count = Math.max(0, times);
    spendText(this.text.length * count);
    return new Text(this.text.repeat(count), this.marks.repeat(count));
  }

  /** Written otherwise, upper case for example: each character keeps its mark. */
  map(write: (text: string) => string): Text {
    const text = write(this.text);
    if (text.length === this.text.length) return new Text(text, this.marks);
    return Text.join(
      this.runs().map((run) => {
        const written = write(run.text);
        return run.foreign ? Text.foreign(written) : Text.own(written);
      }),
    );
  }

  /** With each match of a pattern written otherwise, under the mark of its first character. */
  rewrite(pattern: RegExp, write: (match: string) => string): Text {
    const parts: Text[] = [];
    let from = 0;
    for (const { 0: match, index } of this.text.matchAll(pattern)) {
      const written = write(match);
      parts.push(this.cut(from, index));
      parts.push(new Text(written, this.marks.charAt(index).repeat(written.length)));
      from = index + match.length;
    }
    return from === 0 ? this : Text.join([...parts, this.cut(from)]);
  }

  /** Its parts between the places where another text stands, at most `most` cuts from the left. */
  split(separator: string, most = Infinity): Text[] {
    const parts: Text[] = [];
    let from = 0;
    for (let at; parts.length < most && (at = this.text.indexOf(separator, from)) >= 0;) {
      parts.push(this.cut(from, at));
      from = at + separator.length;
    }
    spend(parts.length);
    return [...parts, this.cut(from)];
  }

  /** Without these characters (white space, if left out) at its ends. */
  strip(set: string | undefined, left: boolean, right: boolean): Text {
    const goes = (unit: string) => set === undefined ? SPACE.test(unit) : set.includes(unit);
    let start = 0, end = this.text.length;
    while (left && start < end && goes(this.text[start]!)) start++;
    while (right && end > start && goes(this.text[end - 1]!)) end--;
    return this.cut(start, end);
  }

  /** The text in runs of one kind. */
  runs(): { readonly text: string; readonly foreign: boolean }[] {
    return Array.from(this.marks.matchAll(/t+|m+/g), ({ 0: run, index }) => ({
      text: this.text.slice(index, index + run.length),
      foreign: run[0] === FOREIGN,
    }));
  }
}
