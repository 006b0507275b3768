"""What is measured of a server: its turns, what a silent call costs, and its turns beside silent calls."""

import asyncio
import math
import sys
import time

import aiohttp

import servers
import sounds
from calls import Call, Pacer, turn

# Packets of silence before and after each recording: more than Smart Turn's longest wait in any of the three.
LEAD, TAIL = 25, 200
PATIENCE_S = 0.5
# How a call fails to come about.
NO_CALL = (TimeoutError, ConnectionError, aiohttp.ClientError)


def start(name: str, options, calls: int, *more: str) -> servers.Server:
    """The server, able to hold so many calls."""
    if name == "sotto":
        return servers.sotto(options)
    if name == "pipecat":
        return servers.pipecat(options, *more)
    return servers.speech_to_speech(options, calls)


def spread(values: list[float]) -> dict:
    """Nearest rank. A turn that never came is infinity, and `null` here."""
    ordered = sorted(values)

    def at(part: int):
        value = ordered[max(0, -(-len(ordered) * part // 100) - 1)] if ordered else math.inf
        return value if math.isfinite(value) else None

    return {"median": at(50), "p90": at(90), "p95": at(95), "least": at(1), "most": at(100), "of": len(ordered)}


def of_turns(rows: list[dict], counted: set[str] | None = None) -> dict:
    """Of the turns that were understood; of these clips, whether understood or not, if they are named."""
    good = [row for row in rows if row["understood"]]
    chosen = good if counted is None else [row for row in rows if row["clip"] in counted]
    final = [row["final_ms"] if row["understood"] else math.inf for row in chosen]
    segments = [row["segment_ms"] for row in good if row.get("segment_ms") is not None]
    return {"understood": len(good), "of": len(rows), "final_ms": spread(final), "segment_ms": spread(segments)}


class Caller:
    def __init__(self, options, http: aiohttp.ClientSession):
        self.options, self.http, self.pacer = options, http, Pacer()
        self.clips = sounds.clips(options.shared, 6.0, LEAD, TAIL)
        self.noise = sounds.noise(options.shared)
        self.silence = sounds.Sound(sounds.encode(sounds.numpy.zeros(sounds.RATE, sounds.numpy.int16)), 0)

    async def call(self, server: servers.Server, background: sounds.Sound | None = None) -> Call:
        return await Call(self.pacer, background or self.silence).place(self.http, server.door, server.url)

    async def one_turn(self, server: servers.Server, clip: sounds.Sound) -> dict:
        call = await self.call(server)
        row = await turn(call, clip, PATIENCE_S) | {"connect_ms": round(call.connect_ms, 1), "received": call.received}
        await call.hang_up()
        return row

    async def crowd(self, server: servers.Server, size: int, calls: list[Call]) -> None:
        """Silent calls until there are so many. One that does not come about is tried again, but not for ever."""
        failures = 0
        while len(calls) < size:
            try:
                calls.append(await self.call(server, self.noise))
            except NO_CALL:
                failures += 1
                if failures > 3:
                    raise
            await asyncio.sleep(0.05)


async def latency(name: str, options, caller: Caller) -> dict:
    server = start(name, options, 2)
    try:
        await caller.one_turn(server, caller.clips[0])
        await asyncio.sleep(3)
        memory, rows = server.memory_mib(), []
        for clip in caller.clips[: options.clips]:
            rows.append(await caller.one_turn(server, clip))
            print(" ", rows[-1], file=sys.stderr)
        return {"memory_after_one_turn_mib": round(memory, 1), "turns": rows, "connect_ms": spread([row["connect_ms"] for row in rows])} | of_turns(rows)
    finally:
        server.stop()


async def silent(name: str, options, caller: Caller, size: int, *more: str) -> dict:
    server, calls = start(name, options, size + 1, *more), []
    try:
        # One turn first, so that what lives as long as the process is there.
        await caller.one_turn(server, caller.clips[0])
        await asyncio.sleep(3)
        memory = server.memory_mib()
        await caller.crowd(server, size, calls)
        await asyncio.sleep(4)
        received = sum(call.received for call in calls)
        caller.pacer.take_latest()
        begin, cpu, own = time.monotonic(), server.cpu(), time.process_time()
        await asyncio.sleep(options.silent_seconds)
        seconds = time.monotonic() - begin
        return {
            "calls": size, "cpu_percent_per_call": round(100 * (server.cpu() - cpu) / seconds / size, 2),
            "memory_mib_per_call": round((server.memory_mib() - memory) / size, 2), "memory_mib": round(server.memory_mib(), 1),
            "threads": server.threads(), "packets_out_per_call_s": round((sum(c.received for c in calls) - received) / seconds / size, 1),
            "caller_cpu_percent_per_call": round(100 * (time.process_time() - own) / seconds / size, 2),
            "caller_late_ms": caller.pacer.take_latest(),
            "transcripts": sum(call.events.qsize() for call in calls), "alive": sum(call.pc.connectionState == "connected" for call in calls),
        }
    finally:
        server.stop()
        await asyncio.gather(*(call.hang_up() for call in calls))


async def load(name: str, options, caller: Caller, steps: list[int]) -> dict:
    """Turns one after the other, with more and more silent calls beside."""
    server, calls, rows = start(name, options, steps[-1] + 2), [], []
    try:
        clips, counted = caller.clips[: options.load_clips], None
        await caller.one_turn(server, clips[0])
        for size in [0, *steps]:
            try:
                await caller.crowd(server, size, calls)
            except NO_CALL as error:
                print(f"  no more than {len(calls)} of {size} silent calls: {error!r}", file=sys.stderr)
                break
            await asyncio.sleep(1)
            caller.pacer.take_latest()
            begin, cpu, own = time.monotonic(), server.cpu(), time.process_time()
            turns = []
            for clip in clips:
                try:
                    turns.append(await caller.one_turn(server, clip))
                except NO_CALL as error:
                    turns.append({"clip": clip.name, "understood": False, "error": type(error).__name__})
            seconds = time.monotonic() - begin
            # What it understands when it has nothing else to do is what counts later.
            counted = counted or {row["clip"] for row in turns if row["understood"]}
            rows.append({
                "silent_calls": size, "connected": sum(call.pc.connectionState == "connected" for call in calls),
                "server_cpu_cores": round((server.cpu() - cpu) / seconds, 2),
                "caller_cpu_cores": round((time.process_time() - own) / seconds, 2), "caller_late_ms": caller.pacer.take_latest(),
                "turns": turns,
            } | of_turns(turns, counted))
            print(" ", {key: rows[-1][key] for key in rows[-1] if key != "turns"}, file=sys.stderr)
            if rows[-1]["final_ms"]["p95"] is None or rows[-1]["final_ms"]["p95"] > 2 * rows[0]["final_ms"]["p95"]:
                break
        return {"steps": rows}
    finally:
        server.stop()
        await asyncio.gather(*(call.hang_up() for call in calls))
