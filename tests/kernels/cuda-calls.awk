# gst-ddpm: what the sources of the CUDA backend promise of each call
# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   awk -f cuda-calls.awk kernels/cuda/*.c kernels/cuda/kernels/*.cu
#
# - What CUDA, cuDNN and cuBLASLt return is never dropped, but by functions
#   that only give back descriptors, which are memory of the host.
# - A function that launches kernels asks whether that went well.
# - Memory of the device, and pinned memory, is taken where plans are made and
#   nowhere else.

BEGIN {
  split("cudnnBackendDestroyDescriptor cublasLtMatmulDescDestroy " \
    "cublasLtMatrixLayoutDestroy cublasLtMatmulPreferenceDestroy " \
    "cudaGetLastError cudnnGetLastErrorString", names)
  for (i in names)
    droppable[names[i]] = 1
  split("alloc_zeroed:cudaMalloc ddpm_cuda_staging_init:cudaMalloc " \
    "ddpm_cuda_staging_init:cudaHostAlloc alloc_buffers:cudaHostAlloc " \
    "alloc_buffers:cudaMalloc conv_new:ddpm_cuda_alloc", names)
  for (i in names)
    planning[names[i]] = 1
}

function fault(what) {
  printf "%s: %s (): %s\n", file, name, what
  faults++
}

# body: of one function, without comments and strings, in one line
function check(body,    rest, call, before) {
  rest = body
  before = ""
  while (match(rest, /(cuda|cudnn|cublasLt)[A-Z][A-Za-z0-9_]* \(|ddpm_cuda_alloc \(/)) {
    call = substr(rest, RSTART, RLENGTH - 2)
    before = before substr(rest, 1, RSTART - 1)
    # behind the end of a statement, a condition, a label or an else
    if (call != "ddpm_cuda_alloc" && !(call in droppable) \
        && before ~ /([;{})]|else|; *[a-z_]+:) *$/)
      fault("drops what " call " () returns")
    if (call ~ /^cuda(Malloc|HostAlloc|HostRegister|MemPool)|^ddpm_cuda_alloc$/) {
      calls++
      if (!((name ":" call) in planning))
        fault("takes memory by " call " ()")
    }
    before = before substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
  }
  if (body ~ /ddpm_cuda_kern_[a-z_]+ \(b->stream/ && body !~ /ddpm_cuda_launch_ok \(/)
    fault("launches a kernel and asks for no failure")
  if (body ~ /[^a-z_](malloc|calloc|new) /)
    fault("takes memory in a kernel")
  functions++
}

FNR == 1 {
  file = FILENAME
  sub(/.*\//, "", file)
  inside = comment = 0
}

{
  gsub(/\\./, "")
  gsub(/"[^"]*"/, "\"\"")
  gsub(/\/\*([^*]|\*[^\/])*\*\//, "")
  if (comment && !sub(/.*\*\//, ""))
    next
  comment = sub(/\/\*.*/, "")
}

/^[A-Za-z_0-9]+ \(/ {
  name = $1
}

/^\{/ {
  inside = 1
  body = ""
}

inside {
  body = body " " $0
}

/^\}/ && inside {
  inside = 0
  check(body)
}

END {
  # that nothing was found would be no proof
  if (functions < 100 || calls < 5) {
    printf "%d functions, %d calls that take memory: not the sources\n",
      functions, calls
    faults++
  }
  exit faults > 0
}
