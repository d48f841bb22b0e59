/** Tensors: what views share, what is refused, comparison, conversion. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import { ELEMENTS, type ElementType } from "../../src/tensor/elements.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

const ramp = (...shape: number[]) =>
  Tensor.of(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i), shape);

Deno.test("views share the data of the tensor, whatever they are made of", () => {
  const tensor = ramp(2, 3, 4);
  const views = [tensor.slice(1, [0, 2], [1, null, 2]), tensor.transpose(), tensor.reshape(-1)];
  for (const view of views) assert(view.data === tensor.data);
  views[0]!.fill(-1);
  assertEquals(tensor.slice(1).toArray(), [[12, -1, 14, -1], [16, -1, 18, -1], [20, 21, 22, 23]]);
  views[1]!.set([0, 0, 1], 99);
  assertEquals(tensor.at(1, 0, 0), 99);
  assertEquals(tensor.transpose().slice(3, 2).toArray(), [11, 23]);
});

Deno.test("a copy is contiguous and its own", () => {
  const tensor = ramp(3, 2), turned = tensor.transpose(), copy = turned.copy();
  assert(!turned.contiguous && copy.contiguous && copy.data !== tensor.data);
  assertEquals([...copy.data], [0, 2, 4, 1, 3, 5]);
  assert(copy.equals(turned) && !copy.equals(tensor));
  copy.set([0, 0], 7);
  assertEquals(tensor.at(0, 0), 0);
});

Deno.test("iteration goes row after row, over elements or over rows", () => {
  const view = ramp(3, 3).slice([null, null, -1], [0, 2]);
  assertEquals([...view], [6, 7, 3, 4, 0, 1]);
  assertEquals([...view.rows()].map((row) => row.toArray()), [[6, 7], [3, 4], [0, 1]]);
  assertEquals([...Tensor.from(5)], [5]);
  assertEquals([...Tensor.zeros([0, 4])], []);
});

Deno.test("each element type has its array, and is told by it", () => {
  for (const type of Object.keys(ELEMENTS) as ElementType[]) {
    const tensor = Tensor.from([[1, 2], [3, 4]], type);
    assertEquals([tensor.type, tensor.at(-1, -2)], [type, 3]);
    assertEquals(Deno.inspect(tensor).split("\n")[0], `Tensor ${type} [2, 2]`);
    assertEquals(tensor.to("float64").toArray(), [[1, 2], [3, 4]]);
  }
});

Deno.test("bf16 and quantised weights go through floats, rows as they lie", () => {
  const tensor = ramp(2, 64);
  for (const type of ["F32", "F16", "BF16"]) {
    assert(Tensor.dequantize(type, tensor.quantize(type), [2, 64]).equals(tensor), type);
  }
  const turned = ramp(64, 2).transpose();
  const bytes = turned.quantize("Q8_0");
  assertEquals(bytes.length, 4 * 34);
  assert(Tensor.dequantize("Q8_0", bytes, [2, 64]).closeTo(turned, { absolute: 0.51 }));
});

Deno.test("equal and close: NaN equals NaN, infinities only themselves, shapes count", () => {
  const a = Tensor.from([1, NaN, Infinity]), b = Tensor.from([1 + 1e-6, NaN, Infinity]);
  assert(a.equals(a.copy()) && !a.equals(b) && a.closeTo(b));
  assert(!a.closeTo(b, { relative: 0 }));
  assert(!Tensor.from([1]).closeTo(Tensor.from([Infinity])));
  assert(!Tensor.from([Infinity]).closeTo(Tensor.from([-Infinity])));
  assert(!ramp(2, 3).equals(ramp(3, 2)) && !ramp(2).equals(ramp(2, 1)));
  assert(Tensor.from([1, 2], "int8").equals(Tensor.from([1, 2], "float64")));
});

for (
  const [what, act, says] of [
    ["an index outside", () => ramp(2, 3).at(0, 3), "index 3 is not in axis 1, which has 3"],
    ["a negative one", () => ramp(2, 3).at(-3, 0), "index -3 is not in axis 0, which has 2"],
    ["half an index", () => ramp(2).at(0.5), "index 0.5"],
    ["too few indices", () => ramp(2, 3).at(1), "takes 2 indices, not 1"],
    ["a step of 0", () => ramp(4).slice([0, 2, 0]), "a step other than 0"],
    ["half a step", () => ramp(4).slice([0, 2, 0.5]), "no range of whole numbers"],
    ["too many ranges", () => ramp(4).slice(null, null), "it has 1 axes, not 2"],
    ["an index of nothing", () => Tensor.zeros([0]).slice(0), "index 0 is not in axis 0"],
    ["another size", () => ramp(6).reshape(4), "it has 6 elements"],
    ["two open lengths", () => ramp(6).reshape(-1, -1), "it has 6 elements"],
    ["an open length that is none", () => ramp(6).reshape(4, -1), "whole numbers"],
    ["a moving reshape", () => ramp(2, 3).transpose().reshape(6), "copy() it first"],
    ["a missing axis", () => ramp(2, 3).transpose(0), "each of its 2 axes once"],
    ["an axis twice", () => ramp(2, 3).transpose(1, -1), "each of its 2 axes once"],
    ["a ragged list", () => Tensor.from([[1, 2], [3]]), "level 1 has the same length"],
    ["a deep list", () => Tensor.from([1, [2]]), "the same length"],
    ["a wrong size", () => Tensor.of(new Int8Array(3), [2, 2]), "there are 3 elements"],
    ["a negative length", () => Tensor.zeros([-1]), "whole numbers from 0"],
    ["a huge shape", () => Tensor.zeros([2 ** 30, 2 ** 30]), "below 2^53"],
    ["part of a block", () => ramp(33).quantize("Q8_0"), "no whole number of blocks"],
    ["a block of two rows", () => ramp(4, 16).quantize("Q8_0"), "rows of 16 elements"],
    ["the same", () => Tensor.dequantize("Q8_0", new Uint8Array(34), [2, 16]), "rows of 16"],
    ["no element type", () => ramp(2).to(JSON.parse('"bool"')), '"bool": it is none of float16'],
    ["none either", () => Tensor.zeros([2], JSON.parse('"toString"')), '"toString"'],
  ] as const
) {
  Deno.test(`${what} is refused`, () => {
    assertThrows(act, ArgumentError, says);
  });
}
