"""What a step gave, kept in the store: one object for a noun, several for a mapping or a tuple of nouns."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput, StoreError
from consona.core.features import Features
from consona.core.intervention import Intervention, intervention_from_json
from consona.engine import forms
from consona.engine.store import Object, Store

Node = dict[str, Any]
_ARRAY = "values"
LARGEST_FILE_BYTES = 2_000_000_000
"""Features that are larger lie in one file per layer."""


class Gone(StoreError):
    """An object of a result is missing or was damaged; the step that made it is carried out again."""


@dataclass(frozen=True)
class Leaf:
    """One object of a result: where it is in the result, and what it holds."""

    path: tuple[str, ...]
    item: Object
    noun: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]


def keep(store: Store, value: Any) -> Node:
    """Store a value; the answer describes it in JSON and goes into the record.

    Kept are nouns, datasets and arrays (NetCDF), tables (CSV), what JSON knows, interventions (JSON and their long
    arrays); and mappings, lists, tuples of these.

    Raises
    ------
    InvalidInput
        When the value is none of these.
    """
    if isinstance(value, np.generic):
        return keep(store, value.item())
    if forms.is_json(value):
        return _json_leaf(store, "json", value, type(value).__name__)
    if type(value).__name__ in forms.PARTS and type(value) is forms.PARTS[type(value).__name__]:
        return _json_leaf(store, "part", dict(vars(value)), type(value).__name__)
    if isinstance(value, pd.DataFrame):
        data, types = forms.to_csv(value)
        return {
            **_leaf(store, "table", data, "csv", "DataFrame"),
            **_extent(("row", "column"), value.shape),
            "types": types,
        }
    if isinstance(value, dict):
        return {"form": "mapping", "items": [[_text_key(key), keep(store, each)] for key, each in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"form": "tuple" if isinstance(value, tuple) else "list", "items": [keep(store, each) for each in value]}
    return _keep_labelled(store, value)


def load(store: Store, node: Node) -> Any:
    """The value that ``keep`` described.

    Raises
    ------
    Gone
        When an object of it is missing or damaged.
    """
    form = node["form"]
    if form == "mapping":
        return {key: load(store, each) for key, each in node["items"]}
    if form in ("list", "tuple"):
        several = [load(store, each) for each in node["items"]]
        return several if form == "list" else tuple(several)
    if form == "intervention":
        return _described(store, node)
    if form == "layers":
        return _stacked([load(store, each) for _, each in node["items"]])
    item = Object(**node["object"])
    data = store.get(item)
    if data is None:
        raise Gone(
            f"The object {item.sha256} is missing from the store or was damaged. Resume the run to make it again."
        )
    return _revived(node, data)


def intact(store: Store, node: Node) -> bool:
    """Whether every object of a result is there and undamaged; damaged ones go to quarantine."""
    found = [store.intact(leaf.item) for leaf in leaves(node)]  # every object is looked at, also after a damaged one
    return all(found)


def leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """The objects of a result, with their place in it."""
    if node["form"] in ("mapping", "layers", "intervention"):
        for key, each in node["items"]:
            yield from leaves(each, (*path, key))
    elif node["form"] in ("list", "tuple"):
        for place, each in enumerate(node["items"]):
            yield from leaves(each, (*path, str(place)))
    else:
        yield Leaf(path, Object(**node["object"]), node["noun"], tuple(node["dims"]), tuple(node["shape"]))


def noun_name(node: Node) -> str:
    """What a result is, in one word."""
    return str(node["noun"]) if "noun" in node else str(node["form"])


def _revived(node: Node, data: bytes) -> Any:
    form = node["form"]
    if form == "table":
        return forms.from_csv(data, node["types"])
    if form == "json":
        return forms.from_json(data)
    if form == "part":
        return forms.PARTS[node["noun"]](**forms.from_json(data))
    dataset = forms.from_netcdf(data)
    if form == "noun":
        return forms.noun_of(dataset)
    if form == "dataset":
        return dataset
    array = dataset[_ARRAY].rename(node["name"])
    return array if form == "labelled array" else array.values


def _stacked(layers: list[Features]) -> Features:
    """Features of one layer each as one, in the order they were kept in."""
    parts = [each.data for each in layers]
    return Features(
        xr.concat(parts, "layer", coords="minimal", compat="override", join="exact", combine_attrs="override")
    )


def _keep_labelled(store: Store, value: Any) -> Node:
    if isinstance(value, Features) and value.data.nbytes > LARGEST_FILE_BYTES and len(value.layers) > 1:
        layers = [Features(value.data[:, [place]]) for place in range(len(value.layers))]
        items = [
            [f"layer{number}", keep(store, each)] for number, each in zip(value.layers.tolist(), layers, strict=True)
        ]
        return {"form": "layers", "noun": "Features", "items": items}
    if type(value).__name__ in forms.NOUNS and type(value) is forms.NOUNS[type(value).__name__]:
        return _netcdf_leaf(store, "noun", value.to_xarray(), type(value).__name__)
    if isinstance(value, Intervention):
        return _keep_intervention(store, value)
    if isinstance(value, xr.Dataset):
        return _netcdf_leaf(store, "dataset", value, "Dataset")
    if isinstance(value, xr.DataArray):
        name = None if value.name is None else str(value.name)
        return {**_netcdf_leaf(store, "labelled array", value.to_dataset(name=_ARRAY), "DataArray"), "name": name}
    if isinstance(value, np.ndarray):
        return {**_netcdf_leaf(store, "array", xr.DataArray(value).to_dataset(name=_ARRAY), "ndarray"), "name": None}
    raise InvalidInput(
        f"A result of type {type(value).__name__} cannot be stored. A step returns a noun, a dataset, an array, a "
        "table, numbers, text, or a mapping, list or tuple of these."
    )


def _keep_intervention(store: Store, value: Intervention) -> Node:
    """Its JSON, and each long array that it holds as an object of its own, by the key that the JSON names it with."""
    noun = type(value).__name__
    items = [["json", _json_leaf(store, "json", json.loads(value.to_json()), noun)]]
    items += [[key, keep(store, array)] for key, array in value.arrays().items()]
    return {"form": "intervention", "noun": noun, "items": items}


def _described(store: Store, node: Node) -> Intervention:
    parts = {key: load(store, each) for key, each in node["items"]}
    return intervention_from_json(json.dumps(parts.pop("json")), parts)


def _netcdf_leaf(store: Store, form: str, data: xr.Dataset, noun: str) -> Node:
    main = max(data.data_vars.values(), key=lambda array: array.size, default=None)
    extent = _extent(tuple(str(dim) for dim in main.dims), main.shape) if main is not None else _extent((), ())
    return {**_leaf(store, form, forms.to_netcdf(data), "nc", noun), **extent}


def _json_leaf(store: Store, form: str, value: Any, noun: str) -> Node:
    return {**_leaf(store, form, forms.to_json(value), "json", noun), **_extent((), ())}


def _leaf(store: Store, form: str, data: bytes, suffix: str, noun: str) -> Node:
    return {"form": form, "noun": noun, "object": asdict(store.put(data, suffix))}


def _extent(dims: tuple[str, ...], shape: tuple[int, ...]) -> Node:
    return {"dims": list(dims), "shape": list(shape)}


def _text_key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidInput(f"The keys of a mapping to be stored are text; found {key!r}. Write it as text.")
    return key
