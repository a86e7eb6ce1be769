"""Parts of speech of captions: by a tagger that needs no download, or by a spaCy model where one is installed."""

import hashlib
import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from consona.core.errors import ConfigError, MissingExtra, ModelError, require_extra

__all__ = ["DEFAULT_TAGGER", "part_of_speech", "parts_of_speech"]

DEFAULT_TAGGER = "textblob"
TEXTBLOB_VERSION = "0.20.1"
# What the tagger knows: plain text, of textblob 0.20.1. Other tables would give other words to a rung.
TEXTBLOB_SHA256 = {
    "en-context.txt": "d78dc6807bdaacc8e69e3a3635ce2cee548a243eacce8aacbf1fe65093980131",
    "en-entities.txt": "568873e0ab9a807ad69640e5f0504e733983c424a3665425e07c24c8fa5bb51e",
    "en-lexicon.txt": "9545c71faf16e4461d0bff1d9948fe92b2cf94766af118a6c69c37b43363d5d2",
    "en-morphology.txt": "4032100aab324739d0f26fd32d13e2e0f58018066e9b76a0e4cd065bbfc0b248",
}
_SPACY = "spacy:"

Tagged = list[tuple[str, str]]


def part_of_speech(text: str, *, tagger: str = DEFAULT_TAGGER) -> Tagged:
    """Words of one text with their tags; see :func:`parts_of_speech`."""
    return parts_of_speech([text], tagger=tagger)[0]


def parts_of_speech(texts: Sequence[str], *, tagger: str = DEFAULT_TAGGER) -> list[Tagged]:
    """Words of every text with their tags of the Penn Treebank (NN, NNS, VBZ, JJ, IN …), punctuation included.

    Texts are put in lower case first: a tagger takes a capital for a name, and captions begin with one or shout.

    Parameters
    ----------
    texts
        Captions or other English sentences.
    tagger
        ``textblob``: the tagger of Brill (1992) with its lexicon, as the package textblob brings it (extra ``text``);
        its tables are plain text whose SHA-256 is checked, nothing is unpickled and nothing downloaded.
        ``spacy:NAME``: a spaCy model that is installed, such as ``spacy:en_core_web_sm``.

    Raises
    ------
    ConfigError
        When there is no such tagger.
    MissingExtra
        When its package or model is not installed; nothing is fetched.
    ModelError
        When the tables of textblob are not those of the version that is expected.
    """
    lower = [text.lower() for text in texts]
    if tagger == DEFAULT_TAGGER:
        return _by_textblob(lower)
    if tagger.startswith(_SPACY) and len(tagger) > len(_SPACY):
        return _by_spacy(lower, tagger.removeprefix(_SPACY))
    raise ConfigError(
        f"There is no tagger '{tagger}'; there are '{DEFAULT_TAGGER}' and 'spacy:MODEL' (spacy:en_core_web_sm)."
    )


def _by_textblob(texts: Sequence[str]) -> list[Tagged]:
    spec = importlib.util.find_spec("textblob")
    if spec is not None and spec.origin is not None:
        require_tables(Path(spec.origin).parent / "en")
    english = _imported("textblob.en", "text")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it reads its tables at the first text and closes no file
        return [[(str(word), str(tag)) for word, tag in english.tag(text)] for text in texts]


def require_tables(folder: Path) -> None:
    """The tagger's tables are the expected ones.

    Raises
    ------
    ModelError
        When one is missing or differs; nothing was tagged.
    """
    for name, expected in TEXTBLOB_SHA256.items():
        path = folder / name
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if found != expected:
            raise ModelError(
                f"The tagger's table {name} is not that of textblob {TEXTBLOB_VERSION}: SHA-256 is {found}, expected "
                f"{expected}. Nothing was tagged. Install it with: pip install 'textblob=={TEXTBLOB_VERSION}'"
            )


def _by_spacy(texts: Sequence[str], name: str) -> list[Tagged]:
    spacy = _imported("spacy", "text")
    try:
        model = spacy.load(name, exclude=["parser", "ner"])
    except OSError:
        raise MissingExtra(
            f"The spaCy model '{name}' is not installed. Install it with: python -m spacy download {name} (or take "
            f"tagger='{DEFAULT_TAGGER}', which needs no model)."
        ) from None
    documents = model.pipe(texts)
    return [[(str(token.text), str(token.tag_)) for token in each if not token.is_space] for each in documents]


def _imported(module: str, extra: str) -> ModuleType:
    """An optional package; what it warns of while it is imported is no business of the caller."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return require_extra(module, extra)
