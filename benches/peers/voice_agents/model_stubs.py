"""A language model that says "Yes." and a voice that is 0.2 s of silence, for a server that cannot run without: model_stubs.py PORT"""

import json
import sys

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.post("/v1/chat/completions")
async def reply(request: Request):
    asked = await request.json()
    base = {"id": "reply", "created": 0, "model": "echo"}
    if not asked.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return base | {"object": "chat.completion", "choices": [choice], "usage": usage}

    async def stream():
        for delta, reason in (({"role": "assistant", "content": "Yes."}, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            yield f"data: {json.dumps(base | {'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.post("/v1/audio/speech")
async def speak():
    return Response(bytes(2 * 24_000 // 5), media_type="audio/pcm")


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
