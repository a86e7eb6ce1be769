"""Names for array shapes: jaxtyping's where it is installed (development), plain stand-ins where it is not."""

from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Array", "Bool", "Float", "Int", "Real", "Shaped"]

# Any array of the array-API standard: a numpy array, a torch tensor, ... Tests verify shapes and dtypes.
Array: TypeAlias = Any

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, Real, Shaped
else:
    try:
        from jaxtyping import Bool, Float, Int, Real, Shaped
    except ImportError:

        class _AnyShape:
            """Stands where a shape would be: ``Float[Array, "rows columns"]`` is then simply ``Array``."""

            def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
                return item[0]

        Bool = Float = Int = Real = Shaped = _AnyShape
