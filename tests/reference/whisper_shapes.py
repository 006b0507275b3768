"""Makes `whisper_shapes.json`: what transformers computes with weights in the real shapes of Whisper, from a formula.

    python -m venv v && v/bin/pip install torch==2.15.0 transformers==5.23.0 numpy
    v/bin/python tests/reference/whisper_shapes.py

No weights are kept: both sides make them. For the tensor that is called N on the model hub (such as
`model.encoder.layers.0.self_attn.q_proj.weight`; there is no `proj_out`, it is the token embedding) and its element i,
row after row, all in wrapping 64-bit arithmetic:

    key   = FNV-1a, 64 bits, over the bytes of N: start 0xCBF29CE484222325, for each byte xor it, times 0x100000001B3
    z     = key + (i + 1) * 0x9E3779B97F4A7C15
    z     = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z     = (z ^ (z >> 27)) * 0x94D049BB133111EB
    z     = z ^ (z >> 31)
    u     = f32(z >> 40) / 2^23 - 1                     in f32, exact, from -1 to 1
    value = f16(u * s), of a norm's weight f16(1 + u * s)   in f32, then rounded to the nearest, ties to even

    s     = 0.2                          weight of a norm: its name holds "layer_norm" and ends in ".weight"
            0.1                          every bias
            3.0                          model.decoder.embed_positions.weight, so that the text does not repeat itself
            sqrt(3) * 4 / sqrt(inputs)   model.decoder.embed_tokens.weight: scores with a deviation of about 4
            sqrt(3) * 1.5 / sqrt(inputs) weights of q_proj and k_proj, so that attention has something to prefer
            sqrt(3) / sqrt(inputs)       all others; inputs is the product of all sizes but the first

(in f64 from left to right, then f32). `model.encoder.embed_positions.weight` is not random: row p holds sin(p * w) for
each w and then cos(p * w), with w_j = exp(-j * ln(10000) / (d/2 - 1)), in f64, rounded to f16.

The sound has 2 s at 16 kHz; with t = i / 16000 and u from the formula for the name "audio":
    round((0.3 * sin(2 pi (200 + 900 t) t) + 0.02 u) * 32768) / 32768      in f64, then f32

The windows are shorter than 30 s, to save time. Everything is computed in f32 on the CPU. What to compare, and how
closely, is in `whisper_shapes.md`.
"""

import json
import math
from pathlib import Path

import numpy
import torch
from formula import uniform
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

OUTPUT = Path(__file__).parent / "whisper_shapes.json"
GREEDY = 12
SECONDS = 2


def shape(width, heads, encoder, decoder, mels, vocabulary, context, end, prompt, text) -> dict:
    return {
        "d_model": width, "encoder_attention_heads": heads, "decoder_attention_heads": heads, "encoder_layers": encoder,
        "decoder_layers": decoder, "encoder_ffn_dim": 4 * width, "decoder_ffn_dim": 4 * width, "num_mel_bins": mels,
        "vocab_size": vocabulary, "max_source_positions": context, "max_target_positions": 448, "end": end,
        "prompt": prompt, "text": text,
    }


SHAPES = {
    "tiny.en": shape(384, 6, 4, 4, 80, 51864, 1500, 50256, [50257, 50362], [314, 1101, 26, 40017]),
    "base": shape(512, 8, 6, 6, 80, 51865, 500, 50257, [50258, 50259, 50359, 50363], [314, 40017]),
    "large-v3-turbo": shape(1280, 20, 32, 4, 128, 51866, 150, 50257, [50258, 50259, 50360, 50364], [314, 40017]),
}


def sinusoids(length: int, width: int) -> numpy.ndarray:
    half = width // 2
    speeds = numpy.exp(-numpy.arange(half, dtype=numpy.float64) * (math.log(10_000) / (half - 1)))
    angles = numpy.arange(length, dtype=numpy.float64)[:, None] * speeds[None]
    return numpy.concatenate([numpy.sin(angles), numpy.cos(angles)], axis=1)


def scale(name: str, size: tuple) -> float:
    inputs = math.prod(size[1:])
    if name.endswith(".bias"):
        return 0.1
    if "layer_norm" in name:
        return 0.2
    if name == "model.decoder.embed_positions.weight":
        return 3.0
    if name == "model.decoder.embed_tokens.weight":
        return math.sqrt(3) * 4 / math.sqrt(inputs)
    if "q_proj" in name or "k_proj" in name:
        return math.sqrt(3) * 1.5 / math.sqrt(inputs)
    return math.sqrt(3) / math.sqrt(inputs)


def tensor(name: str, size: tuple) -> numpy.ndarray:
    """As f32, holding what f16 can hold."""
    if name == "model.encoder.embed_positions.weight":
        return sinusoids(*size).astype(numpy.float16).astype(numpy.float32)
    values = uniform(name, math.prod(size)) * numpy.float32(scale(name, size))
    if "layer_norm" in name and name.endswith(".weight"):
        values += numpy.float32(1)
    return values.astype(numpy.float16).astype(numpy.float32).reshape(size)


def make_audio(count: int) -> numpy.ndarray:
    time = numpy.arange(count, dtype=numpy.float64) / 16_000
    tone = 0.3 * numpy.sin(2 * math.pi * (200 + 900 * time) * time)
    noisy = tone + 0.02 * uniform("audio", count).astype(numpy.float64)
    return (numpy.rint(noisy * 32_768) / 32_768).astype(numpy.float32)


