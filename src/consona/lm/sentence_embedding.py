"""Sentence embeddings: what a model says about a whole text, averaged where a stimulus has several texts.

A sentence-embedding model is a language model whose folder says how tokens become one vector (``modules.json`` and the
files it names, as the library sentence-transformers writes them). That recipe is read and carried out here, or refused
by name where it holds a step that is not known.
"""

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from consona.core.errors import InvalidInput, ModelError
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.lm.embedding_recipe import EmbeddingRecipe, recipe_of
from consona.lm.model import LanguageModel
from consona.lm.packing import Batch
from consona.lm.pooling import pool_of
from consona.lm.states import Reading, each_batch
from consona.lm.tokens import Wording, tokenised

__all__ = ["embed_each", "embed_texts"]


def embed_texts(lm: LanguageModel, stimuli: Stimuli, *, like: LanguageModel | None = None) -> Features:
    """One sentence embedding per stimulus: the mean over its texts, of which each distinct one is embedded once.

    The embedding of one text has unit length in most models; their mean has not, and is left as it is, because its
    length says how much the texts agree. A text that stands several times counts several times.

    Parameters
    ----------
    lm
        A sentence-embedding model: ``load_language_model("minilm")``, a folder, or a Hub id.
    stimuli
        With the column ``text``: a string, or a tuple of strings.
    like
        The model whose recipe (pooling and length) is used in place of the own: a random twin has none.

    Returns
    -------
    Features
        One layer, the last. Coordinates along stimulus: ``norm`` (length of the mean), ``n_texts``, ``truncated``
        (whether any text was cut). Attributes: ``norm_mean``, ``norm_sd``, ``n_distinct`` and those of a capture.

    Raises
    ------
    InvalidInput
        When texts are missing, empty or ``n/a``; the stimulus and the number of its text are named.
    ModelError
        When the folder has no recipe or one with an unknown step, or a state is infinite or undefined.
    """
    recipe, owners, found = _embedded(lm, stimuli, like)
    counts = np.bincount(owners, minlength=len(stimuli))
    starts = np.cumsum(counts) - counts
    means = np.add.reduceat(found.vectors[found.places], starts, axis=0, dtype=np.float64) / counts[:, None]
    norms = np.linalg.norm(means, axis=1)
    facts = {"norm_mean": float(norms.mean()), "norm_sd": float(norms.std()), "n_distinct": len(found.vectors)}
    coords = {
        "stimulus": stimuli.ids,
        "layer": [lm.n_layers - 1],
        "norm": ("stimulus", norms),
        "n_texts": ("stimulus", counts),
        "truncated": ("stimulus", np.logical_or.reduceat(found.truncated[found.places], starts)),
    }
    attrs = _attrs(lm, recipe) | facts | {"n_truncated": int(found.truncated.sum())}
    return Features(xr.DataArray(means[:, None], coords, ("stimulus", "layer", "feature"), attrs=attrs))


def embed_each(lm: LanguageModel, stimuli: Stimuli, *, like: LanguageModel | None = None) -> xr.DataArray:
    """The sentence embedding of every single text, ``(stimulus, caption, feature)``, float32.

    A stimulus with fewer texts than another has NaN at the end. Parameters and errors as in :func:`embed_texts`; the
    coordinate ``n_texts`` says how many there are.
    """
    recipe, owners, found = _embedded(lm, stimuli, like)
    counts = np.bincount(owners, minlength=len(stimuli))
    turns = np.arange(len(owners)) - (np.cumsum(counts) - counts)[owners]
    each = np.full((len(stimuli), int(counts.max()), found.vectors.shape[1]), np.nan, dtype=np.float32)
    each[owners, turns] = found.vectors[found.places]
    coords = {"stimulus": stimuli.ids, "caption": np.arange(each.shape[1]), "n_texts": ("stimulus", counts)}
    attrs = _attrs(lm, recipe) | {"n_truncated": int(found.truncated.sum())}
    return xr.DataArray(each, coords, ("stimulus", "caption", "feature"), name="embedding", attrs=attrs)


class _Found:
    """Vectors of distinct texts, which of them were cut, and which one stands at every place of the stimuli."""

    def __init__(self, vectors: npt.NDArray[np.float32], truncated: npt.NDArray[np.bool_], places: list[int]) -> None:
        self.vectors, self.truncated = vectors, truncated
        self.places = np.array(places)


def _embedded(
    lm: LanguageModel, stimuli: Stimuli, like: LanguageModel | None
) -> tuple[EmbeddingRecipe, npt.NDArray[np.int64], _Found]:
    """The recipe, the number of the stimulus of each text, and the vectors."""
    recipe = recipe_of(like or lm)
    texts, owners = _texts(stimuli)
    first: dict[str, int] = {}
    for place, text in enumerate(texts):
        first.setdefault(recipe.worded(text), place)
    numbers = {text: number for number, text in enumerate(first)}
    # a name for each distinct text, so that an error says where it stands
    turns = np.arange(len(owners)) - np.searchsorted(owners, owners)
    ids = stimuli.ids
    names = [f"{ids[owners[place]]} text {turns[place] + 1}" for place in first.values()]
    distinct = Stimuli.of(list(first), prefix="text")
    distinct = Stimuli(distinct.table.set_axis(names, axis=0))
    vectors, truncated = _vectors(lm, recipe, distinct)
    places = [numbers[recipe.worded(text)] for text in texts]
    return recipe, owners, _Found(vectors, truncated, places)


def _texts(stimuli: Stimuli) -> tuple[list[str], npt.NDArray[np.int64]]:
    """All texts in order, and the number of the stimulus that each belongs to."""
    if "text" not in stimuli:
        raise InvalidInput("Sentence embeddings need the column 'text': a string or a tuple of strings per stimulus.")
    rows = [(text,) if isinstance(text, str) else tuple(text) for text in stimuli.table["text"]]
    without = [name for name, row in zip(stimuli.ids, rows) if not row or not all(text.strip() for text in row)]
    if without:
        raise InvalidInput(
            f"Every stimulus needs at least one text, and none that is empty; {listed(without)} have not. Drop them or "
            "fill them in."
        )
    owners = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    return [text for row in rows for text in row], owners


def _vectors(
    lm: LanguageModel, recipe: EmbeddingRecipe, distinct: Stimuli
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Embeddings ``(n_texts, n_features)``, and which texts were cut."""
    limit = min(lm.max_tokens, recipe.max_tokens)
    tokens = tokenised(lm.tokenizer, distinct, Wording(None, lm.chat_template), limit, spans=False)
    made = torch.full((len(distinct), lm.n_features), torch.nan)

    def visit(batch: Batch) -> None:
        # the output of the whole network: after its final norm, where it has one
        rows = lm.machine.run(batch).flatten(0, 1)
        made[batch.members] = pool_of(batch, recipe.pooling, None)(rows).to("cpu")

    each_batch(lm.machine, tokens.ids, visit)
    if recipe.unit_length:
        made = torch.nn.functional.normalize(made, dim=1)
    wrong = distinct.ids[~torch.isfinite(made).all(dim=1).numpy()]
    if len(wrong):
        raise ModelError(
            f"Embeddings are infinite or undefined for {listed(wrong)}. Weights, dtype or an edit are at fault."
        )

    return made.numpy(), tokens.truncated


def _attrs(lm: LanguageModel, recipe: EmbeddingRecipe) -> dict[str, object]:
    attrs = lm.reading_attrs(Reading("sentence", (lm.n_layers - 1,), recipe.pooling))
    return attrs | {"unit_length": int(recipe.unit_length), "max_tokens": min(lm.max_tokens, recipe.max_tokens)}
