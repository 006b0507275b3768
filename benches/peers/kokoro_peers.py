"""How long PyTorch and onnxruntime take to speak with the weights of a formula, and how long Sotto does.

    cargo build --release -p sotto-kokoro --example kokoro_times
    SOTTO_SHARED=../shared v/bin/python benches/peers/kokoro_peers.py > kokoro.json

For each string of phonemes all take turns, so that they meet the same machine. The table goes to standard output as
JSON, progress to standard error. Weights and ONNX files are made once, into `--cache` (750 MB). See README.md beside this.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/reference"))
import kokoro_model  # noqa: E402
import numpy  # noqa: E402
import torch  # noqa: E402

SHARED = Path(os.environ.get("SOTTO_SHARED", "../shared"))
PEERS = ("pytorch", "onnx", "onnx_int8")
EXACT = ("pytorch", "onnx")
# Waiting threads look for work for a while before they sleep: the next in turn should not meet them.
REST_S = 0.1
# Mean difference of logarithms of spectra for equal noise. Other noise gives 0.64; PyTorch with its phase in f64 0.16.
CLOSE = 0.3
TEXT = (
    "ðɪs ɪz ɐ lˈɔŋɡəɹ sˈɛntᵊns, ænd ɪt ɡOz ˈɔn ɐ lˈɪTᵊl wˈIl sO ðæt ðə vYs hæz sˈʌmθɪŋ tə sˈA. "
    "wˌʌt kˈʌmz nˈɛkst ɪz nˈɑt sO ɪmpˈɔɹtᵊnt; ɪt ɪz ˈOnli lˈɔŋ."
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each string; the median counts")
    parser.add_argument("--strings", type=int, default=20)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--cache", type=Path, default=Path("target/peers/kokoro"))
    parser.add_argument("--program", type=Path, default=Path("target/release/examples/kokoro_times"))
    return parser.parse_args()


def timed(speak: Callable) -> Callable:
    """What this process takes to speak: milliseconds, those that processors worked, and samples."""

    def run(ids: list, style: torch.Tensor) -> dict:
        start, busy = time.perf_counter(), time.process_time()
        samples = speak(ids, style)[0]
        return {
            "ms": (time.perf_counter() - start) * 1e3, "cpu_ms": (time.process_time() - busy) * 1e3, "samples": len(samples)
        }

    return run


def pytorch(made) -> Callable:
    def speak(ids: list, style: torch.Tensor) -> tuple:
        with torch.inference_mode():
            return made.forward_with_tokens(torch.tensor([[0, *ids, 0]]), style)

    return speak


def sotto(process: subprocess.Popen) -> Callable:
    def run(ids: list, _: torch.Tensor) -> dict:
        process.stdin.write(" ".join(map(str, ids)) + "\n")
        process.stdin.flush()
        planned, spoken, busy, samples, peak = map(float, process.stdout.readline().split())
        return {
            "ms": planned + spoken, "plan_ms": planned, "cpu_ms": busy, "samples": int(samples), "peak_mib": int(peak)
        }

    return run


def row(phonemes: int, runs: list[dict]) -> dict:
    """The medians of one string, and Sotto's time for a second of sound beside each peer's."""
    middle = lambda name, key: round(statistics.median(run[name][key] for run in runs), 1)
    samples = {name: run["samples"] for name, run in runs[0].items()}
    assert all(samples.get(name, samples["sotto"]) == samples["sotto"] for name in EXACT), f"all make as many samples: {samples}"
    made = {"phonemes": phonemes, "sotto_plan_ms": middle("sotto", "plan_ms"), "sotto_peak_mib": runs[-1]["sotto"]["peak_mib"]}
    for name, count in samples.items():
        made |= {
            f"{name}_ms": middle(name, "ms"), f"{name}_cpu_ms": round(middle(name, "cpu_ms")), f"{name}_seconds": count / 24_000
        }
    return made | {f"ratio_{name}": ratio([made], name) for name in samples if name != "sotto"}


def ratio(rows: list[dict], name: str, key: str = "ms") -> float:
    total = lambda column: sum(each[column] for each in rows)
    pace = lambda who: total(f"{who}_{key}") / total(f"{who}_seconds")
    return round(pace("sotto") / pace(name), 3)


def summary(rows: list[dict], peers: list[str]) -> dict:
    made = {"sotto_peak_mib": max(each["sotto_peak_mib"] for each in rows)}
    for name in ("sotto", *peers):
        for key in ("ms", "cpu_ms", "seconds"):
            made[f"{name}_{key}"] = round(sum(each[f"{name}_{key}"] for each in rows), 1)
    for name in peers:
        ratios = [each[f"ratio_{name}"] for each in rows]
        made[f"ratio_{name}"] = {
            "of_sums": ratio(rows, name), "median": round(statistics.median(ratios), 3), "largest": max(ratios),
            "of_cpu_sums": ratio(rows, name, "cpu_ms"),
        }
    return made


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    config = SHARED / "models/kokoro/config.json"
    voice = SHARED / "models/kokoro/voices/af_heart.bin"
    made, istftnet = kokoro_model.model(json.loads(config.read_text()))
    if not (options.cache / "kokoro.safetensors").exists():
        kokoro_model.save(made, config, options.cache)
    styles = torch.from_numpy(numpy.fromfile(voice, dtype="<f4").reshape(510, 1, 256))
    vocabulary = json.loads(config.read_text())["vocab"]
    ids = [vocabulary[phoneme] for phoneme in TEXT if phoneme in vocabulary]
    about = {"torch": torch.__version__, "threads": options.threads, "runs": options.runs}
    speakers = {"pytorch": timed(pytorch(made))} if "pytorch" in options.peers else {}
    if any(name.startswith("onnx") for name in options.peers):
        import onnx_speech

        files = onnx_speech.files(made, options.cache)
        about["onnxruntime"] = onnx_speech.onnxruntime.__version__
        about["onnx_beside_pytorch"] = onnx_speech.compare(made, istftnet, files["onnx"], ids[:9], styles[8], options.threads)
        print(json.dumps(about["onnx_beside_pytorch"]), file=sys.stderr)
        assert about["onnx_beside_pytorch"]["same_stft"] < CLOSE, "the ONNX file speaks as PyTorch does"
        for name in (name for name in files if name in options.peers):
            speakers[name] = timed(onnx_speech.session(files[name], options.threads))
    ours = subprocess.Popen(
        [options.program, options.cache, voice], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"RAYON_NUM_THREADS": str(options.threads)},
    )
    speakers["sotto"] = sotto(ours)

    def turn(part: list) -> dict:
        result = {}
        for name, speak in speakers.items():
            time.sleep(REST_S)
            result[name] = speak(part, styles[len(part) - 1])
        return result

    turn(ids[:10])
    rows = []
    for i in range(options.strings):
        part = ids[i : i + 3 + round(i * 37 / max(1, options.strings - 1))]
        rows.append(row(len(part), [turn(part) for _ in range(options.runs)]))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    ours.stdin.close()
    print(json.dumps({"summary": about | summary(rows, [name for name in speakers if name != "sotto"]), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
