"""Makes the files in `kokoro/`: how PyTorch writes weights and voices, with next to nothing in them.

    python -m venv v && v/bin/pip install torch==2.15.0
    v/bin/python tests/reference/kokoro_files.py

`weights.pth` is built like `kokoro-v1_0.pth` (parts in parts, behind a wrapper's `module.`), `parametrized.pth` like
what newer versions of PyTorch write. `voice.pt` has the form of a voice but not its values.
"""

import io
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).parent / "kokoro"


def weights(direction: str, length: str) -> dict:
    linear = torch.nn.Sequential(OrderedDict(linear=torch.nn.Linear(3, 2, bias=False)))
    with torch.no_grad():
        linear.linear.weight.copy_(torch.arange(6).reshape(2, 3))
    # A real state has attributes beside its tensors.
    bert = torch.nn.Module()
    bert.add_module("module", linear)
    bert = bert.state_dict()
    bert["module.part"] = torch.arange(6.0)[4:]
    bert["module.half"] = torch.tensor([1.5], dtype=torch.float16)
    decoder = OrderedDict()
    decoder[f"module.a.{direction}"] = torch.tensor([[[3.0, 4.0]], [[0.0, 2.0]]])
    decoder[f"module.a.{length}"] = torch.tensor([[[10.0]], [[1.0]]])
    return {"bert": bert, "decoder": decoder}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    torch.save(weights("weight_v", "weight_g"), FOLDER / "weights.pth")
    names = ("parametrizations.weight.original1", "parametrizations.weight.original0")
    torch.save(weights(*names), FOLDER / "parametrized.pth")
    whole = io.BytesIO()
    torch.save(torch.zeros(510, 1, 256), whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(FOLDER / "voice.pt", "w") as target:
        for name in source.namelist():
            target.writestr(name, b"" if name.endswith("data/0") else source.read(name))


if __name__ == "__main__":
    main()
