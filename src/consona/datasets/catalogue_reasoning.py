"""The corpora of deductive reasoning: betas, events, and problems for models."""

from consona.datasets import reasoning_fmri, reasoning_items, reasoning_trials
from consona.datasets.corpora import Corpus

_BETAS = Corpus(
    name=reasoning_fmri.NAME,
    title="Deductive reasoning: single-trial fMRI of ten people who judge 72 problems",
    licence=reasoning_fmri.LICENCE,
    citation=reasoning_fmri.CITATION,
    size_mb=1.3,
    shape="10 subjects x 72 problems x 313 voxels",
    loader="consona.datasets.reasoning_fmri.load_reasoning_fmri",
    twin="consona.datasets.reasoning_twins.reasoning_twin",
    redistributable=True,
    evidence=(f"{reasoning_fmri.BETAS.format('*')}/sub-*/sub-*.mat",),
)
_EVENTS = Corpus(
    name=reasoning_trials.NAME,
    title="Deductive reasoning: answers and response times of 17 people, in BIDS",
    licence=reasoning_trials.LICENCE,
    citation=reasoning_trials.CITATION,
    size_mb=0.3,
    shape="17 subjects x 72 problems (one lacks a run of 18)",
    loader="consona.datasets.reasoning_events.load_reasoning_events",
    twin="consona.datasets.reasoning_twins.twin_behaviour",
    redistributable=True,
    evidence=(reasoning_trials.TABLES,),
)
_ITEMS = Corpus(
    name=reasoning_items.NAME,
    title="Deduction problems for models: 3 to 6 premises, propositional, relational",
    licence=reasoning_items.LICENCE,
    citation=reasoning_items.CITATION,
    size_mb=1.3,
    shape="1,600 test, 160 validation, 32 to 192 training problems; 1,040 longer; 600 propositional; 480 relational",
    loader="consona.datasets.reasoning_items.load_reasoning_items",
    twin="consona.datasets.deduction_problems.deduction_problems",
    redistributable=True,
    evidence=tuple(reasoning_items.SPLITS.values()),
)

REASONING = (_BETAS, _EVENTS, _ITEMS)
