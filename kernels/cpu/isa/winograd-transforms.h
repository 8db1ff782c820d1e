/* gst-ddpm: inner loops of the CPU backend: Winograd's transforms of a tile
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file that includes this first defines OUTPUTS, which is m of F(m x m, 3x3),
 * TRANSFORMS, which names the table at the end, and five functions. These are
 * the products of Winograd's matrices of F(OUTPUTS, 3) and a vector, of which
 * each element is a vector of channels:
 *
 *   times_b (in, out)              B^T in
 *   times_g (in, out)              G in
 *   times_a_transposed (in, out)   A^T in
 *   times_a (in, out)              A in
 *   times_g_transposed (in, out)   G^T in
 *
 * In two dimensions, each is applied to all columns, then to all rows.
 */
#define TILE (OUTPUTS + 2)
#define TILE_ELEMENTS (TILE * TILE)

static void
transform_weight_lanes (const float *taps, gsize matrix, float *packed)
{
  Vec part[TILE][3];

  for (gsize column = 0; column < 3; column++) {
    Vec g[3], u[TILE];

    for (gsize i = 0; i < 3; i++)
      g[i] = vec_load (taps + (3 * i + column) * WIDTH);
    times_g (g, u);
    for (gsize i = 0; i < TILE; i++)
      part[i][column] = u[i];
  }
  for (gsize row = 0; row < TILE; row++) {
    Vec u[TILE];

    times_g (part[row], u);
    for (gsize i = 0; i < TILE; i++, packed += matrix)
      vec_store (packed, u[i]);
  }
}

static void
pack_weights (gsize in, gsize out, gsize in_stride, gsize out_stride,
    gboolean flipped, const float *weight, float *packed)
{
  float taps[9 * WIDTH] = { 0, };

  for (gsize i = 0; i < in; i++, weight += in_stride, packed += WIDTH) {
    for (gsize o = 0; o < out; o++) {
      const float *g = weight + o * out_stride;

      for (gsize tap = 0; tap < 9; tap++)
        taps[tap * WIDTH + o] = g[flipped ? 8 - tap : tap];
    }
    transform_weight_lanes (taps, in * WIDTH, packed);
    transform_weight_lanes (taps + LANES, in * WIDTH, packed + LANES);
  }
}

static void
transform_weight_gradient_lanes (const float *packed, gsize matrix, float *taps)
{
  Vec part[3][TILE];

  for (gsize column = 0; column < TILE; column++) {
    Vec u[TILE], g[3];

    for (gsize i = 0; i < TILE; i++)
      u[i] = vec_load (packed + (i * TILE + column) * matrix);
    times_g_transposed (u, g);
    for (gsize i = 0; i < 3; i++)
      part[i][column] = g[i];
  }
  for (gsize row = 0; row < 3; row++) {
    Vec g[3];

    times_g_transposed (part[row], g);
    for (gsize i = 0; i < 3; i++, taps += WIDTH)
      vec_store (taps, g[i]);
  }
}

static void
unpack_gradient (gsize in, gsize in_stride, gsize out_stride,
    const float *packed, float *dweight, gboolean add)
{
  float taps[9 * WIDTH];

  for (gsize i = 0; i < in; i++, dweight += in_stride, packed += WIDTH) {
    transform_weight_gradient_lanes (packed, in * WIDTH, taps);
    transform_weight_gradient_lanes (packed + LANES, in * WIDTH, taps + LANES);
    for (gsize o = 0; o < WIDTH; o++) {
      float *dg = dweight + o * out_stride;

      for (gsize tap = 0; tap < 9; tap++)
        dg[tap] = add ? dg[tap] + taps[tap * WIDTH + o]
            : taps[tap * WIDTH + o];
    }
  }
}

static void
transform_input (gsize channels, const float *const *x, gsize matrix, float *v)
{
  for (gsize c = 0; c < channels; c += LANES) {
    Vec part[TILE][TILE];

    for (gsize column = 0; column < TILE; column++) {
      Vec d[TILE], u[TILE];

      for (gsize i = 0; i < TILE; i++)
        d[i] = vec_load (x[i * TILE + column] + c);
      times_b (d, u);
      for (gsize i = 0; i < TILE; i++)
        part[i][column] = u[i];
    }
    for (gsize row = 0; row < TILE; row++) {
      Vec u[TILE];

      times_b (part[row], u);
      for (gsize i = 0; i < TILE; i++)
        vec_store (v + (row * TILE + i) * matrix + c, u[i]);
    }
  }
}

