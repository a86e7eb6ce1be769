"""The study of guided reasoning: its settings and the order of its steps."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from consona.core.claim import Claim
from consona.engine.config import PlannedStep, Requirements, Study
from consona.studies.guided_reasoning.cost import planned
from consona.studies.guided_reasoning.names import CONTROLS, MINILM, REASONER, Brains, Plant
from consona.studies.guided_reasoning.sizes import SIZES, Size

if TYPE_CHECKING:
    from consona.engine.run import Run


class GuidedReasoning(Study):
    """After arXiv 2606.11893: task-fMRI of people who reason, predicted by a model, steering it, and tuning it."""

    name: ClassVar[str] = "guided-reasoning"
    question: ClassVar[str] = (
        "Do states of a language model predict the brains of people who solve the same deduction problems, and do "
        "these brains make the model reason better than labels, response times or chance do?"
    )
    controls: ClassVar[tuple[str, ...]] = CONTROLS
    checks: ClassVar[tuple[str, ...]] = (
        *("CON001", "CON002", "CON003", "CON004", "CON005", "CON007", "CON008", "CON009", "CON010", "CON012"),
    )

    model: str = Field(
        default=REASONER,
        description="Hub id or local folder of a causal model, or reasoner (the small one that comes with Consona).",
    )
    revision: str | None = Field(default=None, description="Commit of the model on the Hub; resolved if empty.")
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="Precision of the model.")
    chat_template: bool = Field(default=False, description="Put problems into the model's chat template.")
    compared: tuple[str, ...] = Field(
        default=(MINILM,), description="Other models whose predictivity stands beside that of the model."
    )
    brains: Brains = Field(default="ds003076", description="Ten people of ds003076, or made-up people.")
    plant: Plant = Field(default="answer", description="What made-up people hold of the model.")
    errors: float = Field(
        default=0.25,
        ge=0,
        lt=0.5,
        description="Share of errors on validation problems that is steered and tuned away: a model with far fewer is "
        "disturbed until it errs so often; 0: never.",
    )
    steering: bool = Field(default=True, description="Steer the model by the brain.")
    tuning: bool = Field(default=True, description="Tune the model by the brain (causal models with weights to train).")
    brain_weight: float = Field(
        default=1.0,
        gt=0,
        description="Weight of the brain beside the label in tuning, over how hard this brain pulls at the states at "
        "first, so that all arms pull alike.",
    )
    twins: bool = Field(default=True, description="Repeat predictivity and guidance on people with planted truth.")
    size: Literal["full", "quick"] = Field(
        default="full", description="full: 99 permuted brains, five seeds; quick: 9 and two, a few minutes."
    )
    seed: int = Field(default=0, ge=0, description="Seed of everything that is drawn.")

    @property
    def counts(self) -> Size:
        """Permutations, folds, seeds and test problems of the chosen size."""
        return SIZES[self.size]

    @classmethod
    def demo(cls) -> "GuidedReasoning":
        """Offline: made-up people who know the answers, the small reasoner, all steps in their quick size."""
        return cls(brains="twin", size="quick", compared=())

    def requires(self) -> Requirements:
        """Corpora and extras that must be there."""
        corpora = ("reasoning_fmri", "ds003076_events", "reasoning_items") if self.brains == "ds003076" else ()
        models = [each for each in (self.model, *self.compared) if each not in (REASONER, MINILM)]
        local = tuple(each for each in models if each.startswith(("/", ".", "~")) or each.count("/") > 1)
        extras = ("lm", "demo") if MINILM in (self.model, *self.compared) else ("lm",)
        return Requirements(corpora, extras, local)

    def plan(self) -> list[PlannedStep]:
        """Cost of every part, at rates measured on one core."""
        return planned(self)

    def conduct(self, run: "Run") -> list[Claim]:
        """Trivial features first, then the model, then what the brain adds to it; then claims."""
        from consona.studies.guided_reasoning.parts import all_parts

        return all_parts(self, run)
