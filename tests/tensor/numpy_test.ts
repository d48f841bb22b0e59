/** Views and printing do what NumPy does: cases by tests/tensor/make_printed.py. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import type { ElementType, NumberArray } from "../../src/tensor/elements.ts";
import type { Range } from "../../src/tensor/layout.ts";
import { Tensor, type TensorView } from "../../src/tensor/tensor.ts";
import golden from "./printed.json" with { type: "json" };

/** One step from a tensor to a view of it. */
interface View {
  readonly slice?: readonly Range[];
  readonly transpose?: readonly number[];
  readonly reshape?: readonly number[];
}

const NAMES: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "-inf": -Infinity };

function take(from: TensorView<NumberArray>, view: View): TensorView<NumberArray> {
  if (view.slice) return from.slice(...view.slice);
  return view.transpose ? from.transpose(...view.transpose) : from.reshape(...view.reshape!);
}

Deno.test("slices, transposes, reshapes and texts are NumPy's", () => {
  let refused = 0;
  for (const { values, type, shape, views: steps, text } of golden.cases) {
    const tensor = Tensor.zeros(shape, type as ElementType);
    const words = values === "" ? [] : values.split(" ");
    words.forEach((word, i) => tensor.data[i] = NAMES[word] ?? Number(word));
    const views: View[] = JSON.parse(steps), what = JSON.stringify({ values, type, shape, steps });
    if (text === null) { // NumPy would have to copy
      refused++;
      const before = views.slice(0, -1).reduce(take, tensor);
      assertThrows(() => take(before, views.at(-1)!), ArgumentError, "have to be copied", what);
      continue;
    }
    const view = views.reduce(take, tensor), copy = view.copy();
    assertEquals([view.toString(), copy.toString()], [text, text], what);
    assertEquals([...copy.data], [...view], what);
    assert(copy.equals(view) && view.equals(copy) && view.closeTo(copy), what);
    assertEquals(view.toArray(), copy.toArray(), what);
    const parts = copy.fill(3);
    assert(view.fill(3).equals(parts) && view.size === parts.size, what);
  }
  assertEquals(refused > 10, true);
});

Deno.test("large tensors are cut down to the edges that NumPy shows", () => {
  for (const { shape, type, text } of golden.ramps) {
    const tensor = Tensor.zeros(shape, type as ElementType);
    for (let i = 0; i < tensor.size; i++) tensor.data[i] = i * 0.5;
    assertEquals(tensor.toString(), text, `${type} ${shape}`);
  }
});
