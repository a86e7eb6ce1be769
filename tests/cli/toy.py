"""The command line with one small study in place of the real ones: ``python toy.py VERB …``."""

import sys
import time
from collections.abc import Mapping

from pydantic import Field

from consona import cli
from consona.core import Claim, Verdict
from consona.core.errors import InvalidInput, StoreError
from consona.engine.config import PlannedStep, Requirements, Study
from consona.engine.run import Run


def doubled(level: int) -> int:
    """Twice the level."""
    return 2 * level


def slow(level: int, *, seconds: float) -> int:
    """The next level, after a while; says when it has begun."""
    if seconds:
        sys.stderr.write("slow has begun\n")
        sys.stderr.flush()
    time.sleep(seconds)
    return level + 1


class Toy(Study):
    """Doubles a number."""

    name = "toy"
    question = "Is twice two four?"
    controls = ("none",)
    level: int = Field(default=2, ge=0, description="What is doubled.")
    trouble: str = Field(default="", description="What goes wrong: data or store.")
    seconds: float = Field(default=0.0, description="How long it takes.")
    corpora: tuple[str, ...] = Field(default=(), description="Corpora it wants.")

    @classmethod
    def demo(cls) -> "Toy":
        """As it is."""
        return cls()

    def requires(self) -> Requirements:
        return Requirements(datasets=self.corpora)

    def plan(self) -> list[PlannedStep]:
        return [PlannedStep("double", 3, 20, 1), PlannedStep("wait", 4, 10, 2, "a nap")]

    def conduct(self, run: Run) -> list[Claim]:
        twice = run.step("double", doubled, self.level)
        run.step("wait", slow, twice, seconds=self.seconds)
        if self.trouble:
            raise {"data": InvalidInput, "store": StoreError}[self.trouble]("It went wrong.")
        verdict = Verdict("held", "written before", "4 against 0")
        return [
            Claim(
                "twice", "Twice two is four", float(twice), "", None, None, None, 1, "number", "none", {"none": verdict}
            )
        ]


STUDIES: Mapping[str, type[Study]] = {"toy": Toy}

if __name__ == "__main__":
    cli.STUDIES = STUDIES
    sys.exit(cli.main())
