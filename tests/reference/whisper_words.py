"""Makes `whisper_words.json`: when each word of some recordings is said, from Whisper's cross-attention.

    python -m venv v && v/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors numpy \\
        openai-whisper==20250625
    SOTTO_SHARED=../shared v/bin/python tests/reference/whisper_words.py

The weights are the fixture `models/whisper-tiny.en-fixture`, in f32, at the full context of 1,500 frames. The tokens
are what greedy decoding gives after the prompt 50257 50362, which must be the `fixture_tokens` of the manifest.

Three answers for each recording, all in seconds:

    starts         what a decoder should give: OpenAI's own `find_alignment`; N + 1 numbers for N tokens, the last one is
                   where the end of the text begins
    words          the words of that alignment with punctuation joined to its word, before OpenAI's later corrections of
                   long words; a word ends where its own last token ends, not where the punctuation after it does
    transformers   `_extract_token_timestamps` for the same tokens, N numbers: for comparison only. It takes the rows of the
                   text alone, so that token i gets the row that predicts token i + 1, takes the softmax over all 1,500
                   frames and cuts afterwards, and normalises over N rows. On the fixture it seldom agrees (`notes`)
    fallback       like `starts`, with all heads of the last half of the decoder's layers: what is used for a checkpoint
                   that names no alignment heads

These times are no measure of how good Whisper's word times are: the fixture knows its recordings by heart and its
fitted embeddings look at the sound less than the real ones, so that many words have no length. They say whether two
programs compute the same. `notes` says how far `starts` move when every attention weight is off by one in a hundred at
random: where that is more than the tolerance, compare in f32 only.

The steps of `starts`, written out in `align` below and checked against OpenAI's code on every run:

 1. Run the decoder once over [50257, 50362, text…, 50256]: N + 3 rows. Row r is the query of token r, so it predicts
    token r + 1.
 2. For each alignment head take the scores q·k/√64 against the frames of the recording alone: the first
    `samples // 160 // 2` of them. What follows is padding and never enters the softmax.
 3. Softmax over these frames, for each row.
 4. For each head and each frame subtract the mean over all N + 3 rows and divide by the standard deviation (of the
    population, not of a sample).
 5. Median of 7 frames along time for each row, with the ends reflected (the first frame itself is not repeated). Left out
    when there are 3 frames or fewer.
 6. Mean over the heads.
 7. Keep rows 1 to N + 1: from the row of <|notimestamps|>, which predicts the first token of the text, to the row of the
    last token, which predicts the end.
 8. The cheapest monotonic path through the negated matrix, from its first corner to its last, in steps of one row, one
    frame or both. A diagonal step is taken only if it is strictly cheaper than both others, a step down only if it is
    strictly cheaper than both others, else a step along time.
 9. Token i starts at the first frame of row i on the path, times 0.02 s. The first token therefore starts at 0.
"""

import base64
import gzip
import json
import os
import sys
import wave
from pathlib import Path

# `whisper` is OpenAI's package here, not the script beside this one.
sys.path.pop(0)

import numpy
import torch
import whisper
from safetensors.torch import load_file
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
from whisper.timing import dtw_cpu, find_alignment, median_filter, merge_punctuations
from whisper.tokenizer import get_tokenizer

SHARED = Path(os.environ.get("SOTTO_SHARED", "../shared"))
WEIGHTS = SHARED / "models/whisper-tiny.en-fixture"
OUTPUT = Path(__file__).parent / "whisper_words.json"
# Short and long ones, of several voices, none of them of a licence that asks for attribution in each copy.
CLIPS = [
    "jfk", "lj_LJ001-0002", "lj_LJ001-0004", "lj_LJ001-0008", "lj_LJ001-0012", "ss_0880", "ss_0890", "az_wreck", "pv_en",
    "sb_spk1_snt4",
]
PROMPT, END = [50257, 50362], 50256
FRAME_S = 0.02
MEDIAN_FRAMES = 7
# Of the attention of one head: one number in so many, from the first, row after row.
STRIDE = 17
HEAD = (2, 5)


def samples_of(file: str) -> numpy.ndarray:
    with wave.open(str(SHARED / "audio" / file)) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (16_000, 1, 2)
        return numpy.frombuffer(clip.readframes(clip.getnframes()), numpy.int16).astype(numpy.float32) / 32_768


def published_heads() -> dict[str, list]:
    """OpenAI's table of alignment heads, as [layer, head]."""
    layers = {"tiny": 4, "base": 6, "small": 12, "medium": 24, "large": 32, "large-v3-turbo": 4, "turbo": 4}
    heads = {}
    for name, packed in whisper._ALIGNMENT_HEADS.items():
        size = name.removesuffix(".en")
        count = layers.get(size, 32)
        mask = numpy.frombuffer(gzip.decompress(base64.b85decode(packed)), dtype=bool).reshape(count, -1)
        heads[name] = [[int(layer), int(head)] for layer, head in zip(*mask.nonzero())]
    return heads


