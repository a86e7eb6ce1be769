"""The table: every task beside its peers and the limit of the same run, each measurement in a process of its own.

``python benchmarks/table.py [--only ridge,rdm] [--repeats 3] [--out results.jsonl] [--write docs/benchmarks.md]``;
``--read results.jsonl`` makes it from measurements that are there; ``--smoke`` runs all, tiny, for agreement only.
One thread. The sides of a file are measured in turns, in another order each turn; a side that has taken ``PATIENCE_S``
is not repeated; a short run in which the rate of the machine drifts by more than a tenth is measured again.
"""

import argparse
import datetime
import importlib
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from rates import ONE_THREAD, Record, Row, Side, measured, missing

HERE = Path(__file__).resolve().parent
FILES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("rates", "table"))
PATIENCE_S, SHORT_S, DRIFT = 40.0, 30.0, 0.1
HEAD = ["task", "ours: CPU s (range; runs)", "peak MB", "times as fast as", "reach", "times the limit", "agreement"]
CELL = re.compile(r" ?\| ?")
BEGIN, END = "<!-- table -->", "<!-- end -->"


def in_a_process(file: str, name: str, side: Side) -> Record:
    """One measurement in a process of its own, again where the machine's rate drifted; or why there is none."""
    record = {"file": file, "side": name, "dtype": side.dtype, "settings": side.settings}
    if absent := missing(side):
        return record | {"missing": absent}
    command = [sys.executable, __file__, "--measure", file, name]
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD)
        if done.returncode:
            return record | {"error": (done.stderr.strip() or "no message").splitlines()[-1]}
        record |= json.loads(done.stdout)
        if not drifted(record) or record["wall s"] > SHORT_S:
            break
    return record


def drifted(record: Record) -> bool:
    """Whether the machine was faster at one end of the measurement than at the other."""
    low, high = sorted(record["GFLOP/s"])
    return high - low > DRIFT * high


def smoke(file: str, sides: dict[str, Side]) -> Iterator[Record]:
    """Every side that can run, once, in this process."""
    for name, side in sides.items():
        absent = missing(side)
        yield {"file": file, "side": name} | ({"missing": absent} if absent else measured(side))


def in_turns(file: str, sides: dict[str, Side], repeats: int) -> Iterator[Record]:
    """All measurements of a file, the sides taking turns."""
    spent = dict.fromkeys(sides, 0.0)
    for turn in range(repeats):
        for name in random.Random(f"{file} {turn}").sample(list(sides), len(sides)):
            if spent[name] < PATIENCE_S:
                record = in_a_process(file, name, sides[name])
                spent[name] += record.get("wall s", PATIENCE_S)
                yield record


def median(records: list[Record], fact: str) -> float | None:
    """Over the runs of one side, where it has that fact."""
    values = [r["facts"][fact] for r in records if fact in r.get("facts", {})]
    return statistics.median(values) if values else None


def agreement(row: Row, records: dict[str, list[Record]]) -> tuple[bool | None, str]:
    """Whether the sides agree (None: nobody compared), and the worst figures in words."""
    verdicts, words = [], []
    for fact, (sign, bound) in row.agreement.items():
        runs = [r for name in (row.ours, *row.peers) for r in records.get(name, [])]
        found = [r["facts"][fact] for r in runs if fact in r.get("facts", {})]
        if not found:
            words.append(f"{fact}: not compared")
            continue
        verdicts.append(all(value <= bound if sign == "<=" else value >= bound for value in found))
        worst = max(found) if sign == "<=" else min(found)
        words.append(f"{fact} {worst:.3g} ({sign} {bound:g})" + ("" if verdicts[-1] else " **disagrees**"))
    return (all(verdicts) if verdicts else None), "; ".join(words)


def beside(row: Row, records: dict[str, list[Record]], agreed: bool | None) -> tuple[dict[str, float], str]:
    """Ratio to every peer that ran, where they agree, and all of them in words."""
    ours, ratios, words = median(records[row.ours], row.prefix + "seconds"), {}, []
    if row.peers and not agreed:
        ours, words = None, ["no ratio: " + ("the results differ" if agreed is False else "nothing was compared")]
    for name in row.peers:
        runs = records.get(name, [])
        theirs, peak = median(runs, row.prefix + "seconds"), median(runs, row.prefix + "peak MB")
        if ours and theirs:
            ratios[name] = theirs / ours
            memory = f", {peak:,.0f} MB" if peak else ""
            words.append(f"**{ratios[name]:.3g}** {name.partition(' @ ')[0]} ({theirs:.3g} s{memory}; {len(runs)})")
        elif runs and not theirs:
            words.append(f"{name.partition(' @ ')[0]}: " + (runs[0].get("error") or runs[0]["missing"]))
    return ratios, "; ".join(words)


