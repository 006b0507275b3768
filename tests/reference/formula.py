"""What the references with weights from a formula share: the formula, which `whisper_shapes.py` describes, and samples of tensors."""

import math

import numpy
import torch


def uniform(name: str, count: int) -> numpy.ndarray:
    """u of the formula, for elements 0 to count - 1."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) % 2**64
    out = numpy.empty(count, numpy.float32)
    for start in range(0, count, 1 << 20):
        part = numpy.arange(start + 1, min(count, start + (1 << 20)) + 1, dtype=numpy.uint64)
        z = part * numpy.uint64(0x9E3779B97F4A7C15) + numpy.uint64(key)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
        top = (z >> numpy.uint64(40)).astype(numpy.float32)
        out[start : start + len(part)] = top / numpy.float32(2**23) - numpy.float32(1)
    return out


def seeded(name: str, shape, scale: float = 1.0) -> torch.Tensor:
    """A tensor of scale * u."""
    return torch.from_numpy((uniform(name, math.prod(shape)) * numpy.float32(scale)).reshape(shape))


def number(value: float) -> float:
    return float(f"{value:.7g}")


def sample(values: torch.Tensor, count: int) -> dict:
    """Every so manieth element. The step has no divisor in common with the row, so that it meets all columns."""
    flat = values.detach().contiguous().flatten()
    stride = max(1, len(flat) // count)
    while math.gcd(stride, values.shape[-1]) > 1:
        stride -= 1
    return {
        "shape": list(values.shape), "offset": stride // 2, "stride": stride,
        "largest": number(flat.abs().max().item()), "values": [number(v) for v in flat[stride // 2 :: stride][:count].tolist()],
    }
