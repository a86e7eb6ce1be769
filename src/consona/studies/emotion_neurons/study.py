"""The study of emotion-concept neurons: its settings and the order of its steps."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from consona.core.claim import Claim
from consona.engine.config import PlannedStep, Requirements, Study
from consona.studies.emotion_neurons.cost import planned
from consona.studies.emotion_neurons.names import CONTROLS, Concepts, Source, Texts
from consona.studies.emotion_neurons.sizes import SIZES, Size

if TYPE_CHECKING:
    from consona.engine.run import Run


class EmotionNeurons(Study):
    """After arXiv 2302.09582: neurons selective for human attributes of emotion, silenced in a language model."""

    name: ClassVar[str] = "emotion-neurons"
    question: ClassVar[str] = (
        "Does a language model have neurons for the attributes by which people tell emotions apart, does it need them "
        "to tell emotions, and in proportion to what they weigh for people?"
    )
    controls: ClassVar[tuple[str, ...]] = CONTROLS
    checks: ClassVar[tuple[str, ...]] = ("CON001", "CON002", "CON004", "CON005", "CON007", "CON008", "CON010")

    model: str = Field(default="minilm", description="Hub id, local folder, or minilm (the model of the demo extra).")
    revision: str | None = Field(default=None, description="Commit of the model on the Hub; resolved if empty.")
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="Precision of the model.")
    texts: Texts = Field(default="goemotions", description="Real comments, or made-up ones about the same emotions.")
    concepts: Concepts = Field(
        default="published", description="Attributes and similarities of people, or made-up ones with planted truth."
    )
    plant: Literal["link", "none"] = Field(default="link", description="What the made-up similarities hold.")
    source: Source = Field(
        default="comments",
        description="What a concept's activations are: means over its comments, or over sentences with its name.",
    )
    pooling: Literal["auto", "last", "mean", "cls"] = Field(
        default="auto", description="Tokens read; auto takes the mean for models that read both ways, else the last."
    )
    share: float = Field(
        default=0.1085, gt=0, lt=0.5, description="Share of all neurons that is silenced: the declared size."
    )
    selection: Literal["top", "distinct", "q"] = Field(
        default="top",
        description="Neurons of an attribute: the share of highest tau; the same number furthest above all other "
        "attributes; or those below a false discovery rate by emotions permuted.",
    )
    q: float = Field(default=0.05, gt=0, lt=1, description="False discovery rate of selection = 'q'.")
    readout: Literal["linear probe", "prototype"] = Field(
        default="linear probe", description="How emotions are read from the states: the declared way."
    )
    published: bool = Field(default=True, description="Analyse the published tables again as well, where they are.")
    size: Literal["full", "quick"] = Field(
        default="full", description="full: 99 random masks per attribute; quick: 9, fewer comments, two minutes."
    )
    seed: int = Field(default=0, ge=0, description="Seed of everything that is drawn.")

    @property
    def counts(self) -> Size:
        """Comments, masks and permutations of the chosen size."""
        return SIZES[self.size]

    @classmethod
    def demo(cls) -> "EmotionNeurons":
        """Offline: made-up comments and people, all steps in their quick size."""
        return cls(texts="twin", concepts="twin", published=False, size="quick")

    def requires(self) -> Requirements:
        """Corpora and extras that must be there."""
        corpora = (("goemotions", "sst2") if self.texts == "goemotions" else ()) + (
            ("emotion_concepts", "model_emotion") if self.concepts == "published" or self.published else ()
        )
        extras = ("lm", "demo") if self.model == "minilm" else ("lm",)
        local = (self.model,) if self.model.startswith(("/", ".", "~")) or self.model.count("/") > 1 else ()
        return Requirements(corpora, extras, local)

    def plan(self) -> list[PlannedStep]:
        """Cost of every part, at rates measured on one core."""
        return planned(self)

    def conduct(self, run: "Run") -> list[Claim]:
        """Neurons first, then silence, then people; then claims."""
        from consona.studies.emotion_neurons.parts import all_parts

        return all_parts(self, run)
