"""How long other people's Whisper takes for the same recordings with the same weights. See README.md beside this.

    SOTTO_SHARED=../shared v/bin/python benches/peers/whisper_peers.py > peers.json

Each row is measured in a process of its own, one after the other, ours (`cargo bench --bench recognition`) among them.
The table goes to standard output as JSON, progress to standard error.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import wave
from pathlib import Path

import ggml

SHARED = Path(os.environ.get("SOTTO_SHARED", "../shared"))
WEIGHTS = SHARED / "models/whisper-tiny.en-fixture"
ASSETS = SHARED / "models/whisper-assets"
PROMPT, END = [50257, 50362], 50256
FULL = 1500
# Name, what the weights are kept as, whether it can work on less than the whole window.
PEERS = [
    ("sotto", "auto", True), ("sotto", "f32", True), ("transformers", "f32", False), ("faster-whisper", "f32", True), ("faster-whisper", "int8", True),
    ("whisper.cpp", "f16", True), ("whisper.cpp", "q8_0", True),
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each clip; the median counts")
    parser.add_argument("--clips", type=int, help="only so many clips")
    parser.add_argument("--trim", default="75:32:384", help="margin:multiple:floor in frames of 20 ms")
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet machine before each row")
    parser.add_argument("--only", help="only peers whose name holds this")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="cuda: transformers and faster-whisper")
    parser.add_argument("--dtype", choices=["f32", "f16"], default="f32", help="of transformers")
    parser.add_argument("--shape", choices=["large-v3-turbo"], help="seeded weights of this shape instead: faster-whisper")
    parser.add_argument("--cache", type=Path, default=Path("target/peers"), help="where converted weights go")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    return parser.parse_args()


def samples_of(file: str):
    import numpy

    with wave.open(str(SHARED / "audio" / file)) as clip:
        return numpy.frombuffer(clip.readframes(clip.getnframes()), numpy.int16).astype(numpy.float32) / 32_768


def clips(limit: int | None) -> list[dict]:
    rows = map(json.loads, (SHARED / "audio/manifest.jsonl").read_text().splitlines())
    chosen = [row for row in rows if row.get("fixture_tokens") and 1 <= row["dur"] <= 8]
    return chosen[:limit]


def trimmed(samples: int, rule: str) -> int:
    margin, multiple, floor = map(int, rule.split(":"))
    frames = -(-samples // 320) + margin
    return min(FULL, max(floor, -(-frames // multiple) * multiple))


def vocabulary() -> list[str]:
    tokens = json.loads((WEIGHTS / "tokenizer.json").read_text())
    ids = dict(tokens["model"]["vocab"]) | {added["content"]: added["id"] for added in tokens["added_tokens"]}
    return [token for token, _ in sorted(ids.items(), key=lambda pair: pair[1])]


def fixture(dtype: str = "f32", device: str = "cpu"):
    import torch
    from safetensors.torch import load_file
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    model = WhisperForConditionalGeneration(WhisperConfig.from_json_file(WEIGHTS / "config.json")).eval()
    tensors = {name: value.float() for name, value in load_file(WEIGHTS / "model.safetensors").items()}
    model.load_state_dict(tensors, strict=False)
    model.tie_weights()
    return model.to(device, torch.float16 if dtype == "f16" else torch.float32)


def transformers_peer(options, kind):
    import torch
    from transformers import WhisperFeatureExtractor

    torch.set_num_threads(options.threads)
    model, extractor = fixture(options.dtype, options.device), WhisperFeatureExtractor(feature_size=80)

    # A loop of our own, which spends less around the model than `generate` does.
    @torch.inference_mode()
    def transcribe(audio, context):
        mel = extractor(audio, sampling_rate=16_000, return_tensors="pt").input_features
        encoded = model.model.encoder(mel.to(options.device, model.dtype)).last_hidden_state
        tokens, feed, cache = [], PROMPT, None
        while len(tokens) < 200:
            feed = torch.tensor([feed], device=options.device)
            output = model(encoder_outputs=(encoded,), decoder_input_ids=feed, past_key_values=cache, use_cache=True)
            cache, choice = output.past_key_values, int(output.logits[0, -1].argmax())
            if choice == END:
                break
            tokens.append(choice)
            feed = [choice]
        return tokens

    import transformers

    return transcribe, f"transformers {transformers.__version__}, torch {torch.__version__}"


def ctranslate2_folder(folder: Path, model, tokens: list[str], kind: str, begin: list[int]) -> None:
    """Written whole or not at all: a folder that is there is used again."""
    from ctranslate2.converters.transformers import WhisperLoader

    import torch

    with torch.no_grad():
        spec = WhisperLoader().get_model_spec(model)
    layers, heads = model.config.decoder_layers, model.config.decoder_attention_heads
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin, spec.config.lang_ids = [], begin, []
    spec.config.alignment_heads = [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]
    spec.validate()
    spec.optimize(quantization={"f32": "float32", "f16": "float16", "int8": "int8"}[kind])
    folder.mkdir(parents=True)
    spec.save(str(folder))


def faster_whisper_peer(options, kind):
    import shutil

    import ctranslate2
    import faster_whisper
    from faster_whisper.audio import pad_or_trim

    folder = options.cache / f"ct2-tiny.en-{kind}"
    if not folder.exists():
        ctranslate2_folder(folder, fixture(), vocabulary(), kind, [])
        shutil.copy(WEIGHTS / "tokenizer.json", folder)
    compute = {"f32": "float32", "f16": "float16", "int8": "int8"}[kind]
    model = faster_whisper.WhisperModel(
        str(folder), device=options.device, compute_type=compute, cpu_threads=options.threads, num_workers=1
    )

    def transcribe(audio, context):
        if context == FULL:
            segments, _ = model.transcribe(
                audio, language="en", beam_size=1, best_of=1, temperature=0.0, without_timestamps=True, vad_filter=False,
                suppress_tokens=[], suppress_blank=False, condition_on_previous_text=False, no_speech_threshold=None,
                log_prob_threshold=None, compression_ratio_threshold=None,
            )
            return [token for segment in segments for token in segment.tokens if token < END]
        # The program itself always works on the whole window, the library under it need not.
        features = pad_or_trim(model.feature_extractor(audio), 2 * context)
        result = model.model.generate(
            model.encode(features), [PROMPT], beam_size=1, max_length=200, suppress_blank=False, suppress_tokens=[],
        )
        return [token for token in result[0].sequences_ids[0] if token < END]

    return transcribe, f"faster-whisper {faster_whisper.__version__}, ctranslate2 {ctranslate2.__version__}"


def whisper_cpp_peer(options, kind):
    import importlib.metadata
    import base64

    import numpy
    import _pywhispercpp as cpp
    from pywhispercpp.model import Model
    from safetensors.numpy import load_file

    path = options.cache / f"ggml-tiny.en-{kind}.bin"
    if not path.exists():
        lines = (ASSETS / "gpt2.tiktoken").read_text().split("\n")
        tokens = [base64.b64decode(line.split()[0]) for line in lines if line]
        filters = numpy.fromfile(ASSETS / "melfilters.bytes", "<f4").reshape(80, 201)
        config = json.loads((WEIGHTS / "config.json").read_text())
        part = path.with_suffix(".part")
        ggml.write(part, config, load_file(WEIGHTS / "model.safetensors"), filters, tokens, kind)
        part.rename(path)
    model = Model(
        str(path), redirect_whispercpp_logs_to=None, n_threads=options.threads, language="en", no_timestamps=True,
        single_segment=True, no_context=True, suppress_blank=False, temperature=0.0, temperature_inc=0.0,
        greedy={"best_of": 1}, print_progress=False, print_realtime=False,
    )

    def transcribe(audio, context):
        model.transcribe(audio, audio_ctx=0 if context == FULL else context)
        segments = cpp.whisper_full_n_segments(model._ctx)
        tokens = [
            cpp.whisper_full_get_token_id(model._ctx, segment, at)
            for segment in range(segments)
            for at in range(cpp.whisper_full_n_tokens(model._ctx, segment))
        ]
        return [token for token in tokens if token < END]

    flags = cpp.whisper_print_system_info()
    flags = flags.decode() if isinstance(flags, bytes) else str(flags)
    return transcribe, f"pywhispercpp {importlib.metadata.version('pywhispercpp')}: {flags}"


def busy() -> tuple[float, float]:
    """Seconds of all cores since the machine started: busy, and in all. Linux only; elsewhere nothing is busy."""
    try:
        ticks = [int(part) for part in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    except OSError:
        return 0.0, 1.0
    rate = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - ticks[3] - ticks[4]) / rate, sum(ticks) / rate


def wait_until_quiet(seconds: float) -> None:
    """Until all cores together are idle nine tenths of three seconds, but no longer than so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = busy()
        time.sleep(3)
        after = busy()
        if after[0] - before[0] < 0.1 * (after[1] - before[1]):
            return


