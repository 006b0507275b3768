"""Makes tests/reference/containers/: one second of public domain speech in the containers and codecs that are read.

    pip install av==18.1.0 soundfile==0.14.0 numpy
    python tests/reference/containers.py assets/warmup.wav
"""

import pathlib
import sys

import av
import numpy as np
import soundfile

OUT = pathlib.Path(__file__).parent / "containers"
RATE_HZ = 16_000
SECONDS = 1.0


def through_av(name, container, codec, rate_hz, layout, samples, wrap=None, **options):
    """Encodes mono `samples` at 16 kHz."""
    with av.open(str(OUT / name), "w", format=container, container_options=wrap or {}) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout=layout, options=options)
        stream.bit_rate = 40_000
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        size = stream.codec_context.frame_size or 0
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate_hz)
        fifo = av.AudioFifo()
        for piece in resampler.resample(frame) + resampler.resample(None):
            piece.pts = None
            fifo.write(piece)
        written = 0
        while (piece := fifo.read(size or 960, partial=True)) is not None:
            piece.pts = written
            written += piece.samples
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))


def without_sound(name):
    """A film of one small black picture."""
    with av.open(str(OUT / name), "w", format="webm") as file:
        stream = file.add_stream("libvpx", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((24, 16), "uint8"), format="yuv420p")))
        file.mux(stream.encode(None))


def main():
    OUT.mkdir(exist_ok=True)
    speech, rate_hz = soundfile.read(sys.argv[1], dtype="float32")
    assert rate_hz == RATE_HZ and speech.ndim == 1
    speech = speech[: int(SECONDS * RATE_HZ)]
    high = np.interp(np.arange(44_100) / 44_100, np.arange(len(speech)) / RATE_HZ, speech).astype("float32")
    stereo = np.stack([high, high], axis=1)
    soundfile.write(OUT / "speech.flac", speech, RATE_HZ, subtype="PCM_16")
    soundfile.write(OUT / "speech.mp3", stereo, 44_100, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.8)
    soundfile.write(OUT / "vorbis.ogg", stereo, 44_100, format="OGG", subtype="VORBIS", compression_level=0.7)
    through_av("opus.ogg", "ogg", "libopus", 48_000, "mono", speech, {"page_duration": "200000"})
    through_av("opus.webm", "webm", "libopus", 48_000, "stereo", speech)
    # As MediaRecorder writes them: no length, no index, no place to go back to.
    through_av("browser.webm", "webm", "libopus", 48_000, "mono", speech, {"live": "1"})
    through_av("fragmented.mp4", "mp4", "aac", 48_000, "mono", speech, {"movflags": "frag_every_frame+empty_moov+default_base_moof"})
    through_av("aac.m4a", "ipod", "aac", 44_100, "mono", speech)
    through_av("surround.ogg", "ogg", "libopus", 48_000, "5.1", speech[:1_600], mapping_family="1")
    without_sound("silent.webm")


main()
