"""How long PyTorch takes to tell whether a turn is complete with Smart Turn v2, and how long Sotto does. See README.md beside this.

    cargo build --release -p sotto-turn --features seeded --example turn_times
    v/bin/python benches/peers/turn_peers.py > turn.json

PyTorch computes 16 s for every turn, as the reference does it; ours is measured trimmed and on 16 s. All three take turns, so
that they meet the same machine. The table goes to standard output as JSON, progress to standard error. The weights are
made once, into `--cache` (380 MB).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/reference"))
import smart_turn_v2 as reference  # noqa: E402
import torch  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7, help="timed runs of each length; the median counts")
    parser.add_argument("--seconds", type=float, nargs="+", default=[1, 3, 8])
    parser.add_argument("--cache", type=Path, default=Path("target/peers/smart-turn-v2"))
    parser.add_argument("--program", type=Path, default=Path("target/release/examples/turn_times"))
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    model = reference.made()
    if not (options.cache / "model.safetensors").exists():
        reference.save(model, options.cache)
    environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads)}
    ours = subprocess.Popen(
        [options.program, options.cache], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def theirs(index: int, samples: int) -> tuple:
        audio = reference.sound(index, samples)
        with torch.inference_mode():
            start, busy = time.perf_counter(), time.process_time()
            probability = torch.sigmoid(model(*reference.inputs(audio))[1]).item()
            return (time.perf_counter() - start) * 1e3, (time.process_time() - busy) * 1e3, probability

    def own(index: int, samples: int) -> tuple:
        ours.stdin.write(f"{index} {samples}\n")
        ours.stdin.flush()
        return tuple(map(float, ours.stdout.readline().split()))

    theirs(0, 16_000), own(0, 16_000)
    table = []
    for index, seconds in enumerate(options.seconds):
        samples = round(seconds * reference.RATE)
        times = [(theirs(index, samples), own(index, samples)) for _ in range(options.runs)]
        # For each: milliseconds, and those of all processors.
        columns = {
            "pytorch_padded": [t[:2] for t, _ in times], "sotto_padded": [o[2:4] for _, o in times],
            "sotto": [o[:2] for _, o in times],
        }
        expected, answers = times[0][0][2], times[0][1][4:]
        assert max(abs(answer - expected) for answer in answers) < 1e-4, "all give the same probability"
        row = {"seconds": seconds, "probability": round(expected, 4)}
        for name, values in columns.items():
            for kind, index_of in (("ms", 0), ("cpu_ms", 1)):
                row[f"{name}_{kind}"] = round(statistics.median(value[index_of] for value in values), 1)
        row["of_own_padded"] = round(row["sotto_ms"] / row["sotto_padded_ms"], 3)
        row["of_own_padded_cpu"] = round(row["sotto_cpu_ms"] / row["sotto_padded_cpu_ms"], 3)
        row["of_pytorch"] = round(row["sotto_ms"] / row["pytorch_padded_ms"], 3)
        row["of_pytorch_cpu"] = round(row["sotto_cpu_ms"] / row["pytorch_padded_cpu_ms"], 3)
        table.append(row)
        print(json.dumps(row), file=sys.stderr)
    ours.stdin.close()
    print(json.dumps({"torch": torch.__version__, "threads": options.threads, "runs": options.runs, "rows": table}, indent=1))


if __name__ == "__main__":
    main()
