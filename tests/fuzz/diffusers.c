/* gst-ddpm: fuzzing the configurations of diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: config.json, a form feed, scheduler_config.json
 */
#include <string.h>

#include "gst-ddpm/files/diffusers-config.h"
#include "tests/fuzz/fuzz.h"

/* A file without tensors */
static DdpmTensorFile *
open_empty (void)
{
  static const gchar empty[] = "\2\0\0\0\0\0\0\0{}";
  g_autoptr (GBytes) bytes = g_bytes_new_static (empty, sizeof empty - 1);

  return ddpm_tensor_file_open_bytes (bytes, "fuzz", NULL);
}

/* The layers of a network that was accepted can be counted and named. */
static void
check_network (DdpmTensorFile * file, const DdpmConfig * config)
{
  DdpmParams *params;
  GError *error = NULL;

  if (!ddpm_config_check (config, NULL))
    return;
  params = ddpm_params_new (config, &error);
  fuzz_check_error (params != NULL, error);
  if (params == NULL)
    return;
  error = NULL;
  g_assert_null (ddpm_family_require (DDPM_FAMILY_DIFFUSERS, file, config,
          params, &error));
  fuzz_check_error (FALSE, error);
  ddpm_params_free (params);
}

static DdpmJson *
parse (const gchar * text, gsize size)
{
  GError *error = NULL;
  DdpmJson *json = ddpm_json_new (text, size, "fuzz", &error);

  fuzz_check_error (json != NULL, error);
  return json;
}

/* text: config.json. scheduler: the other one; NULL: there is none */
static void
read_both (DdpmTensorFile * file, DdpmJson * network, DdpmJson * scheduler)
{
  const DdpmTrained trained = { -1, -1.0, -1.0, 0, -1, -1 };
  g_autoptr (GPtrArray) remarks = g_ptr_array_new_with_free_func (g_free);
  DdpmTimeTable table = { FALSE, 0.0, NULL };
  DdpmConfig config;
  guint width, height;
  GError *error = NULL;
  gboolean ok;

  ddpm_config_init_defaults (&config);
  ok = ddpm_diffusers_read_network (network, file, &config, &table, &width,
      &height, remarks, &error);
  fuzz_check_error (ok, error);
  if (!ok)
    return;
  error = NULL;
  ok = ddpm_diffusers_read_scheduler (scheduler, &config, &trained, remarks,
      &error);
  fuzz_check_error (ok, error);
  if (ok)
    check_network (file, &config);
  for (guint i = 0; i < remarks->len; i++)
    g_assert_true (g_utf8_validate (remarks->pdata[i], -1, NULL));
}

void
fuzz_one (FuzzInput * in)
{
  g_autoptr (DdpmTensorFile) file = open_empty ();
  g_autoptr (DdpmJson) network = NULL, scheduler = NULL;
  g_autofree gchar *text = NULL;
  gsize size, first;
  const gchar *feed;

  text = fuzz_take_text (in, &size);
  feed = memchr (text, '\f', size);
  first = feed ? (gsize) (feed - text) : size;
  network = parse (text, first);
  if (feed != NULL)
    scheduler = parse (feed + 1, size - first - 1);
  if (network != NULL)
    read_both (file, network, scheduler);
}
