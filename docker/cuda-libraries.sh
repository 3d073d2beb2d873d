#!/bin/sh
# Puts ONNX Runtime's CUDA build and the NVIDIA libraries it loads into a folder (/opt/cuda unless another is given).
# Fails when a library is missing that an NVIDIA driver does not bring. Needs Linux on x86-64, Python 3 and its pip.
set -eu
out=${1:-/opt/cuda}
requirements=$(dirname "$0")/cuda-requirements.txt
wheels=$(mktemp -d)
unpacked=$(mktemp -d)

# The libraries in the wheels are the same for every Python; the hashes are those of the wheels for 3.11.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --python-version 3.11 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
  --dest "$wheels" --requirement "$requirements"
for wheel in "$wheels"/*.whl; do
  python3 -m zipfile -e "$wheel" "$unpacked"
  rm "$wheel"
done

mkdir -p "$out"
# Both packages' layouts: nvidia/<part>/lib/ and, since CUDA 13, nvidia/cu13/lib/.
find "$unpacked/nvidia" -path '*/lib/*' -name '*.so*' -exec mv -t "$out" {} +
mv "$unpacked"/onnxruntime/capi/libonnxruntime.so.* \
  "$unpacked"/onnxruntime/capi/libonnxruntime_providers_cuda.so \
  "$unpacked"/onnxruntime/capi/libonnxruntime_providers_shared.so "$out"
ln -sf "$(basename "$out"/libonnxruntime.so.*)" "$out/libonnxruntime.so.1"
# Providers look for these without a version.
ln -sf libcudnn.so.9 "$out/libcudnn.so"
ln -sf libnvrtc.so.13 "$out/libnvrtc.so"
# cuBLAS as a replacement for programs that call BLAS on the CPU, and nvrtc's second build: nothing here asks for them.
rm -f "$out"/libnvblas.so* "$out"/libnvrtc*.alt.so*
chmod -R a+rX,go-w "$out"
rm -r "$wheels" "$unpacked"

missing=$(LD_LIBRARY_PATH=$out ldd "$out"/libonnxruntime_providers_cuda.so "$out"/libcudnn*.so.* |
  awk '/not found/ && $1 != "libcuda.so.1" { print $1 }' | sort -u)
if [ -n "$missing" ]; then
  echo "the CUDA provider needs libraries that cuda-requirements.txt does not bring: $missing" >&2
  exit 1
fi