static void
transform_gradient (gsize channels, const float *const *dy, gsize matrix,
    float *v)
{
  for (gsize c = 0; c < channels; c += LANES) {
    Vec part[TILE][OUTPUTS];

    for (gsize column = 0; column < OUTPUTS; column++) {
      Vec d[OUTPUTS], u[TILE];

      for (gsize i = 0; i < OUTPUTS; i++)
        d[i] = vec_load (dy[i * OUTPUTS + column] + c);
      times_a (d, u);
      for (gsize i = 0; i < TILE; i++)
        part[i][column] = u[i];
    }
    for (gsize row = 0; row < TILE; row++) {
      Vec u[TILE];

      times_a (part[row], u);
      for (gsize i = 0; i < TILE; i++)
        vec_store (v + (row * TILE + i) * matrix + c, u[i]);
    }
  }
}

/* All outputs of a tile, of LANES channels */
KERN_INLINE void
transform_output_lanes (const float *m, Vec y[OUTPUTS][OUTPUTS])
{
  Vec part[OUTPUTS][TILE];

  for (gsize column = 0; column < TILE; column++) {
    Vec u[TILE], few[OUTPUTS];

    for (gsize i = 0; i < TILE; i++)
      u[i] = vec_load (m + (i * TILE + column) * WIDTH);
    times_a_transposed (u, few);
    for (gsize i = 0; i < OUTPUTS; i++)
      part[i][column] = few[i];
  }
  for (gsize row = 0; row < OUTPUTS; row++)
    times_a_transposed (part[row], y[row]);
}

/* A tile whose outputs are all in the image, and all WIDTH channels */
KERN_INLINE void
transform_whole_output (gboolean add, const float *m, const float *bias,
    const CpuWinogradOutputs * to)
{
  for (gsize c = 0; c < WIDTH; c += LANES) {
    Vec y[OUTPUTS][OUTPUTS];
    const Vec offset = bias ? vec_load (bias + c) : vec_all (0.0f);

    transform_output_lanes (m + c, y);
    for (gsize i = 0; i < OUTPUTS; i++) {
      for (gsize k = 0; k < OUTPUTS; k++) {
        const gsize at = i * to->row_step + k * to->column_step + c;
        Vec out = y[i][k] + offset;

        if (add)
          out += vec_load (to->residual + at);
        vec_store (to->y + at, out);
      }
    }
  }
}

static void
transform_part_of_output (const float *m, const float *bias,
    const CpuWinogradOutputs * to)
{
  for (gsize c = 0; c < MIN (to->channels, WIDTH); c += LANES) {
    Vec y[OUTPUTS][OUTPUTS];
    const Vec offset = bias ? vec_load (bias + c) : vec_all (0.0f);
    const gsize channels = MIN (to->channels - c, LANES);

    transform_output_lanes (m + c, y);
    for (gsize i = 0; i < to->rows; i++) {
      for (gsize k = 0; k < to->columns; k++) {
        const gsize at = i * to->row_step + k * to->column_step + c;
        float out[LANES];

        vec_store (out, y[i][k] + offset);
        for (gsize o = 0; o < channels; o++)
          to->y[at + o] = to->residual ? out[o] + to->residual[at + o]
              : out[o];
      }
    }
  }
}

static void
transform_output (const float *m, const float *bias,
    const CpuWinogradOutputs * to)
{
  if (to->rows < OUTPUTS || to->columns < OUTPUTS || to->channels < WIDTH)
    transform_part_of_output (m, bias, to);
  else if (to->residual)
    transform_whole_output (TRUE, m, bias, to);
  else
    transform_whole_output (FALSE, m, bias, to);
}

extern const CpuWinogradTransforms KERN (TRANSFORMS);
const CpuWinogradTransforms KERN (TRANSFORMS) = {
  .name = "winograd-" G_STRINGIFY (OUTPUTS) "x" G_STRINGIFY (OUTPUTS) ":"
      G_STRINGIFY (CPU_ISA),
  .outputs = OUTPUTS,
  .pack_weights = pack_weights,
  .unpack_gradient = unpack_gradient,
  .transform_input = transform_input,
  .transform_gradient = transform_gradient,
  .transform_output = transform_output,
};
