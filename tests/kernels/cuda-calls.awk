# gst-ddpm: rules for every call in the sources of the CUDA backend
# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   awk -f cuda-calls.awk kernels/cuda/*.c kernels/cuda/kernels/*.cu
#
# - No status of CUDA, cuDNN and cuBLASLt is ignored, except when descriptors are
#   destroyed, which are host memory.
# - A function that launches kernels calls ddpm_cuda_launch_ok ().
# - Only functions that make backends and plans allocate device or pinned memory.

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
      fault("ignores the status of " call " ()")
    if (call ~ /^cuda(Malloc|HostAlloc|HostRegister|MemPool)|^ddpm_cuda_alloc$/) {
      calls++
      if (!((name ":" call) in planning))
        fault("allocates memory by " call " ()")
    }
    before = before substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
  }
  if (body ~ /ddpm_cuda_kern_[a-z_]+ \(b->stream/ && body !~ /ddpm_cuda_launch_ok \(/)
    fault("launches a kernel and does not check it")
  if (body ~ /[^a-z_](malloc|calloc|new) /)
    fault("allocates memory in a kernel")
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
  # finding nothing would prove nothing
  if (functions < 100 || calls < 5) {
    printf "%d functions, %d calls that allocate: these are not the sources\n",
      functions, calls
    faults++
  }
  exit faults > 0
}
