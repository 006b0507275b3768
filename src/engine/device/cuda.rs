//! An NVIDIA GPU, if the machine has one and all that belongs to it.

use std::panic::catch_unwind;

use candle_core::Device as Candle;

use super::Opened;
use super::requirements::Build;

const BUILD: Build = Build {
    version: option_env!("CUDARC_CUDA_VERSION"),
    capability: option_env!("CUDA_COMPUTE_CAP"),
};

/// The first GPU that `CUDA_VISIBLE_DEVICES` leaves, or why there is none. cudarc panics where a library or one of
/// its functions is missing, so the libraries are looked for first.
pub(super) fn open() -> Result<Opened, String> {
    BUILD.check_libraries(load)?;
    // What can still panic is a driver that lacks a function.
    let opened = catch_unwind(open_first);
    opened.unwrap_or_else(|_| Err("the NVIDIA driver is too old for this program".to_owned()))
}

fn open_first() -> Result<Opened, String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    // A stream of its own: what runs on the default stream cannot be captured as a graph.
    let candle = Candle::new_cuda_with_stream(0).map_err(|error| said(&error))?;
    let device = candle.as_cuda_device().map_err(|error| said(&error))?;
    #[expect(unsafe_code, reason = "everything that is computed here runs on one stream, in order")]
    // With events beside it nothing can be captured, and each tensor costs two.
    unsafe {
        device.disable_event_tracking();
    }
    let stream = device.cuda_stream();
    let gpu = stream.context();
    let capability = gpu.compute_capability().map_err(|error| said(&error))?;
    BUILD.check_gpu(capability)?;
    let name = gpu.name().map_err(|error| said(&error))?;
    let memory = gpu.total_mem().map_err(|error| said(&error))? >> 30;
    let (major, minor) = capability;
    let name = format!("{name} ({memory} GiB, compute capability {major}.{minor})");
    Ok(Opened { candle, name })
}

/// Whether the loader finds a library; its words if not.
fn load(name: &str) -> Result<(), String> {
    #[expect(
        unsafe_code,
        reason = "the libraries are NVIDIA's, and what they run when they are loaded is theirs"
    )]
    let loaded = unsafe { libloading::Library::new(name) };
    match loaded {
        // It is needed right afterwards: loading it twice would take twice as long.
        Ok(library) => std::mem::forget(library),
        Err(error) => {
            let words = std::error::Error::source(&error).map(ToString::to_string);
            return Err(words.unwrap_or_else(|| format!("{name}: {error}")));
        }
    }
    Ok(())
}
