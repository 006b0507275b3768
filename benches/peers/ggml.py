"""Writes a Whisper checkpoint in the file format that whisper.cpp reads, from tensors named as on the model hub.

The file, all numbers little endian:

    u32 magic, 11 × i32 sizes (the last one: what most weights are), i32 mels, i32 bins, f32 filters [mels, bins],
    i32 tokens, for each its length as i32 and its bytes, then for each tensor
    i32 dimensions, i32 length of the name, i32 type, i32 sizes from the innermost out, the name, the data.

Matrices are f32, f16 or q8_0: blocks of 32 numbers, an f16 scale and 32 signed bytes. Vectors and positions stay f32,
convolutions are f16 where the matrices are q8_0.
"""

import struct
from pathlib import Path

import numpy

MAGIC = 0x67676D6C
# The number in the header and that of a tensor. The first one of q8_0 carries the version of the block layout, 2.
KINDS = {"f32": (0, 0), "f16": (1, 1), "q8_0": (2007, 8)}
NAMES = [
    ("model.", ""), ("layers", "blocks"), ("fc1", "mlp.0"), ("fc2", "mlp.2"), ("final_layer_norm", "mlp_ln"),
    ("encoder_attn_layer_norm", "cross_attn_ln"), ("self_attn_layer_norm", "attn_ln"), ("encoder_attn", "cross_attn"),
    ("self_attn", "attn"), (".q_proj", ".query"), (".k_proj", ".key"), (".v_proj", ".value"), (".out_proj", ".out"),
    ("decoder.layer_norm", "decoder.ln"), ("encoder.layer_norm", "encoder.ln_post"),
    ("embed_positions.weight", "positional_embedding"), ("embed_tokens", "token_embedding"),
]


def rename(name: str) -> str:
    for theirs, other in NAMES:
        name = name.replace(theirs, other)
    return name


def q8_0(values: numpy.ndarray) -> bytes:
    blocks = values.astype(numpy.float32).reshape(-1, 32)
    scale = numpy.abs(blocks).max(axis=1, keepdims=True) / 127
    steps = numpy.divide(blocks, scale, out=numpy.zeros_like(blocks), where=scale > 0)
    packed = numpy.empty(len(blocks), dtype=[("scale", "<f2"), ("steps", "i1", 32)])
    packed["scale"] = scale[:, 0]
    packed["steps"] = numpy.round(steps)
    return packed.tobytes()


def write(path: Path, config: dict, tensors: dict, filters: numpy.ndarray, vocabulary: list[bytes], kind: str) -> None:
    """`filters` is [mels, bins]; `vocabulary` holds the bytes of the ordinary tokens, in their order."""
    header, matrix = KINDS[kind]
    sizes = [
        config["vocab_size"], config["max_source_positions"], config["d_model"], config["encoder_attention_heads"],
        config["encoder_layers"], config["max_target_positions"], config["d_model"], config["decoder_attention_heads"],
        config["decoder_layers"], config["num_mel_bins"], header,
    ]
    with path.open("wb") as out:
        out.write(struct.pack("<I11i", MAGIC, *sizes))
        out.write(struct.pack("<2i", *filters.shape))
        out.write(filters.astype("<f4").tobytes())
        out.write(struct.pack("<i", len(vocabulary)))
        for token in vocabulary:
            out.write(struct.pack("<i", len(token)) + token)
        for name, value in tensors.items():
            name = rename(name)
            if name == "proj_out.weight":
                continue
            if name.endswith(("conv1.bias", "conv2.bias")):
                value = value[:, None]
            small = value.ndim < 2 or name.endswith("positional_embedding") or name.endswith((".conv1.bias", ".conv2.bias"))
            type_ = 0 if small else (min(matrix, 1) if value.ndim == 3 else matrix)
            out.write(struct.pack("<3i", value.ndim, len(name.encode()), type_))
            out.write(struct.pack(f"<{value.ndim}i", *reversed(value.shape)))
            out.write(name.encode())
            if type_ == 8:
                out.write(q8_0(value))
            else:
                out.write(value.astype("<f2" if type_ == 1 else "<f4").tobytes())
