"""The fixture in CTranslate2's format, as whisper_peers.py makes it: weights.py FOLDER int8|f32. Needs torch and transformers."""

import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
import whisper_peers


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    if not folder.exists():
        whisper_peers.ctranslate2_folder(folder, whisper_peers.fixture(), whisper_peers.vocabulary(), kind, [])
        shutil.copy(whisper_peers.WEIGHTS / "tokenizer.json", folder)


main()
