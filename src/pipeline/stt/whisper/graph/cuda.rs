//! Recording on a GPU.
//!
//! What is needed of the device: a stream of its own on which everything runs, no events beside it (see
//! `engine/device/cuda.rs`), and nobody else who computes on it while something is recorded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_core::cuda::cudarc::driver::{CudaGraph, sys};
use candle_core::{CudaDevice, Device, Error, Result};

use super::Launch;

/// Memory that was taken but not given back within the work is given back before the next launch.
const FLAGS: sys::CUgraphInstantiate_flags =
    sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
/// The work may do what has no place in a graph, such as loading a kernel; whether the graph is right is tried.
const MODE: sys::CUstreamCaptureMode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;

/// A graph that belongs to one thread at a time.
struct Recorded(CudaGraph);

#[expect(
    unsafe_code,
    reason = "a graph must not be used by two threads at once, and may be by one after the other: it has one owner, \
              and makes its context current wherever it is launched"
)]
unsafe impl Send for Recorded {}

impl Recorded {
    fn launch(&self) -> Result<()> {
        self.0.launch().map_err(Error::wrap)
    }
}

/// Records `work`, which is not done. It must have been done once before within [`with_lasting_parameters`], in the
/// same sizes, must drop every tensor that it makes, and must not read anything back.
pub(in super::super) fn record(device: &Device, work: &dyn Fn() -> Result<()>) -> Result<Launch> {
    let device = device.as_cuda_device()?;
    if device.is_event_tracking() {
        return Err(Error::msg("the device was not opened for graphs"));
    }
    let stream = device.cuda_stream();
    stream.synchronize().map_err(Error::wrap)?;
    stream.begin_capture(MODE).map_err(Error::wrap)?;
    let done = catch_unwind(AssertUnwindSafe(work));
    // What went wrong while tensors were dropped is told to whoever asks next. That must not be the end, or the
    // stream would never come out of this.
    let dropped = stream.context().check_err();
    let ended = stream.end_capture(FLAGS);
    done.unwrap_or_else(|_| Err(Error::msg("the work panicked while it was recorded")))?;
    let graph = ended.map_err(Error::wrap)?.ok_or_else(|| Error::msg("nothing was recorded"))?;
    dropped.map_err(Error::wrap)?;
    graph.upload().map_err(Error::wrap)?;
    let recorded = Recorded(graph);
    Ok(Box::new(move || recorded.launch()))
}

/// Does `work`, in which small parameters of kernels (shapes, strides) are copied to the device once for all and stay
/// there, as a graph needs it. Only for work in few sizes: they are never freed.
pub(in super::super) fn with_lasting_parameters<T>(device: &Device, work: impl FnOnce() -> T) -> T {
    let _kept = device.as_cuda_device().ok().map(CudaDevice::enable_cuda_graph_htod_cache);
    work()
}
