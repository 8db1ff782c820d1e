/* gst-ddpm: the configuration of a UNet2DModel of diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/diffusers-config.h"

#include <string.h>

#define CLASS "UNet2DModel"
#define MAX_BLOCKS 64           /* in a list that is read at all */

/* --- sizes ------------------------------------------------------------ */

static void
read_channels (DdpmJson * json, DdpmConfig * config)
{
  static const guint defaults[] = { 224, 448, 672, 896 };
  guint channels[MAX_BLOCKS];
  guint n = G_N_ELEMENTS (defaults);

  memcpy (channels, defaults, sizeof defaults);
  if (ddpm_json_has (json, "block_out_channels"))
    n = ddpm_json_get_uints (json, "block_out_channels", MAX_BLOCKS, channels);
  if (n < 1 || n > DDPM_MAX_LEVELS) {
    ddpm_json_refuse (json, "block_out_channels",
        "a list of 1 to 8 whole numbers");
    return;
  }
  if (channels[0] % 2 != 0)
    ddpm_json_refuse (json, "block_out_channels", "an even number first");
  config->n_levels = n;
  config->channels = channels[0];
  for (guint i = 0; i < n; i++)
    ddpm_family_set_level (config, i, channels[i]);
}

static void
read_image (DdpmJson * json, DdpmConfig * config, guint * width, guint * height)
{
  const guint in = ddpm_json_get_uint (json, "in_channels", 3);
  const guint out = ddpm_json_get_uint (json, "out_channels", 3);
  guint size[2] = { 0, 0 };

  config->image_channels = in;
  config->learned_variance = out == 2 * (guint64) in;
  if (in != out && !config->learned_variance)
    ddpm_json_refuse (json, "in_channels", "as many as out_channels has, or "
        "half of them (a network that sees only the noisy image)");
  if (in < 1 || in > DDPM_MAX_IMAGE_CHANNELS)
    ddpm_json_refuse (json, "in_channels", "1 to 4");
  if (ddpm_json_is_null (json, "sample_size"))
    return;
  if (!ddpm_json_is_list (json, "sample_size"))
    size[0] = size[1] = ddpm_json_get_uint (json, "sample_size", 0);
  else if (ddpm_json_get_uints (json, "sample_size", 2, size) != 2)
    ddpm_json_refuse (json, "sample_size", "a height and a width");
  *height = size[0];
  *width = size[1];
}

/* --- blocks ----------------------------------------------------------- */

/* Reads which blocks have attention, by their number in the list. types: the
 * types without attention and with it. */
static guint
read_attention (DdpmJson * json, const gchar * key, const gchar * const *types,
    guint n_levels, guint fallback)
{
  g_auto (GStrv) blocks = ddpm_json_get_strings (json, key, MAX_BLOCKS);
  const guint n = blocks ? g_strv_length (blocks) : 4;
  guint attention = blocks ? 0 : fallback;

  if (n != n_levels)
    ddpm_json_refuse (json, key, "as many blocks as block_out_channels has");
  for (guint i = 0; blocks != NULL && i < n && i < n_levels; i++) {
    const gchar *type = blocks[i];

    if (g_str_has_prefix (type, "UNetRes"))     /* of the first versions */
      type += strlen ("UNetRes");
    if (strcmp (type, types[1]) == 0) {
      attention |= 1u << i;
    } else if (strcmp (type, types[0]) != 0) {
      g_autofree gchar *expected = g_strjoin (" and ", types[0], types[1],
          NULL);

      ddpm_json_refuse (json, key, expected);
    }
  }
  return attention;
}

static guint
reverse_levels (guint levels, guint n_levels)
{
  guint reversed = 0;

  for (guint i = 0; i < n_levels; i++)
    reversed |= (levels >> i & 1) << (n_levels - 1 - i);
  return reversed;
}

/* These say how blocks with attention resample; the last one does not. */
static void
check_resampling (DdpmJson * json, const gchar * key, guint attention,
    guint n_levels)
{
  const gchar *type = ddpm_json_is_null (json, key) ? "conv"
      : ddpm_json_get_string (json, key, "conv");

  if ((attention & ((1u << (n_levels - 1)) - 1)) != 0
      && strcmp (type, "conv") != 0)
    ddpm_json_refuse (json, key, "conv");
}

