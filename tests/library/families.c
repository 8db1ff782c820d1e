/* gst-ddpm: tests of files with the networks of other programs, and of files
 * with more than one network
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/files.h"
#include "tests/support/net.h"
#include "tests/support/test.h"
#include "tests/support/weights.h"

/* --- files ------------------------------------------------------------ */

/* A safetensors file that is being made */
typedef struct
{
  GString *header;
  GByteArray *data;
} File;

static File *
file_new (void)
{
  File *file = g_new (File, 1);

  file->header = g_string_new ("{");
  file->data = g_byte_array_new ();
  return file;
}

/* w: NULL: zeros */
static void
file_add (File * file, const gchar * name, const DdpmParam * p,
    const gfloat * w)
{
  const guint begin = file->data->len;

  g_byte_array_set_size (file->data, begin + p->count * 4);
  if (w != NULL)
    memcpy (file->data->data + begin, w, p->count * 4);
  else
    memset (file->data->data + begin, 0, p->count * 4);
  g_string_append_printf (file->header,
      "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", begin ? "," : "", name);
  for (guint i = 0; i < p->n_dims; i++)
    g_string_append_printf (file->header, "%s%u", i ? "," : "", p->shape[i]);
  g_string_append_printf (file->header, "],\"data_offsets\":[%u,%u]}", begin,
      file->data->len);
}

/* One number */
static void
file_add_extra (File * file, const gchar * name)
{
  const DdpmParam p = {.n_dims = 1,.shape = {1},.count = 1 };

  file_add (file, name, &p, NULL);
}

/* Of the shapes in families.json, which oracle/make_family_dumps.py wrote */
static void
file_add_network (File * file, const gchar * net, const gchar * prefix,
    gboolean zeros)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "families.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *shapes;
  g_autoptr (GList) names = NULL;

  assert_ok (json_parser_load_from_file (parser, path, &error));
  shapes = json_object_get_object_member (json_node_get_object
      (json_parser_get_root (parser)), net);
  names = json_object_get_members (shapes);
  for (GList * l = names; l != NULL; l = l->next) {
    JsonArray *shape = json_object_get_array_member (shapes, l->data);
    g_autofree gchar *name = g_strconcat (prefix, l->data, NULL);
    g_autofree gfloat *w = NULL;
    DdpmParam p = {.name = l->data,.count = 1 };

    p.n_dims = json_array_get_length (shape);
    for (guint i = 0; i < p.n_dims; i++)
      p.count *= p.shape[i] = json_array_get_int_element (shape, i);
    w = g_new (gfloat, p.count);
    test_weights_fill_param (&p, w);
    file_add (file, name, &p, zeros ? NULL : w);
  }
}

static GBytes *
file_end (File * file)
{
  GBytes *bytes;

  g_string_append_c (file->header, '}');
  bytes = test_files_join (file->header->str, file->header->len,
      file->data->data, file->data->len);
  g_string_free (file->header, TRUE);
  g_byte_array_unref (file->data);
  g_free (file);
  return bytes;
}

static GBytes *
make_file (const gchar * net, const gchar * prefix)
{
  File *file = file_new ();

  file_add_network (file, net, prefix, FALSE);
  return file_end (file);
}

static DdpmModel *
load (GBytes * bytes)
{
  return assert_ok (ddpm_checkpoint_load_bytes (bytes, "net.pt", &error));
}

static void
assert_refused (GBytes * bytes, const gchar * fragment)
{
  assert_fails_with (ddpm_checkpoint_load_bytes (bytes, "net.pt", &error),
      DDPM_ERROR_FORMAT, "net.pt: ", fragment);
}

/* --- families --------------------------------------------------------- */

