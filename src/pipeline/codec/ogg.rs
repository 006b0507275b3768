//! Opus in Ogg: what players and browsers take for a file of speech. See [RFC 7845].
//!
//! [RFC 7845]: https://www.rfc-editor.org/rfc/rfc7845

use std::borrow::Cow;

use ogg::writing::{PacketWriteEndInfo, PacketWriter};

use super::opus::{Encoder, OpusError, SPEECH_FRAME};
use crate::pipeline::frame::SPEECH_RATE_HZ;

/// One stream in a file: its number is of no importance.
const SERIAL: u32 = 1;
/// Positions in the file count at 48 kHz, whatever the rate.
const TICKS_PER_SAMPLE: u64 = 48_000 / SPEECH_RATE_HZ as u64;
/// Frames in a page: 200 ms, so that a listener does not wait for the first sound.
const FRAMES_PER_PAGE: u64 = 10;

/// Samples at [`SPEECH_RATE_HZ`] to an Ogg file, piece by piece.
pub struct OggOpus {
    encoder: Encoder,
    writer: PacketWriter<'static, Vec<u8>>,
    /// Less than a frame.
    rest: Vec<f32>,
    frames: u64,
    /// Samples that a player drops at the beginning.
    lookahead: u64,
    samples: u64,
}

impl OggOpus {
    /// A file, of which the headers are written.
    pub fn new() -> Result<Self, OpusError> {
        let mut encoder = Encoder::new()?;
        let lookahead = u64::from(encoder.lookahead()?);
        let mut file = Self {
            encoder,
            writer: PacketWriter::new(Vec::new()),
            rest: Vec::new(),
            frames: 0,
            lookahead,
            samples: 0,
        };
        let skip = (lookahead * TICKS_PER_SAMPLE) as u16;
        let mut head = b"OpusHead".to_vec();
        // Version 1, one channel.
        head.extend([1, 1]);
        head.extend(skip.to_le_bytes());
        head.extend(SPEECH_RATE_HZ.to_le_bytes());
        // No gain; channels as they are.
        head.extend([0, 0, 0]);
        let vendor = b"sotto";
        let mut tags = b"OpusTags".to_vec();
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor);
        tags.extend(0_u32.to_le_bytes());
        file.write(head, PacketWriteEndInfo::EndPage, 0);
        file.write(tags, PacketWriteEndInfo::EndPage, 0);
        Ok(file)
    }

    /// Adds sound.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), OpusError> {
        self.samples += samples.len() as u64;
        self.rest.extend_from_slice(samples);
        let whole = self.rest.len() / SPEECH_FRAME * SPEECH_FRAME;
        let frames: Vec<f32> = self.rest.drain(..whole).collect();
        for frame in frames.chunks_exact(SPEECH_FRAME) {
            self.frame(frame, false)?;
        }
        Ok(())
    }

    /// What of the file is complete and was not taken before.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.inner_mut())
    }

    /// The end of the file.
    pub fn finish(mut self) -> Result<Vec<u8>, OpusError> {
        // The encoder holds back its lookahead; silence pushes it out, and the last position cuts the silence off.
        let end = self.samples + self.lookahead;
        while (self.frames + 1) * (SPEECH_FRAME as u64) < end {
            let mut frame = std::mem::take(&mut self.rest);
            frame.resize(SPEECH_FRAME, 0.0);
            self.frame(&frame, false)?;
        }
        let mut frame = std::mem::take(&mut self.rest);
        frame.resize(SPEECH_FRAME, 0.0);
        self.frame(&frame, true)?;
        Ok(self.take())
    }

    fn frame(&mut self, frame: &[f32], last: bool) -> Result<(), OpusError> {
        let packet = self.encoder.encode(frame)?;
        self.frames += 1;
        let end = self.frames * SPEECH_FRAME as u64;
        let (info, position) = if last {
            (PacketWriteEndInfo::EndStream, end.min(self.samples + self.lookahead))
        } else if self.frames.is_multiple_of(FRAMES_PER_PAGE) {
            (PacketWriteEndInfo::EndPage, end)
        } else {
            (PacketWriteEndInfo::NormalPacket, end)
        };
        self.write(packet, info, position * TICKS_PER_SAMPLE);
        Ok(())
    }

    fn write(&mut self, packet: Vec<u8>, info: PacketWriteEndInfo, position: u64) {
        // Writing to memory does not fail.
        let _ = self.writer.write_packet(Cow::Owned(packet), SERIAL, info, position);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pipeline::cancel::Cancel;
    use crate::pipeline::codec::container;

    #[test]
    fn what_is_written_is_read_again_and_lasts_as_long() {
        for (samples, piece) in [(24_000, 7_000), (480, 480), (1, 1), (25_001, 25_001)] {
            let tone: Vec<f32> = (0..samples).map(|i| (i as f32 * 0.1).sin() * 0.5).collect();
            let mut file = OggOpus::new().unwrap();
            let mut bytes = Vec::new();
            for piece in tone.chunks(piece) {
                file.push(piece).unwrap();
                bytes.extend(file.take());
            }
            bytes.extend(file.finish().unwrap());
            let heard =
                container::decode(&bytes, Duration::from_mins(1), &Cancel::default()).unwrap();
            let expected = samples * 16_000 / 24_000;
            assert!(heard.len().abs_diff(expected) <= 2, "{} of {expected}", heard.len());
            if samples > 1_000 {
                let loud = heard.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
                assert!((0.3..0.8).contains(&loud), "{loud}");
            }
        }
    }

    #[test]
    fn sound_can_be_sent_before_it_is_complete() {
        let mut file = OggOpus::new().unwrap();
        assert!(!file.take().is_empty(), "the headers");
        file.push(&vec![0.1; SPEECH_FRAME * 15]).unwrap();
        assert!(!file.take().is_empty(), "the first page");
        assert!(file.take().is_empty());
    }
}
