"""What compare.py found, as tables on standard output and as a picture: report.py RUN.json [RUN.json ...] --image FILE.svg

Of several runs the later one counts where both have a part of a server; steps with more silent calls are added.
"""

import argparse
import json
from pathlib import Path

NAMES = {"sotto": "Sotto", "pipecat": "Pipecat", "speech-to-speech": "speech-to-speech"}
COLOURS = {"sotto": "#0b7a75", "pipecat": "#d1495b", "speech-to-speech": "#8d6a9f"}


def read(files: list[Path]) -> dict:
    found = {}
    for file in files:
        for name, parts in json.loads(file.read_text())["servers"].items():
            known = found.setdefault(name, {})
            for part, row in parts.items():
                if "failed" in row:
                    continue
                if part == "load" and part in known:
                    new = [step for step in row["steps"] if step["silent_calls"] > known[part]["steps"][-1]["silent_calls"]]
                    row = row | {"steps": known[part]["steps"] + new}
                known[part] = row
    return {name: found[name] for name in NAMES if name in found}


def memory_per_call(name: str, parts: dict) -> float:
    """speech-to-speech loads a pipeline for each call when it starts: the pool of 2 beside the pool that holds the silent calls."""
    silent = parts["silent"]
    if name != "speech-to-speech":
        return silent["memory_mib_per_call"]
    return (silent["memory_mib"] - parts["latency"]["memory_after_one_turn_mib"]) / (silent["calls"] + 1 - 2)


def doubled(steps: list[dict]) -> tuple[str, float]:
    """After how many silent calls the 95th percentile is twice that of an idle server, and the last step that held."""
    limit = 2 * steps[0]["final_ms"]["p95"]
    over = [step["silent_calls"] for step in steps if step["final_ms"]["p95"] is None or step["final_ms"]["p95"] > limit]
    held = max(step["silent_calls"] for step in steps if not over or step["silent_calls"] < over[0])
    return (f"{held} to {over[0]}" if over else f"more than {held}"), held


def row(*cells) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2g}"


def tables(found: dict) -> None:
    names = list(found)
    row("", *(NAMES[name] for name in names), *(f"of {NAMES[name]}'s" for name in names if name != "sotto"))
    row("---", *("---" for _ in range(2 * len(names) - 1)))

    def line(title: str, values: dict, shown) -> None:
        row(title, *(shown(values[name]) for name in names), *(ratio(values["sotto"], values[name]) for name in names if name != "sotto"))

    finals = {name: found[name]["latency"]["final_ms"] for name in names}
    common = set.intersection(*({turn["clip"] for turn in found[name]["latency"]["turns"] if turn["understood"]} for name in names))
    same = {name: sorted(t["final_ms"] for t in found[name]["latency"]["turns"] if t["clip"] in common) for name in names}
    line("final transcript, median, ms", {name: finals[name]["median"] for name in names}, lambda ms: f"{ms:.0f}")
    line("90th percentile, ms", {name: finals[name]["p90"] for name in names}, lambda ms: f"{ms:.0f}")
    line(f"median of the {len(common)} clips that all understood", {name: same[name][(len(common) - 1) // 2] for name in names}, lambda ms: f"{ms:.0f}")
    row("understood", *(f"{found[n]['latency']['understood']} of {found[n]['latency']['of']}" for n in names), *("" for _ in names[1:]))
    line("answer to connected, median, ms", {n: found[n]["latency"]["connect_ms"]["median"] for n in names}, lambda ms: f"{ms:.0f}")
    line("silent call, % of a core", {n: found[n]["silent"]["cpu_percent_per_call"] for n in names}, lambda part: f"{part:.2f}")
    line("silent call, MiB", {n: memory_per_call(n, found[n]) for n in names}, lambda mib: f"{mib:.2f}")
    row("silent calls measured", *(found[n]["silent"]["calls"] for n in names), *("" for _ in names[1:]))
    row("packets to a silent caller, 1/s", *(found[n]["silent"]["packets_out_per_call_s"] for n in names), *("" for _ in names[1:]))
    ends = {name: doubled(found[name]["load"]["steps"]) for name in names if "load" in found[name]}
    row("silent calls until p95 doubles", *(ends[n][0] if n in ends else "–" for n in names), *("" for _ in names[1:]))
    if (cost := found.get("pipecat", {}).get("silent-listening")):
        print(f"\nPipecat without an outgoing track: {cost['cpu_percent_per_call']} % of a core, {cost['memory_mib_per_call']} MiB a silent call")
    if (cost := found.get("pipecat", {}).get("silent-own-model")):
        print(f"\nPipecat with a Whisper for each call: {cost['memory_mib_per_call']} MiB a silent call")
    print()
    row("server", "silent calls beside", "median ms", "p95 ms", "understood", "server, cores", "caller, cores", "caller late, ms")
    row(*("---" for _ in range(8)))
    for name in ends:
        for step in found[name]["load"]["steps"]:
            row(
                NAMES[name], step["silent_calls"], step["final_ms"]["median"] or "never", step["final_ms"]["p95"] or "never",
                f"{step['understood']} of {step['of']}", step["server_cpu_cores"], step["caller_cpu_cores"], step["caller_late_ms"],
            )


def picture(found: dict, file: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "sotto", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    from matplotlib import pyplot

    figure, (turns, cost, load) = pyplot.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for at, name in enumerate(found):
        values = sorted(turn["final_ms"] for turn in found[name]["latency"]["turns"] if turn["understood"])
        turns.plot(values, [(i + 1) / len(values) for i in range(len(values))], drawstyle="steps-post", color=COLOURS[name], label=NAMES[name])
        silent = found[name]["silent"]
        for group, value in enumerate((silent["cpu_percent_per_call"], max(memory_per_call(name, found[name]), 0.01))):
            bar = cost.bar(group + 0.27 * (at - 1), value, 0.25, color=COLOURS[name])
            cost.bar_label(bar, fmt="%.3g", fontsize=8)
        if "load" in found[name]:
            steps = [step for step in found[name]["load"]["steps"] if step["final_ms"]["p95"] is not None]
            load.plot([s["silent_calls"] for s in steps], [s["final_ms"]["p95"] for s in steps], "o-", color=COLOURS[name], label=NAMES[name])
            medians = [step for step in found[name]["load"]["steps"] if step["final_ms"]["median"] is not None]
            load.plot([s["silent_calls"] for s in medians], [s["final_ms"]["median"] for s in medians], "o:", color=COLOURS[name])
    turns.set(xlabel="last energetic sample to final transcript, ms", ylabel="part of the turns", xlim=(0, None), ylim=(0, 1.02), title="One call")
    turns.legend(frameon=False, loc="lower right")
    cost.set(yscale="log", xticks=[0, 1], xticklabels=["% of a core", "MiB"], title="A silent call")
    cost.margins(y=0.15)
    load.set(xlabel="silent calls beside", ylabel="median (dotted) and slowest, ms", ylim=(0, None), title="With silent calls beside")
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--image", type=Path)
    options = parser.parse_args()
    found = read(options.runs)
    tables(found)
    if options.image:
        picture(found, options.image)


main()