static void
read_blocks (DdpmJson * json, DdpmConfig * config)
{
  static const gchar *const down_types[] = { "DownBlock2D", "AttnDownBlock2D" };
  static const gchar *const up_types[] = { "UpBlock2D", "AttnUpBlock2D" };
  const guint n = config->n_levels;
  const guint down = read_attention (json, "down_block_types", down_types, n,
      1u << 1 | 1u << 2 | 1u << 3);
  const guint up = read_attention (json, "up_block_types", up_types, n,
      1u << 0 | 1u << 1 | 1u << 2);

  config->attention_levels = down;
  config->up_attention_levels = reverse_levels (up, n);
  check_resampling (json, "downsample_type", down, n);
  check_resampling (json, "upsample_type", up, n);
  config->res_blocks = ddpm_json_get_uint (json, "layers_per_block", 2);
  switch (ddpm_json_get_uint (json, "downsample_padding", 1)) {
    case 0:
      config->down_padding = DDPM_PADDING_END;
      break;
    case 1:
      config->down_padding = DDPM_PADDING_BOTH;
      break;
    default:
      ddpm_json_refuse (json, "downsample_padding", "0 or 1");
  }
}

/* --- layers ----------------------------------------------------------- */

static gboolean
has_attention (const DdpmConfig * config, guint level)
{
  const gboolean middle = config->middle == DDPM_MIDDLE_ATTENTION
      || config->middle == DDPM_MIDDLE_PLAIN_ATTENTION;

  return ddpm_config_has_attention (config, level, FALSE)
      || ddpm_config_has_attention (config, level, TRUE)
      || (middle && level + 1 == config->n_levels);
}

static gboolean
has_norms (const DdpmConfig * config, guint level)
{
  return TRUE;
}

/* Refuses a number that does not divide the channels of the levels that have
 * what it is for. */
static void
check_divisor (DdpmJson * json, const gchar * key, const DdpmConfig * config,
    gboolean (*concerns) (const DdpmConfig * config, guint level),
    guint divisor)
{
  for (guint i = 0; divisor > 0 && i < config->n_levels; i++) {
    const guint channels = ddpm_config_get_level_channels (config, i);
    g_autofree gchar *expected = g_strdup_printf ("a divisor of the %u "
        "channels of level %u, not %u,", channels, i, divisor);

    if (concerns (config, i) && channels % divisor != 0)
      ddpm_json_refuse (json, key, expected);
  }
}

static void
read_norms (DdpmJson * json, DdpmConfig * config)
{
  static const gchar *const shifts[] = { "default", "scale_shift", NULL };

  config->groups = ddpm_json_get_uint (json, "norm_num_groups", 32);
  check_divisor (json, "norm_num_groups", config, has_norms, config->groups);
  config->norm_eps = ddpm_json_get_double (json, "norm_eps", 1e-5);
  config->scale_shift =
      ddpm_json_get_choice (json, "resnet_time_scale_shift", shifts, 0) == 1;
}

/* The middle's attention has its own groups, and with scale_shift no norm, if
 * they are not given. But old versions had a norm always: the file shows. */
static void
read_middle (DdpmJson * json, DdpmTensorFile * file, DdpmConfig * config)
{
  const gboolean groups_said = ddpm_json_has (json, "attn_norm_num_groups")
      && !ddpm_json_is_null (json, "attn_norm_num_groups");

  if (groups_said && ddpm_json_get_uint (json, "attn_norm_num_groups", 0)
      != config->groups)
    ddpm_json_refuse (json, "attn_norm_num_groups",
        "null or the number that norm_num_groups has");
  config->middle_scale =
      ddpm_json_get_double (json, "mid_block_scale_factor", 1.0);
  if (ddpm_json_is_null (json, "mid_block_type"))
    config->middle = DDPM_MIDDLE_NONE;
  else if (strcmp (ddpm_json_get_string (json, "mid_block_type",
              "UNetMidBlock2D"), "UNetMidBlock2D") != 0)
    ddpm_json_refuse (json, "mid_block_type", "UNetMidBlock2D or null");
  else if (!ddpm_json_get_bool (json, "add_attention", TRUE))
    config->middle = DDPM_MIDDLE_NO_ATTENTION;
  else if (config->scale_shift && !groups_said && !ddpm_family_has (file,
          "mid_block.attentions.0.group_norm.weight"))
    config->middle = DDPM_MIDDLE_PLAIN_ATTENTION;
  ddpm_json_has (json, "add_attention");
}

