/* gst-ddpm: tests that register themselves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "tests/support/test.h"

static GArray *cases;

void
test_register (const TestCase * c)
{
  if (cases == NULL)
    cases = g_array_new (FALSE, FALSE, sizeof (TestCase));
  g_array_append_vals (cases, c, 1);
}

/* "/program/a-name", or "/program/a-name/row"; subprocess_a_name is only run
 * by g_test_trap_subprocess ("/program/subprocess/a-name"). */
static gchar *
make_path (const gchar * name, const gchar * row)
{
  g_autofree gchar *file = g_path_get_basename (g_get_prgname ());
  const gchar *program = g_str_has_prefix (file, "test-") ? file + 5 : file;
  const gboolean alone = g_str_has_prefix (name, "subprocess_");
  gchar *path = g_strconcat ("/", program, alone ? "/subprocess/" : "/",
      alone ? name + strlen ("subprocess_") : name, row ? "/" : NULL, row,
      NULL);

  return g_strdelimit (path, "_", '-');
}

typedef struct
{
  const TestCase *c;
  gconstpointer row;
} RowCase;

/* A failure names the function; this names the row, before. */
static void
run_row (gconstpointer data)
{
  const RowCase *r = data;
  g_autofree gpointer fixture = g_malloc0 (r->c->fixture_size);

  g_test_message ("%s", g_test_get_path ());
  if (r->c->fixture_func) {
    r->c->setup (fixture, r->row);
    r->c->fixture_func (fixture, r->row);
    r->c->teardown (fixture, r->row);
  } else {
    r->c->row_func (r->row);
  }
}

static void
add_row (const TestCase * c, gconstpointer row)
{
  const RowCase r = { c, row };
  g_autofree gchar *path = make_path (c->name, *(const gchar * const *) row);

  g_test_add_data_func_full (path, g_memdup2 (&r, sizeof (r)), run_row, g_free);
}

static void
add_case (const TestCase * c)
{
  g_autofree gchar *path = make_path (c->name, NULL);

  if (c->fixture_func)
    g_test_add_vtable (path, c->fixture_size, NULL, c->setup, c->fixture_func,
        c->teardown);
  else
    g_test_add_func (path, c->func);
}

/* In the place of g_test_init (): adds all cases, too. */
void
test_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  for (guint i = 0; cases && i < cases->len; i++) {
    const TestCase *c = &g_array_index (cases, TestCase, i);

    if (c->rows == NULL)
      add_case (c);
    for (gsize r = 0; r < c->n_rows; r++)
      add_row (c, (const guint8 *) c->rows + r * c->row_size);
  }
}
