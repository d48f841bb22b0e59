"""Writes printed.json: what NumPy prints of tensors, and where its slices and reshapes lead.

    python3 tests/tensor/make_printed.py tests/tensor/printed.json
    deno fmt tests/tensor/printed.json

Each case is a recipe: numbers of a type, a shape, and views taken in turn.
"""

import json
import random
import sys

import numpy

TYPES = ["float16", "float32", "float64", "int8", "uint8", "int16", "int32"]
EDGES = [
    ([0.0, -0.0, 1.0], "float32"),
    ([1e8, 1.0], "float32"),
    ([1e-5, 0.25], "float32"),
    ([1e-4, 0.09], "float32"),
    ([0.1, 0.2, 0.3], "float32"),
    ([0.1, 0.2, 0.3], "float64"),
    ([1 / 3, 2 / 3], "float16"),
    ([65504.0, 1000.0], "float16"),
    ([1e-7, 6e-8], "float16"),
    ([float("nan"), 1.5, float("inf"), float("-inf")], "float32"),
    ([float("nan"), float("inf")], "float64"),
    ([float("nan"), -1e20], "float64"),
    ([1e300, -1e-300, 0.0], "float64"),
    ([123456.789, 0.5], "float64"),
    ([16777216.0, 16777215.0], "float32"),
    ([-128, 127, 0], "int8"),
    ([2147483647, -2147483648], "int32"),
    ([3.4e38, 1.2e-38], "float32"),
    ([0.001953125, 2.0], "float32"),
    ([2.5, 131.25, 3.5], "float16"),
    ([1.0000000005, 2.25], "float64"),
    ([], "float32"),
]


def python_slice(range_):
    if range_ is None:
        return slice(None)
    return range_ if isinstance(range_, int) else slice(*range_)


def random_values(source, type_, count):
    if type_.startswith("float"):
        digits = source.choice([1, 2, 3, 6])
        scale = source.choice([1, 1, 100, 3000, 1e-3])
        return [round(source.gauss(0, 1), digits) * scale for _ in range(count)]
    info = numpy.iinfo(type_)
    low, high = source.choice([(0, 9), (max(info.min, -999), min(info.max, 999))])
    return [source.randint(low, high) for _ in range(count)]


def random_range(source, length):
    kind = source.random()
    if kind < 0.2:
        return None
    if kind < 0.4 and length > 0:
        return source.randrange(-length, length)
    bound = lambda: source.choice([None, source.randint(-length - 2, length + 2)])
    return [bound(), bound(), source.choice([None, 1, 2, 3, -1, -2])]


def random_view(source, array):
    kind = source.choice(["slice", "transpose", "reshape"])
    if kind == "slice":
        count = source.randint(0, array.ndim)
        return {"slice": [random_range(source, array.shape[axis]) for axis in range(count)]}
    if kind == "transpose":
        axes = list(range(array.ndim))
        source.shuffle(axes)
        return {"transpose": axes}
    if array.size == 0:
        return {"reshape": [0, 3]}
    left, shape = array.size, []
    while left > 1 and len(shape) < 3:
        divisor = source.choice([d for d in range(1, left + 1) if left % d == 0])
        shape.append(divisor)
        left //= divisor
    return {"reshape": source.choice([shape + [left], shape + [-1]])}


def applied(array, view):
    """The array that a view shows, or None where NumPy would have to copy."""
    if "slice" in view:
        return array[tuple(python_slice(range_) for range_ in view["slice"])]
    if "transpose" in view:
        return array.transpose(view["transpose"])
    try:
        return numpy.reshape(array, view["reshape"], copy=False)
    except ValueError:
        return None


def case(values, type_, shape, views):
    array = numpy.array(values, dtype=type_).reshape(shape)
    result, kept = array, []
    for view in views(array):
        next_ = applied(result, view)
        kept.append(view)
        result = next_
        if next_ is None:
            break
    text = None if result is None else str(result)
    numbers = " ".join(repr(number) for number in values)
    steps = json.dumps(kept)  # as text: short in the file
    return {"values": numbers, "type": type_, "shape": shape, "views": steps, "text": text}


def main():
    source = random.Random(5)
    cases = [case(values, type_, [len(values)], lambda _: []) for values, type_ in EDGES]
    for index in range(210):
        type_ = TYPES[index % len(TYPES)]
        shape = [source.randint(1, 5) for _ in range(source.randint(1, 4))]
        values = random_values(source, type_, int(numpy.prod(shape)))

        def views(array):
            for _ in range(source.randint(0, 4)):
                view = random_view(source, array)
                yield view
                array = applied(array, view)

        cases.append(case(values, type_, shape, views))
    ramps = []
    for shape in [[1001], [1000], [40, 30], [7, 160], [3, 4, 100], [11, 11, 11], [300, 2, 2], [2, 600]]:
        for type_ in ["float32", "int32"]:
            array = (numpy.arange(numpy.prod(shape)) * 0.5).astype(type_).reshape(shape)
            ramps.append({"shape": shape, "type": type_, "text": str(array)})
    golden = {"made": f"NumPy {numpy.__version__}", "cases": cases, "ramps": ramps}
    with open(sys.argv[1], "w") as file:
        json.dump(golden, file)


main()