def make_model(shape: dict, context: int | None = None) -> WhisperForConditionalGeneration:
    """`context` asks for another window than the shape's, in frames of 20 ms."""
    sizes = {name: value for name, value in shape.items() if name not in ("end", "prompt", "text")}
    sizes["max_source_positions"] = context or sizes["max_source_positions"]
    end = shape["end"]
    config = WhisperConfig(
        **sizes, pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=shape["prompt"][0]
    )
    # Memory is taken when the values come, not before.
    with torch.device("meta"):
        model = WhisperForConditionalGeneration(config)
    state = {
        name: torch.from_numpy(tensor(name, tuple(value.shape)))
        for name, value in model.state_dict().items()
        if name != "proj_out.weight"
    }
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    model.load_state_dict(state, assign=True)
    model.tie_weights()
    return model.eval()


def figures(values: torch.Tensor) -> dict:
    """Of all elements."""
    flat = values.flatten().double()
    return {
        "mean": float(f"{flat.mean():.7g}"), "deviation": float(f"{flat.std(unbiased=False):.7g}"),
        "largest": float(f"{flat.abs().max():.7g}"),
    }


def sample(values: torch.Tensor, count: int) -> dict:
    """Every so manieth element. The step has no divisor in common with the row, so that it meets all columns."""
    flat = values.flatten()
    stride = max(1, len(flat) // count)
    while math.gcd(stride, values.shape[-1]) > 1:
        stride -= 1
    offset = stride // 2
    return {
        "shape": list(values.shape), "offset": offset, "stride": stride, **figures(values),
        "values": [float(f"{value:.7g}") for value in flat[offset::stride][:count].tolist()],
    }


def weights_to_check(model: WhisperForConditionalGeneration) -> dict:
    """One tensor of each kind: the first elements, the last one and the sum."""
    names = [
        "model.encoder.conv1.weight", "model.encoder.conv2.bias", "model.encoder.embed_positions.weight",
        "model.encoder.layers.3.self_attn.q_proj.weight", "model.encoder.layers.3.fc1.weight",
        "model.encoder.layer_norm.weight", "model.decoder.embed_tokens.weight", "model.decoder.embed_positions.weight",
        "model.decoder.layers.3.encoder_attn.v_proj.bias", "model.decoder.layers.3.fc2.weight",
        "model.decoder.layer_norm.bias",
    ]
    state = model.state_dict()
    return {
        name: {
            "shape": list(state[name].shape), "first": state[name].flatten()[:3].tolist(),
            "last": float(state[name].flatten()[-1]), "sum": float(f"{state[name].double().sum():.9g}"),
        }
        for name in names
    }


@torch.no_grad()
def compute(shape: dict) -> dict:
    model, audio = make_model(shape), make_audio(16_000 * SECONDS)
    context = shape["max_source_positions"]
    extractor = WhisperFeatureExtractor(feature_size=shape["num_mel_bins"], chunk_length=context // 50)
    mel = extractor(audio, sampling_rate=16_000, return_tensors="pt").input_features
    output = model.model.encoder(mel, output_hidden_states=True)
    encoded = output.last_hidden_state
    fed = shape["prompt"] + shape["text"]
    read = lambda tokens, **more: model(encoder_outputs=(encoded,), decoder_input_ids=torch.tensor([tokens]), **more)
    whole = read(fed, output_hidden_states=True)
    greedy, margin = [], math.inf
    while len(greedy) < GREEDY:
        scores = read(shape["prompt"] + greedy).logits[0, -1]
        first, second = scores.topk(2).values.tolist()
        margin = min(margin, first - second)
        greedy.append(int(scores.argmax()))
    return {
        "shape": {name: value for name, value in shape.items()},
        "weights": weights_to_check(model),
        # What is heard, not the silence behind it.
        "mel": sample(mel[0][:, : 100 * SECONDS].contiguous(), 256),
        # The input of each layer, then the output of the norm behind the last one.
        "encoder_layers": [figures(layer[0]) for layer in output.hidden_states],
        "encoded": sample(encoded[0], 640),
        "decoder_layers": [figures(layer[0]) for layer in whole.decoder_hidden_states],
        "fed": fed,
        "scores": [
            sample(row[None], 64) | {"top": row.topk(5).indices.tolist(), "top_scores": [
                float(f"{value:.7g}") for value in row.topk(5).values.tolist()
            ]}
            for row in whole.logits[0]
        ],
        "greedy": greedy, "smallest_margin": round(margin, 4),
    }


def main() -> None:
    torch.set_num_threads(1)
    audio = make_audio(16_000 * SECONDS)
    shapes = {}
    for name, shape in SHAPES.items():
        result = compute(shape)
        shapes[name] = result
        brief = lambda rows: " ".join(f"{row['deviation']:.2f}/{row['largest']:.0f}" for row in rows)
        print(name, "encoder", brief(result["encoder_layers"]), "decoder", brief(result["decoder_layers"]))
        print("  scores", brief(result["scores"]), "greedy", result["greedy"], "margin", result["smallest_margin"])
    line = lambda key, value: f"  {json.dumps(key)}: {json.dumps(value)}"
    flat = lambda result: "{\n" + ",\n".join(line(key, value) for key, value in result.items()) + "\n}"
    exact = audio.astype(numpy.float64)
    heard = {
        "samples": len(audio), "first": audio[:4].tolist(), "sum": float(exact.sum()),
        "sum_of_squares": float((exact**2).sum()),
    }
    OUTPUT.write_text(
        "{\n"
        + '"made_by": "tests/reference/whisper_shapes.py: transformers 5.23.0, torch 2.15.0, f32",\n'
        + f'"audio": {json.dumps(heard)},\n'
        + ",\n".join(f"{json.dumps(name)}: {flat(result)}" for name, result in shapes.items())
        + "\n}\n"
    )
    print(OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