static const struct
{
  const gchar *name;
  guint n_levels, mult[3], attention, blocks, heads, classes;
  gboolean scale_shift, learned;
  DdpmPadding padding;
  gdouble eps;
} networks[] = {
  {"pesser", 3, {1, 2, 1}, 1u << 1, 1, 1, 0, FALSE, FALSE, DDPM_PADDING_END,
      1e-6},
  {"guided", 3, {1, 1, 2}, 1u << 1 | 1u << 2, 2, 4, 0, TRUE, TRUE,
      DDPM_PADDING_BOTH, 1e-5},
  {"improved", 2, {1, 2}, 1u << 0, 1, 4, 5, FALSE, FALSE, DDPM_PADDING_BOTH,
      1e-5},
};

TABLE_TEST (names_and_shapes_give_the_network_of, networks)
{
  g_autoptr (GBytes) bytes = make_file (row->name, "");
  g_autoptr (DdpmModel) model = load (bytes);
  const DdpmConfig *c = &model->config;

  g_assert_cmpuint (c->image_channels, ==, 3);
  g_assert_cmpuint (c->channels, ==, 32);
  g_assert_cmpuint (c->n_levels, ==, row->n_levels);
  for (guint i = 0; i < c->n_levels; i++) {
    g_assert_cmpuint (ddpm_config_get_level_channels (c, i), ==,
        32 * row->mult[i]);
    for (guint up = 0; up < 2; up++)
      g_assert_cmpint (ddpm_config_has_attention (c, i, up), ==,
          row->attention >> i & 1);
  }
  g_assert_cmpuint (c->res_blocks, ==, row->blocks);
  g_assert_cmpuint (ddpm_config_get_heads (c, 64), ==, row->heads);
  g_assert_cmpuint (c->classes, ==, row->classes);
  g_assert_cmpint (c->scale_shift, ==, row->scale_shift);
  g_assert_cmpint (c->learned_variance, ==, row->learned);
  g_assert_cmpint (c->down_padding, ==, row->padding);
  g_assert_cmpfloat (c->norm_eps, ==, row->eps);
  g_assert_cmpuint (c->timesteps, ==, 1000);
  test_assert_says (model->assumptions, "net.pt: ", "T = 1000", __FILE__,
      __LINE__, G_STRFUNC);
}

TABLE_TEST (computes_what_pytorch_does_with_the_network_of, networks)
{
  g_autoptr (GBytes) bytes = make_file (row->name, "");
  g_autoptr (DdpmModel) model = load (bytes);
  g_autofree gchar *dump = g_strdup_printf ("family-%s.safetensors",
      row->name);

  for (guint kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++) {
    g_autoptr (DdpmBackend) backend = test_backend_new (kind);

    g_assert_cmpfloat (compare_model_with_dump (backend, model, 3, 8, 8, dump),
        <, 1e-5);
  }
}

/* Rows of the joint layer: of head h its q, its k and its v */
TEST (q_k_and_v_of_each_head_come_out_of_one_layer)
{
  g_autoptr (GBytes) bytes = make_file ("guided", "");
  g_autoptr (DdpmModel) model = load (bytes);
  const DdpmParam joint = {.name = (gchar *) "middle_block.1.qkv.weight",
    .n_dims = 3,.shape = {192, 64, 1},.count = 192 * 64
  };
  g_autofree gfloat *w = g_new (gfloat, joint.count);
  static const gchar *const names[] = { "q", "k", "v" };

  test_weights_fill_param (&joint, w);
  for (guint i = 0; i < 3; i++) {
    g_autofree gchar *name =
        g_strdup_printf ("middleblocks.0.attn.proj_%s.weight", names[i]);
    const gfloat *found = model->weights
        + ddpm_params_find (model->params, name)->offset;

    for (guint h = 0; h < 4; h++)
      g_assert_cmpmem (found + h * 16 * 64, 16 * 64 * 4,
          w + (3 * h + i) * 16 * 64, 16 * 64 * 4);
  }
}

