/* gst-ddpm: the inner loops of the CPU backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each loop runs in one thread over a contiguous piece of work; its callers
 * share out the work. The sources of this folder are compiled once for each
 * instruction set, and ddpm_cpu_kernels_get () returns the best table that this
 * processor can run. Every sum has one accumulator per channel or a fixed
 * number of lanes, so that all tables give the same bits. The exception is
 * products of matrices: they use fused multiplication and addition where there
 * is one.
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

/* Lanes of a sum over everything: enough for one AVX-512 vector of doubles */
#define CPU_SUM_LANES 8

/* Group norm. A block is @pixels rows of @c channels, packed. Vectors of one
 * number a channel begin with the first channel of the block. */
typedef struct
{
  /* mean[c], m2[c]: mean and sum of squared deviations over the block */
  void (*moments) (DdpmType type, gsize pixels, gsize c, const void *x,
      float *mean, float *m2);
  /* Joins the moments of an image's blocks and the time bias (or NULL) to
   * stats [groups][2]. moments [blocks][2][c], of block pixels each (the last
   * may have fewer); work: 2 c doubles */
  void (*group_stats) (gsize pixels, gsize block, gsize c, gsize groups,
      float eps, const float *moments, const float *time_bias, double *work,
      float *stats);
  /* y = keep * swish ((x - mean) * scale + shift); keep NULL: 1. Rows of y
   * and keep are @row elements apart. */
  void (*normalize) (DdpmType type, gsize pixels, gsize c, gsize row,
      const void *x, const float *mean, const float *scale,
      const float *shift, gboolean swish, const float *keep, void *y);
  /* dz = keep * swish' (z) * dy of z = x^ gamma + beta, x^ = (x - mean) rstd,
   * rows of dz, dy and keep @row apart; sum_dz, sum_dz_x, sum_x [c]: sums of
   * dz, dz x^ and x^ over the block */
  void (*gradient) (DdpmType type, gsize pixels, gsize c, gsize row,
      const void *x, const void *dy, const float *mean, const float *rstd,
      const float *gamma, const float *beta, gboolean swish,
      const float *keep, float *dz, float *sum_dz, float *sum_dz_x,
      float *sum_x);
  /* dx = scale * dz - offset - slope * x^, or += */
  void (*input_gradient) (DdpmType type, gsize pixels, gsize c, gsize row,
      const void *x, const float *dz, const float *mean, const float *rstd,
      const float *scale, const float *offset, const float *slope,
      void *dx, gboolean add);
} CpuNormKernels;

/* The same in bf16, by instructions that few processors have. Their roundings
 * differ from those of CpuNormKernels. */
typedef struct
{
  void (*normalize) (gsize pixels, gsize c, gsize row, const guint16 * x,
      const float *mean, const float *scale, const float *shift,
      gboolean swish, const float *keep, guint16 * y);
  void (*gradient) (gsize pixels, gsize c, gsize row, const guint16 * x,
      const guint16 * dy, const float *mean, const float *rstd,
      const float *gamma, const float *beta, gboolean swish,
      const float *keep, float *dz, float *sum_dz, float *sum_dz_x,
      float *sum_x);
} CpuNormBf16Kernels;

extern const CpuNormBf16Kernels ddpm_cpu_norm_kernels_avx512bf16;

/* One row of attention */
typedef struct
{
  /* probs = softmax (scale * scores); scores are overwritten, and may be
   * probs */
  void (*softmax) (DdpmType type, gsize tokens, float scale, float *scores,
      void *probs);
  /* dscores = scale * probs * (dprobs - sum (dprobs * probs)) */
  void (*softmax_gradient) (DdpmType type, gsize tokens, float scale,
      const void *probs, const float *dprobs, void *dscores);
} CpuSoftmaxKernels;

typedef struct
{
  void (*normals) (guint64 seed, guint64 sample, guint32 stream,
      guint32 first_block, gsize blocks, float *out);
  /* keep[e - first] = u_e >= p ? 1 / (1 - p) : 0 */
  void (*dropout) (const DdpmDropout * drop, guint64 image, gsize first,
      gsize count, float *keep);
} CpuRandomKernels;

