/* gst-ddpm: tests of ddpmdenoise: one error for a device that is not there or
 * that fails
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"

/* As backend=cuda finds it there */
static GstElement *
of_module (const gchar * where, guint steps)
{
  g_setenv ("GST_DDPM_MODULE_DIR", where, TRUE);
  return launch ("ddpmnoise num-buffers=1 ! other/tensors,dimensions=(string)"
      "3:6:4:1 ! ddpmdenoise backend=cuda model=%s/model-3-10.bin steps=%u ! "
      "appsink name=sink sync=false", model_folder, steps);
}

TEST (a_module_that_is_not_there)
{
  assert_error (of_module ("/nowhere", 2), INIT_ERROR,
      "/nowhere/libgstddpm-cuda.so");
}

/* The one who is asked for memory of a GPU, before anybody else is */
TEST (noise_of_a_device_without_a_module)
{
  g_setenv ("GST_DDPM_MODULE_DIR", "/nowhere", TRUE);
  assert_error (launch ("ddpmnoise ! other/tensors(memory:CUDAMemory) ! "
          "fakesink"), INIT_ERROR, "/nowhere/libgstddpm-cuda.so");
}

TEST (a_module_is_opened_where_it_is_said_to_be)
{
  GstElement *pipeline = of_module (g_getenv ("DDPM_FRAIL_DIR"), 3);

  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 1);
  stop_and_free (pipeline);
}

TEST (a_step_that_fails)
{
  assert_error (of_module (g_getenv ("DDPM_FRAIL_DIR"), 8), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_FAILED, "the card fell out");
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