def others(start_busy: float, start_own: float, start: float) -> float:
    """How many cores other processes kept busy meanwhile: what the times of this row are worth."""
    busy_for, own = busy()[0] - start_busy, time.process_time() - start_own
    return round(max(0.0, busy_for - own) / (time.monotonic() - start), 2)


def ours(section: list[str], **environment: str) -> str:
    """What our own bench prints: built with cargo, unless `SOTTO_BENCH_PROGRAM` is one that was built before."""
    cargo = ["cargo", "bench", "--locked", "--quiet", "--bench", "recognition", "--"]
    built = os.environ.get("SOTTO_BENCH_PROGRAM")
    command = [*([built] if built else cargo), *section]
    root = Path(__file__).resolve().parents[2]
    environment |= {"SOTTO_SHARED": str(SHARED.resolve())}
    return subprocess.run(command, cwd=root, env=os.environ | environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure_ours(options, kind: str, context: str) -> dict:
    wait_until_quiet(options.wait)
    limit = {"SOTTO_BENCH_CLIPS": str(options.clips)} if options.clips else {}
    return json.loads(ours(["--json", f"{kind}/{context}"], **limit))


def measure(options, name: str, kind: str, context: str) -> dict:
    if name == "sotto":
        return measure_ours(options, kind, context)
    peers = {"transformers": transformers_peer, "faster-whisper": faster_whisper_peer, "whisper.cpp": whisper_cpp_peer}
    transcribe, version = peers[name](options, kind)
    rows, wrong = [], []
    wait_until_quiet(options.wait)
    start_busy, start_own, start = busy()[0], time.process_time(), time.monotonic()
    for clip in clips(options.clips):
        audio = samples_of(clip["file"])
        frames = FULL if context == "full" else trimmed(len(audio), options.trim)
        if not rows:
            transcribe(audio, frames)
        times = []
        for _ in range(options.runs):
            before = time.perf_counter()
            tokens = transcribe(audio, frames)
            times.append(time.perf_counter() - before)
        if tokens != clip["fixture_tokens"]:
            wrong.append(clip["id"])
        rows.append(1000 * statistics.median(times))
    return {
        "peer": name, "weights": kind, "context": context, "clips": len(rows), "mean_ms": round(statistics.mean(rows), 1),
        "median_ms": round(statistics.median(rows), 1), "slowest_ms": round(max(rows), 1),
        "same_tokens": len(rows) - len(wrong), "other_tokens": wrong,
        "others_busy_cores": others(start_busy, start_own, start), "version": version,
    }


def hub_folder(folder: Path, model, shape: dict) -> None:
    """The seeded weights in the layout of the hub, for us. The end is kept away, as below. Written whole or not at all."""
    from safetensors.torch import save_file

    size, no_timestamps = shape["vocab_size"], shape["prompt"][-1]
    special = {shape["end"]: "<|endoftext|>", shape["end"] + 1: "<|startoftranscript|>", no_timestamps: "<|notimestamps|>"}
    special |= dict(zip(shape["prompt"][1:3], ["<|en|>", "<|transcribe|>"])) | {shape["prompt"][2] - 1: "<|translate|>"}
    words = {special.get(at, f"token {at}"): at for at in range(size)}
    tokenizer = {"version": "1.0", "model": {"type": "WordLevel", "vocab": words, "unk_token": "token 0"}}
    part = folder.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.half().contiguous() for name, value in model.state_dict().items() if name != "proj_out.weight"}
    save_file(tensors, part / "model.safetensors")
    config = {name: shape[name] for name in shape if name not in ("end", "prompt", "text")} | {"max_source_positions": FULL}
    (part / "config.json").write_text(json.dumps(config))
    (part / "tokenizer.json").write_text(json.dumps(tokenizer))
    (part / "generation_config.json").write_text(json.dumps({"suppress_tokens": [shape["end"]], "is_multilingual": True}))
    part.rename(folder)


