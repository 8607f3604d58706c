"""What Numba does not compile loops to: sums in vector registers, and prefetching.

From a loop over arrays, which may overlap as far as the compiler knows, it makes code that
loads and stores a sum for every few of its terms. Those here stay in registers to the end.
Products and sums are of double precision and rounded one by one, on every processor; numbers in
memory may be of single precision.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LENGTH = 32

_LANES = 8
_NUMBERS = ir.VectorType(ir.DoubleType(), _LANES)
_INTEGER = ir.IntType(64)


def _copy(_context: Any, source: Any, target: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = _addresses(context, builder, signature, arguments)
        _store(builder, _load(builder, source), target)
        return context.get_dummy_value()

    return types.void(source, target), generate


def _add(_context: Any, source: Any, target: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = _addresses(context, builder, signature, arguments)
        pairs = zip(_load(builder, target), _load(builder, source), strict=True)
        _store(builder, [builder.fadd(total, term) for total, term in pairs], target)
        return context.get_dummy_value()

    return types.void(source, target), generate


def _weighted_sum(
    _context: Any, values: Any, columns: Any, first: Any, last: Any, rows: Any, target: Any
) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, columns, rows, target = _addresses(context, builder, signature, arguments)
        first, last = arguments[2:4]

        def term(k: Any) -> list[Any]:
            column = builder.sext(builder.load(builder.gep(columns, [k])), _INTEGER)
            row = builder.gep(rows, [builder.mul(column, _INTEGER(LENGTH))])
            weight = _repeat(builder, builder.load(builder.gep(values, [k])))
            return [builder.fmul(weight, part) for part in _load(builder, row)]

        sums = [cgutils.alloca_once_value(builder, part) for part in term(first)]
        second = builder.add(first, _INTEGER(1))
        with cgutils.for_range_slice(builder, second, last, _INTEGER(1), inc=True) as (k, _):
            for total, part in zip(sums, term(k), strict=True):
                builder.store(builder.fadd(builder.load(total), part), total)
        _store(builder, [builder.load(total) for total in sums], target)
        return context.get_dummy_value()

    return types.void(values, columns, first, last, rows, target), generate


def _prefetch(_context: Any, rows: Any, i: Any, k: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        row, column = (
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(arguments[1:], signature.args[1:], strict=True)
        )
        length = builder.extract_value(array.shape, 1)
        address = builder.gep(array.data, [builder.add(builder.mul(row, length), column)])
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        # To read, into the first cache, data.
        builder.call(function, [builder.bitcast(address, byte), flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(rows, i, k), generate


def _addresses(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Where the first number of each argument that is an array lies."""
    return [
        context.make_array(kind)(context, builder, argument).data
        for kind, argument in zip(signature.args, arguments, strict=True)
        if isinstance(kind, types.Array)
    ]


def _parts(builder: Any, address: Any) -> list[Any]:
    kind = ir.VectorType(address.type.pointee, _LANES).as_pointer()
    places = [builder.gep(address, [_INTEGER(k)]) for k in range(0, LENGTH, _LANES)]
    return [builder.bitcast(place, kind) for place in places]


def _load(builder: Any, address: Any) -> list[Any]:
    found = [builder.load(part, align=4) for part in _parts(builder, address)]
    return found if _is_double(address) else [builder.fpext(part, _NUMBERS) for part in found]


def _store(builder: Any, numbers: list[Any], address: Any) -> None:
    for into, part in zip(_parts(builder, address), numbers, strict=True):
        whole = part if _is_double(address) else builder.fptrunc(part, into.type.pointee)
        builder.store(whole, into, align=4)


def _is_double(address: Any) -> bool:
    return bool(address.type.pointee == ir.DoubleType())


def _repeat(builder: Any, number: Any) -> Any:
    undefined = ir.Constant(_NUMBERS, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), None)
    return builder.shuffle_vector(first, undefined, everywhere)


# copy(source, target): target[:32] = source[:32].
copy = cast("Callable[..., None]", intrinsic(_copy))

# add(source, target): target[:32] += source[:32].
add = cast("Callable[..., None]", intrinsic(_add))

# weighted_sum(values, columns, first, last, rows, target): the sum over first ≤ k < last, in this
# order, of values[k] · rows[columns[k]] into target[:32], for rows of 32 numbers.
weighted_sum = cast("Callable[..., None]", intrinsic(_weighted_sum))

# prefetch(rows, i, k): ask for the memory of rows[i, k] of a C-contiguous array, and do not wait.
prefetch = cast("Callable[..., None]", intrinsic(_prefetch))
