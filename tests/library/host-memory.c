/* gst-ddpm: how much memory is available
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sys/resource.h>
#include "kernels/host-memory.h"
#include "tests/support/files.h"
#include "tests/support/kernels.h"
#include "tests/support/test.h"

#define MEMINFO "MemTotal:  9000 kB\nMemAvailable:  8000 kB\nSwapFree:  1000 kB\n"
#define KB(n) ((n) * 1024)

/* Files of /proc and /sys, and what follows from them */
static const struct
{
  const gchar *name;
  const gchar *files[12][2];
  guint64 available;
  const gchar *limit;
} trees[] = {
  {"nothing-is-known", {{NULL}}, G_MAXUINT64, NULL},
  {"the-machine", {{"/proc/meminfo", MEMINFO}}, KB (9000),
      "MemAvailable and SwapFree of /proc/meminfo"},
  {"a-group-without-limit", {
              {"/proc/meminfo", MEMINFO}, {"/proc/self/cgroup", "0::/a\n"},
              {"/sys/fs/cgroup/a/memory.max", "max\n"},
          {"/sys/fs/cgroup/a/memory.current", "1024\n"}},
      KB (9000), "MemAvailable and SwapFree of /proc/meminfo"},
  /* 4000 of 5000 are used, 700 for copies of files; 300 of swap */
  {"a-group", {
              {"/proc/meminfo", MEMINFO}, {"/proc/self/cgroup", "0::/a\n"},
              {"/sys/fs/cgroup/a/memory.max", "5120000\n"},
              {"/sys/fs/cgroup/a/memory.current", "4096000\n"},
              {"/sys/fs/cgroup/a/memory.stat",
                  "anon 1\ninactive_file 512000\nactive_file 204800\n"},
              {"/sys/fs/cgroup/a/memory.swap.max", "409600\n"},
          {"/sys/fs/cgroup/a/memory.swap.current", "102400\n"}},
      KB (1000 + 700 + 300), "memory.max of the cgroup /sys/fs/cgroup/a"},
  {"the-group-around-it", {
              {"/proc/self/cgroup", "1:name=systemd:/x\n0::/a/b\n"},
              {"/sys/fs/cgroup/a/b/memory.max", "5120000\n"},
              {"/sys/fs/cgroup/a/b/memory.current", "0\n"},
              {"/sys/fs/cgroup/a/memory.max", "2048000\n"},
          {"/sys/fs/cgroup/a/memory.current", "1024000\n"}},
      KB (1000), "memory.max of the cgroup /sys/fs/cgroup/a"},
  /* of a container, which sees the upper end alone */
  {"a-group-whose-path-is-not-here", {
              {"/proc/self/cgroup", "0::/machine/1234\n"},
              {"/sys/fs/cgroup/memory.max", "2048000\n"},
          {"/sys/fs/cgroup/memory.current", "1024000\n"}},
      KB (1000), "memory.max of the cgroup /sys/fs/cgroup"},
  {"a-group-that-is-full", {
              {"/proc/self/cgroup", "0::/\n"},
              {"/sys/fs/cgroup/memory.max", "1024000\n"},
          {"/sys/fs/cgroup/memory.current", "2048000\n"}},
      0, "memory.max of the cgroup /sys/fs/cgroup"},
  {"a-group-of-version-1", {
              {"/proc/meminfo", MEMINFO},
              {"/proc/self/cgroup", "5:cpu,memory:/a\n4:freezer:/b\n0::/\n"},
              {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5120000\n"},
              {"/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "4096000\n"},
              {"/sys/fs/cgroup/memory/a/memory.stat",
                  "inactive_file 1\ntotal_inactive_file 512000\n"},
              {"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                  "9223372036854771712\n"},
          {"/sys/fs/cgroup/memory/memory.usage_in_bytes", "9\n"}},
      KB (1000 + 500 + 1000),
      "memory.limit_in_bytes of the cgroup /sys/fs/cgroup/memory/a"},
  {"lines-that-say-nothing", {
              {"/proc/meminfo", "MemAvailable: ?\n"},
              {"/proc/self/cgroup", "\n:\n0:\n0::\n0::/a\n"},
              {"/sys/fs/cgroup/a/memory.max", "\n"},
          {"/proc/self/statm", ""}},
      G_MAXUINT64, NULL},
};

TABLE_TEST (the_smallest_counts, trees)
{
  g_autoptr (TestFolder) root = test_files_make_folder ();
  DdpmHostMemory memory;

  for (guint i = 0; row->files[i][0]; i++) {
    g_autofree gchar *path = g_strconcat (root, row->files[i][0], NULL);
    g_autofree gchar *folder = g_path_get_dirname (path);

    g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
    g_assert_true (g_file_set_contents (path, row->files[i][1], -1, NULL));
  }
  ddpm_host_memory_init (&memory, root);
  g_assert_cmpuint (memory.available, ==, row->available);
  g_assert_cmpstr (memory.limit, ==, row->limit);
  ddpm_host_memory_clear (&memory);
}

TEST (subprocess_use_a_gigabyte_of_addresses)
{
  const struct rlimit limit = { 1 << 30, 1 << 30 };
  DdpmHostMemory memory;

  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
  ddpm_host_memory_init (&memory, "");
  g_assert_cmpuint (memory.available, <, 1 << 30);
  g_assert_cmpstr (memory.limit, ==, "RLIMIT_AS (ulimit -v)");
  ddpm_host_memory_clear (&memory);
}

TEST (a_limit_of_the_process_counts)
{
#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("AddressSanitizer reserves terabytes of addresses");
  return;
#endif
  g_test_trap_subprocess ("/host-memory/subprocess/use-a-gigabyte-of-addresses",
      0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* The limits of this machine, whatever they are, leave something. */
TEST (something_is_available_here)
{
  DdpmHostMemory memory;

  ddpm_host_memory_init (&memory, "");
  g_assert_cmpuint (memory.available, >, 16 << 20);
  g_assert_nonnull (memory.limit);
  ddpm_host_memory_clear (&memory);
}

TABLE_TEST (an_error_has_both_numbers, test_backends)
{
  g_autoptr (DdpmBackend) b = test_backend_new (row->kind);

  g_setenv ("GST_DDPM_TEST_MEMORY", "100", TRUE);
  g_assert_true (ddpm_backend_check_room (b, 80 << 20, "it", NULL));
  assert_fails_saying (ddpm_backend_check_room (b, 128 << 20, "it", &error),
      DDPM_ERROR_NO_SPACE, "not enough memory: it needs 146 MiB, and 100 MiB "
      "are available (GST_DDPM_TEST_MEMORY)");
  assert_fails (ddpm_backend_check_room (b, G_MAXSIZE, "it", &error),
      DDPM_ERROR_NO_SPACE, NULL);
  g_unsetenv ("GST_DDPM_TEST_MEMORY");
}