def load_transformers() -> WhisperForConditionalGeneration:
    config = WhisperConfig.from_json_file(WEIGHTS / "config.json")
    # The other implementations of attention do not say where they looked.
    config._attn_implementation = "eager"
    model = WhisperForConditionalGeneration(config).eval()
    missing, unexpected = model.load_state_dict(
        {name: value.float() for name, value in load_file(WEIGHTS / "model.safetensors").items()}, strict=False
    )
    assert missing in ([], ["proj_out.weight"]) and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model


def load_openai(heads: list) -> whisper.model.Whisper:
    config = json.loads((WEIGHTS / "config.json").read_text())
    dims = whisper.model.ModelDimensions(
        n_mels=config["num_mel_bins"], n_audio_ctx=1500, n_audio_state=config["d_model"],
        n_audio_head=config["encoder_attention_heads"], n_audio_layer=config["encoder_layers"],
        n_vocab=config["vocab_size"], n_text_ctx=448, n_text_state=config["d_model"],
        n_text_head=config["decoder_attention_heads"], n_text_layer=config["decoder_layers"],
    )
    names = [
        ("model.", ""), ("layers", "blocks"), ("fc1", "mlp.0"), ("fc2", "mlp.2"), ("final_layer_norm", "mlp_ln"),
        ("encoder_attn_layer_norm", "cross_attn_ln"), ("self_attn_layer_norm", "attn_ln"), ("encoder_attn", "cross_attn"),
        ("self_attn", "attn"), (".q_proj", ".query"), (".k_proj", ".key"), (".v_proj", ".value"), (".out_proj", ".out"),
        ("decoder.layer_norm", "decoder.ln"), ("encoder.layer_norm", "encoder.ln_post"),
        ("embed_positions.weight", "positional_embedding"), ("embed_tokens", "token_embedding"),
    ]
    state = {}
    for name, value in load_file(WEIGHTS / "model.safetensors").items():
        for theirs, other in names:
            name = name.replace(theirs, other)
        state[name] = value.float()
    model = whisper.model.Whisper(dims).eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert all("mask" in name for name in missing) and not unexpected, (missing, unexpected)
    mask = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
    for layer, head in heads:
        mask[layer, head] = True
    model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    return model


def greedy(model, encoded) -> list[int]:
    tokens, cache = [], None
    feed = PROMPT
    while len(tokens) < 100:
        output = model(
            encoder_outputs=(encoded,), decoder_input_ids=torch.tensor([feed]), past_key_values=cache, use_cache=True
        )
        cache, choice = output.past_key_values, int(output.logits[0, -1].argmax())
        if choice == END:
            break
        tokens.append(choice)
        feed = [choice]
    return tokens


def align(weights: torch.Tensor) -> tuple[numpy.ndarray, list[float]]:
    """Steps 4 to 9 of [heads, N + 3, frames], softmax done. Gives the matrix of step 7 and the starts."""
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = median_filter((weights - mean) / deviation, MEDIAN_FRAMES)
    matrix = weights.mean(dim=0)[1:-1]
    rows, frames = dtw_cpu(-matrix.double().numpy())
    first = numpy.pad(numpy.diff(rows), (1, 0), constant_values=1).astype(bool)
    return matrix.numpy(), [round(float(frame) * FRAME_S, 2) for frame in frames[first]]


class Generated(dict):
    """The part of transformers' output of `generate` that its alignment reads."""

    __getattr__ = dict.__getitem__


def sample(values: torch.Tensor, stride: int) -> dict:
    flat = values.flatten().double()
    return {
        "shape": list(values.shape), "stride": stride, "sum": float(flat.sum()), "max": float(flat.max()),
        "values": [float(f"{value:.6g}") for value in flat[::stride]],
    }