typedef struct
{
  /* y[rows][cy] = x[rows][cx], or +=. Channels that only y has become zero (or
   * stay, with add); those that only x has are left out. */
  void (*copy) (DdpmType x_type, DdpmType y_type, gsize rows, gsize cx,
      gsize cy, const void *x, void *y, gboolean add);
  void (*round_to_bf16) (gsize count, float *x);
  /* sums[c] of x [rows][c], rows @row elements apart */
  void (*column_sums) (DdpmType type, gsize rows, gsize row, gsize c,
      const void *x, float *sums);
  /* one output row, and the gradient of one input row from two */
  void (*upsample_row) (DdpmType type, gsize w, gsize c, const void *x,
      void *y);
  void (*upsample_row_gradient) (DdpmType type, gsize w, gsize c,
      const void *dy0, const void *dy1, void *dx, gboolean add);
  void (*add_rows) (gsize rows, gsize c, const float *bias, float *y);
  void (*swish) (gsize count, const float *x, float *y);
  void (*swish_gradient) (gsize count, const float *x, const float *dy,
      float *dx);
  void (*q_sample) (gsize count, float a, float s, const float *x_0,
      const float *eps, float *x_t);
  double (*mse) (gsize count, float scale, const float *pred,
      const float *target, float *dpred);
  void (*guide) (gsize count, float w, const float *without, float *eps);
  /* z NULL: sigma is 0; x_0_prev NULL: not kept */
  void (*reverse_step) (const DdpmReverseStep * step, gsize count, float *x,
      const float *pred, float *x_0_prev, const float *z);
} CpuElementKernels;

typedef struct
{
  double (*sum_of_squares) (gsize count, const float *x);
  void (*adam) (const DdpmAdam * a, gsize count, const float *grad,
      float *param, float *m, float *v, float *ema);
} CpuOptimizerKernels;

/* Where the outputs of a tile are stored. Of its pixels, [rows][columns] are in
 * the image; channels: how many are left to the end of a pixel; residual (laid
 * out as y): NULL: none */
typedef struct
{
  gsize rows, columns, channels;
  gsize row_step, column_step;  /* of y and residual */
  const float *residual;
  float *y;
} CpuWinogradOutputs;

/* The transforms of F(m x m, 3x3), m = outputs; see winograd.c. A tile has
 * (m + 2)^2 elements. Transformed tiles are kept element by element: each
 * element of all of them is a matrix, [tiles or in][channels]. */
typedef struct
{
  const gchar *name;
  gsize outputs;
  /* packed [elements][in][width], of @out <= width kernels, from input i of
   * output o at weight + i in_stride + o out_stride; flipped: in both
   * directions */
  void (*pack_weights) (gsize in, gsize out, gsize in_stride,
      gsize out_stride, gboolean flipped, const float *weight, float *packed);
  /* The gradient of width kernels, from that of their packed form */
  void (*unpack_gradient) (gsize in, gsize in_stride, gsize out_stride,
      const float *packed, float *dweight, gboolean add);
  /* The elements, to matrices that are @matrix apart, of a tile's inputs
   * x[(m + 2)^2] or of the gradients dy[m^2] of its outputs */
  void (*transform_input) (gsize channels, const float *const *x,
      gsize matrix, float *v);
  void (*transform_gradient) (gsize channels, const float *const *dy,
      gsize matrix, float *v);
  /* The outputs of a tile from its products m [elements][width]; bias [width]:
   * NULL: none */
  void (*transform_output) (const float *m, const float *bias,
      const CpuWinogradOutputs * to);
} CpuWinogradTransforms;

typedef struct
{
  gsize width;                  /* outputs that are computed at a time */
  gsize lanes;                  /* of which channels are a multiple */
  /* c [rows][width], rows c_row apart, = a b, or +=: element r, k of a at
   * a + r a_row + k a_depth, rows of b b_depth apart; prefetch [depth][width]
   * is only brought into the cache */
  void (*multiply) (gsize rows, gsize depth, const float *a, gsize a_row,
      gsize a_depth, const float *b, gsize b_depth, const float *prefetch,
      float *c, gsize c_row, gboolean add);
  const CpuWinogradTransforms *transforms[2];       /* of 2x2 outputs, of 4x4 */
} CpuWinogradKernels;

/* Products of matrices c = a b, by blocks of @rows x @width; see gemm.c. A
 * panel is that many vectors side by side: [depth][rows] or [depth][width] if
 * it is packed. The last panel is filled up with zeros. */
typedef struct
{
  const float *x;               /* element r, k of a panel: r row + k depth */
  gsize row, depth;
  gsize panel;                  /* from one panel to the next */
} CpuGemmRows;

/* c = sums + plus + bias: element r, k at r row + k column; bias [columns] */
typedef struct
{
  float *c;
  const float *plus;            /* NULL: nothing; may be c */
  const float *bias;            /* NULL: nothing */
  gsize row, column;
} CpuGemmResult;

