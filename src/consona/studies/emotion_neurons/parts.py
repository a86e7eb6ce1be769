"""The order of the work, and what the checks are told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consona.core.claim import Claim
from consona.studies.emotion_neurons.material import Material, load_material
from consona.studies.emotion_neurons.names import DECLARED, DISJOINT, ORDINARY
from consona.studies.emotion_neurons.people import People, people
from consona.studies.emotion_neurons.published import Published, published
from consona.studies.emotion_neurons.reading import Read, read
from consona.studies.emotion_neurons.selection import Selected, select
from consona.studies.emotion_neurons.silencing import Silenced, silence

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.study import EmotionNeurons


@dataclass(frozen=True)
class Parts:
    """Everything that the claims and the figures are made from."""

    material: Material
    read: Read
    selected: Selected
    silenced: Silenced
    people: People
    published: Published | None


def all_parts(study: "EmotionNeurons", run: "Run") -> list[Claim]:
    """Neurons, silence, people, the published tables; then claims, figures and checks."""
    from consona.studies.emotion_neurons.claims import all_claims
    from consona.studies.emotion_neurons.figures import draw

    material = load_material(study, run)
    known = read(study, run, material)
    selected = select(study, run, material, known)
    silenced = silence(study, run, material, known, selected)
    parts = Parts(
        material,
        known,
        selected,
        silenced,
        people(study, run, material, selected, silenced),
        published(run, seed=study.seed) if study.published else None,
    )
    claims = all_claims(study, run, parts)
    draw(study, run, parts)
    _evidence(study, run, parts, claims)
    return claims


def _evidence(study: "EmotionNeurons", run: "Run", parts: Parts, claims: list[Claim]) -> None:
    for claim in claims:
        if claim.null is not None:
            facts = {"n_permutations": claim.null.n, "n_tests": len(claims), "correction": "holm"}
            run.evidence("CON004", where=f"claim {claim.id}", **facts)
    run.evidence("CON007", where="claims", n_tests=len(claims), correction="holm")
    few = {**parts.silenced.kinds, **{f"{100 * size:.1f} %": each for size, each in parts.silenced.doses.items()}}
    few |= {name: each for name, each in parts.silenced.families.items() if name in (DISJOINT, ORDINARY)}
    for name, condition in {DECLARED: parts.silenced.declared, **few}.items():
        n_random = condition.accuracy.sizes["mask"] - 1
        facts = {"n_random": n_random, "matched_on": ["number", "layer", "activation", "outlier units"]}
        run.evidence("CON010", where=name, intervention=f"ablation, {name}", **facts)
    n = len(parts.material.names)
    run.evidence("CON007", where="attributes, silenced", n_tests=n, correction="max-statistic")
