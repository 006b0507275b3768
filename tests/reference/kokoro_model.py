"""Makes `kokoro_model.json`: what the PyTorch model of Kokoro-82M computes with weights from a formula.

    python -m venv v && v/bin/pip install torch==2.15.0 transformers==5.23.0 numpy loguru attrs safetensors
    v/bin/pip install --no-deps kokoro==0.9.4
    v/bin/python tests/reference/kokoro_model.py CONFIG_JSON [--weights FOLDER]

CONFIG_JSON is the model's own config.json. With `--weights` nothing is computed: FOLDER gets the config and the
weights as `kokoro.safetensors` (327 MB), for benches.

No weights are kept: both sides make them. For the tensor called N (such as `predictor.F0.0.conv1.weight_v`) and its
element i, row after row, in wrapping 64-bit arithmetic, u is that of `whisper_shapes.py`: FNV-1a of the name,
splitmix64, the upper 24 bits, from -1 to 1. In f32:

    value = 1 + 0.1 * u              weights of norms, gamma, alpha
            0.7 + 0.07 * u           weight_g; of conv_post 0.3 + 0.03 * u, or else its exponential explodes
            0.1 * u                  every other vector
            sqrt(3 / inputs) * u     every other tensor; inputs is the product of all sizes but the first
    then    weight * 200, bias + 40  of predictor.F0_proj: voiced and unvoiced frames both occur
            weight * 30, bias - 7    of predictor.duration_proj

(the factor in f64, then f32). Other inputs come from the same formula: the style row 0.3 * u of "style", noise of the
source sqrt(3) * u of "noise" in place of the Gaussian (never zero noise: the phase of nothing is anything), and where
a part is looked at alone, "source", "spectrum" (u + 1), "phase" (pi * u) and "lstm".

Why parts are looked at alone: everything behind the source's phase differs by a tenth between f32 and f64 of the very
same model, because a phase wraps. With the spectrum and phase given, the generator agrees to 1e-6.
"""

import argparse
import json
import math
import shutil
import sys
import types
from pathlib import Path

import numpy
import torch
from formula import number, sample, seeded

OUTPUT = Path(__file__).parent / "kokoro_model.json"
SHORT = [50, 83, 54, 57, 16, 65, 87, 123, 4]
LONG = [
    81, 102, 61, 16, 102, 68, 16, 83, 16, 54, 156, 31, 112, 92, 85, 16, 61, 156, 86, 56, 62, 83, 56, 61, 3, 16, 65,
    102, 81, 16, 69, 16, 58, 156, 76, 68, 16, 102, 56, 16, 81, 83, 16, 55, 156, 102, 46, 83, 54, 5,
]


def weight(name: str, shape) -> torch.Tensor:
    around_one = (".norm.weight", ".gamma", "LayerNorm.weight", "layer_norm.weight")
    if name.endswith(around_one) or ".alpha" in name:
        return 1 + seeded(name, shape, 0.1)
    if name.endswith("weight_g"):
        middle = 0.3 if "conv_post" in name else 0.7
        return numpy.float32(middle) + seeded(name, shape, middle / 10)
    if len(shape) == 1:
        value = seeded(name, shape, 0.1)
        shift = {"predictor.F0_proj.bias": 40, "predictor.duration_proj.linear_layer.bias": -7}
        return value + shift.get(name, 0)
    factor = {"predictor.F0_proj.weight": 200, "predictor.duration_proj.linear_layer.weight": 30}
    return seeded(name, shape, math.sqrt(3 / math.prod(shape[1:]))) * factor.get(name, 1)


