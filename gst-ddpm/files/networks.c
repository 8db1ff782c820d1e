/* gst-ddpm: which of a file's tensors are the network to play
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/networks.h"

#include <string.h>

#include "gst-ddpm/files/refused.h"

/**
 * Network: a prefix under which there is one
 * @prefix: such as "ema_model."; "": none
 * @landmarks: how many landmarks of each family were found
 */
typedef struct
{
  gchar *prefix;
  guint landmarks[DDPM_N_FAMILIES];
  gboolean has_first[DDPM_N_FAMILIES];
  DdpmFamilyKind kind;
  gint rank;
} Network;

static void
network_free (gpointer data)
{
  Network *network = data;

  g_free (network->prefix);
  g_free (network);
}

/* --- finding networks ------------------------------------------------- */

/* Is the end of the name, behind a dot or as a whole, this one? *prefix: the
 * length of what is before it */
static gboolean
ends_with_name (const gchar * name, const gchar * end, gsize * prefix)
{
  if (!g_str_has_suffix (name, end))
    return FALSE;
  *prefix = strlen (name) - strlen (end);
  return *prefix == 0 || name[*prefix - 1] == '.';
}

static void
count_landmark (GHashTable * networks, const gchar * name, gsize length,
    DdpmFamilyKind kind, gboolean first)
{
  g_autofree gchar *prefix = g_strndup (name, length);
  Network *network = g_hash_table_lookup (networks, prefix);

  if (network == NULL) {
    network = g_new0 (Network, 1);
    network->prefix = g_steal_pointer (&prefix);
    g_hash_table_insert (networks, network->prefix, network);
  }
  network->landmarks[kind]++;
  network->has_first[kind] |= first;
}

static void
count_landmarks (GHashTable * networks, const gchar * name)
{
  gsize length;

  for (DdpmFamilyKind kind = 0; kind < DDPM_N_FAMILIES; kind++) {
    const gchar *const *landmarks = ddpm_family_get_landmarks (kind);

    for (guint i = 0; landmarks[i] != NULL; i++)
      if (ends_with_name (name, landmarks[i], &length))
        count_landmark (networks, name, length, kind, i == 0);
  }
}

/* Sets the family of which half of the landmarks are there, and the first.
 * FALSE: this is no network */
static gboolean
find_kind (Network * network)
{
  for (DdpmFamilyKind kind = 0; kind < DDPM_N_FAMILIES; kind++) {
    const guint n = g_strv_length ((gchar **) ddpm_family_get_landmarks (kind));

    network->kind = kind;
    if (network->has_first[kind] && 2 * network->landmarks[kind] >= n)
      return TRUE;
  }
  return FALSE;
}

/* --- choosing one ----------------------------------------------------- */

#define RANK_EMA 100000
#define RANK_NAMED 90000

/* Is one of the words of a name, such as "model_ema", a name for an average? */
static gboolean
is_ema (const gchar * part)
{
  g_auto (GStrv) words = g_strsplit (part, "_", -1);
  gboolean found = FALSE;

  for (guint i = 0; words[i] != NULL; i++)
    found |= g_ascii_strcasecmp (words[i], "ema") == 0
        || strcmp (words[i], "shadow") == 0
        || strcmp (words[i], "averaged") == 0;
  return found;
}

/* An EMA first, then the usual names. In a list, a later one is the EMA. */
static gint
get_rank (const gchar * prefix)
{
  static const gchar *const usual[] =
      { "unet", "net_model", "state_dict", "model" };
  g_auto (GStrv) parts = g_strsplit (prefix, ".", -1);
  gint rank = 1;

  for (guint i = 0; parts[i] != NULL; i++) {
    guint64 index;

    if (strcmp (parts[i], "online_model") == 0)
      return 0;
    if (is_ema (parts[i]))
      rank = MAX (rank, RANK_EMA);
    else if (g_ascii_string_to_unsigned (parts[i], 10, 0, RANK_NAMED - 10,
            &index, NULL))
      rank = MAX (rank, 2 + (gint) index);
    for (guint k = 0; k < G_N_ELEMENTS (usual); k++)
      if (strcmp (parts[i], usual[k]) == 0)
        rank = MAX (rank, RANK_NAMED + (gint) k);
  }
  return rank;
}

static gint
compare_ranks (gconstpointer a, gconstpointer b)
{
  const Network *x = *(Network **) a, *y = *(Network **) b;

  return x->rank != y->rank ? y->rank - x->rank : strcmp (x->prefix, y->prefix);
}

/* Returns: (transfer container): the networks, the best one first */
static GPtrArray *
rank_networks (GHashTable * networks)
{
  GPtrArray *ranked = g_ptr_array_new ();
  GHashTableIter iter;
  Network *network;

  g_hash_table_iter_init (&iter, networks);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & network)) {
    if (!find_kind (network))
      continue;
    network->rank = get_rank (network->prefix);
    g_ptr_array_add (ranked, network);
  }
  g_ptr_array_sort (ranked, compare_ranks);
  return ranked;
}

/* The prefix for a message, without its dot */
static gchar *
quote_prefix (const Network * network)
{
  g_autofree gchar *name = g_strdup (network->prefix);
  gsize size = strlen (name);

  if (size == 0)
    return g_strdup ("one without a prefix");
  name[size - 1] = '\0';
  return ddpm_file_quote (name);
}