TEST (what_the_file_does_not_say_is_told)
{
  g_autoptr (GBytes) bytes = make_file ("improved", "");
  g_autoptr (DdpmModel) model = load (bytes);

  g_assert_nonnull (strstr (model->assumptions, "4 heads"));
  g_assert_nonnull (strstr (model->assumptions, "a linear schedule"));
}

static const struct
{
  const gchar *name, *net, *old, *new, *fragment;
} edits[] = {
  {"shape", "pesser", "\"mid.attn_1.q.weight\":{\"dtype\":\"F32\",\"shape\":["
        "32,32,1,1]", "\"mid.attn_1.q.weight\":{\"dtype\":\"F32\",\"shape\":["
        "16,64,1,1]", "expected tensor mid.attn_1.q.weight of shape "
        "[32, 32, 1, 1], found [16, 64, 1, 1]"},
  {"joint-shape", "guided", "[192,64,1]", "[64,192,1]",
      "qkv.weight of shape [192, 64, 1], found [64, 192, 1]"},
  {"missing", "pesser", "\"mid.block_2.norm1.bias\"", "\"mid.block_2.norm9.b\"",
      "expected tensor mid.block_2.norm1.bias of shape [32], found none"},
  {"unknown", "guided", "\"out.2.bias\":{", "\"nose.bias\":{\"dtype\":\"F32\","
        "\"shape\":[0],\"data_offsets\":[0,0]},\"out.2.bias\":{",
      "expected the tensors of a UNet of improved-diffusion or "
        "guided-diffusion, found also 'nose.bias'"},
  {"pooling", "pesser", "\"down.0.downsample.conv.weight\"", "\"down.0.x\"",
      "levels that end with an average"},
  {"updown", "guided", "\"output_blocks.2.2.conv.weight\"",
        "\"output_blocks.2.2.in_layers.0.weight\"",
      "residual blocks that resample (resblock_updown)"},
  {"classifier", "guided", "\"output_blocks.0.0.in_layers.0.weight\"",
      "\"out.3.weight\"", "as classifiers are"},
  {"wide-skips", "improved", "\"input_blocks.3.0.skip_connection.weight\":{"
        "\"dtype\":\"F32\",\"shape\":[64,32,1,1]",
        "\"input_blocks.3.0.skip_connection.weight\":{"
        "\"dtype\":\"F32\",\"shape\":[8,4,8,8]",
      "3x3 convolutions as skip connections"},
};

TABLE_TEST (refuses_a_network_with, edits)
{
  g_autoptr (GBytes) bytes = make_file (row->net, "");
  g_autoptr (GBytes) edited = test_files_edit (bytes, row->old, row->new);

  assert_refused (edited, row->fragment);
}

/* --- which network ---------------------------------------------------- */

static const gchar *const prefixes[] = { "module.", "_orig_mod.",
  "ema_model.module.", "state_dict.model.diffusion.", "4."
};

TEST (any_common_prefix_is_stripped)
{
  g_autoptr (GBytes) plain = make_file ("pesser", "");
  g_autoptr (DdpmModel) expected = load (plain);

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++) {
    g_autoptr (GBytes) bytes = make_file ("pesser", prefixes[i]);
    g_autoptr (DdpmModel) model = load (bytes);

    test_assert_same_weights (model, expected);
    g_assert_cmpstr (model->assumptions, ==, expected->assumptions);
  }
}

static const struct
{
  const gchar *name, *other, *chosen, *told;
} pairs[] = {
  {"ema-and-net", "net_model.", "ema_model.", "'ema_model' is used, a moving "
        "average (EMA), not 'net_model'"},
  {"ema-and-plain", "", "ema.module.", "'ema.module' is used"},
  {"ema-of-ema-pytorch", "ema.online_model.", "ema.ema_model.",
      "not 'ema.online_model'"},
  {"ema-of-any-name", "model.", "model_ema_state.", "'model_ema_state' is "
        "used, a moving average"},
  {"last-of-a-list", "0.module.", "4.",
      "'4' is used, the last of a list, where "
        "the moving average (EMA) is, not '0.module'"},
  {"model-and-other", "critic.", "model.", "'model' is used, not 'critic'"},
};