def reached(row: Row, records: dict[str, list[Record]], ratios: dict[str, float]) -> str:
    """What was to be reached, and whether it was."""
    words = []
    for what, bound in row.reach.items():
        if what in ("limit", "seconds"):
            fact = row.prefix + ("times the limit" if what == "limit" else what)
            value, text = median(records[row.ours], fact), f"{what} {bound:g}"
            met = None if value is None else value <= bound
        else:
            least = min((ratio for name, ratio in ratios.items() if name.startswith(what)), default=None)
            met, text = None if least is None else least >= bound, f"{bound:g} x {what}"
        words.append(f"{text}: " + ("not measured" if met is None else "met" if met else "**missed**"))
    return "; ".join(words)


def line(row: Row, records: dict[str, list[Record]]) -> list[str]:
    """The cells of one row."""
    times = [r["facts"][row.prefix + "seconds"] for r in records.get(row.ours, []) if "facts" in r]
    if not times:
        runs = records.get(row.ours) or [{"error": "not measured"}]
        return [row.task, runs[0].get("error") or runs[0]["missing"], "", "", "", "", ""]
    agreed, compared = agreement(row, records)
    ratios, words = beside(row, records, agreed)
    limit, peak = (median(records[row.ours], row.prefix + fact) for fact in ("times the limit", "peak MB"))
    ours = f"{statistics.median(times):.3g} ({min(times):.3g} to {max(times):.3g}; {len(times)})"
    reach = reached(row, records, ratios) if agreed is not False else ""
    return [row.task, ours, f"{peak or 0:,.0f}", words, reach, f"{limit:.3g}" if limit else "", compared]


def table(modules: dict[str, ModuleType], records: list[Record]) -> tuple[str, bool]:
    """The whole table as Markdown, and whether nothing failed or disagreed."""
    lines, good = [list(HEAD), ["---"] * len(HEAD)], not any("error" in r for r in records)
    for file, module in modules.items():
        mine: dict[str, list[Record]] = {name: [] for name in module.SIDES}
        for record in records:
            if record["file"] == file:
                mine.setdefault(record["side"], []).append(record)
        lines += [line(row, mine) for row in module.ROWS]
        good = good and all(agreement(row, mine)[0] is not False for row in module.ROWS)
    versions = {k: v for r in records for k, v in r.get("versions", {}).items()}
    unsteady = sum(drifted(r) for r in records if "GFLOP/s" in r)
    rates = [rate for r in records for rate in r.get("GFLOP/s", ())]
    about = (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}; {platform.system()} {platform.machine()}, one thread of "
        f"{os.cpu_count()}; matrix product, float32: {statistics.median(rates or [0]):.0f} GFLOP/s; in {unsteady} of "
        f"{len(records)} runs that rate drifted by more than a tenth. "
        + ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    )
    return "\n".join([*(f"| {' | '.join(cells)} |" for cells in lines), "", about]), good


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print, or be one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(FILES), help="files, with commas between them")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="one JSON line per measurement is added to this file")
    parser.add_argument("--read", type=Path, help="measure nothing, take these JSON lines")
    parser.add_argument("--write", type=Path, help="a page between whose markers the table is put")
    parser.add_argument("--smoke", action="store_true", help="everything tiny, in this process, for agreement only")
    parser.add_argument("--measure", nargs=2, metavar=("FILE", "SIDE"), help=argparse.SUPPRESS)
    asked = parser.parse_args(given)
    if unknown := set(asked.only.split(",")) - set(FILES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(FILES)}")
    if asked.measure:
        file, name = asked.measure
        print(json.dumps(measured(importlib.import_module(file).SIDES[name])))
        return
    modules = {file: importlib.import_module(file) for file in asked.only.split(",")}
    modules = {file: module for file, module in modules.items() if hasattr(module, "ROWS")}
    records = [json.loads(text) for text in asked.read.read_text().splitlines()] if asked.read else []
    for file, module in {} if asked.read else modules.items():
        for record in smoke(file, module.SIDES) if asked.smoke else in_turns(file, module.SIDES, asked.repeats):
            print(file, record["side"], record.get("facts") or record, file=sys.stderr, flush=True)
            records.append(record)
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as out:
                    print(json.dumps(record), file=out)
    text, good = table(modules, records)
    print("\n".join(f"{c[1]}: {c[-2]}" for c in map(CELL.split, text.splitlines()[2:-2])) if asked.smoke else text)
    if asked.write:
        before, _, rest = asked.write.read_text(encoding="utf-8").partition(BEGIN)
        asked.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    sys.exit(not good)


if __name__ == "__main__":
    main()
