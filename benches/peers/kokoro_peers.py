"""How long PyTorch takes to speak with the weights of a formula, and how long Sotto does. See README.md beside this.

    cargo build --release -p sotto-kokoro --example kokoro_times
    SOTTO_SHARED=../shared v/bin/python benches/peers/kokoro_peers.py > kokoro.json

For each string of phonemes the two take turns, so that both meet the same machine. The table goes to standard output
as JSON, progress to standard error. The weights are made once, into `--cache` (330 MB).
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
import kokoro_model  # noqa: E402
import numpy  # noqa: E402
import torch  # noqa: E402

SHARED = Path(os.environ.get("SOTTO_SHARED", "../shared"))
TEXT = (
    "ðɪs ɪz ɐ lˈɔŋɡəɹ sˈɛntᵊns, ænd ɪt ɡOz ˈɔn ɐ lˈɪTᵊl wˈIl sO ðæt ðə vYs hæz sˈʌmθɪŋ tə sˈA. "
    "wˌʌt kˈʌmz nˈɛkst ɪz nˈɑt sO ɪmpˈɔɹtᵊnt; ɪt ɪz ˈOnli lˈɔŋ."
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each string; the median counts")
    parser.add_argument("--strings", type=int, default=20)
    parser.add_argument("--cache", type=Path, default=Path("target/peers/kokoro"))
    parser.add_argument("--program", type=Path, default=Path("target/release/examples/kokoro_times"))
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    config = SHARED / "models/kokoro/config.json"
    voice = SHARED / "models/kokoro/voices/af_heart.bin"
    made, _ = kokoro_model.model(json.loads(config.read_text()))
    if not (options.cache / "kokoro.safetensors").exists():
        kokoro_model.save(made, config, options.cache)
    rows = torch.from_numpy(numpy.fromfile(voice, dtype="<f4").reshape(510, 1, 256))
    vocabulary = json.loads(config.read_text())["vocab"]
    ids = [vocabulary[phoneme] for phoneme in TEXT if phoneme in vocabulary]
    lengths = [3 + round(i * 37 / max(1, options.strings - 1)) for i in range(options.strings)]
    environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads)}
    ours = subprocess.Popen(
        [options.program, options.cache, voice], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def theirs(part: list) -> tuple:
        with torch.inference_mode():
            start, busy = time.perf_counter(), time.process_time()
            audio, _ = made.forward_with_tokens(torch.tensor([[0, *part, 0]]), rows[len(part) - 1])
            return (time.perf_counter() - start) * 1e3, audio.numel(), (time.process_time() - busy) * 1e3

    def own(part: list) -> tuple:
        ours.stdin.write(" ".join(map(str, part)) + "\n")
        ours.stdin.flush()
        planned, spoken, busy, samples, peak = map(float, ours.stdout.readline().split())
        return planned + spoken, planned, int(samples), int(peak), busy

    theirs(ids[:10]), own(ids[:10])
    table = []
    for i, length in enumerate(lengths):
        part = ids[i : i + length]
        times = [(theirs(part), own(part)) for _ in range(options.runs)]
        pytorch = statistics.median(t[0] for t, _ in times)
        sotto = statistics.median(o[0] for _, o in times)
        assert times[0][0][1] == times[0][1][2], "both make the same number of samples"
        table.append({
            "phonemes": length, "seconds": times[0][1][2] / 24_000, "pytorch_ms": round(pytorch, 1),
            "sotto_ms": round(sotto, 1), "plan_ms": round(statistics.median(o[1] for _, o in times), 1),
            "pytorch_cpu_ms": round(statistics.median(t[2] for t, _ in times)),
            "sotto_cpu_ms": round(statistics.median(o[4] for _, o in times)),
            "ratio": round(sotto / pytorch, 3), "sotto_peak_mib": times[-1][1][3],
        })
        print(json.dumps(table[-1]), file=sys.stderr)
    ours.stdin.close()
    total = lambda key: round(sum(row[key] for row in table), 1)
    summary = {
        "torch": torch.__version__, "threads": options.threads, "runs": options.runs, "seconds": total("seconds"),
        "pytorch_ms": total("pytorch_ms"), "sotto_ms": total("sotto_ms"),
        "pytorch_cpu_ms": total("pytorch_cpu_ms"), "sotto_cpu_ms": total("sotto_cpu_ms"),
        "ratio_of_sums": round(total("sotto_ms") / total("pytorch_ms"), 3),
        "median_ratio": statistics.median(row["ratio"] for row in table),
        "largest_ratio": max(row["ratio"] for row in table), "sotto_peak_mib": max(row["sotto_peak_mib"] for row in table),
    }
    print(json.dumps({"summary": summary, "rows": table}, indent=1))


if __name__ == "__main__":
    main()
