"""Kokoro for onnxruntime: the PyTorch model as a file, in f32 and in int8, with the weights that it has here.

The file is made as the public ones were: `KModelForONNX` with the real-valued STFT that `disable_complex=True` chooses,
traced by `torch.onnx.export`, with any number of tokens. The newer exporter (`dynamo=True`) fails at the model's padding.
"""

import types
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import kokoro_model
import numpy
import onnx
import onnxruntime
import torch

OPSET = 17


@contextmanager
def real_valued(made):
    """The model with the STFT of `disable_complex=True`, which is all that this option changes."""
    from kokoro.custom_stft import CustomSTFT

    generator = made.decoder.generator
    usual = generator.stft
    generator.stft = CustomSTFT(usual.filter_length, usual.hop_length, usual.win_length)
    yield made
    generator.stft = usual


def export(made, file: Path) -> None:
    from kokoro.model import KModelForONNX

    tokens = torch.tensor([[0, *kokoro_model.SHORT, 0]])
    with real_valued(made), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            KModelForONNX(made).eval(), (tokens, torch.zeros(1, 256), torch.ones(1)), file, dynamo=False, opset_version=OPSET,
            input_names=["input_ids", "style", "speed"], output_names=["waveform", "duration"],
            dynamic_axes={"input_ids": {1: "tokens"}, "waveform": {0: "samples"}, "duration": {0: "tokens"}},
        )


def quantise(source: Path, file: Path) -> None:
    """Weights in u8, as public files have them: with signed ones onnxruntime's convolution takes three times as long."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, file, weight_type=QuantType.QUInt8)


def files(made, cache: Path) -> dict[str, Path]:
    """The two files, made where they are missing."""
    paths = {"onnx": cache / "kokoro.onnx", "onnx_int8": cache / "kokoro-int8.onnx"}
    if not paths["onnx"].exists():
        export(made, paths["onnx"])
    if not paths["onnx_int8"].exists():
        quantise(paths["onnx"], paths["onnx_int8"])
    return paths


def session(model: Path | bytes, threads: int) -> Callable:
    """From token ids and a style row to all outputs: samples, durations and what else the model has been made to tell."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    made = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    speed = numpy.ones(1, numpy.float32)

    def speak(ids: list, style: torch.Tensor) -> list:
        return made.run(None, {"input_ids": numpy.array([[0, *ids, 0]]), "style": style.numpy(), "speed": speed})

    return speak


def compare(made, istftnet, file: Path, ids: list, style: torch.Tensor, threads: int) -> dict:
    """How far the f32 file is from PyTorch with the very noise that the file drew.

    The file is made to tell its random numbers; PyTorch gets them. Spectra are compared as in the tests of the models
    (mean difference of logarithms): with the real-valued STFT, with the usual one, whose sound is a little louder
    (`gain`, taken off), and, as a measure, PyTorch with other noise.
    """
    graph = onnx.load(file)
    for kind in ("RandomUniformLike", "RandomNormalLike"):
        name = next(node.output[0] for node in graph.graph.node if node.op_type == kind)
        graph.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    samples, durations, uniform, normal = map(torch.from_numpy, session(graph.SerializeToString(), threads)(ids, style))

    def pytorch(drawn: tuple | None) -> tuple:
        if drawn:
            given = types.SimpleNamespace(**{key: getattr(torch, key) for key in dir(torch) if not key.startswith("__")})
            given.rand = lambda *_, **__: drawn[0].clone()
            # The second draw, of one column, is not used.
            given.randn_like = lambda x, **_: drawn[1] if x.shape == drawn[1].shape else torch.zeros_like(x)
            istftnet.torch = given
        audio, own = made.forward_with_tokens(torch.tensor([[0, *ids, 0]]), style)
        istftnet.torch = torch
        assert audio.shape == samples.shape and torch.equal(own, durations), "both plan the same"
        return torch.tensor(kokoro_model.log_spectrum(audio)["values"]), audio

    spectrum = torch.tensor(kokoro_model.log_spectrum(samples)["values"])
    with real_valued(made):
        same, audio = pytorch((uniform, normal))
        other, _ = pytorch(None)
    usual, _ = pytorch((uniform, normal))
    gain = float((usual - spectrum).mean())
    apart = lambda one, two: round(float((one - two).abs().mean()), 4)
    return {
        "samples": samples.numel(), "correlation": round(float(torch.corrcoef(torch.stack([samples, audio]))[0, 1]), 5),
        "same_stft": apart(same, spectrum), "usual_stft": apart(usual - gain, spectrum), "gain": round(gain, 4),
        "other_noise": apart(other, spectrum),
    }
