"""The caller: aiortc sets calls up, and one clock sends packets that were encoded before. The same for every server."""

import asyncio
import functools
import json
import struct
import time

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from sounds import Sound

PHASES, FRAME_S = 10, 0.02
FINAL, SEGMENT = "final", "segment"
# What an event of the data channel means.
MEANING = {
    "conversation.item.input_audio_transcription.completed": FINAL,
    "turn": FINAL,
    "segment": SEGMENT,
}


class Quiet(AudioStreamTrack):
    """Lets aiortc negotiate a track and sends nothing itself."""

    async def recv(self):
        await asyncio.Event().wait()


class Pacer:
    """Gives every call its turn once in 20 ms, at ten moments in between so that calls do not send at once."""

    def __init__(self):
        self.calls = [set() for _ in range(PHASES)]
        self.latest = 0.0
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        begin, tick = time.perf_counter(), 0
        while True:
            wait = begin + tick * FRAME_S / PHASES - time.perf_counter()
            self.latest = max(self.latest, -wait)
            await asyncio.sleep(max(0.0, wait))
            for call in tuple(self.calls[tick % PHASES]):
                call.send_next()
            tick += 1

    def add(self, call):
        min(self.calls, key=len).add(call)

    def remove(self, call):
        for phase in self.calls:
            phase.discard(call)

    def take_latest(self) -> float:
        """How late it was at worst since this was asked, in milliseconds."""
        latest, self.latest = self.latest, 0.0
        return round(1_000 * latest, 1)


class Call:
    """One call. What it sends after `say` is that sound and then nothing; without it, `background` again and again."""

    def __init__(self, pacer: Pacer, background: Sound):
        self.pacer, self.background = pacer, background
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.events: asyncio.Queue = asyncio.Queue()
        self.connect_ms = 0.0
        self.received = 0
        self.energetic_at: float | None = None
        self._sound: Sound | None = None
        self._position = self._slot = 0

    async def place(self, http: aiohttp.ClientSession, door: str, url: str) -> "Call":
        sender = self.pc.addTrack(Quiet())
        channel = self.pc.createDataChannel("oai-events")
        opened = asyncio.Event()
        channel.on("open", opened.set)
        channel.on("message", self._heard)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        offer = self.pc.localDescription
        if door == "pipecat":
            async with http.post(f"{url}/api/offer", json={"sdp": offer.sdp, "type": offer.type}) as response:
                response.raise_for_status()
                answer = (await response.json())["sdp"]
        else:
            headers = {"Content-Type": "application/sdp"}
            async with http.post(f"{url}/v1/realtime/calls", data=offer.sdp, headers=headers) as response:
                response.raise_for_status()
                answer = await response.text()
        answered = time.perf_counter()
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        while self.pc.connectionState != "connected":
            if self.pc.connectionState in ("failed", "closed"):
                raise ConnectionError(self.pc.connectionState)
            await asyncio.sleep(0.001)
        self.connect_ms = 1_000 * (time.perf_counter() - answered)
        await asyncio.wait_for(opened.wait(), 10)
        # Inside aiortc 1.16 from here on: its own sender and receiver would cost this process more than all calls cost a server.
        dtls = sender.transport
        connection = dtls.transport._connection
        self._protect, self._ssrc = dtls._tx_srtp.protect, sender._ssrc
        self._udp, self._remote = connection._nominated[1].protocol.transport, connection._nominated[1].remote_addr
        for protocol in connection._protocols:
            protocol.datagram_received = functools.partial(self._received, protocol.datagram_received)
        self._payload_type = self.pc.getTransceivers()[0]._codecs[0].payloadType
        self.pacer.add(self)
        return self

    def _received(self, pass_on, data, address):
        """Counts packets of sound and drops them; STUN, DTLS and RTCP go to aiortc."""
        if data[0] >> 6 == 2 and not 64 <= data[1] & 0x7F < 96:
            self.received += 1
        else:
            pass_on(data, address)

    def _heard(self, message):
        now = time.perf_counter()
        event = json.loads(message)
        meaning = MEANING.get(event.get("type"))
        if meaning:
            self.events.put_nowait((meaning, event.get("transcript", event.get("text", "")), now))

    def say(self, sound: Sound):
        self._sound, self._position, self.energetic_at = sound, 0, None

    def send_next(self):
        if self._udp.is_closing():
            self.pacer.remove(self)
            return
        self._slot += 1
        if self._sound is None:
            packet = self.background.packets[self._slot % len(self.background.packets)]
        elif self._position < len(self._sound.packets):
            packet = self._sound.packets[self._position]
            if self._position == self._sound.last_energetic:
                self.energetic_at = time.perf_counter()
            self._position += 1
        else:
            return
        header = struct.pack(
            "!BBHII", 0x80, self._payload_type, self._slot & 0xFFFF, self._slot * 960 & 0xFFFFFFFF, self._ssrc
        )
        self._udp.sendto(self._protect(header + packet), self._remote)

    async def hang_up(self):
        self.pacer.remove(self)
        await self.pc.close()


async def turn(call: Call, sound: Sound, patience: float) -> dict:
    """Says a recording and waits for its words. Times in milliseconds after the last energetic sample was sent."""
    call.say(sound)
    seen = []
    deadline = time.perf_counter() + len(sound.packets) * FRAME_S + patience
    understood = False
    while not understood and (left := deadline - time.perf_counter()) > 0:
        try:
            seen.append(await asyncio.wait_for(call.events.get(), left))
        except TimeoutError:
            break
        understood = seen[-1][0] == FINAL and same(seen[-1][1], sound.text)
    end = call.energetic_at or float("nan")

    def after(meaning):
        times = [at for kind, _, at in seen if kind == meaning]
        return round(1_000 * (times[-1] - end), 1) if times else None

    finals = [text for kind, text, _ in seen if kind == FINAL]
    return {
        "clip": sound.name, "final_ms": after(FINAL), "segment_ms": after(SEGMENT),
        "understood": understood and len(finals) == 1, "finals": len(finals),
    } | ({} if understood else {"heard": finals})


def same(heard: str, wanted: str) -> bool:
    return " ".join(heard.split()) == " ".join(wanted.split())