TABLE_TEST (of_two_networks_it_takes, pairs)
{
  File *file = file_new ();
  g_autoptr (GBytes) plain = make_file ("improved", "");
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (DdpmModel) expected = load (plain), model = NULL;

  file_add_network (file, "improved", row->other, TRUE);
  file_add_network (file, "improved", row->chosen, FALSE);
  bytes = file_end (file);
  model = load (bytes);
  test_assert_same_weights (model, expected);
  g_assert_nonnull (strstr (model->assumptions, row->told));
}

TEST (two_equal_networks_are_refused)
{
  File *file = file_new ();
  g_autoptr (GBytes) bytes = NULL;

  file_add_network (file, "pesser", "first.", FALSE);
  file_add_network (file, "pesser", "second.", FALSE);
  bytes = file_end (file);
  assert_refused (bytes, "found 2 networks, such as 'first' and 'second'");
}

TEST (entries_that_are_no_weights_are_told)
{
  static const gchar *const extras[] = { "betas", "model.posterior_variance",
    "model.num_batches_tracked", "optim.state.0.exp_avg", "x_T", "step",
    "model.coeff1"
  };
  File *file = file_new ();
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (DdpmModel) model = NULL;

  file_add_network (file, "pesser", "model.", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (extras); i++)
    file_add_extra (file, extras[i]);
  bytes = file_end (file);
  model = load (bytes);
  g_assert_nonnull (strstr (model->assumptions, "entries that are no weights "
          "of the network are ignored: 'betas', 'model', 'optim', 'step', "
          "'x_T'"));
}

/* --- what cannot be played -------------------------------------------- */

static const struct
{
  const gchar *name, *tensor, *fragment;
} strangers[] = {
  {"latent", "first_stage_model.encoder.conv_in.weight",
      "a latent diffusion model, whose images are latents"},
  {"cross-attention", "down_blocks.0.attentions.0.transformer_blocks.0.attn2."
        "to_k.weight", "cross attention, as Stable Diffusion has"},
  {"vae", "decoder.conv_in.weight", "an autoencoder (VAE)"},
  {"lora", "unet.down_blocks.0.attentions.0.to_q.lora_A.weight", "a LoRA"},
  {"controlnet", "controlnet_cond_embedding.conv_in.weight", "a ControlNet"},
  {"dit", "blocks.0.t_embedder.mlp.0.weight", "a diffusion transformer (DiT)"},
  {"edm", "model.map_layer0.weight", "a network of EDM"},
  {"lucidrains", "model.init_conv.weight", "denoising-diffusion-pytorch"},
  {"resnet", "layer1.0.conv1.weight", "a classifier (ResNet)"},
  {"ncsn", "module.all_modules.0.weight", "a network of score_sde"},
};

TABLE_TEST (names_the_family_of, strangers)
{
  File *file = file_new ();
  g_autoptr (GBytes) bytes = NULL;

  file_add_extra (file, row->tensor);
  bytes = file_end (file);
  assert_refused (bytes, row->fragment);
}

TEST (a_network_beside_an_autoencoder_is_refused)
{
  File *file = file_new ();
  g_autoptr (GBytes) bytes = NULL;

  file_add_network (file, "guided", "model.diffusion_model.", FALSE);
  file_add_extra (file, "first_stage_model.quant_conv.weight");
  bytes = file_end (file);
  assert_refused (bytes, "a latent diffusion model");
}

TEST (a_repository_of_the_hub_is_to_be_downloaded)
{
  assert_fails (ddpm_checkpoint_load ("google/ddpm-cifar10-32", &error),
      DDPM_ERROR_NOT_FOUND, "\"hf download google/ddpm-cifar10-32 --local-dir "
      "ddpm-cifar10-32\" and use the folder ddpm-cifar10-32");
}
