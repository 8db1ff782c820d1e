/* gst-ddpm: CUDA backend: cuDNN's plans, kept in files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN takes seconds for some plans, since it compiles kernels for them, and
 * milliseconds to take one up again that it has written as text. Each lies in
 * a file of its own, whose name is a hash of what it was planned for. Nothing
 * depends on these files: what cannot be read is planned anew, what cannot be
 * written is not kept, and the folder may be deleted at any time.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CudaPlanCache CudaPlanCache;

/* folder: is made when the first plan is kept. machine: all that plans depend
 * on but the graph: the device, and the versions of what plans and runs it */
CudaPlanCache *ddpm_cuda_plan_cache_new (const gchar * folder,
    const gchar * machine);
/* Bytes that all its files may have together, 256 MiB at first: beyond that,
 * those go that were longest of no use. */
void ddpm_cuda_plan_cache_set_room (CudaPlanCache * cache, guint64 size);
/* NULL: nothing */
void ddpm_cuda_plan_cache_free (CudaPlanCache * cache);

/* The plan of a graph, as it was kept; NULL: there is none, or a file that is
 * not as it should be */
gchar *ddpm_cuda_plan_cache_read (const CudaPlanCache * cache, const gchar * graph);
/* Replaces the file whole: others may read and write it at the same time. */
void ddpm_cuda_plan_cache_write (const CudaPlanCache * cache, const gchar * graph,
    const gchar * plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CudaPlanCache, ddpm_cuda_plan_cache_free)

G_END_DECLS