def measure_our_shape(options) -> dict:
    """The same weights and length of sound, in our own bench."""
    import torch

    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/reference"))
    import whisper_shapes

    shape, folder = whisper_shapes.SHAPES[options.shape], options.cache / options.shape
    if not folder.exists():
        torch.set_num_threads(options.threads)
        hub_folder(folder, whisper_shapes.make_model(shape, context=FULL), shape)
    wait_until_quiet(options.wait)
    return {"peer": "sotto", "shape": options.shape, "table": ours(["weights"], SOTTO_BENCH_WEIGHTS=str(folder.resolve())).split("\n")}


def measure_shape(options, kind: str) -> dict:
    """Encoder over the whole window and twenty tokens, for one clip of three seconds."""
    import numpy
    import torch

    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/reference"))
    import ctranslate2
    import whisper_shapes
    from transformers import WhisperFeatureExtractor

    shape = whisper_shapes.SHAPES[options.shape]
    folder = options.cache / f"ct2-{options.shape}-{kind}"
    if not folder.exists():
        torch.set_num_threads(options.threads)
        model = whisper_shapes.make_model(shape, context=FULL)
        tokens = [f"token {i}" for i in range(shape["vocab_size"])]
        # CTranslate2 finds these by name; without the last two it takes the text for one with timestamps.
        no_timestamps = shape["prompt"][-1]
        tokens[shape["end"]], tokens[shape["end"] + 1] = "<|endoftext|>", "<|startoftranscript|>"
        tokens[no_timestamps - 1], tokens[no_timestamps] = "<|nospeech|>", "<|notimestamps|>"
        ctranslate2_folder(folder, model, tokens, kind, [])
        del model
    compute = {"f32": "float32", "f16": "float16", "int8": "int8"}[kind]
    model = ctranslate2.models.Whisper(
        str(folder), device=options.device, compute_type=compute, intra_threads=options.threads, inter_threads=1
    )
    extractor = WhisperFeatureExtractor(feature_size=shape["num_mel_bins"])
    audio = whisper_shapes.make_audio(48_000)
    times = []
    wait_until_quiet(options.wait)
    start_busy, start_own, start = busy()[0], time.process_time(), time.monotonic()
    for run in range(options.runs + 1):
        before = time.perf_counter()
        mel = extractor(audio, sampling_rate=16_000, return_tensors="np").input_features
        after_mel = time.perf_counter()
        encoded = model.encode(ctranslate2.StorageView.from_array(numpy.ascontiguousarray(mel)))
        numpy.asarray(encoded) if options.device == "cpu" else encoded.to_device(ctranslate2.Device.cpu)
        after_encode = time.perf_counter()
        prompt = shape["prompt"]
        # The end is kept away, so that there are twenty tokens whatever the weights say. CTranslate2 gives at most half of
        # `max_length`.
        result = model.generate(
            encoded, [prompt], beam_size=1, max_length=40, suppress_blank=False,
            suppress_tokens=[shape["end"]],
        )
        tokens = result[0].sequences_ids[0]
        after = time.perf_counter()
        if run:
            times.append((after_mel - before, after_encode - after_mel, after - after_encode, after - before))
    mel_ms, encode_ms, decode_ms, whole_ms = (round(1000 * statistics.median(part), 1) for part in zip(*times))
    return {
        "peer": "ctranslate2", "weights": f"{kind}, seeded", "shape": options.shape, "context": "full", "clip_s": 3,
        "tokens": len(tokens), "features_ms": mel_ms, "encode_ms": encode_ms, "decode_ms": decode_ms, "whole_ms": whole_ms,
        "others_busy_cores": others(start_busy, start_own, start),
        "version": f"ctranslate2 {ctranslate2.__version__}", "ids": [int(token) for token in tokens],
    }


