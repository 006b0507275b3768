#!/bin/sh
# Installs what is compared into target/peers/voice_agents, a Python environment for each, and makes the weights. About 8 GB, with PyTorch.
set -eu
cd "$(dirname "$0")"
folder=${1:-../../../target/peers/voice_agents}
mkdir -p "$folder"

python3.11 -m venv "$folder/pipecat"
"$folder/pipecat/bin/pip" install --quiet -r requirements-pipecat.txt

python3.11 -m venv "$folder/speech-to-speech"
"$folder/speech-to-speech/bin/pip" install --quiet -r requirements-speech-to-speech.txt
"$folder/speech-to-speech/bin/pip" install --quiet --no-deps speech-to-speech==1.1.0

SOTTO_SHARED=${SOTTO_SHARED:-../../../../shared} "$folder/speech-to-speech/bin/python" weights.py "$folder/ct2-tiny.en-int8" int8
