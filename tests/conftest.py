"""What every test may rely on: no network, a private store, fixed hypothesis examples, and the corpora if present."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest

# The Hub client reads this when it is imported, so it is set before any test module is.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Small matrices: several threads only wait for each other. Read by NumPy and torch when they are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

try:
    from hypothesis import settings
except ModuleNotFoundError:  # the suite without property tests still runs
    pass
else:
    settings.register_profile("house", deadline=None, derandomize=True, database=None, max_examples=40)
    settings.load_profile("house")

LOOPBACK = {"127.0.0.1", "::1", "localhost", "0.0.0.0"}


def _refuse_network(address: object) -> None:
    if isinstance(address, tuple) and address and str(address[0]) not in LOOPBACK:
        raise RuntimeError(f"a test tried to reach {address[0]}: tests run without network")


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Let sockets reach this machine only."""
    patch = pytest.MonkeyPatch()
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self, address):
        _refuse_network(address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        _refuse_network(address)
        return connect_ex(self, address)

    def guarded_lookup(host, *args, **kwargs):
        _refuse_network((host or "localhost",))
        return lookup(host, *args, **kwargs)

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket, "getaddrinfo", guarded_lookup)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def private_store(tmp_path_factory):
    """Keep the user's own store out of the tests, also out of the processes they start."""
    patch = pytest.MonkeyPatch()
    patch.setenv("CONSONA_STORE", str(tmp_path_factory.mktemp("store")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the real corpora; a test that asks for it is skipped where there is none."""
    named = os.environ.get("CONSONA_DATA", "")
    if named and Path(named).is_dir():
        return Path(named).resolve()
    if os.environ.get("CONSONA_REQUIRE_DATA") == "1":
        pytest.fail(
            f"CONSONA_REQUIRE_DATA is set and CONSONA_DATA={named!r} is no folder: data tests may not be skipped"
        )
    pytest.skip("CONSONA_DATA names no folder with the corpora")


def pytest_collection_modifyitems(items):
    """Whatever asks for the corpora is a data test, marked or not."""
    for item in items:
        if "data_folder" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)


@pytest.fixture(autouse=True)
def what_the_marks_need(request):
    """Skip a data test without corpora and a GPU test without a GPU."""
    if request.node.get_closest_marker("data"):
        request.getfixturevalue("data_folder")
    if request.node.get_closest_marker("gpu"):
        torch = pytest.importorskip("torch", reason="torch is not installed")
        if not torch.cuda.is_available():
            pytest.skip("no GPU")


@pytest.fixture
def frozen():
    """Make arrays read-only: ``X, Y = frozen(X, Y)``; whoever writes into them raises."""

    def freeze(*arrays):
        copies = tuple(np.array(array, copy=True) for array in arrays)
        for copy in copies:
            copy.flags.writeable = False
        return copies if len(copies) > 1 else copies[0]

    return freeze
