/** Which parts of a grammar may be empty, and which rules call themselves too soon. @module */

import { ArgumentError } from "../errors.ts";
import type { Expression, Rules } from "./expression.ts";

/** Knows of a grammar's expressions whether they match the empty text. */
export class Nullable {
  readonly #grammar: Rules;
  readonly #names = new Set<string>();

  /**
   * Looks through all rules.
   * @throws ArgumentError when one names a rule that is not there
   */
  constructor(grammar: Rules) {
    this.#grammar = grammar;
    for (let before = -1; before < this.#names.size;) {
      before = this.#names.size;
      for (const [name, part] of grammar.rules) if (this.of(part)) this.#names.add(name);
    }
  }

  /** Whether an expression matches the empty text. */
  of(part: Expression): boolean {
    switch (part.kind) {
      case "text":
        return part.text === "";
      case "class":
        return false;
      case "sequence":
        return part.parts.every((one) => this.of(one));
      case "choice":
        return part.parts.some((one) => this.of(one));
      case "repeat":
        return part.least === 0 || this.of(part.part);
      case "rule":
        return this.#names.has(part.name);
      case "machine": {
        const { accepting, edges } = part.machine;
        const reached = new Set([0]);
        for (const state of reached) {
          for (const { from, to, on } of edges) {
            if (from === state && "kind" in on && this.of(on)) reached.add(to);
          }
        }
        return accepting.some((state) => reached.has(state));
      }
    }
  }

  /**
   * Refuses rules that would be entered for ever.
   * @throws ArgumentError naming the rules of the circle
   */
  refuseLeftRecursion(): void {
    const { rules, where } = this.#grammar;
    const done = new Set<string>();
    for (const start of rules.keys()) {
      const open = [start], firsts = [this.#firstsOf(start)], isOpen = new Set(open);
      while (!done.has(start)) {
        const { value: next, done: isEnd } = firsts.at(-1)!.next();
        if (isEnd) {
          const name = open.pop()!;
          firsts.pop();
          isOpen.delete(name);
          done.add(name);
        } else if (isOpen.has(next)) {
          const circle = [...open.slice(open.indexOf(next)), next].join(" → ");
          const state = `it calls itself before it reads anything (${circle})`;
          throw new ArgumentError(`Cannot use rule "${next}"${where?.(next) ?? ""}: ${state}`);
        } else if (!done.has(next)) {
          open.push(next);
          firsts.push(this.#firstsOf(next));
          isOpen.add(next);
        }
      }
    }
  }

  #firstsOf(name: string): Iterator<string> {
    return new Set(this.#firsts(this.#grammar.rules.get(name)!))[Symbol.iterator]();
  }

  /** The rules that an expression may call before it has read anything. */
  *#firsts(part: Expression): Generator<string> {
    switch (part.kind) {
      case "sequence":
        for (const one of part.parts) {
          yield* this.#firsts(one);
          if (!this.of(one)) return;
        }
        return;
      case "choice":
        for (const one of part.parts) yield* this.#firsts(one);
        return;
      case "repeat":
        return yield* this.#firsts(part.part);
      case "rule":
        return yield part.name;
      case "machine": {
        const reached = new Set([0]);
        for (const state of reached) {
          for (const { from, to, on } of part.machine.edges) {
            if (from !== state || !("kind" in on)) continue;
            yield* this.#firsts(on);
            if (this.of(on)) reached.add(to);
          }
        }
      }
    }
  }
}
