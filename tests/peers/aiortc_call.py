"""Calls a server with aiortc, as a client that was written without knowing it.

    aiortc_call.py http://localhost:8080 --shared ../shared

Speaks a recorded clip, reads the events, hears the reply and hangs up; then once more without a data channel. The server
has to answer by echo and to recognise with the fixture model. Prints one JSON object; fails if anything is not as it should be.
"""

import argparse
import array
import asyncio
import fractions
import http.client
import json
import pathlib
import sys
import time
import urllib.parse
import wave

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

CLIP = "libri_1089-134691-0000"
FRAME_S = 0.02
SILENCE_BEFORE_S = 0.5
FULL_SCALE = 32_768
# 1 % of full scale: quieter than this nobody calls speech.
AUDIBLE = 0.01
CONNECT_S = 10
# Recognition, the answer and its speech, on a busy machine and in a debug build.
REPLY_S = 40
# This long after its last sound a reply is over.
QUIET_S = 1.0
CLOSED_S = 10


class Microphone(MediaStreamTrack):
    """Says a recording in real time, and is silent before and after it."""

    kind = "audio"

    def __init__(self, path):
        super().__init__()
        with wave.open(str(path)) as recording:
            self.rate = recording.getframerate()
            silence = bytes(2 * int(self.rate * SILENCE_BEFORE_S))
            self.samples = silence + recording.readframes(recording.getnframes())
        self.sent = 0
        self.began = None

    async def recv(self):
        count = int(self.rate * FRAME_S)
        self.began = self.began or time.monotonic()
        await asyncio.sleep(self.began + self.sent / self.rate - time.monotonic())
        frame = AudioFrame(format="s16", layout="mono", samples=count)
        piece = self.samples[2 * self.sent : 2 * (self.sent + count)]
        frame.planes[0].update(piece.ljust(2 * count, b"\0"))
        frame.sample_rate = self.rate
        frame.pts = self.sent
        frame.time_base = fractions.Fraction(1, self.rate)
        self.sent += count
        return frame


class Ear:
    """Hears the reply."""

    def __init__(self):
        self.peak = 0.0
        self.frames = 0
        self.first = None
        self.last = None

    async def listen(self, track):
        while True:
            frame = await track.recv()
            count = frame.samples * len(frame.layout.channels)
            samples = array.array("h", bytes(frame.planes[0])[: 2 * count])
            loudest = max(map(abs, samples), default=0) / FULL_SCALE
            self.frames += 1
            self.peak = max(self.peak, loudest)
            if loudest > AUDIBLE:
                self.last = time.monotonic()
                self.first = self.first or self.last

    def heard_all(self):
        return self.last is not None and time.monotonic() - self.last > QUIET_S


class Server:
    """The HTTP side."""

    def __init__(self, url):
        self.address = urllib.parse.urlsplit(url)

    async def ask(self, method, path, body=None, headers=None):
        return await asyncio.to_thread(self._ask, method, path, body, headers or {})

    def _ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=15)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    async def active_calls(self):
        _, _, status = await self.ask("GET", "/api/v1/status")
        return json.loads(status)["calls"]["active"]


async def call(server, clip, text, with_events):
    """One call from the offer to the hang-up; gives what came of it."""
    connection = RTCPeerConnection()
    ear, events, tasks = Ear(), [], []
    connection.on("track", lambda track: tasks.append(asyncio.ensure_future(ear.listen(track))))
    try:
        connection.addTrack(Microphone(clip))
        if with_events:
            channel = connection.createDataChannel("oai-events")
            channel.on("message", lambda message: events.append(json.loads(message)))
        await connection.setLocalDescription(await connection.createOffer())
        status, headers, answer = await server.ask(
            "POST", "/v1/realtime/calls", connection.localDescription.sdp, {"Content-Type": "application/sdp"}
        )
        check(status == 201, f"the offer was answered with {status}: {answer}")
        check(headers["Content-Type"].startswith("application/sdp"), f"the answer is {headers['Content-Type']}")
        answered = time.monotonic()
        await connection.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        await until(lambda: connection.connectionState == "connected", CONNECT_S, "the call did not connect")
        result = {"events": with_events, "connected_ms": since(answered)}
        check(await server.active_calls() == 1, "the server does not count the call")

        await until(ear.heard_all, REPLY_S, "no reply was heard")
        check(ear.peak > AUDIBLE, f"the reply had a peak of {ear.peak}")
        result |= {"reply_peak": round(ear.peak, 3), "reply_ms": round(1000 * (ear.last - ear.first))}
        if with_events:
            result |= told(events, text)

        status, _, _ = await server.ask("DELETE", headers["Location"])
        check(status in (200, 204), f"hanging up was answered with {status}")
        hung_up = time.monotonic()
        over = ("closed", "failed", "disconnected")
        await until(lambda: connection.connectionState in over, CLOSED_S, "the connection was not closed")
        result["closed_ms"] = since(hung_up)
        check(await server.active_calls() == 0, "the server still counts the call")
        return result
    finally:
        await connection.close()
        for task in tasks:
            task.cancel()


def told(events, text):
    """What the events say; they have to say what was spoken, and what was answered."""
    kinds = [event["type"] for event in events]
    check(kinds[0] == "session.created", f"the first event was {kinds[0]}")
    check(len({event["event_id"] for event in events}) == len(events), "event ids repeat or are missing")
    check("error" not in kinds, f"an error came: {[event for event in events if event['type'] == 'error']}")
    transcript = of(events, "conversation.item.input_audio_transcription.completed")["transcript"].strip()
    check(transcript == text, f"heard: {transcript}")
    reply = of(events, "response.output_audio_transcript.done")["transcript"].strip()
    check(reply == text, f"answered: {reply}")
    status = of(events, "response.done")["response"]["status"]
    check(status == "completed", f"the response was {status}")
    of(events, "output_audio_buffer.stopped")
    return {"transcript": transcript, "reply": reply, "event_count": len(events)}


def of(events, kind):
    found = [event for event in events if event["type"] == kind]
    check(len(found) == 1, f"{len(found)} events {kind}, of {[event['type'] for event in events]}")
    return found[0]


def check(holds, complaint):
    if not holds:
        raise AssertionError(complaint)


def since(moment):
    return round(1000 * (time.monotonic() - moment))


async def until(condition, seconds, complaint):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, complaint)
        await asyncio.sleep(0.005)


def clip_of(shared):
    for line in (shared / "audio" / "manifest.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["id"] == CLIP:
            return shared / "audio" / entry["file"], entry["fixture_text"]
    raise LookupError(f"the recordings have no clip {CLIP}")


async def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("url")
    options.add_argument("--shared", type=pathlib.Path, required=True, help="the folder with the recordings")
    given = options.parse_args()
    server = Server(given.url)
    clip, text = clip_of(given.shared)
    result = {"calls": []}
    try:
        for with_events in (True, False):
            result["calls"].append(await call(server, clip, text, with_events))
    except AssertionError as failure:
        result["failed"] = str(failure)
    print(json.dumps(result))
    return 1 if "failed" in result else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
