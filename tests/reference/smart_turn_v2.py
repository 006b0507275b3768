"""Makes `smart_turn_v2.json`: what PyTorch computes for Smart Turn v2 with weights from a formula.

    python -m venv v && v/bin/pip install torch==2.15.0 transformers==5.23.0 numpy safetensors
    v/bin/python tests/reference/smart_turn_v2.py [--weights FOLDER]

With `--weights` nothing is computed: FOLDER gets `config.json` and `model.safetensors` (380 MB), for benches.

The encoder is transformers' Wav2Vec2Model and the sound goes through its Wav2Vec2FeatureExtractor; pooling and classifier
are written here after their description. Every sound is padded to 16 s, as the reference does it, with its last 8 s before.

No weights are kept: both sides make them. For the tensor called N (such as `classifier.0.weight`) and its element i, row
after row, in wrapping 64-bit arithmetic, u is that of `whisper_shapes.py`: FNV-1a of the name, splitmix64, the upper 24
bits, from -1 to 1. In f32:

    value = 1 + 0.1 * u              weights of norms
            2.4 + 0.24 * u           lengths of the positions' weights (`original0`): its outputs are about as large as its inputs
            0.1 * u                  every other vector
            sqrt(3 / inputs) * u     every other tensor; inputs is the product of all sizes but the first
    then    weight * 1.5             of the feature extractor's convolutions, whose GELU makes values small
            weight * 4, weight * 16  of pool_attention.2 and classifier.6: frames are not all the same, and answers differ

(the factor in f64, then f32). Sound number k with a step of h = k + 1 samples has the sample i

    0.1 + u(i / h) * (0.05 + 0.5 * |i mod 6000 - 3000| / 3000)        with u of "audio.k"
"""

import argparse
import json
import math
from pathlib import Path

import numpy
import torch
from formula import number, sample, seeded, uniform
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

OUTPUT = Path(__file__).parent / "smart_turn_v2.json"
RATE = 16_000
WINDOW = 16 * RATE
MOST = 8 * RATE
SECONDS = [0.02, 0.5, 1.0, 3.0, 8.0, 20.0]


def weight(name: str, shape) -> torch.Tensor:
    if name.endswith("layer_norm.weight") or name == "classifier.1.weight":
        return 1 + seeded(name, shape, 0.1)
    if name.endswith("original0"):
        return numpy.float32(2.4) + seeded(name, shape, 0.24)
    if len(shape) == 1:
        return seeded(name, shape, 0.1)
    factor = {"pool_attention.2.weight": 4, "classifier.6.weight": 16}.get(name, 1.5 if "conv_layers" in name else 1)
    return seeded(name, shape, math.sqrt(3 / math.prod(shape[1:]))) * factor


def sound(index: int, samples: int) -> numpy.ndarray:
    i = numpy.arange(samples)
    steps = uniform(f"audio.{index}", samples // (index + 1) + 1)
    loudness = numpy.abs((i % 6000).astype(numpy.float32) - numpy.float32(3000)) / numpy.float32(3000)
    f32 = numpy.float32
    return f32(0.1) + steps[i // (index + 1)] * (f32(0.05) + f32(0.5) * loudness)


class SmartTurn(torch.nn.Module):
    """Smart Turn v2: an encoder, frames pooled by attention, and a classifier of three products."""

    def __init__(self):
        super().__init__()
        self.config = Wav2Vec2Config()
        self.wav2vec2 = Wav2Vec2Model(self.config)
        linear, width = torch.nn.Linear, self.config.hidden_size
        self.pool_attention = torch.nn.Sequential(linear(width, 256), torch.nn.Tanh(), linear(256, 1))
        self.classifier = torch.nn.Sequential(
            linear(width, 256), torch.nn.LayerNorm(256), torch.nn.GELU(), torch.nn.Dropout(0.1), linear(256, 64),
            torch.nn.GELU(), linear(64, 1),
        )

    def forward(self, values: torch.Tensor, mask: torch.Tensor) -> tuple:
        frames = self.wav2vec2(values, attention_mask=mask).last_hidden_state
        heard = mask[:, beginnings(frames.shape[1])].bool()
        scores = self.pool_attention(frames) + (~heard).float().unsqueeze(-1) * -1e9
        pooled = (frames * torch.softmax(scores, dim=1)).sum(dim=1)
        return pooled, self.classifier(pooled)


def beginnings(frames: int) -> torch.Tensor:
    """The sample at which each frame begins, if frames were spread evenly."""
    return (torch.arange(frames) * (WINDOW / frames)).long()


def made() -> SmartTurn:
    model = SmartTurn().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weight(name, tuple(parameter.shape)))
    return model


def inputs(audio: numpy.ndarray) -> tuple:
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=RATE, do_normalize=True, return_attention_mask=True)
    ready = extractor(
        audio[-MOST:], sampling_rate=RATE, padding="max_length", truncation=True, max_length=WINDOW, return_tensors="pt",
    )
    return ready.input_values, ready.attention_mask


