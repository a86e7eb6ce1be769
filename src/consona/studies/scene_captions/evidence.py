"""What the checks are told."""

from typing import TYPE_CHECKING

from consona.core.claim import Claim
from consona.studies.scene_captions.names import CAPTION

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions


def evidence(study: "SceneCaptions", run: "Run", parts: "Parts", claims: list[Claim]) -> None:
    """Division of images, choices, ceilings, permutations and corrections."""
    material, found = parts.material, parts.geometry
    for who in material.files:
        train, test = material.train[who], material.test[who]
        run.evidence("CON001", where=f"encoding {who}", held_out="image", folds=[{"train": train, "test": test}])
    of_claims(run, claims)
    if parts.selective is not None:
        n = int(parts.selective.maps.attrs["n_tests"])
        run.evidence("CON007", where="contrast maps", n_tests=n, correction="fdr")
    if found.matched is not None:
        score = found.matched["r"].sel(model=CAPTION).mean("subject")
        for region in material.higher:
            run.evidence(
                "CON003",
                where=f"RSA of captions, {region}",
                score=float(score.sel(region=region)),
                ceiling=float(found.matched["ceiling"].mean("subject").sel(region=region)),
                half_width=float(1.96 * found.matched["r"].sel(model=CAPTION, region=region).std("subject", ddof=1))
                / len(material.files) ** 0.5,
            )
    for who, each in parts.encoded.maps.items():
        n_targets = each.sizes["target"]
        run.evidence("CON005", where=f"encoding {who}", n_undefined=int(each.attrs["n_undefined"]), n_targets=n_targets)
    _repeated(run, parts)
    rungs = {name: each.data.coords for name, each in parts.texts.rungs.items()}
    cut = {name: each["truncated"].values for name, each in rungs.items() if "truncated" in each}
    for name, each in cut.items():
        run.evidence("CON008", where=f"embedding, {name}", n_truncated=int(each.sum()), n_stimuli=len(each))


def _repeated(run: "Run", parts: "Parts") -> None:
    """Test images whose captions stand in training as well, word for word or nearly so."""
    material = parts.material
    texts = dict(zip(material.stimuli.ids.tolist(), material.stimuli.table["text"], strict=True))
    again = {
        who: sum(texts[one] in known for one in material.test[who])
        for who in material.files
        for known in ({texts[one] for one in material.train[who]},)
    }
    said = f"captions of {max(again.values())} test images stand in training word for word"
    shared = any(again.values())
    run.evidence("CON011", where="encoding", cv="held-out images", shares_stimuli=shared, held_out=said)
    share = {who: float(each.mean()) for who, each in parts.read_out.twins.items()}
    run.note(
        f"{max(share.values()):.1%} of the test images (of one person, at most) have a training image with captions as "
        "alike as captions of one image."
    )


def of_claims(run: "Run", claims: list[Claim]) -> None:
    """What every brain has: the layer of networks decided beforehand, permutations, the correction."""
    run.evidence("CON002", where="network layers", what="layer", n_candidates=1, chosen_on="before")
    for claim in claims:
        if claim.null is not None:
            smallest = 2.0 / claim.null.n if claim.null.exact else 1.0 / (claim.null.n + 1)
            run.evidence(
                "CON004", where=f"claim {claim.id}", smallest_p=smallest, n_tests=len(claims), correction="holm"
            )
    run.evidence("CON007", where="claims", n_tests=len(claims), correction="holm")
