/* gst-ddpm: the main function of test programs that have none
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/test.h"

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  return g_test_run ();
}
