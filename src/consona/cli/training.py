"""The verb that trains the small reasoner."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from consona.cli.console import say, tell

INTERRUPTED = 130


def train_reasoner(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Gets the model; a stopped training goes on there.")],
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the first weights and of the exercises.")] = 0,
) -> None:
    """Train the small reasoner anew on generated problems: offline, in minutes."""
    from consona.engine.needs import cost
    from consona.engine.progress import Tally, progress
    from consona.studies.guided_reasoning import reasoner

    n_steps = reasoner.n_steps()
    tell(f"{n_steps:,} steps; with one core: {cost([reasoner.planned_training()])} Ctrl-C stops it.")
    drawn: list[Tally] = []
    with ExitStack() as stack:

        def told(step: int, loss: float) -> None:
            if not drawn:  # steps that were done before are not counted
                drawn.append(stack.enter_context(progress("training", n_steps - step, unit="steps")))
            drawn[0].title = f"training (loss of answers {loss:.2f} nats)"
            drawn[0].advance()

        try:
            trained = reasoner.train_reasoner(str(folder), seed=seed, progress=told)
        except KeyboardInterrupt:
            way_on = f"consona train-reasoner {folder} --seed {seed}"
            tell(f"Interrupted. What is done is kept but for the last steps; go on with: {way_on}")
            raise typer.Exit(INTERRUPTED) from None
    last = float(trained["loss"][-100:].mean())
    say(f"The model is in {folder} (loss of answers {last:.2f} nats). Open it: load_language_model('{folder}')")