typedef struct
{
  const gchar *name;
  gsize rows, width;
  /* Packs @count vectors into panels, one after the other. The vectors are
   * @step apart, their elements @deep. */
  void (*pack_rows) (gsize count, gsize depth, const float *x, gsize step,
      gsize deep, float *packed);
  void (*pack_columns) (gsize count, gsize depth, const float *x, gsize step,
      gsize deep, float *packed);
  /* The packed panels of b are b_panel apart. Each sum is over the depth in its
   * order, in whatever block it is computed. */
  void (*multiply) (gsize rows, gsize columns, gsize depth,
      const CpuGemmRows * a, const float *b, gsize b_panel,
      const CpuGemmResult * to);
} CpuGemmKernels;

/* Products in bf16, by tiles of CPU_TILE_ROWS x CPU_TILE_DEPTH of a and of
 * CPU_TILE_DEPTH x CPU_TILE_ROWS of b; see tiles.h. */
#define CPU_TILE_ROWS 16
#define CPU_TILE_DEPTH 32
#define CPU_TILE_ROW_BYTES 64
#define CPU_TILE_BYTES 1024
/* Columns of a panel: two tiles of b side by side */
#define CPU_PANEL_COLUMNS 32

/* y = a b [+ bias] [+ plus], rounded once. a is read where it lies: the tile of
 * rows 16 i and of step s of the depth begins tile_at[i] + step_at[s] bytes
 * after a. b is packed, [panels][steps] pairs of tiles side by side. */
typedef struct
{
  gconstpointer a;
  const guint32 *tile_at;
  gsize tiles;
  gsize a_row;                  /* bytes from one row of a tile to the next */
  const guint32 *step_at;
  gsize steps;
  gconstpointer b;
  gsize columns;
  const float *bias;            /* [columns]; NULL: none */
  /* [tiles][16]: the first element of each row in y; G_MAXSIZE: not stored */
  const gsize *place;
  gconstpointer plus;           /* as y; NULL: nothing; may be y */
  gpointer y;
  DdpmType type;                /* of plus and y */
} CpuTileProduct;

/* Tiles of sums = a b, or +=. a: rows of @steps tiles, one after the other; b:
 * pairs of tiles side by side, that of step s step_at[s] bytes after b. */
typedef struct
{
  gconstpointer a[2];
  gconstpointer b[3];
  float *sums[3];
  const guint32 *step_at;
  gsize steps;
  gboolean add;
} CpuTileSums;

typedef struct
{
  const gchar *name;
  gboolean beats_f32;           /* and its fewer multiplications */
  const CpuNormBf16Kernels *norm;       /* NULL: CpuNormKernels compute it */
  void (*multiply) (const CpuTileProduct * p);
  /* sums[0] [2][2] tiles, of two rows of a and b[0] */
  void (*accumulate) (const CpuTileSums * s);
  /* sums[i] [2] tiles, of a[0] and b[i], for three neighbouring b: what one of
   * them reads, the next has just read */
  void (*accumulate_three) (const CpuTileSums * s);
  /* Copies channels of pixels, @step elements apart, into blocks of
   * CPU_TILE_DEPTH channels, and zeros after the last: channel i of pixel p to
   * (guint16 *) to [i / 32 * block + 32 p + i % 32] */
  void (*pack_pixels) (DdpmType type, gsize pixels, gsize channels, gsize step,
      gconstpointer x, gsize block, guint16 * to);
  /* Rows 2 p and 2 p + 1 of x [2 pairs][32] side by side: to [pairs][32][2] */
  void (*pair_rows) (gsize pairs, const guint16 * x, guint16 * to);
  /* Pairs of numbers: to [16][16] from x [16][16], whose rows are @to_row and
   * @row pairs apart */
  void (*transpose) (const guint32 * x, gsize row, guint32 * to,
      gsize to_row);
} CpuTileKernels;

/* In plain C, with the bits of AMX, for tests; the others: on x86-64 only */
extern const CpuTileKernels ddpm_cpu_tile_kernels_plain;
extern const CpuTileKernels ddpm_cpu_tile_kernels_avx512bf16;
extern const CpuTileKernels ddpm_cpu_tile_kernels_amx;
/* NULL: this processor has no instructions for bf16 */
const CpuTileKernels *ddpm_cpu_tiles_get (void);

typedef struct
{
  const gchar *name;
  const CpuNormKernels *norm;
  const CpuSoftmaxKernels *softmax;
  const CpuRandomKernels *random;
  const CpuElementKernels *element;
  const CpuOptimizerKernels *optimizer;
  const CpuWinogradKernels *winograd;
  const CpuGemmKernels *gemm;
} CpuKernels;

const CpuKernels *ddpm_cpu_kernels_get (void);

G_END_DECLS
