//! What a program that was built for CUDA needs on the machine where it runs: a driver, libraries of one release,
//! and a GPU for which its kernels were made.

/// Comes with the driver, never with CUDA.
const DRIVER: &str = "libcuda.so.1";

/// What a build was made for, as `scripts/cuda.sh` says it at build time; unknown in a build without it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Build {
    /// As `CUDARC_CUDA_VERSION`: `13000` is CUDA 13.0.
    pub version: Option<&'static str>,
    /// As `CUDA_COMPUTE_CAP`: `80` is compute capability 8.0.
    pub capability: Option<&'static str>,
}

impl Build {
    /// Checks that all libraries load, by trying it with `load`, which gives the loader's reason if not.
    ///
    /// The names that count have a version: libraries of another release have other functions.
    pub fn check_libraries(self, load: impl Fn(&str) -> Result<(), String>) -> Result<(), String> {
        load(DRIVER).map_err(|why| {
            format!(
                "there is no NVIDIA driver here (in a container: start it with --gpus all): {why}"
            )
        })?;
        let Some(major) = self.major() else { return Ok(()) };
        let names = [("cublasLt", major), ("cublas", major), ("curand", 10), ("nvrtc", major)];
        let missing: Vec<String> = names
            .iter()
            .filter_map(|(name, version)| load(&format!("lib{name}.so.{version}")).err())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "libraries of CUDA {major} are missing; install them, or name their folder in LD_LIBRARY_PATH: {}",
            missing.join("; ")
        ))
    }

    /// Checks that the kernels run on a GPU of this compute capability.
    pub fn check_gpu(self, (major, minor): (i32, i32)) -> Result<(), String> {
        let Some((built, suffix)) = self.capability.and_then(capability) else { return Ok(()) };
        let gpu = major * 10 + minor;
        // The driver compiles kernels for newer GPUs, unless they were made with features of one generation; and so
        // is all that candle-kernels builds from 9.0 on.
        let fits = if built < 90 && !suffix { gpu >= built } else { gpu == built };
        if fits {
            return Ok(());
        }
        Err(format!(
            "this program was built for compute capability {}.{}, and the GPU has {major}.{minor}; \
             build it with: CUDA_COMPUTE_CAP={gpu} make cuda",
            built / 10,
            built % 10
        ))
    }

    fn major(self) -> Option<u32> {
        self.version?.parse::<u32>().ok().map(|version| version / 1000)
    }
}

/// `80`, `8.0`-like spellings without the dot, `sm_90a`: the number, and whether it has a suffix.
fn capability(text: &str) -> Option<(i32, bool)> {
    let text = text.trim().trim_start_matches("sm_");
    let digits = text.trim_end_matches(['a', 'f']);
    let number: i32 = digits.parse().ok()?;
    Some((if number < 20 { number * 10 } else { number }, digits.len() < text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: Build = Build { version: Some("13000"), capability: Some("80") };

    /// A machine that has these libraries.
    fn machine(libraries: &[&str]) -> impl Fn(&str) -> Result<(), String> {
        move |name| {
            let here = libraries.contains(&name);
            here.then_some(()).ok_or_else(|| format!("{name}: cannot open shared object file"))
        }
    }

    #[test]
    fn without_a_driver_nothing_else_is_looked_for() {
        let refusal = BUILD.check_libraries(machine(&["libcublas.so.13"])).unwrap_err();
        assert!(refusal.contains("driver") && refusal.contains("libcuda.so.1"), "{refusal}");
        assert!(!refusal.contains("nvrtc"), "{refusal}");
    }

    #[test]
    fn missing_libraries_are_named_with_their_version() {
        let some = ["libcuda.so.1", "libcublasLt.so.13", "libcublas.so.12", "libcurand.so.10"];
        let refusal = BUILD.check_libraries(machine(&some)).unwrap_err();
        assert!(
            refusal.contains("libcublas.so.13") && refusal.contains("libnvrtc.so.13"),
            "{refusal}"
        );
        assert!(!refusal.contains("libcurand") && !refusal.contains("libcublasLt"), "{refusal}");
        assert!(refusal.contains("LD_LIBRARY_PATH"), "{refusal}");
    }

    #[test]
    fn a_complete_machine_passes() {
        let all = [
            "libcuda.so.1",
            "libcublas.so.12",
            "libcublasLt.so.12",
            "libcurand.so.10",
            "libnvrtc.so.12",
        ];
        let build = Build { version: Some("12080"), ..BUILD };
        assert_eq!(build.check_libraries(machine(&all)), Ok(()));
        // Linked the usual way the libraries are here, or the program had not started.
        let unknown = Build { version: None, ..BUILD };
        assert_eq!(unknown.check_libraries(machine(&["libcuda.so.1"])), Ok(()));
    }

    #[test]
    fn kernels_run_on_newer_gpus_unless_they_were_made_for_one_generation() {
        let fits = |capability, gpu| Build { capability, ..BUILD }.check_gpu(gpu).is_ok();
        for gpu in [(8, 0), (8, 9), (9, 0), (12, 0)] {
            assert!(fits(Some("80"), gpu), "{gpu:?}");
        }
        assert!(!fits(Some("80"), (7, 5)));
        assert!(
            fits(Some("90"), (9, 0)) && !fits(Some("90"), (10, 0)) && !fits(Some("sm_90a"), (8, 9))
        );
        assert!(fits(Some("8"), (8, 6)));
        assert!(fits(None, (5, 0)) && fits(Some("native"), (5, 0)));
        let refusal = Build { capability: Some("90"), ..BUILD }.check_gpu((8, 9)).unwrap_err();
        assert!(refusal.contains("9.0") && refusal.contains("CUDA_COMPUTE_CAP=89"), "{refusal}");
    }
}