/* attention_head_dim is the channels of a head; null: one head of all */
static void
read_heads (DdpmJson * json, DdpmConfig * config)
{
  config->heads = 1;
  config->head_channels = 0;
  if (ddpm_json_is_null (json, "attention_head_dim"))
    return;
  config->head_channels = ddpm_json_get_uint (json, "attention_head_dim", 8);
  if (config->head_channels == 0)
    ddpm_json_refuse (json, "attention_head_dim", "1 or more, or null");
  check_divisor (json, "attention_head_dim", config, has_attention,
      config->head_channels);
}

static void
check_activation (DdpmJson * json)
{
  const gchar *name = ddpm_json_get_string (json, "act_fn", "silu");

  if (g_ascii_strcasecmp (name, "silu") != 0
      && g_ascii_strcasecmp (name, "swish") != 0)
    ddpm_json_refuse (json, "act_fn", "silu");
}

/* --- embeddings ------------------------------------------------------- */

static void
read_time (DdpmJson * json, DdpmConfig * config, DdpmTimeTable * table)
{
  static const gchar *const types[] = { "positional", "learned", NULL };
  const gdouble half = config->channels / 2;
  const guint type =
      ddpm_json_get_choice (json, "time_embedding_type", types, 0);

  table->tensor = type == 1 ? "time_proj.weight" : NULL;
  table->flip = ddpm_json_get_bool (json, "flip_sin_to_cos", TRUE);
  table->shift = ddpm_json_get_double (json, "freq_shift", 0.0);
  if (type == 0 && !(table->shift < half && table->shift > -1e6))
    ddpm_json_refuse (json, "freq_shift", "less than half of the channels");
  ddpm_json_has (json, "num_train_timesteps");  /* its table shows them */
  if (!ddpm_json_is_null (json, "time_embedding_dim"))
    config->time_dim = ddpm_json_get_uint (json, "time_embedding_dim", 0);
}

static void
read_classes (DdpmJson * json, DdpmConfig * config)
{
  if (ddpm_json_has (json, "class_embed_type")
      && !ddpm_json_is_null (json, "class_embed_type"))
    ddpm_json_refuse (json, "class_embed_type", "null");
  if (!ddpm_json_is_null (json, "num_class_embeds"))
    config->classes = ddpm_json_get_uint (json, "num_class_embeds", 0);
}

/* Those that EMAModel adds: they say how the weights were averaged. */
static void
skip_average_keys (DdpmJson * json)
{
  static const gchar *const keys[] = { "decay", "min_decay", "inv_gamma",
    "power", "optimization_step", "update_after_step", "use_ema_warmup"
  };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    ddpm_json_has (json, keys[i]);
}

gboolean
ddpm_diffusers_read_network (DdpmJson * json, DdpmTensorFile * file,
    DdpmConfig * config, DdpmTimeTable * table, guint * width, guint * height,
    GPtrArray * remarks, GError ** error)
{
  g_autofree gchar *unknown = NULL;

  read_channels (json, config);
  if (!ddpm_json_check (json, error))
    return FALSE;
  read_image (json, config, width, height);
  read_blocks (json, config);
  read_norms (json, config);
  read_middle (json, file, config);
  read_heads (json, config);
  check_activation (json);
  read_time (json, config, table);
  read_classes (json, config);
  config->center_input =
      ddpm_json_get_bool (json, "center_input_sample", FALSE);
  config->dropout = ddpm_json_get_double (json, "dropout", 0.0);
  skip_average_keys (json);
  unknown = ddpm_json_list_unknown (json);
  if (unknown != NULL)
    g_ptr_array_add (remarks, g_strconcat ("unknown keys of config.json are "
            "ignored: ", unknown, NULL));
  return ddpm_json_check (json, error);
}
