"""Makes the small Whisper checkpoint of the tests, and what transformers computes with it.

    python -m venv v && v/bin/pip install torch==2.15.0 transformers==5.23.0 tokenizers safetensors numpy
    v/bin/python tests/reference/whisper.py

The weights are random, from a fixed seed, in f16 and in two shards; everything is computed in f32. The checkpoint is
multilingual, has a generation_config.json and a window of three seconds. `reference.safetensors` holds

    audio      [24000]     1.5 s at 16 kHz: a gliding tone with noise
    mel        [80, 300]   of WhisperFeatureExtractor, padded to the window
    encoded    [150, 32]   of the encoder
    tokens     [6]         prompt and some text, fed in one step
    scores     [6, 270]    of the decoder after each of them
    languages  [3]         scores of the languages after <|startoftranscript|> alone
    greedy     [n]         what greedy decoding gives, without the prompt and the end
"""

import json
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers import AddedToken
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

FOLDER = Path(__file__).parent / "whisper"
SEED = 20261122
LANGUAGES = ["en", "de", "fr"]
SPECIAL = (
    ["<|endoftext|>", "<|startoftranscript|>"]
    + [f"<|{language}|>" for language in LANGUAGES]
    + ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    + [f"<|{0.02 * step:.2f}|>" for step in range(3)]
)
STEPS = 40


def make_tokenizer() -> Tokenizer:
    """Bytes, no merges: enough to turn tokens into text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: i for i, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    return tokenizer


def make_model(vocabulary: int) -> WhisperForConditionalGeneration:
    config = WhisperConfig(
        vocab_size=vocabulary,
        num_mel_bins=80,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        max_source_positions=150,
        max_target_positions=64,
        pad_token_id=256,
        bos_token_id=256,
        eos_token_id=256,
        decoder_start_token_id=257,
    )
    model = WhisperForConditionalGeneration(config).eval()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "layer_norm" in name and name.endswith("weight"):
                value = 1 + 0.2 * noise
            elif name.endswith("bias"):
                value = 0.2 * noise
            elif "embed_positions" in name:
                # Strong enough that the greedy text is not one token again and again.
                value = 2.0 * noise
            elif "embed" in name:
                value = 0.5 * noise
            else:
                value = 1.5 * noise / parameter[0].numel() ** 0.5
            # What f16 can hold, so that the file loses nothing.
            parameter.copy_(value.half().float())
    return model


def make_audio() -> numpy.ndarray:
    noise = numpy.random.default_rng(SEED).standard_normal(24_000)
    time = numpy.arange(24_000) / 16_000
    tone = numpy.sin(2 * numpy.pi * (200 + 900 * time) * time)
    return (0.3 * tone + 0.02 * noise).astype(numpy.float32)


def save_checkpoint(model: WhisperForConditionalGeneration, tokenizer: Tokenizer, generation: dict) -> None:
    tensors = {name: value.half().contiguous() for name, value in model.state_dict().items() if name != "proj_out.weight"}
    shards = {
        "model-00001-of-00002.safetensors": {n: t for n, t in tensors.items() if ".encoder." in n},
        "model-00002-of-00002.safetensors": {n: t for n, t in tensors.items() if ".encoder." not in n},
    }
    for file, part in shards.items():
        save_file(part, FOLDER / file, metadata={"format": "pt"})
    places = {name: file for file, part in shards.items() for name in part}
    size = sum(tensor.numel() * 2 for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(places.items()))}
    (FOLDER / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    keys = [
        "model_type", "vocab_size", "num_mel_bins", "d_model", "encoder_layers", "decoder_layers",
        "encoder_attention_heads", "decoder_attention_heads", "encoder_ffn_dim", "decoder_ffn_dim",
        "max_source_positions", "max_target_positions",
    ]
    config = {key: model.config.to_dict()[key] for key in keys}
    (FOLDER / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (FOLDER / "generation_config.json").write_text(json.dumps(generation, indent=1) + "\n")
    tokenizer.save(str(FOLDER / "tokenizer.json"), pretty=False)


def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    tokenizer = make_tokenizer()
    token = tokenizer.token_to_id
    model = make_model(tokenizer.get_vocab_size())
    generation = {
        "is_multilingual": True,
        "suppress_tokens": [5, 17, 100],
        "begin_suppress_tokens": [220, token("<|endoftext|>")],
    }
    save_checkpoint(model, tokenizer, generation)

    audio = make_audio()
    extractor = WhisperFeatureExtractor(feature_size=80, chunk_length=3)
    mel = extractor(audio, sampling_rate=16_000, return_tensors="pt").input_features
    start, end = token("<|startoftranscript|>"), token("<|endoftext|>")
    no_timestamps = token("<|notimestamps|>")
    with torch.no_grad():
        encoded = model.model.encoder(mel).last_hidden_state
        scores_of = lambda tokens: model(encoder_outputs=(encoded,), decoder_input_ids=torch.tensor([tokens])).logits[0]
        languages = scores_of([start])[-1][[token(f"<|{language}|>") for language in LANGUAGES]]
        best = LANGUAGES[int(languages.argmax())]
        prompt = [start, token(f"<|{best}|>"), token("<|transcribe|>"), no_timestamps]
        tokens = [*prompt, 40, 70]
        scores = scores_of(tokens)
        # Whisper has many more rules; these are the ones that hold without timestamps.
        greedy = []
        while len(greedy) < STEPS:
            next_scores = scores_of(prompt + greedy)[-1]
            never = generation["suppress_tokens"] + list(range(no_timestamps + 1, len(next_scores)))
            never += generation["begin_suppress_tokens"] if not greedy else []
            next_scores[never] = -torch.inf
            choice = int(next_scores.argmax())
            if choice == end:
                break
            greedy.append(choice)
    save_file(
        {
            "audio": torch.from_numpy(audio),
            "mel": mel[0].contiguous(),
            "encoded": encoded[0].contiguous(),
            "tokens": torch.tensor(tokens),
            "scores": scores.contiguous(),
            "languages": languages.contiguous(),
            "greedy": torch.tensor(greedy),
        },
        FOLDER / "reference.safetensors",
    )
    print("language", best, "greedy", greedy, "scores", float(scores.min()), float(scores.max()))


main()
