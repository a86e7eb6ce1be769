"""The tables of the report: defects, agreement of people, answers and their baselines, arms, made-up people."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from consona.alignment.trial_ceiling import ceiling_summary
from consona.core.figure import figure
from consona.studies.guided_reasoning.predictivity import KINDS, Predicted
from consona.studies.guided_reasoning.reading import Read
from consona.studies.guided_reasoning.steering import Steered
from consona.studies.guided_reasoning.tuning import Arms
from consona.studies.guided_reasoning.twin import Twins

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.parts import Parts


def draw_tables(run: "Run", parts: "Parts") -> None:
    """Every table whose part was carried out."""
    if len(parts.material.defects):
        run.step("figure-table-defects", defect_table, parts.material.defects)
    run.step("figure-table-agreement", agreement_table, parts.predicted)
    run.step("figure-table-answers", answer_table, parts.read)
    if parts.steered is not None:
        run.step("figure-table-released", released_table, parts.steered)
    if parts.arms is not None:
        run.step("figure-table-audit", audit_table, parts.arms)
        run.step("figure-table-arms", fact_table, parts.arms)
    if parts.twins is not None:
        run.step("figure-table-twins", twin_table, parts.twins)


def _table(rows: pd.DataFrame, title: str, caption: str) -> xr.Dataset:
    data = {str(name): ("label", rows[name].to_numpy()) for name in rows}
    return figure(xr.Dataset(data, {"label": [str(each) for each in rows.index]}), "table", title, caption)


def defect_table(defects: pd.DataFrame) -> xr.Dataset:
    """What is wrong with the tables of events, by defect."""
    grouped = defects.groupby("defect", sort=False)
    rows = pd.DataFrame({"runs": grouped.size(), "trials": grouped["count"].sum(), "done": grouped["done"].first()})
    return _table(rows, "Defects of the data", "Found in the tables of events, and what was done.")


def agreement_table(found: Predicted) -> xr.Dataset:
    """Agreement of people and ceilings, by region and kind."""
    rows = {}
    for region, by_kind in found.reliability.items():
        for kind in KINDS:
            one, top = by_kind[kind], ceiling_summary(found.ceiling[region][kind])
            means = one.sel(measure="stimulus means")
            rows[f"{region}, {kind}"] = {
                "mean response, r": float(means["mean"]),
                "low": float(means["low"].min()),
                "high": float(means["high"].max()),
                "pattern similarity, r": float(one["mean"].sel(measure="pattern similarity")),
                "ceiling, median": float(top["median"]),
                "ceiling, mean": float(top["mean"]),
                "stuck at 1": float(top["at_bound"]),
                "below .05": float(top["near_zero"]),
                "plain r": float(top["plain"]),
            }
    caption = (
        "Each person with the mean of the others (interval: people or problems drawn again, the wider), agreement of "
        "similarities, and the released ceiling: its distribution, and the plain correlation with all others' voxels."
    )
    return _table(pd.DataFrame(rows).T, "Do people agree?", caption)


def answer_table(known: Read) -> xr.Dataset:
    """Accuracy of the model on every set, and what words, polarity and places alone reach."""
    rows = known.answers.to_dataframe()[["accuracy", "low", "high", "said_true", "constant", "n"]]
    simple = known.baselines["accuracy"].to_pandas().reindex(rows.index)
    caption = (
        "Intervals: problems drawn again. Baselines are fitted to other problems; 'place of a term with polarity' is a "
        "rule that needs no chain of inference."
    )
    return _table(pd.concat([rows, simple], axis=1), "Answers of the model", caption)


def released_table(steered: Steered) -> xr.Dataset:
    """Guidance as released: the oracle stops it, wrong items only, and tries that are not equal."""
    shown = {name: each for name, each in steered.released.items() if not name[-1].isdigit() or name.endswith(" 0")}
    found = {**shown, **{f"random, {n} tries": each for n, each in steered.random.items()}}
    rows = {
        name: {
            "accuracy before": float(each["accuracy_before"].mean()),
            "accuracy": float(each["accuracy"].mean()),
            "successes": int(each["success"].sum()),
            "of": int(each["eligible"].sum()),
        }
        for name, each in found.items()
    }
    caption = (
        "As released: stopped when the answer is the true one, on problems that the model got wrong and the person "
        "right; maps fitted to the same problems. The random directions of the paper have 10 tries, the brain 40."
    )
    return _table(pd.DataFrame(rows).T, "Guidance as released", caption)


def audit_table(arms: Arms) -> xr.Dataset:
    """Which modules are trained."""
    rows = arms.audit.astype(str).set_axis([str(i) for i in range(len(arms.audit))])
    return _table(rows, "Trained modules", "Modules that adapters reach, and how many numbers are trained.")


def fact_table(arms: Arms) -> xr.Dataset:
    """What was equal in all arms, and what was not; surprisal of other texts."""
    columns = [name for name in ("target", "n_trained", "seed", "steps", "chosen_epoch") if name in arms.facts]
    rows = arms.facts[columns].copy()
    rows["surprisal"] = [float(arms.made[name]["surprisal"].mean()) for name in rows.index]
    caption = (
        f"First seed. Surprisal of texts that ask nothing; before tuning {float(arms.before['surprisal']):.3f} nats."
    )
    return _table(rows, "Arms, audited", caption)


def twin_table(twins: Twins) -> xr.Dataset:
    """Predictivity and guidance of made-up people."""
    found = twins.found
    rows = pd.DataFrame(
        {
            "score": found["score"].values,
            "p": found["p"].values,
            "net gain, points": 100 * found["gain_effect"].values,
            "net gain, low": 100 * found["gain_low"].values,
            "beyond permuted, points": 100 * found["guidance_effect"].values,
            "beyond permuted, p": found["guidance_p_draws"].values,
        },
        index=[str(each) for each in np.asarray(found["plant"].values)],
    )
    return _table(rows, "Made-up people", "What the same code finds where the truth is known.")
