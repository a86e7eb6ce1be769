"""What the study will take, from counts of texts and rates measured on two cores."""

from consona.engine.config import PlannedStep

TEXTS = {"sst2": 872, "goemotions": 3000, "emobank": 10_062, "sentiment-twin": 400}
OWN_TEXTS = 459 + 54 + 54 + 90 + 28 + 9
MINILM_TEXTS_PER_S = 200.0
MINILM_MB_PER_TEXT = 6 * 384 * 4 / 1e6
BRAIN_SECONDS = {True: 45.0, False: 30.0}
MEMORY_MB = 1500.0


def planned(corpora: tuple[str, ...], *, n_models: int, minilm: bool, real: bool) -> list[PlannedStep]:
    """Reading texts, the text half, the brain half; other models are priced by the size they turn out to have."""
    n_texts = sum(TEXTS[name] for name in corpora) + OWN_TEXTS
    note = "" if minilm else "rate of the packaged MiniLM; multiply by the size of your model over 22 M weights"
    disk = n_texts * MINILM_MB_PER_TEXT
    reading = PlannedStep("read texts", n_texts / MINILM_TEXTS_PER_S, 700, disk, note)
    more = PlannedStep(
        "further models", (n_models - 1) * OWN_TEXTS / MINILM_TEXTS_PER_S, 700, (n_models - 1) * 5.0, note
    )
    halves = [PlannedStep("text half", 20, MEMORY_MB, 2), PlannedStep("brain half", BRAIN_SECONDS[real], MEMORY_MB, 5)]
    return [reading, *([more] if n_models > 1 else []), *halves]
