"""The study of decoders: its settings and the order of its steps."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from consona.core.claim import Claim
from consona.engine.config import PlannedStep, Requirements, Study
from consona.studies.eeg_emotion.cost import planned
from consona.studies.eeg_emotion.names import CONTROLS, NETWORKS, REGIMES, STRONG, Corpus, Network, Other, Regime
from consona.studies.eeg_emotion.sizes import SIZES, Size

if TYPE_CHECKING:
    from consona.engine.run import Run


class EEGEmotion(Study):
    """The second half of arXiv 2606.00129: decoders of emotion from EEG, and what a valence axis does for them."""

    name: ClassVar[str] = "eeg-emotion"
    question: ClassVar[str] = (
        "Do decoders of emotion from EEG find the valence axis of a language model by themselves, does training on it "
        "help or harm them, and what does an ensemble add?"
    )
    controls: ClassVar[tuple[str, ...]] = CONTROLS
    checks: ClassVar[tuple[str, ...]] = ("CON001", "CON002", "CON004", "CON005", "CON007", "CON011")

    corpus: Corpus = Field(default="faced", description="Real EEG, or the synthetic twin with planted truth.")
    subjects: tuple[str, ...] = Field(default=(), description="Subjects of the corpus to use; all of them if empty.")
    size: Literal["full", "paper", "quick"] = Field(
        default="full",
        description="full: ten folds, two seeds of every strategy. paper: five seeds of them. quick: the same steps "
        "with two folds, one seed, fewer epochs and doses, in five minutes.",
    )
    scaling: Literal["subject", "causal", "none"] = Field(
        default="subject",
        description="Scale of a subject's values: over all clips (looks ahead), over the clips seen before, or none.",
    )
    axis: Literal["stories", "published", "rated"] = Field(
        default="stories",
        description="Values of the classes that supervise: of a language model's axis of stories, as published for "
        "CLIP, or the mean rated valence.",
    )
    model: str = Field(default="minilm", description="Language model of the axis of stories: Hub id, folder or minilm.")
    revision: str | None = Field(default=None, description="Commit of the model on the Hub; resolved if empty.")
    networks: tuple[Network, ...] = Field(
        default=NETWORKS, min_length=1, description="Architectures of the classifiers."
    )
    regimes: tuple[Regime, ...] = Field(
        default=REGIMES, min_length=1, description="Ways of training each architecture."
    )
    strategies: tuple[str, ...] = Field(
        default=("paper",),
        min_length=1,
        description="Strategies by name on the weak base; paper stands for its 25 rows.",
    )
    strong: tuple[str, ...] = Field(default=STRONG, description="Strategies that are tried on the strong base as well.")
    other: Other = Field(
        default="twin",
        description="Second corpus for the transfer of the axis and of the ensemble: SEED-V, its synthetic twin, none.",
    )
    plant: Literal["valence", "clip", "none"] = Field(default="valence", description="What the twin holds.")
    strength: float = Field(default=0.6, gt=0, description="Size of what is planted, in SD of the noise of a clip.")
    n_subjects: int = Field(default=24, ge=12, description="Subjects of the twin.")
    n_orders: int = Field(default=999, ge=99, description="Relabellings and sign flips of every null.")
    seed: int = Field(default=0, ge=0, description="Seed of everything that is drawn.")

    @field_validator("strategies", "strong")
    @classmethod
    def _strategies_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from consona.studies.eeg_emotion.names import unknown_strategies

        unknown = unknown_strategies(value)
        if unknown:
            raise ValueError(f"there is no strategy {', '.join(unknown)}; docs/method/strategies.md lists them")
        return value

    @property
    def counts(self) -> Size:
        """Folds, seeds, epochs and doses of the chosen size."""
        return SIZES[self.size]

    @classmethod
    def demo(cls) -> "EEGEmotion":
        """Offline on the twin with planted valence, all steps in their quick size."""
        return cls(
            corpus="twin",
            size="quick",
            axis="rated",
            networks=("mlp",),
            regimes=("plain", "augmented"),
            strategies=("EEG-AUX MSE .5", "RSA 1"),
            strong=(),
        )

    def requires(self) -> Requirements:
        """Corpora and extras that must be there."""
        corpora = (("faced",) if self.corpus == "faced" else ()) + (("seed_v",) if self.other == "seed-v" else ())
        extras = ("lm", "demo") if self.axis == "stories" and self.model == "minilm" else ("lm",)
        return Requirements(corpora, extras)

    def plan(self) -> list[PlannedStep]:
        """Cost of every part, at rates measured on one core."""
        return planned(self)

    def conduct(self, run: "Run") -> list[Claim]:
        """Decoders and hold-outs, rediscovery, strategies, doses, ensembles; then claims."""
        from consona.studies.eeg_emotion.parts import all_parts

        return all_parts(self, run)
