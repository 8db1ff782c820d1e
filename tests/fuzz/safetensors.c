/* gst-ddpm: fuzzing safetensors files, byte by byte
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/fuzz/fuzz.h"

void
fuzz_one (FuzzInput * in)
{
  fuzz_read_tensors (fuzz_write_file (in->data, in->size));
}