def main() -> None:
    torch.set_num_threads(1)
    manifest = {row["id"]: row for row in map(json.loads, (SHARED / "audio/manifest.jsonl").read_text().splitlines())}
    published = published_heads()
    heads = published["tiny.en"]
    theirs, openai = load_transformers(), load_openai(heads)
    tokenizer = get_tokenizer(multilingual=False)
    assert [*tokenizer.sot_sequence, tokenizer.no_timestamps] == PROMPT and tokenizer.eot == END
    layers, count = theirs.config.decoder_layers, theirs.config.decoder_attention_heads
    half = [[layer, head] for layer in range(layers // 2, layers) for head in range(count)]
    extractor = WhisperFeatureExtractor(feature_size=80)
    clips, traced, moved = [], {}, {}
    with torch.no_grad():
        for name in CLIPS:
            row = manifest[name]
            audio = samples_of(row["file"])
            frames = len(audio) // 160
            mel = extractor(audio, sampling_rate=16_000, return_tensors="pt").input_features
            encoded = theirs.model.encoder(mel).last_hidden_state
            tokens = greedy(theirs, encoded)
            assert tokens == row["fixture_tokens"], name

            # OpenAI's, on the same features.
            alignment = find_alignment(openai, tokenizer, tokens, mel[0], frames)
            # Ours, on transformers' attention. Their softmax runs over all frames; dividing by the sum of those that are
            # kept is the same as a softmax over these alone.
            whole = theirs(
                encoder_outputs=(encoded,), decoder_input_ids=torch.tensor([[*PROMPT, *tokens, END]]),
                output_attentions=True,
            ).cross_attentions
            kept = lambda chosen: torch.stack([whole[layer][0, head] for layer, head in chosen])[..., : frames // 2]
            normal = lambda weights: weights / weights.sum(-1, keepdim=True)
            matrix, starts = align(normal(kept(heads)))
            _, fallback = align(normal(kept(half)))
            shape = kept(heads).shape
            noise = torch.from_numpy(numpy.random.default_rng(len(audio)).standard_normal(shape))
            _, shaken = align(normal(kept(heads) * (1 + 0.01 * noise.float())))

            # The words again from our starts: this is the check that the steps above are OpenAI's.
            at = 0
            for word in alignment:
                expected = (starts[at], starts[at + len(word.tokens)])
                assert max(abs(word.start - expected[0]), abs(word.end - expected[1])) < 0.001, (name, word, expected)
                at += len(word.tokens)
            assert at == len(tokens)
            merge_punctuations(alignment, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、")
            words = [
                {"word": word.word, "start": round(float(word.start), 2), "end": round(float(word.end), 2)}
                for word in alignment
                if word.word
            ]

            # transformers', which sees the attention of the prompt and the text, not of the end.
            rows = len(PROMPT) + len(tokens)
            generated = Generated(
                cross_attentions=[tuple(layer[:, :, :rows] for layer in whole)],
                sequences=torch.tensor([[*PROMPT, *tokens, END]]),
            )
            attended = -(-len(audio) // 160)
            stamps = theirs._extract_token_timestamps(
                generated, heads, num_frames=attended, num_input_ids=len(PROMPT)
            )[0, len(PROMPT) : len(PROMPT) + len(tokens)]
            clips.append({
                "id": name, "file": row["file"], "samples": len(audio), "frames": frames // 2, "tokens": tokens,
                "starts": starts, "words": words, "transformers": [round(float(stamp), 2) for stamp in stamps],
                "fallback": fallback,
            })
            moved[name] = round(max(abs(a - b) for a, b in zip(starts, shaken)), 2)
            if name == "jfk":
                layer, head = HEAD
                traced = {
                    "clip": name, "head": list(HEAD),
                    "attention": sample(normal(kept([HEAD]))[0], STRIDE),
                    "matrix": sample(torch.from_numpy(matrix), STRIDE),
                    "attention_over_all_frames": {
                        "kept_share_of_each_row": [
                            float(f"{value:.6g}") for value in kept([HEAD])[0].sum(-1)
                        ],
                    },
                }

    def differ(one: str, other: str, shift: int) -> dict:
        gaps = []
        for clip in clips:
            reference = clip[one][shift : shift + len(clip[other])]
            gaps += [abs(a - b) for a, b in zip(reference, clip[other])]
        gaps = numpy.array(gaps)
        return {
            "tokens": len(gaps), "mean_s": round(float(gaps.mean()), 3), "median_s": round(float(numpy.median(gaps)), 3),
            "largest_s": round(float(gaps.max()), 2), "within_40_ms": round(float((gaps <= 0.041).mean()), 3),
        }

    notes = {
        "tolerance_s": 0.04,
        "starts_against_transformers": differ("starts", "transformers", 0),
        "starts_of_the_next_token_against_transformers": differ("starts", "transformers", 1),
        "largest_move_with_noise_of_one_in_a_hundred_s": moved,
        "starts_against_fallback": differ("starts", "fallback", 0),
    }
    lines = lambda rows: "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
    OUTPUT.write_text(
        "{\n"
        + '"made_by": "tests/reference/whisper_words.py: openai-whisper 20250625, transformers 5.23.0, torch 2.15.0, f32",\n'
        + f'"prompt": {PROMPT}, "end": {END}, "frame_s": {FRAME_S}, "median_frames": {MEDIAN_FRAMES},\n'
        + f'"heads": {heads},\n"fallback_heads": {half},\n'
        + f'"notes": {json.dumps(notes)},\n'
        + f'"clips": {lines(clips)},\n'
        + f'"traced": {json.dumps(traced)},\n'
        + '"published_heads": {\n'
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(pairs)}" for name, pairs in published.items())
        + "\n}\n}\n"
    )
    print(json.dumps(notes, indent=1), OUTPUT.stat().st_size, "bytes")


main()
