"""Fetching from a server on this machine: checked, recorded, never half done; agreements are asked for and recorded."""

import hashlib
import importlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from consona.core.errors import ConfigError, InvalidInput, MissingData
from consona.datasets.catalogue import catalogue, catalogue_table, corpus
from consona.datasets.fetch import ACCEPTANCE, LOCK, REMOTES, Remote, fetch, fetch_files
from consona.datasets.locate import fetch_folder
from consona.datasets.sst2 import load_sst2

CONTENT = b"a fine film\t1\na dull film\t0\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """A cache of its own, and no data folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CONSONA_DATA", raising=False)


@pytest.fixture
def server():
    """A server that gives what ``server.content`` holds, and counts; ``/short`` breaks off in the middle."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.count += 1
            if self.path == "/gone":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            self.wfile.write(self.server.content[: 5 if self.path == "/short" else None])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.content, running.count = CONTENT, 0
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def url(server, path="/file"):
    return f"http://127.0.0.1:{server.server_port}{path}"


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_fetched_corpus_is_found_by_its_loader(server, monkeypatch):
    remotes = tuple(Remote(remote.path, url(server), DIGEST) for remote in REMOTES["sst2"])
    monkeypatch.setitem(REMOTES, "sst2", remotes)
    assert corpus("sst2").found() is None
    fetched = fetch("sst2")
    assert fetched.files == tuple(remote.path for remote in remotes)
    assert "none stated" in fetched.note
    dataset = load_sst2("dev")
    assert dataset.stimuli["label"].tolist() == [1, 0]
    assert dataset.checksums == {"data/SST2/dev.tsv": DIGEST}
    assert corpus("sst2").found() == fetched.folder
    assert catalogue_table().loc["sst2", "found"] == str(fetched.folder)
    fetch("sst2")
    assert server.count == 3  # what is there and right is not fetched again


def test_a_file_with_another_hash_is_not_kept(server, tmp_path):
    with pytest.raises(InvalidInput, match="not the file that was expected"):
        fetch_files([Remote("data/a.tsv", url(server), "0" * 64)], tmp_path / "to")
    assert files_below(tmp_path / "to") == []


def test_a_file_that_was_altered_here_is_fetched_again(server, tmp_path):
    remote = Remote("a.tsv", url(server), DIGEST)
    (tmp_path / "a.tsv").write_bytes(b"altered")
    fetch_files([remote], tmp_path)
    assert (tmp_path / "a.tsv").read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/short", "/gone"])
def test_a_broken_download_leaves_nothing_and_says_so_in_one_sentence(server, tmp_path, path):
    for known in (DIGEST, None):
        with pytest.raises(MissingData, match=r"could not be fetched .*Check the network"):
            fetch_files([Remote("a.tsv", url(server, path), known)], tmp_path)
        assert files_below(tmp_path) == []


def test_no_server_at_all(tmp_path):
    with pytest.raises(MissingData, match=r"ConnectionError.*what was fetched before is kept"):
        fetch_files([Remote("a.tsv", "http://127.0.0.1:9/a.tsv", DIGEST)], tmp_path)


def test_without_a_known_hash_the_first_download_decides(server, tmp_path):
    remote = Remote("a.tsv", url(server))
    fetch_files([remote], tmp_path)
    lock = json.loads((tmp_path / LOCK).read_text())
    assert lock == {"a.tsv": {"url": url(server), "sha256": DIGEST}}
    (tmp_path / "a.tsv").unlink()
    server.content = b"another film\t1\n"
    with pytest.raises(InvalidInput, match="not the file that was expected"):
        fetch_files([remote], tmp_path)
    assert files_below(tmp_path) == [LOCK]
    server.content = CONTENT
    fetch_files([remote], tmp_path)
    assert files_below(tmp_path) == ["a.tsv", LOCK]
    (tmp_path / LOCK).write_text("{")
    with pytest.raises(InvalidInput, match="damaged"):
        fetch_files([remote], tmp_path)


@pytest.mark.parametrize("path", ["../outside.tsv", "/etc/outside", "a/../../b", "a\\..\\b", ""])
def test_no_file_may_leave_the_folder(path):
    with pytest.raises(InvalidInput, match="inside the corpus folder"):
        Remote(path, "http://127.0.0.1/x")


def test_an_agreement_is_shown_asked_for_and_recorded():
    with pytest.raises(MissingData, match=r"synapse.org/Synapse:syn50614194.*--accept faced"):
        fetch("faced")
    with pytest.raises(MissingData, match="--accept faced"):
        fetch("faced", accept=("sst2",))
    assert not fetch_folder("faced").exists()
    fetched = fetch("faced", accept=("faced",))
    assert str(fetch_folder("faced")) in fetched.note
    assert fetched.files == ()
    record = json.loads((fetched.folder / ACCEPTANCE).read_text())
    assert record["corpus"] == "faced"
    assert fetch("faced").note == fetched.note  # accepted once is accepted
    assert corpus("faced").found() is None  # a folder with an agreement alone holds no data


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("seed_v", r"bcmi.sjtu.edu.cn/home/seed/seed-v.html.*EEG_DE_features"),
        ("faced_bids", r"syn50614194.*nm000112.*Recording_info.csv"),
    ],
)
def test_who_wants_a_corpus_on_application_is_told_where_to_apply_and_where_to_put_it(name, where):
    with pytest.raises(MissingData, match=rf"{where}.*--accept {name}"):
        fetch(name)
    assert str(fetch_folder(name)) in fetch(name, accept=(name,)).note


def test_tables_that_no_server_has_say_what_they_were_computed_from():
    fetched = fetch("emotion_concepts")
    assert fetched.files == ()
    assert "thunlp/Model_Emotion at commit 614c978ad022" in fetched.note
    assert str(fetched.folder) in fetched.note
    assert "consona fetch model_emotion" in fetched.note


def test_every_corpus_has_its_papers_a_loader_a_twin_and_a_way_to_get_it():
    for entry in catalogue():
        for name in (entry.loader, entry.twin):
            module, function = name.rsplit(".", 1)
            assert callable(getattr(importlib.import_module(module), function))
        assert all((entry.licence, entry.citation, entry.shape, entry.title, entry.evidence))
        assert entry.size_mb > 0
        assert [entry.agreement is not None, bool(entry.computed_from), entry.name in REMOTES].count(True) == 1
    for remotes in REMOTES.values():
        assert all(remote.url.startswith("https://") and len(remote.sha256) == 64 for remote in remotes)
    with pytest.raises(ConfigError, match="no corpus 'imdb'; the corpora are 'faced'"):
        corpus("imdb")


@pytest.mark.data
def test_known_hashes_are_those_of_the_corpora(data_folder, monkeypatch):
    monkeypatch.setenv("CONSONA_DATA", str(data_folder))
    for name, remotes in REMOTES.items():
        for remote in remotes:
            path = data_folder / name / remote.path
            assert hashlib.sha256(path.read_bytes()).hexdigest() == remote.sha256
    elsewhere = ("faced_bids", "seed_v", "nsd", "algonauts")  # given out on application only
    assert all(entry.found() == data_folder / entry.name for entry in catalogue() if entry.name not in elsewhere)