def model(config: dict):
    # The package's front end brings a tagger along, which the model itself does not need.
    for name in ("misaki", "misaki.en", "misaki.espeak"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["misaki.en"].MToken = object
    sys.modules["misaki"].en = sys.modules["misaki.en"]
    sys.modules["misaki"].espeak = sys.modules["misaki.espeak"]
    import kokoro.istftnet
    import kokoro.model

    load, torch.load = torch.load, lambda *_, **__: {}
    made = kokoro.model.KModel(repo_id="-", config=config, model="none").eval()
    torch.load = load
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            parameter.copy_(weight(name, tuple(parameter.shape)))
    return made, kokoro.istftnet


def seed_the_noise(istftnet) -> None:
    patched = types.SimpleNamespace(**{key: getattr(torch, key) for key in dir(torch) if not key.startswith("__")})
    patched.randn_like = lambda x, **_: seeded("noise", tuple(x.shape), math.sqrt(3))
    istftnet.torch = patched


def log_spectrum(audio: torch.Tensor) -> dict:
    """Every sixth bin of every fourth frame: windows of 512, a hop of 512, no padding."""
    frames = torch.stft(audio, 512, 512, window=torch.hann_window(512), center=False, return_complex=True).abs()
    return {"values": [[round(float(v), 4) for v in row] for row in frames.clamp(min=1e-5).log()[::6, ::4].T.tolist()]}


def rows(x: torch.Tensor) -> torch.Tensor:
    """[1, channels, time] as [time, channels]."""
    return x[0].T


@torch.no_grad()
def run(made, ids: list, speed: float, style: torch.Tensor) -> dict:
    last = "decoder.generator.conv_post"
    by_time = {"bert": False, "bert_encoder": False, "predictor.text_encoder": False, "predictor.shared": False}
    columns = [
        "predictor.F0.0", "predictor.F0.1", "predictor.F0_proj", "predictor.N_proj", "text_encoder", "decoder.encode",
        "decoder.decode.0", "decoder.decode.3",
    ]
    taps, hooks = {}, []

    def hook(name, transposed):
        def keep(_, __, out):
            out = out[0] if isinstance(out, tuple) else out
            taps[name] = rows(out) if transposed else out[0]

        hooks.append(made.get_submodule(name).register_forward_hook(keep))

    for name in by_time:
        hook(name, False)
    for name in columns:
        hook(name, True)
    logits = {}
    hooks.append(
        made.predictor.duration_proj.register_forward_hook(lambda _, __, out: logits.__setitem__("d", out[0]))
    )
    source = {}
    hooks.append(made.decoder.generator.m_source.register_forward_hook(lambda _, __, out: source.__setitem__("s", out[0])))
    audio, durations = made.forward_with_tokens(torch.tensor([[0, *ids, 0]]), style, speed)
    for each in hooks:
        each.remove()
    real = torch.sigmoid(logits["d"]).sum(-1) / speed
    margin = float(((real - real.floor()) - 0.5).abs().min())
    return {
        "ids": ids, "speed": speed, "durations": durations.tolist(), "margin": number(margin),
        "taps": {name: sample(value, 256) for name, value in taps.items()},
        "f0": [number(v) for v in taps["predictor.F0_proj"].flatten().tolist()],
        "source": sample(source["s"][0], 512),
        "loudest": number(audio.abs().max()), "spectrum": log_spectrum(audio),
    }


@torch.no_grad()
def parts(made, style: torch.Tensor) -> dict:
    generator, stft = made.decoder.generator, made.decoder.generator.stft
    source = seeded("source", (1, 1500))
    magnitude, phase = stft.transform(source)
    frames = 31
    spectrum = seeded("spectrum", (1, 11, frames)) + 1
    angle = seeded("phase", (1, 11, frames), math.pi)
    # Two frames of 25 ms: F0 has 4 values, the generator's input 4 columns, the source 241 frames.
    length = 4 * 60 + 1
    transform = stft.transform
    stft.transform = lambda _: (seeded("spectrum", (1, 11, length)) + 1, seeded("phase", (1, 11, length), math.pi))
    taps = {}
    names = ["noise_convs.0", "noise_res.0", "ups.0", "ups.1", "resblocks.0", "resblocks.5", "conv_post"]
    hooks = [
        generator.get_submodule(name).register_forward_hook(lambda _, __, out, n=name: taps.__setitem__(n, rows(out)))
        for name in names
    ]
    audio = generator(seeded("columns", (1, 512, 4)), style[:, :128], torch.full((1, 4), 120.0))
    stft.transform = transform
    for each in hooks:
        each.remove()
    lstm = made.predictor.lstm(seeded("lstm", (1, 7, 640)))[0]
    return {
        "stft": {
            "magnitude": sample(rows(magnitude), 400), "cos": sample(rows(phase.cos()), 400),
            "sin": sample(rows(phase.sin()), 400),
        },
        "istft": sample(stft.inverse(spectrum, angle)[0], 150),
        "generator": {name: sample(value, 256) for name, value in taps.items()}, "audio": sample(audio[0], 400),
        "lstm": sample(lstm[0], 256),
    }


def save(made, config: Path, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(config, folder / "config.json")
    state = {name: value.detach().contiguous() for name, value in made.named_parameters()}
    save_file(state, folder / "kokoro.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made, istftnet = model(json.loads(arguments.config.read_text()))
    if arguments.weights:
        return save(made, arguments.config, arguments.weights)
    seed_the_noise(istftnet)
    style = seeded("style", (1, 256), 0.3)
    result = {
        "made_by": "tests/reference/kokoro_model.py: kokoro 0.9.4, transformers 5.23.0, torch 2.15.0, f32",
        "weights": {name: sample(dict(made.named_parameters())[name], 4) for name in (
            "bert.embeddings.word_embeddings.weight", "predictor.F0_proj.bias", "predictor.lstm.weight_hh_l0_reverse",
            "decoder.generator.resblocks.5.alpha2.1", "decoder.generator.ups.0.weight_v", "text_encoder.cnn.1.1.gamma",
        )},
        "short": run(made, SHORT, 1.0, style), "long": run(made, LONG, 2.1, style), "parts": parts(made, style),
    }
    for name in ("short", "long"):
        ran = result[name]
        voiced = sum(f0 > 10 for f0 in ran["f0"]) / len(ran["f0"])
        print(name, ran["durations"], sum(ran["durations"]), "margin", ran["margin"], "voiced", voiced, ran["loudest"])
    print({k: v["largest"] for k, v in result["parts"]["generator"].items()}, result["parts"]["audio"]["largest"])
    line = lambda key, value: f"{json.dumps(key)}: {json.dumps(value)}"
    OUTPUT.write_text("{\n" + ",\n".join(line(key, value) for key, value in result.items()) + "\n}\n")
    print(OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
