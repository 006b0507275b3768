//! Recordings as people send them, to 16 kHz mono.
//!
//! WAV, MP3, FLAC, Ogg (Opus, Vorbis, FLAC), WebM and MP4 (Opus, AAC): what phones, browsers and recorders write. The
//! kind is found in the bytes, not in a name. [`source`] takes containers and codecs apart, [`mono`] makes one channel
//! at one rate of what comes out, piece by piece, so that a file which is too long ends early and not in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use self::mono::Mono;
use self::source::End;
use crate::pipeline::cancel::Cancel;

mod mono;
mod source;
#[cfg(test)]
mod tests;

/// A recording cannot be read. The messages are for the person who sent it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// Not a byte.
    #[error("the file is empty")]
    Empty,
    /// Not a recording, or of a kind that is not known.
    #[error("this is not a recording that can be read; WAV, MP3, FLAC, Ogg, WebM and M4A can")]
    Unknown,
    /// A known kind of file, in which nothing is to be heard: a film without sound, say.
    #[error("there is no sound in the file")]
    NoAudio,
    /// A known kind of file, with something in it that cannot be read.
    #[error("the recording cannot be read: {0}")]
    Unsupported(String),
    /// Broken before any sound could be read.
    #[error("the file is damaged")]
    Damaged,
    /// It lasts too long.
    #[error("the recording is longer than {}", spoken(*.longest))]
    TooLong {
        /// The limit.
        longest: Duration,
    },
    /// Samples that are infinite, or no numbers at all.
    #[error("the recording holds samples that are not numbers")]
    NotNumbers,
    /// Nobody waits for it any more.
    #[error("cancelled")]
    Cancelled,
}

/// Reads a recording of at most `longest` and gives mono samples at 16 kHz, ±1. Takes a while: not for the async runtime.
///
/// A valid file without sound gives no samples. Of a file whose end is missing or broken, what came before counts.
/// Looks at `cancel` between packets.
pub fn decode(
    bytes: &[u8],
    longest: Duration,
    cancel: &Cancel,
) -> Result<Vec<f32>, ContainerError> {
    if bytes.is_empty() {
        return Err(ContainerError::Empty);
    }
    let mut mono = Mono::new(longest);
    // Anybody may send anything, and the readers are not ours. Whatever they trip over, it is only the file.
    let read = catch_unwind(AssertUnwindSafe(|| source::read(bytes, &mut mono, cancel)));
    match read.unwrap_or(Ok(End::Damaged))? {
        End::Damaged if mono.is_empty() => Err(ContainerError::Damaged),
        End::Damaged | End::Whole => Ok(mono.finish()),
    }
}

fn spoken(length: Duration) -> String {
    match length.as_secs() {
        seconds if seconds >= 120 && seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}
