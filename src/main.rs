//! The program `sotto`.

use std::alloc::System;

use clap::Parser;
use zeroizing_alloc::ZeroAlloc;

/// Overwrites memory when it is freed, so that what was said, and the keys that open it, do not lie about in
/// it wherever a copy was made. Only the program chooses an allocator: whoever uses the library has their own,
/// and tests and benches measure without it. It does not reach the memory of C libraries, nor stacks.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> std::process::ExitCode {
    set_threads();
    match sotto::cli::Cli::parse().run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sotto: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// Tells candle's two thread pools how many threads to use: all cores for products of matrices, and none
/// for the pool that spins between small operations and takes their time away.
fn set_threads() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    for (name, value) in [("RAYON_NUM_THREADS", cores.as_str()), ("CANDLE_NUM_THREADS", "1")] {
        if std::env::var_os(name).is_none() {
            #[expect(unsafe_code, reason = "nothing else runs yet that could read the environment")]
            unsafe {
                std::env::set_var(name, value);
            }
        }
    }
}
