"""Calls Sotto, Pipecat and speech-to-speech alike and measures them. See README.md beside this.

    pipecat/bin/python compare.py --json peers.json

Each part has a fresh server; all calls come from this process, whose own processor time is reported apart.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from pathlib import Path

import aiohttp

from parts import Caller, latency, load, silent

ROOT = Path(__file__).resolve().parents[3]
PIPECAT_WITH = {"silent-listening": "--no-output", "silent-own-model": "--own-model"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    environments = ROOT / "target/peers/voice_agents"
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("SOTTO_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--sotto", type=Path, default=ROOT / "target/release/sotto")
    parser.add_argument("--pipecat", type=Path, default=environments / "pipecat/bin/python", help="Python with requirements-pipecat.txt")
    parser.add_argument("--speech-to-speech", type=Path, default=environments / "speech-to-speech/bin/python")
    parser.add_argument("--weights", type=Path, default=environments / "ct2-tiny.en-int8", help="made by weights.py")
    parser.add_argument("--cache", type=Path, default=environments)
    parser.add_argument("--out", type=Path, default=environments, help="where the servers' logs go")
    parser.add_argument("--json", type=Path, default=Path("peers.json"), help="where the results go, after each part")
    parser.add_argument("--only", nargs="*", default=["sotto", "pipecat", "speech-to-speech"], help="these servers")
    parser.add_argument("--parts", nargs="*", default=["latency", "silent", "load"], help="and silent-listening, silent-own-model: Pipecat only")
    parser.add_argument("--clips", type=int, default=14, help="the shortest so many complete clips")
    parser.add_argument("--silent-calls", default="sotto=50,pipecat=10,speech-to-speech=3")
    parser.add_argument("--silent-seconds", type=float, default=10)
    steps = "sotto=50:90:130:160:190,pipecat=4:8:12,speech-to-speech=2:4"
    parser.add_argument("--load", default=steps, help="silent calls beside")
    parser.add_argument("--load-clips", type=int, default=6)
    return parser.parse_args()


def per_server(text: str) -> dict[str, list[int]]:
    return {name: [int(part) for part in numbers.split(":")] for name, _, numbers in (item.partition("=") for item in text.split(","))}


def machine() -> dict:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {"processor": model, "cores": os.cpu_count(), "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d %H:%M")}


def versions(options) -> dict:
    def output(*command) -> str:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def of(python: Path, *packages: str) -> dict:
        code = "import importlib.metadata as m, sys; print(*[f'{p}={m.version(p)}' for p in sys.argv[1:]])"
        return dict(part.split("=", 1) for part in output(python, "-c", code, *packages).split())

    common = ("aiortc", "faster-whisper", "ctranslate2", "onnxruntime", "numpy")
    which = {
        "sotto": lambda: output(options.sotto, "--version"),
        "pipecat": lambda: of(options.pipecat, "pipecat-ai", *common),
        "speech-to-speech": lambda: of(options.speech_to_speech, "speech-to-speech", "torch", "silero-vad", *common),
    }
    return {"python": platform.python_version()} | {name: which[name]() for name in options.only}


async def measure(part: str, name: str, options, caller: Caller) -> dict:
    if part == "latency":
        return await latency(name, options, caller)
    if part == "load":
        return await load(name, options, caller, per_server(options.load)[name])
    more = [PIPECAT_WITH[part]] if part in PIPECAT_WITH else []
    return await silent(name, options, caller, per_server(options.silent_calls)[name][0], *more)


async def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine(), "versions": versions(options), "servers": {name: {} for name in options.only}}
    rows = [(part, name) for part in options.parts for name in options.only if part not in PIPECAT_WITH or name == "pipecat"]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
        caller = Caller(options, http)
        for part, name in rows:
            print(part, name, "load", os.getloadavg()[0], file=sys.stderr)
            begin = time.monotonic()
            try:
                row = await measure(part, name, options, caller)
            except Exception as error:
                # The others are worth having all the same.
                traceback.print_exc()
                row = {"failed": repr(error)}
            result["servers"][name][part] = row | {"seconds": round(time.monotonic() - begin)}
            print(json.dumps({key: row[key] for key in row if key not in ("turns", "steps")}), file=sys.stderr)
            options.json.write_text(json.dumps(result, indent=1))


asyncio.run(main())
