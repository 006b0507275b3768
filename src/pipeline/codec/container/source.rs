//! From the bytes of a file to decoded pieces.

use std::io::Cursor;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{
    MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource,
};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use self::opus::Opus;
use super::ContainerError;
use super::mono::Mono;
use crate::pipeline::cancel::Cancel;

mod opus;

/// Frames that every encoder of AAC puts before the sound. Containers can say how many there are, but the reader of
/// MP4 does not tell; some encoders put twice as many, and what is left of them is quiet.
const AAC_DELAY: usize = 1_024;

/// The beginning of Matroska, of which WebM is a kind.
const MATROSKA: &[u8] = &[0x1a, 0x45, 0xdf, 0xa3];

/// How the reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At the end of the file.
    Whole,
    /// Something in it, or the rest of it, could not be read.
    Damaged,
}

/// Reads the first track with sound.
pub(super) fn read(bytes: &[u8], mono: &mut Mono, cancel: &Cancel) -> Result<End, ContainerError> {
    let source: Box<dyn MediaSource + '_> = if bytes.starts_with(MATROSKA) {
        // As if it came from a pipe: a length would make its reader refuse files whose end is missing.
        Box::new(ReadOnlySource::new(Cursor::new(bytes)))
    } else {
        Box::new(Cursor::new(bytes))
    };
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| not_opened(bytes, error))?;
    let mut track = Track::open(&*format)?;
    let mut end = End::Whole;
    loop {
        if cancel.is_cancelled() {
            return Err(ContainerError::Cancelled);
        }
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(end),
            // Recordings may be written one after the other into one Ogg file.
            Err(Error::ResetRequired) => {
                match Track::open(&*format) {
                    Ok(next) => track = next,
                    Err(_) => return Ok(End::Damaged),
                }
                continue;
            }
            Err(_) => return Ok(End::Damaged),
        };
        if packet.track_id == track.id && track.decode(packet, mono)? == End::Damaged {
            end = End::Damaged;
        }
    }
}

/// The track that is listened to.
struct Track {
    id: u32,
    decoder: Decoder,
}

enum Decoder {
    Opus(Opus),
    Other {
        inner: Box<dyn AudioDecoder>,
        /// Whether samples stand in the file as they are.
        plain: bool,
        /// Frames before the sound begins that the decoder does not take away itself.
        skip: usize,
        /// One piece; kept for its memory.
        interleaved: Vec<f32>,
    },
}

impl Track {
    fn open(format: &dyn FormatReader) -> Result<Self, ContainerError> {
        let track = format.default_track(TrackType::Audio).ok_or(ContainerError::NoAudio)?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(ContainerError::NoAudio);
        };
        let decoder = if parameters.codec == CODEC_ID_OPUS {
            Decoder::Opus(Opus::new(parameters)?)
        } else {
            Decoder::other(parameters)?
        };
        Ok(Self { id: track.id, decoder })
    }

    /// Decodes one packet. Only what the whole recording suffers from is an error.
    fn decode(&mut self, packet: Packet, mono: &mut Mono) -> Result<End, ContainerError> {
        let (inner, plain, skip, interleaved) = match &mut self.decoder {
            Decoder::Opus(opus) => return opus.decode(packet, mono),
            Decoder::Other { inner, plain, skip, interleaved } => {
                (inner, *plain, skip, interleaved)
            }
        };
        let Ok(decoded) = inner.decode(&packet) else { return Ok(End::Damaged) };
        let (channels, rate_hz) = (decoded.spec().channels().count(), decoded.spec().rate());
        decoded.copy_to_vec_interleaved(interleaved);
        let skipped = (*skip).min(decoded.frames());
        *skip -= skipped;
        let sound = interleaved.get(skipped * channels..).unwrap_or_default();
        match mono.push(sound, channels, rate_hz) {
            // A decoder that computes nonsense was given nonsense.
            Err(ContainerError::NotNumbers) if !plain => Ok(End::Damaged),
            pushed => pushed.map(|()| End::Whole),
        }
    }
}

impl Decoder {
    fn other(parameters: &AudioCodecParameters) -> Result<Self, ContainerError> {
        let inner = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| match error {
                Error::Unsupported(_) => {
                    ContainerError::Unsupported("the way its sound is coded is not known".into())
                }
                _ => ContainerError::Damaged,
            })?;
        let plain = inner.codec_info().short_name.starts_with("pcm");
        let skip = if parameters.codec == CODEC_ID_AAC { AAC_DELAY } else { 0 };
        Ok(Self::Other { inner, plain, skip, interleaved: Vec::new() })
    }
}

/// Why a file could not be opened: what begins like a recording is a broken or a strange one.
fn not_opened(bytes: &[u8], error: Error) -> ContainerError {
    const BEGINNINGS: [&[u8]; 5] = [b"RIFF", b"fLaC", b"OggS", b"ID3", MATROSKA];
    let known = BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning));
    match error {
        // An MP4 that cannot be opened has lost its index, which is often at its end.
        _ if bytes.get(4..8) == Some(b"ftyp") => ContainerError::Damaged,
        _ if !known => ContainerError::Unknown,
        Error::Unsupported(_) => {
            ContainerError::Unsupported("something in the file is not known".into())
        }
        _ => ContainerError::Damaged,
    }
}
