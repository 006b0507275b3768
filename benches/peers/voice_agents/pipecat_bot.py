"""A voice agent of Pipecat on loopback: SmallWebRTC, its Silero, its Smart Turn v3.2, its Whisper service. See README.md beside this.

    pipecat/bin/python pipecat_bot.py --weights FOLDER --port PORT

All turn-taking is Pipecat's default. A processor of ours tells the caller over the data channel what was recognised, and when.
"""

import argparse
import asyncio
import sys

import uvicorn
from fastapi import FastAPI
from faster_whisper import WhisperModel
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import OutputTransportMessageUrgentFrame, TranscriptionFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest, SmallWebRTCRequestHandler
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

# What the fixture was fitted for: its probabilities of no speech and its timestamps mean nothing.
GREEDY = {
    "beam_size": 1, "best_of": 1, "temperature": 0.0, "without_timestamps": True, "suppress_tokens": [], "suppress_blank": False,
    "condition_on_previous_text": False, "no_speech_threshold": None, "log_prob_threshold": None, "compression_ratio_threshold": None,
}


class GreedyWhisper(WhisperModel):
    def transcribe(self, audio, **options):
        return super().transcribe(audio, **(options | GREEDY))


class SharedWhisper(WhisperSTTService):
    """Pipecat's service, which loads a model for each call, with one model for all calls."""

    shared: WhisperModel | None = None

    def _load(self):
        if self.shared is None:
            super()._load()
        else:
            self._model = self.shared


class Tell(FrameProcessor):
    """Sends what was recognised to the caller, and lets everything pass."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            await self.say("segment", frame.text)
        await self.push_frame(frame, direction)

    async def say(self, kind: str, text: str):
        await self.push_frame(OutputTransportMessageUrgentFrame(message={"type": kind, "text": text}))


async def answer(connection: SmallWebRTCConnection, options: argparse.Namespace) -> None:
    """One call, until it is over."""
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=not options.no_output)
    transport = SmallWebRTCTransport(connection, params)
    settings = SharedWhisper.Settings(model=str(options.weights), no_speech_prob=2.0)
    whisper = SharedWhisper(device="cpu", settings=settings)
    both = LLMContextAggregatorPair(LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()))
    tell_segments, tell_turns = Tell(), Tell()

    @both.user().event_handler("on_user_turn_stopped")
    async def _(aggregator, strategy, message):
        await tell_turns.say("turn", message.content or "")

    stages = [transport.input(), whisper, tell_segments, both.user(), tell_turns, transport.output(), both.assistant()]
    worker = PipelineWorker(
        Pipeline(stages), idle_timeout_secs=None, enable_rtvi=False,
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
    )

    @transport.event_handler("on_client_disconnected")
    async def _(transport, client):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="Whisper in CTranslate2's format, with tokenizer.json")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2, help="of Whisper")
    parser.add_argument("--own-model", action="store_true", help="a Whisper for each call, as Pipecat's service has it")
    parser.add_argument("--no-output", action="store_true", help="no outgoing audio track")
    options = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    if not options.own_model:
        SharedWhisper.shared = GreedyWhisper(options.weights, device="cpu", cpu_threads=options.threads)
    app, handler, calls = FastAPI(), SmallWebRTCRequestHandler(), set()

    @app.post("/api/offer")
    async def _(request: SmallWebRTCRequest):
        async def begin(connection):
            call = asyncio.create_task(answer(connection, options))
            calls.add(call)
            call.add_done_callback(calls.discard)

        return await handler.handle_web_request(request, begin)

    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


main()
