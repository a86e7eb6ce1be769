"""The order of the work, and what the checks are told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from consona.core.claim import Claim
from consona.studies.eeg_emotion.carried import carry
from consona.studies.eeg_emotion.decoding import Decoded, decode
from consona.studies.eeg_emotion.doses import Doses, dose_response
from consona.studies.eeg_emotion.found import Found, rediscover
from consona.studies.eeg_emotion.material import Material, load_material
from consona.studies.eeg_emotion.pools import Pools, pool
from consona.studies.eeg_emotion.recipes import strong_base
from consona.studies.eeg_emotion.supervision import Supervised, supervise

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion


@dataclass(frozen=True)
class Parts:
    """Everything that the claims and the figures are made from."""

    material: Material
    decoded: Decoded
    found: Found
    supervised: Supervised
    doses: Doses
    pools: Pools
    carried: xr.Dataset | None


def all_parts(study: "EEGEmotion", run: "Run") -> list[Claim]:
    """Decoders, rediscovery, strategies, doses, pools; then claims, figures and checks."""
    from consona.studies.eeg_emotion.claims import all_claims
    from consona.studies.eeg_emotion.figures import draw
    from consona.training.trainer import Trainer

    trainer = Trainer(run.execution.device)
    material = load_material(study, run)
    decoded = decode(study, run, trainer, material)
    parts = Parts(
        material,
        decoded,
        rediscover(study, run, material, decoded),
        supervise(study, run, trainer, material),
        dose_response(study, run, trainer, material),
        pool(study, run, trainer, material, decoded.classifiers),
        carry(run, material),
    )
    claims = all_claims(study, run, parts)
    draw(study, run, parts)
    _evidence(study, run, parts, claims)
    return claims


def _evidence(study: "EEGEmotion", run: "Run", parts: Parts, claims: list[Claim]) -> None:
    run.evidence(
        "CON002",
        where="decoders",
        what="epoch",
        n_candidates=strong_base(study.counts.effort).epochs,
        chosen_on="training folds",
    )
    for claim in claims:
        if claim.null is not None:
            facts = {"n_permutations": claim.null.n, "n_tests": len(claims), "correction": "holm"}
            run.evidence("CON004", where=f"claim {claim.id}", **facts)
    run.evidence("CON007", where="claims", n_tests=len(claims), correction="holm")
    n_rows = parts.supervised.weak.sizes["strategy"]
    run.evidence("CON007", where="strategies", n_tests=n_rows, correction="holm")
