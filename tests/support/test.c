/* gst-ddpm: tests that register themselves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "tests/support/test.h"


typedef struct
{
  const gchar *name;
  GTestFunc func;
  GTestDataFunc data_func;
  gsize size;
  GTestFixtureFunc setup, fixture_func, teardown;
} Case;

static GArray *cases;

static void
add (Case new)
{
  if (cases == NULL)
    cases = g_array_new (FALSE, FALSE, sizeof (Case));
  g_array_append_val (cases, new);
}

void
test_register (const gchar * name, GTestFunc func)
{
  add ((Case) {
      .name = name,.func = func});
}

void
test_register_data (const gchar * name, GTestDataFunc func)
{
  add ((Case) {
      .name = name,.data_func = func});
}

void
test_register_fixture (const gchar * name, gsize size,
    GTestFixtureFunc setup, GTestFixtureFunc func, GTestFixtureFunc teardown)
{
  add ((Case) {
      name, NULL, NULL, size, setup, func, teardown});
}

/* "/program/a-name", or "/program/group/a-name"; subprocess_a_name is only run
 * by g_test_trap_subprocess ("/program/subprocess/a-name"). */
static gchar *
make_path (const gchar * group, const gchar * name)
{
  g_autofree gchar *file = g_path_get_basename (g_get_prgname ());
  const gchar *program = g_str_has_prefix (file, "test-") ? file + 5 : file;
  gchar *path;

  if (g_str_has_prefix (name, "subprocess_")) {
    group = "subprocess";
    name += strlen ("subprocess_");
  }
  path = g_strjoin ("/", "", program, group ? group : name,
      group ? name : NULL, NULL);
  return g_strdelimit (path, "_", '-');
}

/* Adds the cases of TEST and FIXTURE_TEST. */
void
test_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  for (guint i = 0; cases && i < cases->len; i++) {
    const Case *c = &g_array_index (cases, Case, i);
    g_autofree gchar *path = make_path (NULL, c->name);

    if (c->func)
      g_test_add_func (path, c->func);
    else if (c->fixture_func)
      g_test_add_vtable (path, c->size, NULL, c->setup, c->fixture_func,
          c->teardown);
  }
}

/* Adds the cases of DATA_TEST once more, for data. */
void
test_add_data (const gchar * group, gconstpointer data)
{
  for (guint i = 0; cases && i < cases->len; i++) {
    const Case *c = &g_array_index (cases, Case, i);
    g_autofree gchar *path = make_path (group, c->name);

    if (c->data_func)
      g_test_add_data_func (path, data, c->data_func);
  }
}
