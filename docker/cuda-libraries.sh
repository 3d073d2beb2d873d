#!/bin/sh
# Puts ONNX Runtime's CUDA build and the NVIDIA libraries it loads into /opt/cuda. Fails when a library is missing
# that an NVIDIA driver does not bring.
set -eu
out=/opt/cuda
wheels=$(mktemp -d)
unpacked=$(mktemp -d)

pip download --quiet --no-deps --only-binary=:all: --require-hashes --dest "$wheels" --requirement cuda-requirements.txt
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
ln -s "$(basename "$out"/libonnxruntime.so.*)" "$out/libonnxruntime.so.1"
# Providers look for these without a version.
ln -s libcudnn.so.9 "$out/libcudnn.so"
ln -s libnvrtc.so.13 "$out/libnvrtc.so"
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
