"""Starts each server on loopback, in a process of its own, and reads what it costs."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    door: str
    url: str
    children: list[subprocess.Popen]
    folder: tempfile.TemporaryDirectory | None = None

    @property
    def pid(self) -> int:
        return self.children[0].pid

    def cpu(self) -> float:
        """Processor seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_mib(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1_024

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def stop(self) -> None:
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self.folder:
            self.folder.cleanup()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port: int, child: subprocess.Popen, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if child.poll() is not None:
            raise RuntimeError(f"{child.args[0]} ended with {child.returncode}")
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1)
                return
        time.sleep(0.1)
    raise RuntimeError(f"{child.args[0]} did not listen within {seconds} s")


def begin(command: list, log: Path, **environment: str) -> subprocess.Popen:
    # Settings that some machines carry for the sake of old OpenBLAS builds would slow numpy in the peers.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    with log.open("w") as file:
        return subprocess.Popen([str(part) for part in command], env=kept | environment, stdout=file, stderr=file)


def sotto(options, **more: str) -> Server:
    port = free_port()
    settings = {
        "STT__ENGINE": "whisper", "STT__MODEL": str(options.shared / "models/whisper-tiny.en-fixture"),
        "VAD__ENGINE": "silero", "TURN__ENGINE": "smart_turn_v3", "LLM__PROVIDER": "echo", "MODELS__OFFLINE": "true",
        "WEBRTC__UDP_PORT": "0", "LIMITS__CALLS": "500", "LIMITS__OFFERS_PER_MINUTE": "100000", "TELEMETRY__LOG": "warn",
    } | more
    environment = {f"SOTTO__{name}": value for name, value in settings.items()}
    environment |= {"SECRET_KEY": "q0fSMdxjWjTsmXvUCfMnHmbUvEAeREXTPqIl4bHfsdc=", "SOTTO_MODELS_DIR": str(options.shared / "models")}
    # The library that Pipecat uses, too.
    library = next(options.pipecat.parent.parent.glob("lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*"))
    environment["ORT_DYLIB_PATH"] = os.environ.get("ORT_DYLIB_PATH", str(library))
    folder = tempfile.TemporaryDirectory()
    command = [options.sotto, "serve", "--bind", f"127.0.0.1:{port}", "--data-dir", folder.name]
    child = begin(command, options.out / "sotto.log", **environment)
    wait_for(port, child, 60)
    return Server("realtime", f"http://127.0.0.1:{port}", [child], folder)


def pipecat(options, *more: str) -> Server:
    port = free_port()
    command = [options.pipecat, HERE / "pipecat_bot.py", "--weights", options.weights, "--port", port, *more]
    child = begin(command, options.out / "pipecat.log", HF_HUB_OFFLINE="1")
    wait_for(port, child, 60)
    return Server("pipecat", f"http://127.0.0.1:{port}", [child])


def speech_to_speech(options, pipelines: int) -> Server:
    models, port = free_port(), free_port()
    stub = begin([sys.executable, HERE / "model_stubs.py", models], options.out / "model_stubs.log")
    wait_for(models, stub, 20)
    command = [
        options.speech_to_speech.parent / "speech-to-speech", "serve", "--port", port, "--num_pipelines", pipelines,
        "--no_enable_live_transcription", "--stt", "faster-whisper", "--faster_whisper_stt_model_name", options.weights,
        "--faster_whisper_stt_device", "cpu", "--faster_whisper_stt_compute_type", "int8",
        "--smart_turn_model_path", options.shared / "models/smart-turn-v3/smart-turn-v3.2-cpu.onnx",
        "--llm_backend", "chat-completions", "--model_name", "echo", "--responses_api_base_url", f"http://127.0.0.1:{models}/v1",
        "--responses_api_api_key", "none",
        "--tts", "openai", "--openai_tts_base_url", f"http://127.0.0.1:{models}/v1",
    ]
    environment = {
        "TORCH_HOME": str(hub_folder(options)), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2",
        "SPEECH_TO_SPEECH_ICE_SERVERS": json.dumps([]),
    }
    child = begin(command, options.out / "speech_to_speech.log", **environment)
    try:
        wait_for(port, child, 120)
    except RuntimeError:
        stub.terminate()
        raise
    return Server("realtime", f"http://127.0.0.1:{port}", [child, stub])


def hub_folder(options) -> Path:
    """What PyTorch's hub would have kept of snakers4/silero-vad, out of that project's own package."""
    repository = options.cache / "torch/hub/snakers4_silero-vad_master"
    if not repository.exists():
        repository.mkdir(parents=True)
        (repository / "hubconf.py").write_text(HUBCONF)
    return options.cache / "torch"


HUBCONF = """from silero_vad import load_silero_vad


def silero_vad(onnx=False):
    return load_silero_vad(onnx=onnx), ()
"""
