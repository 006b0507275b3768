"""Draws the same sentence by PyTorch and by Sotto, on weights from a formula: `docs/images/kokoro.png`.

    cargo build --release -p sotto-kokoro --example kokoro_times
    v/bin/pip install matplotlib          # beside what kokoro_model.py needs
    SOTTO_SHARED=../shared v/bin/python tests/reference/kokoro_picture.py target/peers/kokoro

The folder holds the weights that `benches/peers/kokoro_peers.py` has made. What is said is no language. Both make noise of
their own, so the spectra agree and the samples do not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import kokoro_model
import matplotlib
import numpy
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("SOTTO_SHARED", "../shared"))


def main() -> None:
    folder = Path(sys.argv[1])
    config = json.loads((SHARED / "models/kokoro/config.json").read_text())
    voice = SHARED / "models/kokoro/voices/af_heart.bin"
    ids = kokoro_model.LONG
    made, _ = kokoro_model.model(config)
    rows = torch.from_numpy(numpy.fromfile(voice, dtype="<f4").reshape(510, 1, 256))
    with torch.inference_mode():
        theirs = made.forward_with_tokens(torch.tensor([[0, *ids, 0]]), rows[len(ids) - 1])[0].numpy().ravel()
    program = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/kokoro_times"
    samples = folder / "picture.f32"
    subprocess.run([program, folder, voice, samples], input=" ".join(map(str, ids)), text=True, check=True, stdout=subprocess.DEVNULL)
    ours = numpy.fromfile(samples, "<f4")
    assert len(ours) == len(theirs), "both make the same number of samples"
    figure, axes = plot.subplots(2, 2, figsize=(11, 5), sharex="col", layout="constrained")
    for row, (name, audio) in zip(axes, [("PyTorch", theirs), ("Sotto", ours)]):
        time = numpy.arange(len(audio)) / 24_000
        row[0].plot(time, audio, linewidth=0.3, color="#13655a")
        row[0].set(ylabel=name, ylim=(-1, 1))
        row[1].specgram(audio, NFFT=512, Fs=24_000, noverlap=384, cmap="magma", vmin=-140, vmax=-40)
    for axis in axes[1]:
        axis.set_xlabel("seconds")
    axes[0][0].set_title("samples")
    axes[0][1].set_title("spectrum, to 12 kHz")
    figure.savefig(ROOT / "docs/images/kokoro.png", dpi=80)


main()
