"""Very many edited models over the same texts: what a model does with neurons silenced, set after set."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.intervention import Intervention
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli
from consona.lm.branching import Change, Corpus, Variant, read_variants
from consona.lm.hooks import Tap, carried_out
from consona.lm.model import LanguageModel
from consona.lm.packing import Batch
from consona.lm.pooling import Pooling, require_pooling
from consona.lm.silencing import NEURONS, Silencing
from consona.lm.sites import layer_numbers, module_at
from consona.lm.states import Reading, each_batch, require_one_width, states_at
from consona.lm.tokens import Tokens, Wording, tokenised
from consona.stats.linear_readout import LinearReadout


@dataclass(frozen=True)
class Sweep:
    """A model, read at one place, under many edits in turn.

    Parameters
    ----------
    lm
        The model; edits that it already has stay in force in every pass.
    layer, pooling, site
        What is read, as in :meth:`consona.lm.model.LanguageModel.capture`.
    n_rows
        The most token rows in one pass while copies of a pack run together; it changes memory, not results.

    Raises
    ------
    InvalidInput
        When layer, pooling or site do not exist, or ``n_rows`` is not positive.
    """

    lm: LanguageModel
    layer: int = -1
    pooling: Pooling = "mean"
    site: str = "resid.post"
    n_rows: int = 16384

    def __post_init__(self) -> None:
        """Refuse what cannot be read."""
        require_pooling(self.pooling, self.lm.causal)
        module_at(self.lm.network, self.lm.family, self.site, self.layer)
        if self.n_rows < 1:
            raise InvalidInput(f"A pass holds at least one row; found n_rows = {self.n_rows}.")

    def fingerprint(self) -> str | None:
        """SHA-256 of the model and of what is read; None when the origin of the weights is unknown."""
        own = self.lm.fingerprint()
        facts = [own, self._reading.layers, self.pooling, self.site]
        return None if own is None else hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def states(self, stimuli: Stimuli, edits: Mapping[str, Sequence[Intervention]]) -> xr.DataArray:
        """Pooled states under every edit; each edit is a list of interventions, an empty one the model as it is.

        Returns
        -------
        xr.DataArray
            ``(edit, stimulus, feature)``, float32. A row that is not finite is NaN, and the attribute ``n_undefined``
            counts these rows.

        Raises
        ------
        InvalidInput
            When no edit is given, or one does not fit the model.
        """
        for interventions in _some(edits).values():
            self.lm.edited(*interventions)  # refuses what does not fit, before anything runs
        corpus = self._corpus(stimuli)
        width = require_one_width(self.lm.machine, self._reading)
        states = torch.empty((len(edits), len(stimuli), width), dtype=torch.float32)

        def deposit(number: int, batch: Batch, pooled: torch.Tensor) -> None:
            states[number, batch.members] = _undefined_is_nan(pooled)

        read_variants(self.lm.machine, corpus, [_variant(each) for each in edits.values()], deposit)
        coords = {"edit": as_names(np.array(list(edits))), "stimulus": stimuli.ids}
        attrs = self._attrs(corpus.tokens, int(torch.isnan(states).any(dim=2).sum()))
        return xr.DataArray(states.numpy(), coords, ("edit", "stimulus", "feature"), "states", attrs)

    def cells(self, stimuli: Stimuli, masks: xr.DataArray, fills: xr.DataArray, readout: LinearReadout) -> xr.DataArray:
        """Linear outputs of chosen stimuli while the neurons of a mask are held at other values, mask after mask.

        Of the states nothing is kept but these outputs.

        Parameters
        ----------
        stimuli
            All that cells of the read-out ask for.
        masks
            ``(mask, layer, neuron)``, bool: which neurons of ``mlp.act`` are silenced. A mask without neurons is the
            model as it is.
        fills
            Their values: ``(layer, neuron)``, or ``(bank, layer, neuron)``, of which every token takes the rows of one
            moment in the bank (see :meth:`bank`).
        readout
            Outputs, and the cells that are wanted.

        Returns
        -------
        xr.DataArray
            ``(mask, cell)``, float32; coordinates ``stimulus`` and ``output`` say what a cell is. NaN where a state is
            not finite; the attribute ``n_undefined`` counts these cells.

        Raises
        ------
        InvalidInput
            When masks or fills have not the shape of the model, a fill of a silenced neuron is not finite, or a
            stimulus or an output of a cell is not there.
        """
        silencing = Silencing.of(self.lm, masks, fills)
        corpus, rows = self._corpus(stimuli), self._rows_of_cells(stimuli, readout)
        found = np.full((masks.sizes["mask"], len(rows)), np.nan, dtype=np.float32)
        place = np.full(len(stimuli), -1)

        def deposit(number: int, batch: Batch, pooled: torch.Tensor) -> None:
            place[:] = -1
            place[batch.members.numpy()] = np.arange(len(batch.members))
            wanted = np.flatnonzero(place[rows] >= 0)
            part = readout._replace(stimulus=readout.stimulus[wanted], output=readout.output[wanted])
            X = _undefined_is_nan(pooled).numpy()
            found[number, wanted] = part.cells(X, stimuli.ids[batch.members.numpy()])

        read_variants(self.lm.machine, corpus, silencing.variants(), deposit)
        names = masks["mask"].values if "mask" in masks.coords else np.arange(len(found))
        coords = {"mask": names, "stimulus": ("cell", readout.stimulus), "output": ("cell", readout.output)}
        attrs = self._attrs(corpus.tokens, int(np.isnan(found).sum()))
        return xr.DataArray(found, coords, ("mask", "cell"), "cells", attrs)

    def moments(self, stimuli: Stimuli, *, site: str = NEURONS) -> xr.Dataset:
        """Moments of every neuron over all tokens of the texts.

        Returns
        -------
        xr.Dataset
            ``mean``, ``sd`` (divisor n), ``size`` (mean absolute value) and ``extreme`` (largest absolute value), each
            ``(layer, neuron)``, float64; the attribute ``n_tokens`` counts the tokens.

        Raises
        ------
        InvalidInput
            When the site does not exist or has several widths.
        """
        reading = Reading(site, layer_numbers("all", self.lm.n_layers), "mean")
        shape = len(reading.layers), require_one_width(self.lm.machine, reading)
        sums = torch.zeros((4, *shape), dtype=torch.float64)
        tokens = self._tokens(stimuli)

        def visit(batch: Batch) -> None:
            real = None if batch.packed else batch.mask.flatten().bool()
            taps = [
                Tap(*module_at(self.lm.network, self.lm.family, site, layer), partial(_add, sums[:, layer], real))
                for layer in reading.layers
            ]
            self.lm.machine.run(batch, taps)

        each_batch(self.lm.machine, tokens.ids, visit)
        n = sum(len(each) for each in tokens.ids)
        mean, square, size = (sums[:3] / n).numpy()
        sd = np.sqrt(np.maximum(square - mean**2, 0))
        named = {"mean": mean, "sd": sd, "size": size, "extreme": sums[3].numpy()}
        coords = {"layer": list(reading.layers), "neuron": np.arange(shape[1])}
        attrs = self._attrs(tokens, 0) | {"site": site, "pooling": "none", "n_tokens": n}
        return xr.Dataset({name: (("layer", "neuron"), each) for name, each in named.items()}, coords, attrs)

    def bank(self, stimuli: Stimuli, *, n: int, seed: int, site: str = NEURONS) -> xr.DataArray:
        """Activations of ``n`` tokens drawn from all tokens of the texts without replacement.

        Returns
        -------
        xr.DataArray
            ``(bank, layer, neuron)``, float32: all neurons at the same ``n`` moments.

        Raises
        ------
        InvalidInput
            When there are fewer than ``n`` tokens, or none is asked for.
        """
        tokens = self._tokens(stimuli)
        lengths = np.array([len(each) for each in tokens.ids])
        if not 1 <= n <= lengths.sum():
            raise InvalidInput(f"A bank of {n} tokens cannot be drawn from {lengths.sum()}. Ask for 1 to that many.")
        drawn = np.random.default_rng(seed).choice(lengths.sum(), n, replace=False)
        ends = np.cumsum(lengths)
        owner = np.searchsorted(ends, drawn, side="right")
        texts, which = np.unique(owner, return_inverse=True)  # only these are run
        places = np.stack([which, drawn - (ends - lengths)[owner]], axis=1)
        reading = Reading(site, layer_numbers("all", self.lm.n_layers), "last")
        values = states_at(self.lm.machine, [tokens.ids[i] for i in texts], places, reading).numpy()
        coords = {"bank": np.arange(n), "layer": list(reading.layers), "neuron": np.arange(values.shape[2])}
        attrs = self._attrs(tokens, 0) | {"site": site, "pooling": "none", "seed": seed}
        return xr.DataArray(values, coords, ("bank", "layer", "neuron"), "bank", attrs)

    def surprisal(self, stimuli: Stimuli, edits: Mapping[str, Sequence[Intervention]]) -> xr.DataArray:
        """Mean surprisal per token in nats under every edit, ``(edit, stimulus)``; NaN for a text of one token.

        Raises
        ------
        ModelError
            When the model has no output layer.
        """
        values = [self.lm.edited(*interventions).surprisal(stimuli) for interventions in _some(edits).values()]
        coords = {"edit": as_names(np.array(list(edits))), "stimulus": stimuli.ids}
        return xr.DataArray(np.stack(values), coords, ("edit", "stimulus"), "surprisal", {"unit": "nats"})

    @property
    def _reading(self) -> Reading:
        return Reading(self.site, layer_numbers([self.layer], self.lm.n_layers), self.pooling)

    def _tokens(self, stimuli: Stimuli, *, spans: bool = False) -> Tokens:
        wording = Wording(None, self.lm.chat_template)
        return tokenised(self.lm.tokenizer, stimuli, wording, self.lm.max_tokens, spans=spans)

    def _corpus(self, stimuli: Stimuli) -> Corpus:
        return Corpus(self._tokens(stimuli, spans=self.pooling == "span"), self._reading, self.n_rows)

    def _attrs(self, tokens: Tokens, n_undefined: int) -> dict[str, Any]:
        counts = {"n_truncated": int(tokens.truncated.sum()), "n_undefined": n_undefined}
        return self.lm.reading_attrs(self._reading) | counts

    def _rows_of_cells(self, stimuli: Stimuli, readout: LinearReadout) -> np.ndarray:
        """The place of every cell's stimulus; what the read-out asks for is there."""
        width = require_one_width(self.lm.machine, self._reading)
        if readout.weight.shape[1] != width:
            raise InvalidInput(f"The read-out takes {readout.weight.shape[1]} features; {self.site} has {width}.")
        for wanted, there, what in (
            (readout.stimulus, stimuli.ids, "stimuli"),
            (readout.output, readout.outputs, "outputs"),
        ):
            missing = sorted({str(each) for each in wanted} - {str(each) for each in there})
            if missing:
                raise InvalidInput(f"Cells ask for {what} that are not there: {listed(missing)}. Give them as well.")
        place = {str(name): i for i, name in enumerate(stimuli.ids)}
        return np.array([place[str(each)] for each in readout.stimulus], dtype=np.int64)


def _some(edits: Mapping[str, Sequence[Intervention]]) -> Mapping[str, Sequence[Intervention]]:
    if not edits:
        raise InvalidInput(
            "A sweep takes at least one edit by name; an empty list of interventions is the model itself."
        )
    return edits


def _variant(interventions: Sequence[Intervention]) -> Variant:
    return [Change(e.site, e.layer, partial(carried_out, e)) for e in interventions if not e.is_identity]


def _undefined_is_nan(states: torch.Tensor) -> torch.Tensor:
    return torch.where(torch.isfinite(states).all(dim=1, keepdim=True), states, torch.nan)


def _add(sums: torch.Tensor, real: torch.Tensor | None, states: torch.Tensor) -> None:
    """Add rows that are no padding to ``(4, n_neurons)``: sums of values, squares, sizes; the largest size."""
    rows = (states if real is None else states[real.to(states.device)]).double()
    size = rows.abs()
    found = torch.stack([rows.sum(0), rows.square().sum(0), size.sum(0), size.amax(0)]).cpu()
    sums[:3] += found[:3]
    sums[3] = torch.maximum(sums[3], found[3])