static const gchar *
describe_rank (gint rank)
{
  if (rank == RANK_EMA)
    return ", a moving average (EMA)";
  return rank > 1 && rank < RANK_NAMED ?
      ", the last of a list, where the moving average (EMA) is" : "";
}

/* NULL: there are two equal ones */
static const Network *
choose (DdpmTensorFile * file, GPtrArray * ranked, GPtrArray * remarks,
    GError ** error)
{
  const Network *best = ranked->pdata[0], *second;
  g_autofree gchar *name = NULL, *other = NULL;

  if (ranked->len == 1)
    return best;
  second = ranked->pdata[1];
  name = quote_prefix (best);
  other = quote_prefix (second);
  if (best->rank == second->rank) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected one network, or its moving average beside it, found %u "
        "networks, such as %s and %s; save one of them alone",
        ddpm_tensor_file_get_location (file), ranked->len, name, other);
    return NULL;
  }
  g_ptr_array_add (remarks, g_strdup_printf ("the network %s is used%s, not %s",
          name, describe_rank (best->rank), other));
  return best;
}

/* --- taking it out ---------------------------------------------------- */

/* Beginnings of the names of tensors that networks are saved with, and that are
 * no weights */
static const gchar *const states[] = {
  "optimizer.", "optimizer_states.", "optim.", "opt.", "sched.", "scheduler.",
  "lr_scheduler.", "lr_schedulers.", "scaler.",
};

/* Parts of the names of tensors that belong to no layer: schedules, counters,
 * samples */
static const gchar *const buffers[] = {
  "alpha", "beta", "posterior", "coef", "sigma", "snr", "variance", "logvar",
  "loss", "num_", "n_averaged", "updates", "decay", "initted", "step",
  "epoch", "iteration", "x_T", "x_t", "rng_state"
};

static gboolean
is_extra (const gchar * name)
{
  for (guint i = 0; i < G_N_ELEMENTS (states); i++)
    if (g_str_has_prefix (name, states[i]))
      return TRUE;
  for (guint i = 0; !strchr (name, '.') && i < G_N_ELEMENTS (buffers); i++)
    if (strstr (name, buffers[i]))
      return TRUE;
  return FALSE;
}

static gboolean
belongs_to_another (GPtrArray * ranked, const Network * chosen,
    const gchar * name)
{
  for (guint i = 0; i < ranked->len; i++) {
    const Network *network = ranked->pdata[i];

    if (network != chosen && *network->prefix
        && g_str_has_prefix (name, network->prefix))
      return TRUE;
  }
  return FALSE;
}

static void
extract (DdpmTensorFile * file, GPtrArray * ranked, const Network * network,
    GPtrArray * remarks)
{
  g_autoptr (GHashTable) left = g_hash_table_new_full (g_str_hash, g_str_equal,
      g_free, NULL);
  GHashTable *kept = ddpm_file_tensors_new ();
  g_autoptr (GList) names = NULL;
  g_autofree gchar *list = NULL;
  GHashTableIter iter;
  const DdpmFileTensor *tensor;

  g_hash_table_iter_init (&iter, ddpm_tensor_file_get_tensors (file));
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & tensor)) {
    const gboolean inside = g_str_has_prefix (tensor->name, network->prefix);
    const gchar *name = tensor->name + (inside ? strlen (network->prefix) : 0);
    DdpmFileTensor *copy;

    if (belongs_to_another (ranked, network, tensor->name))
      continue;
    if (!inside || is_extra (name)) {
      g_hash_table_add (left, g_strndup (tensor->name,
              strcspn (tensor->name, ".")));
      continue;
    }
    copy = ddpm_file_tensor_copy (tensor, name);
    g_hash_table_replace (kept, copy->name, copy);
  }
  ddpm_tensor_file_set_tensors (file, kept);
  names = g_hash_table_get_keys (left);
  list = ddpm_file_quote_names (names);
  if (list != NULL)
    g_ptr_array_add (remarks, g_strconcat ("entries that are no weights of the "
            "network are ignored: ", list, NULL));
}

gboolean
ddpm_networks_choose (DdpmTensorFile * file, DdpmFamilyKind * kind,
    GPtrArray * remarks, GError ** error)
{
  g_autoptr (GHashTable) networks =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, network_free);
  g_autoptr (GPtrArray) ranked = NULL;
  const Network *network;
  GHashTableIter iter;
  const gchar *name;

  g_hash_table_iter_init (&iter, ddpm_tensor_file_get_tensors (file));
  while (g_hash_table_iter_next (&iter, (gpointer *) & name, NULL))
    count_landmarks (networks, name);
  ranked = rank_networks (networks);
  *kind = DDPM_FAMILY_OURS;
  if (!ddpm_refused_check (file, ranked->len > 0, error))
    return FALSE;
  if (ranked->len == 0)
    return TRUE;
  network = choose (file, ranked, remarks, error);
  if (network == NULL)
    return FALSE;
  *kind = network->kind;
  extract (file, ranked, network, remarks);
  return TRUE;
}
