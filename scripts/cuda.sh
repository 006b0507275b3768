#!/usr/bin/env bash
# Builds the program for NVIDIA GPUs: scripts/cuda.sh COMMAND
#
#   build   the release program, which also runs where there is no GPU, no driver and no CUDA
#   check   compiles the GPU kernels and checks the types, links nothing
#   test    builds and runs tests; those that need a GPU are ignored (scripts/check-gpu.sh runs them)
#   patch   only says whether our changes fit the versions in Cargo.lock; needs no nvcc
#   libraries [FOLDER]   fetches the libraries that the program needs beside the driver where it runs
#
# What follows `build`, `check` and `test` is for cargo.
# nvcc is taken from NVCC, CUDA_HOME or the path; if it is nowhere, NVIDIA's Python packages bring it into
# .deps/cuda. CUDA_COMPUTE_CAP says for which GPUs (see below), NVCC_CCBIN with which C++ compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# 13.0, because what nvcc 13.1 makes does not load with the drivers of CUDA 13.0 (580).
wheels=(
    nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88
    nvidia-cuda-cccl==13.0.85 nvidia-cuda-runtime==13.0.96 nvidia-curand==10.4.0.35
)

# What belongs to them where the program runs.
runtime_wheels=(nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 nvidia-curand==10.4.0.35)

# Libraries whose build scripts we change, in copies that are not committed.
candle=$PWD/.deps/candle

# nvcc's folder, two levels up; empty if there is none that is new enough.
installed_toolkit() {
    local nvcc
    for nvcc in "${NVCC:-}" "${CUDA_HOME:+$CUDA_HOME/bin/nvcc}" "$(command -v nvcc || true)"; do
        if [ -x "$nvcc" ] && [ "$(release "$nvcc" | cut -d. -f1)" -ge 12 ]; then
            dirname "$(dirname "$nvcc")"
            return
        fi
    done
}

release() { "$1" --version | sed -n 's/.*release \([0-9]*\.[0-9]*\),.*/\1/p'; } # release NVCC: 13.0

wheels_toolkit() {
    local stamp=.deps/cuda/wheels root
    if [ "$(cat "$stamp" 2>/dev/null)" != "${wheels[*]}" ]; then
        say "installing: nvcc, from NVIDIA's Python packages (into .deps/cuda, 430 MB)"
        python3 -m venv .deps/cuda
        .deps/cuda/bin/pip install --quiet --disable-pip-version-check --no-compile --no-deps "${wheels[@]}"
        printf '%s' "${wheels[*]}" >"$stamp"
    fi
    root=$(echo "$PWD"/.deps/cuda/lib/python3*/site-packages/nvidia/cu13)
    [ -x "$root/bin/nvcc" ] || fail "$root holds no nvcc; remove .deps/cuda and try again"
    [ -e "$root/lib64" ] || ln -s lib "$root/lib64"
    printf '%s' "$root"
}

# Sets the variables that the build scripts of candle-kernels and cudarc, and src/engine/device, read.
toolkit() {
    local root version
    root=$(installed_toolkit)
    [ -n "$root" ] || root=$(wheels_toolkit)
    export CUDA_HOME=$root NVCC=$root/bin/nvcc
    version=$(release "$NVCC")
    # 13.0 is written 13000, 12.8 is written 12080.
    export CUDARC_CUDA_VERSION=${CUDARC_CUDA_VERSION:-${version/./0}0}
    NVCC_CCBIN=${NVCC_CCBIN:-$(command -v g++ || true)}
    [ -n "$NVCC_CCBIN" ] || fail "nvcc needs a C++ compiler: apt install g++, or set NVCC_CCBIN"
    export NVCC_CCBIN
    # Kernels for 8.0 (2020) run on all that came later too, because the driver compiles them for the GPU that it finds.
    # From 90 on they are made for one generation alone.
    export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80}
    CUDART_LIB=$(find -L "$root" -maxdepth 4 -name libcudart_static.a -printf '%h\n' -quit)
    [ -n "$CUDART_LIB" ] || fail "$root holds no libcudart_static.a"
    export CUDART_LIB
    say "CUDA $version in $root, for compute capability $CUDA_COMPUTE_CAP"
}

