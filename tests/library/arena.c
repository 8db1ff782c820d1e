/* gst-ddpm: placing buffers in one allocation
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/unet/arena.h"
#include "tests/support/test.h"

#define N 60

/* Both alive and on the same bytes */
static gboolean
meet (const DdpmSpan * a, const DdpmSpan * b)
{
  return a->first <= b->last && b->first <= a->last
      && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

TEST (no_two_buffers_share_a_byte_at_one_time)
{
  for (guint round = 0; round < 50; round++) {
    DdpmSpan spans[N];
    gsize total, end = 0;

    for (guint i = 0; i < N; i++) {
      const guint first = g_test_rand_int_range (0, 100);

      spans[i] = (DdpmSpan) {
      g_test_rand_int_range (1, 5000), first,
            first + g_test_rand_int_range (0, 30), 0};
    }
    total = ddpm_arena_place (spans, N);
    for (guint i = 0; i < N; i++) {
      g_assert_cmpuint (spans[i].offset % 64, ==, 0);
      end = MAX (end, spans[i].offset + spans[i].size);
      for (guint k = 0; k < i; k++)
        g_assert_false (meet (&spans[i], &spans[k]));
    }
    g_assert_cmpuint (total, ==, end);
  }
}

TEST (memory_is_used_again)
{
  DdpmSpan spans[] = { {100, 0, 1}, {1000, 1, 2}, {100, 2, 3}, {1000, 3, 4}
  };

  g_assert_cmpuint (ddpm_arena_place (spans, 4), ==, 1024 + 128);
}

TEST (what_cannot_be_addressed_is_said_to_be_too_large)
{
  DdpmSpan huge[] = { {G_MAXSIZE, 0, 0}
  };
  DdpmSpan many[] = { {G_MAXSSIZE - 64, 0, 0}, {G_MAXSSIZE - 64, 0, 0},
  {1000, 0, 0}
  };

  g_assert_cmpuint (ddpm_arena_place (huge, 1), ==, G_MAXSIZE);
  g_assert_cmpuint (ddpm_arena_place (many, 3), ==, G_MAXSIZE);
}
