"""The recordings as Opus packets, encoded before anybody calls."""

import json
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import numpy

RATE = 16_000
FRAME = RATE // 50
# Louder than this part of the loudest 20 ms is speech, as in benches/calls.rs.
ENERGETIC = 0.01


@dataclass
class Sound:
    """20 ms in each packet, 20 ms of silence first and last: `lead` and `tail` packets."""

    packets: list[bytes]
    last_energetic: int
    text: str = ""
    name: str = ""


def samples_of(path: Path) -> numpy.ndarray:
    with wave.open(str(path)) as clip:
        assert clip.getframerate() == RATE and clip.getnchannels() == 1, path
        samples = numpy.frombuffer(clip.readframes(clip.getnframes()), numpy.int16)
    return numpy.pad(samples, (0, -len(samples) % FRAME))


def encode(samples: numpy.ndarray) -> list[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.format, encoder.layout = RATE, "s16", "mono"
    encoder.options = {"application": "voip", "frame_duration": "20"}
    packets = []
    for at in range(0, len(samples), FRAME):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + FRAME], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, at
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in packets]


def spoken(path: Path, lead: int, tail: int, text: str = "") -> Sound:
    """A recording with so many packets of silence before and after it."""
    samples = samples_of(path)
    levels = numpy.sqrt((samples.reshape(-1, FRAME).astype(float) ** 2).mean(axis=1))
    last = int(numpy.flatnonzero(levels > ENERGETIC * levels.max())[-1])
    packets = encode(numpy.pad(samples, (lead * FRAME, tail * FRAME)))
    return Sound(packets, lead + last, text, path.stem)


def clips(shared: Path, longest: float, lead: int, tail: int) -> list[Sound]:
    """What Smart Turn calls complete as a whole and the fixture was fitted to, shortest first."""
    rows = [json.loads(line) for line in (shared / "audio/manifest.jsonl").read_text().splitlines()]
    fit = [row for row in rows if row.get("fixture_text") and row["dur"] <= longest and (row.get("smart_turn_v3_2") or 0) >= 0.5]
    fit.sort(key=lambda row: row["dur"])
    return [spoken(shared / "audio" / row["file"], lead, tail, row["fixture_text"]) for row in fit]


def noise(shared: Path) -> Sound:
    packets = encode(samples_of(shared / "audio/noise/noise_lk_office-ambience.wav"))
    return Sound(packets, 0)