@torch.no_grad()
def run(model: SmartTurn, index: int, samples: int) -> dict:
    values, mask = inputs(sound(index, samples))
    encoder, taps, hooks = model.wav2vec2.encoder, {}, []

    def after(name, module, rows):
        keep = lambda _, __, out: taps.__setitem__(name, rows(out[0] if isinstance(out, tuple) else out))
        hooks.append(module.register_forward_hook(keep))

    extractor = model.wav2vec2.feature_extractor
    after("first", extractor.conv_layers[0].layer_norm, lambda x: x[0].T)
    after("features", extractor, lambda x: x[0].T)
    after("projection", model.wav2vec2.feature_projection, lambda x: x[0])
    hooks.append(encoder.layer_norm.register_forward_pre_hook(lambda _, x: taps.__setitem__("positions", x[0][0])))
    for layer in (0, 3, 7, 11):
        after(f"layer {layer}", encoder.layers[layer], lambda x: x[0])
    pooled, logits = model(values, mask)
    for hook in hooks:
        hook.remove()
    frames = taps["features"].shape[0]
    visible = int(model.wav2vec2._get_feature_vector_attention_mask(frames, mask).sum())
    count = int(mask[:, beginnings(frames)].sum())
    rows = max(visible, count)
    # Of the first convolution: what holds sound, and the zeros that follow.
    lengths = {"first": min(samples, MOST) // 5 + 1, "features": visible, "projection": visible}
    return {
        "sound": index, "samples": samples, "visible": visible, "pooled": count,
        "taps": {name: sample(x[: lengths.get(name, rows)], 60) for name, x in taps.items()} | {"pooled": sample(pooled[0], 60)},
        "logit": number(logits.item()), "probability": number(torch.sigmoid(logits).item()),
    }


def save(model: SmartTurn, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    state = {name: value.detach().contiguous() for name, value in model.named_parameters()}
    save_file(state, folder / "model.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    model = made()
    if arguments.weights:
        return save(model, arguments.weights)
    named = dict(model.named_parameters())
    position = "wav2vec2.encoder.pos_conv_embed.conv"
    exact = [i * WINDOW // 799 for i in range(799)]
    begin = beginnings(799).tolist()
    result = {
        "made_by": "tests/reference/smart_turn_v2.py: transformers 5.23.0, torch 2.15.0, f32",
        "weights": {name: sample(named[name], 4) for name in (
            "wav2vec2.feature_extractor.conv_layers.1.conv.weight", "wav2vec2.encoder.layers.11.final_layer_norm.weight",
            f"{position}.parametrizations.weight.original0", f"{position}.parametrizations.weight.original1",
            "pool_attention.2.weight", "classifier.6.weight", "classifier.6.bias",
        )},
        "folded": sample(model.wav2vec2.encoder.pos_conv_embed.conv.weight, 60),
        # Where f32 puts the beginning of a frame elsewhere than exact arithmetic does.
        "beginnings": [[i, b] for i, (b, e) in enumerate(zip(begin, exact)) if b != e],
        "runs": [],
    }
    for index, seconds in enumerate(SECONDS):
        ran = run(model, index, round(seconds * RATE))
        result["runs"].append(ran)
        print(seconds, ran["visible"], ran["pooled"], ran["logit"], ran["probability"],
              {name: round(tap["largest"], 2) for name, tap in ran["taps"].items()})
    line = lambda key, value: f"{json.dumps(key)}: {json.dumps(value)}"
    OUTPUT.write_text("{\n" + ",\n".join(line(key, value) for key, value in result.items()) + "\n}\n")
    print(len(result["beginnings"]), "beginnings differ;", OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