# replace FILE LINE NEW…: puts lines in the place of the one line that is exactly this, or fails.
replace() {
    local file=$1 line=$2
    shift 2
    if [ "$(grep -cxF -- "$line" "$file")" != 1 ]; then
        fail "The change that lets one program run with and without CUDA does not fit this version:
  $(dirname "$file" | xargs basename) $(sed -n 's/^version = //p' "$(dirname "$file")/Cargo.toml" | head -1), build.rs: expected one line
    $line
Read that build.rs, say in scripts/cuda.sh what is to be replaced now, and prove it with: make cuda, readelf -d"
    fi
    LINE=$line NEW=$(printf '%s\n' "$@") awk '$0 == ENVIRON["LINE"] { $0 = ENVIRON["NEW"] } { print }' "$file" >"$file.new"
    mv "$file.new" "$file"
}

# As they come, these two make a program that does not even start without CUDA's libraries. In copies of them
# cudarc looks for the libraries when they are first used, and the runtime of CUDA is linked in.
patch() {
    local new=$candle.new folders
    rm -rf "$new"
    mkdir -p "$new"
    folders=$(cargo metadata --locked --format-version 1 --features cuda --filter-platform "$(rustc --print host-tuple)" |
        python3 -c 'import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] in ("cudarc", "candle-kernels"): print(os.path.dirname(package["manifest_path"]))')
    [ "$(wc -l <<<"$folders")" = 2 ] || fail "Cargo.lock should hold one cudarc and one candle-kernels; found: $folders"
    while read -r folder; do
        cp -r --preserve=timestamps "$folder" "$new/$(basename "${folder%-*}")"
    done <<<"$folders"
    # What stands there adds CUDA's libraries to the link.
    replace "$new/cudarc/build.rs" '    dynamic_linking(major, minor);' \
        '    println!("cargo:rustc-cfg=feature=\"dynamic-loading\"");'
    replace "$new/candle-kernels/build.rs" '    println!("cargo:rustc-link-lib=dylib=cudart");' \
        '    println!("cargo:rerun-if-env-changed=CUDART_LIB");' \
        '    println!("cargo:rustc-link-search=native={}", env::var("CUDART_LIB").unwrap());' \
        '    println!("cargo:rustc-link-lib=static=cudart_static");' \
        '    for library in ["dl", "rt", "pthread"] { println!("cargo:rustc-link-lib=dylib={library}"); }'
    # These kernels are machine code. For GPUs that came later there is something that the driver can compile, too.
    replace "$new/candle-kernels/build.rs" '    moe_builder.build_lib(out_dir.join("libmoe.a"))?;' \
        '    moe_builder = moe_builder.arg("-gencode=arch=compute_80,code=compute_80");' \
        '    moe_builder.build_lib(out_dir.join("libmoe.a"))?;'
    # Kernels take minutes: whatever is as it was keeps its age, so that cargo does not build it again.
    if diff -rq "$new" "$candle" >/dev/null 2>&1; then
        rm -rf "$new"
    else
        rm -rf "$candle"
        mv "$new" "$candle"
    fi
}

libraries() { # libraries FOLDER
    local wheel
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$work" "${runtime_wheels[@]}"
    for wheel in "$work"/*.whl; do python3 -m zipfile -e "$wheel" "$work"; done
    mkdir -p "$1"
    # Of cuBLAS without the part that stands in for a BLAS of the processor.
    rm -f "$work"/nvidia/cu13/lib/libnvblas.*
    mv "$work"/nvidia/cu13/lib/lib*.so.* "$1"
    say "start sotto with LD_LIBRARY_PATH=$(realpath "$1")"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
    patch) patch ;;
    build | check | test)
        toolkit
        patch
        # `check` too in the release profile: the kernels that it makes are then those of `build`.
        # `paths` leaves Cargo.lock alone, because the copies depend on the same as the originals.
        cargo "$command" --release --locked --features cuda \
            --config "paths = [\"$candle/cudarc\", \"$candle/candle-kernels\"]" "$@"
        ;;
    libraries) libraries "${1:-.deps/cuda-libraries}" ;;
    *) fail "scripts/cuda.sh build|check|test|patch|libraries" ;;
esac