def main() -> None:
    options = arguments()
    options.cache.mkdir(parents=True, exist_ok=True)
    if options.row:
        name, kind, context = options.row.split("/")
        if options.shape:
            row = measure_our_shape(options) if name == "sotto" else measure_shape(options, kind)
        else:
            row = measure(options, name, kind, context)
        print(json.dumps(row))
        return
    if options.shape:
        rows = [("sotto", "all", "full"), ("faster-whisper", "int8" if options.device == "cpu" else "f16", "full")]
    elif options.device == "cuda":
        rows = [("transformers", options.dtype, "full")] + [("faster-whisper", "f16", part) for part in ("full", "trimmed")]
    else:
        rows = [(name, kind, part) for name, kind, can in PEERS for part in ("full", "trimmed") if can or part == "full"]
    table = []
    # Settings of OpenBLAS that a machine may carry would slow numpy's part of the features.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    environment["OMP_NUM_THREADS"] = str(options.threads)
    for row in rows:
        if options.only and options.only not in row[0]:
            continue
        print(*row, "load", os.getloadavg()[0], file=sys.stderr)
        command = [sys.executable, __file__, *sys.argv[1:], "--row", "/".join(row)]
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
        if output.returncode:
            table.append({"peer": row[0], "weights": row[1], "context": row[2], "failed": output.returncode})
        else:
            table.append(json.loads(output.stdout.splitlines()[-1]))
        print(json.dumps(table[-1]), file=sys.stderr)
    print(json.dumps({"threads": options.threads, "runs": options.runs, "trim": options.trim, "device": options.device,
                      "rows": table}, indent=1))


if __name__ == "__main__":
    main()
