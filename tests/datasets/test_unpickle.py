"""Pickles of numbers open; everything else is refused and nothing runs."""

import io
import os
import pickle
import pickletools

import numpy as np
import pytest

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.unpickle import load_array_pickle, load_table_pickle


class Hostile:
    """Would run a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_arrays_of_numbers_open_whatever_the_protocol(tmp_path, protocol):
    values = np.random.default_rng(0).standard_normal((3, 4, 5))
    path = tmp_path / "array.pkl"
    for array in (values, np.asfortranarray(values), values.T[::2], values.astype(">f4"), values > 0, values[:0]):
        path.write_bytes(pickle.dumps(array, protocol))
        found = load_array_pickle(path)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
        assert not found.flags.writeable


def test_names_of_older_numpy_and_text_of_python_2_are_understood(tmp_path):
    """The FACED pickles name numpy.core; Python 2 wrote the bytes of an array as text in Latin-1."""
    values = np.arange(300.0).reshape(20, 15)
    new = pickle.dumps(values, 2)
    old = new.replace(b"cnumpy._core.multiarray", b"cnumpy.core.multiarray")
    path = tmp_path / "array.pkl"
    path.write_bytes(old)
    np.testing.assert_array_equal(load_array_pickle(path), values)
    raw = values.tobytes()
    python_2 = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x14K\x0f\x86cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"T" + len(raw).to_bytes(4, "little") + raw + b"tb."
    )
    path.write_bytes(python_2)
    np.testing.assert_array_equal(load_array_pickle(path), values)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_hostile_pickle_is_refused_and_nothing_runs(tmp_path, protocol):
    trace = tmp_path / "it_ran"
    path = tmp_path / "sub000.pkl.pkl"
    for content in (Hostile(f"touch {trace}"), [np.zeros(3), Hostile(f"touch {trace}")]):
        path.write_bytes(pickle.dumps(content, protocol))
        with pytest.raises(InvalidInput, match="system.*Nothing was executed"):
            load_array_pickle(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        np.array([{"a": 1}, None], dtype=object),
        np.zeros(2, dtype=[("a", "f8")]),
        np.array(["text"]),
        {"de": np.zeros(2)},
        [1.0, 2.0],
        3.0,
        np.float64,
    ],
)
def test_what_is_no_plain_array_is_refused(tmp_path, content):
    path = tmp_path / "array.pkl"
    for protocol in (2, 5):
        path.write_bytes(pickle.dumps(content, protocol))
        with pytest.raises(InvalidInput, match="expected one plain array"):
            load_array_pickle(path)


def test_a_broken_file_is_an_error_in_words_wherever_it_breaks(tmp_path):
    path = tmp_path / "array.pkl"
    for protocol in (2, 4, 5):
        whole = pickle.dumps(np.arange(4.0), protocol)
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(InvalidInput, match=r"damaged|asks for"):
                load_array_pickle(path)
        for place in range(0, len(whole), 3):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            try:
                load_array_pickle(path)  # a flipped bit inside the numbers cannot be noticed here
            except InvalidInput:
                continue


def test_a_shape_that_does_not_fit_the_bytes_is_refused(tmp_path):
    """A false shape must not read memory that is not the array's."""
    path = tmp_path / "array.pkl"
    path.write_bytes(pickle.dumps(np.arange(4.0), 2).replace(b"K\x04\x85", b"K\x09\x85"))
    with pytest.raises(InvalidInput, match=r"shape \(9,\) with 32 bytes"):
        load_array_pickle(path)


def test_the_file_cannot_change_the_reader(tmp_path):
    """BUILD on one of the names the reader answers must leave later files alone."""
    stream = io.BytesIO()
    stream.write(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n}U\x01xK\x01sb.")
    path = tmp_path / "array.pkl"
    path.write_bytes(stream.getvalue())
    assert [op.name for op, _, _ in pickletools.genops(stream.getvalue())][-2:] == ["BUILD", "STOP"]
    with pytest.raises(InvalidInput):
        load_array_pickle(path)
    path.write_bytes(pickle.dumps(np.arange(4.0), 2))
    np.testing.assert_array_equal(load_array_pickle(path), np.arange(4.0))


def test_a_table_of_arrays_opens_with_its_labels_and_nothing_else(tmp_path):
    nested = np.empty((2, 1), dtype=object)
    nested[:, 0] = [np.array(["bed"]), np.array(["armchair"])]
    values = np.arange(6.0).reshape(2, 3)
    path = tmp_path / "table.pickle"
    for protocol in (2, 4, 5):
        path.write_bytes(pickle.dumps({"betas": values, "conds": nested, "rois": np.array(["EVC"])}, protocol))
        found = load_table_pickle(path, ("conds", "rois"))
        np.testing.assert_array_equal(found["betas"], values)
        assert [found[name].tolist() for name in ("conds", "rois")] == [["bed", "armchair"], ["EVC"]]
        with pytest.raises(InvalidInput, match="asks for an array of type 'O8'"):
            load_table_pickle(path, ("rois",))
        trace = tmp_path / "it_ran"
        nested_hostile = nested.copy()
        nested_hostile[0, 0] = Hostile(f"touch {trace}")
        for content in ({"conds": nested_hostile}, {"conds": np.array([{"a": 1}], dtype=object)}, [values], values):
            path.write_bytes(pickle.dumps(content, protocol))
            with pytest.raises(InvalidInput, match="asks for.*expected a dictionary.*Nothing was executed"):
                load_table_pickle(path, ("conds",))
        assert not trace.exists()


def test_a_missing_file_is_missing_data(tmp_path):
    with pytest.raises(MissingData, match=r"there is no file"):
        load_array_pickle(tmp_path / "none.pkl")
