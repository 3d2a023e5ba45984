#include "host/device/prebuild.h"

#include "host/base/array.h"
#include "host/base/child.h"
#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/device/clerror.h"
#include "host/device/program_cache.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A launch that makes a driver compile all that the real one needs, but does next to nothing. */
struct launch {
    char kernel[64];
    char arguments[WG_KERNEL_ARGUMENTS_MAX + 1];
    size_t bytes;
    size_t global[3];
    size_t local[3];
};

/* What a child gets to do: a program and its launches. A file of these is its input. */
enum { LAUNCHES_MAX = 12 };

struct job {
    int index;
    uint64_t digest; // of the program's text and the driver
    size_t length;   // of the text
    char file[64];
    struct wg_defines defines;
    struct launch launches[LAUNCHES_MAX];
    int launch_count;
};

struct wg_prebuild {
    struct wg_device *device;
    struct job *jobs;
    int count;
};

/* ---- noting ---- */

bool wg_prebuild_create(struct wg_device *device, struct wg_prebuild **ret_prebuild)
{
    struct wg_prebuild *prebuild = calloc(1, sizeof *prebuild);
    if (!prebuild)
        return wg_fail_memory("a list of programs");
    prebuild->device = device;
    *ret_prebuild = prebuild;
    return true;
}

void wg_prebuild_destroy(struct wg_prebuild *prebuild)
{
    if (!prebuild)
        return;
    free(prebuild->jobs);
    free(prebuild);
}

static struct job *add_job(struct wg_prebuild *prebuild, const struct wg_kernel_use *use)
{
    static const struct wg_defines none;
    const struct wg_defines *defines = use->defines ? use->defines : &none;
    for (int i = 0; i < prebuild->count; i++) {
        struct job *job = &prebuild->jobs[i];
        if (strcmp(job->file, use->file) == 0 && strcmp(job->defines.text, defines->text) == 0)
            return job;
    }
    struct job *grown =
        wg_array_grow(prebuild->jobs, (size_t)prebuild->count, sizeof *grown, "a list of programs");
    if (!grown)
        return NULL;
    prebuild->jobs = grown;
    struct job *job = &prebuild->jobs[prebuild->count];
    memset(job, 0, sizeof *job); // its bytes are written to a file
    if (!wg_program_text(prebuild->device, use->file, defines, &job->digest, &job->length))
        return NULL;
    job->index = prebuild->count++;
    snprintf(job->file, sizeof job->file, "%s", use->file);
    memcpy(job->defines.text, defines->text, defines->length);
    job->defines.length = defines->length;
    return job;
}

/* pocl compiles a kernel for its group size, and once more for a grid of this many work items along
 * a dimension (lib/CL/pocl_cache.c, "smallgrid"). */
enum { LARGE_GRID = 65535 };

static void add_launch(struct job *job, const struct wg_kernel_use *use)
{
    struct launch new, *end = &job->launches[job->launch_count];
    memset(&new, 0, sizeof new);
    snprintf(new.kernel, sizeof new.kernel, "%s", use->kernel);
    snprintf(new.arguments, sizeof new.arguments, "%s", use->arguments);
    for (int d = 0; d < 3; d++) {
        size_t groups = use->global[d] < LARGE_GRID ? 1 : LARGE_GRID / use->local[d] + 1;
        new.local[d] = use->local[d];
        new.global[d] = groups * use->local[d];
    }
    for (struct launch *old = job->launches; old < end; old++) {
        new.bytes = old->bytes; // a larger buffer makes no other launch
        if (memcmp(old, &new, sizeof new) == 0) {
            old->bytes = use->bytes > old->bytes ? use->bytes : old->bytes;
            return;
        }
    }
    new.bytes = use->bytes;
    if (job->launch_count == LAUNCHES_MAX)
        return; // more is an offer, too
    *end = new;
    job->launch_count++;
}

bool wg_prebuild_add(struct wg_prebuild *prebuild, const struct wg_kernel_use *use)
{
    struct job *job = add_job(prebuild, use);
    if (job)
        add_launch(job, use);
    return job != NULL;
}

int wg_prebuild_total(const struct wg_prebuild *prebuild)
{
    return prebuild->count;
}

int wg_prebuild_done(const struct wg_prebuild *prebuild)
{
    int done = 0;
    for (int i = 0; i < prebuild->count; i++)
        done += wg_program_is_built(prebuild->device, prebuild->jobs[i].file,
                                    &prebuild->jobs[i].defines);
    return done;
}

/* ---- the parent ---- */

/* What is worth starting children for, and how many at most, whose memory adds up. */
enum { JOBS_MIN = 4, CHILDREN_MAX = 16 };

/* No compiler takes as long; one that hangs would hang here, too. */
#define CHILD_SECONDS 300.0

/* What has been built is also known by its launches, where they decide on what is compiled. */
static uint64_t job_digest(const struct wg_prebuild *prebuild, const struct job *job)
{
    uint64_t hash = job->digest;
    if (prebuild->device->driver_cache != WG_DRIVER_CACHES_LAUNCHES)
        return hash;
    for (int i = 0; i < job->launch_count; i++) {
        const struct launch *launch = &job->launches[i];
        hash = wg_hash(hash, launch->kernel, sizeof launch->kernel);
        hash = wg_hash(hash, launch->global, sizeof launch->global);
        hash = wg_hash(hash, launch->local, sizeof launch->local);
    }
    return hash;
}

/* The jobs whose programs are not known to be in a cache, the longest texts first: what takes long
 * should not begin last. */
static int find_missing(const struct wg_prebuild *prebuild, const struct job **ret_missing)
{
    struct wg_built built;
    int count = 0;
    wg_built_load(prebuild->device, &built);
    for (int i = 0; i < prebuild->count; i++) {
        const struct job *job = &prebuild->jobs[i];
        if (!wg_built_contains(&built, job_digest(prebuild, job)) &&
            !wg_program_is_built(prebuild->device, job->file, &job->defines))
            ret_missing[count++] = job;
    }
    wg_built_finish(&built);
    return count;
}

static int longer_first(const void *a, const void *b)
{
    const struct job *x = *(const struct job *const *)a, *y = *(const struct job *const *)b;
    return x->length != y->length ? (x->length < y->length ? 1 : -1) : x->index - y->index;
}

/* All children read one file and so have one position in it: each job goes to one of them, who then
 * comes for the next when it is done. */
static bool write_jobs(FILE *file, const struct job *const *jobs, int count)
{
    for (int i = 0; i < count; i++)
        if (fwrite(jobs[i], sizeof *jobs[i], 1, file) != 1)
            return false;
    return fflush(file) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0;
}

struct progress {
    void (*report)(void *user, int done, int total);
    void *user;
};

/* Whatever the children say: `line` may be anything. */
static void take_over(struct wg_prebuild *prebuild, const char *line,
                      const struct progress *progress)
{
    char *end;
    long index = strtol(line, &end, 10);
    if (end == line || *end || index < 0 || index >= prebuild->count)
        return;
    wg_prebuild_load(prebuild, (int)index);
    if (progress->report)
        progress->report(progress->user, wg_prebuild_done(prebuild), prebuild->count);
}

static void listen_to(struct wg_prebuild *prebuild, struct wg_child *const *children, int count,
                      const struct progress *progress)
{
    char line[WG_CHILD_LINE_MAX];
    enum wg_child_event event;
    int from;
    while (!wg_device_is_stopped(prebuild->device) &&
           wg_child_await(children, count, &from, &event, line))
        if (event == WG_CHILD_LINE)
            take_over(prebuild, line, progress);
}

static void run_children(struct wg_prebuild *prebuild, const struct job *const *jobs, int count,
                         int processes, const struct progress *progress)
{
    const struct wg_device_info *info = &prebuild->device->info;
    struct wg_child *children[CHILDREN_MAX] = {NULL};
    char device[32];
    snprintf(device, sizeof device, "%d:%d", info->platform, info->index_in_platform);
    const char *const arguments[] = {device, NULL};
    FILE *file = tmpfile();
    bool ok = file && write_jobs(file, jobs, count);
    for (int i = 0; ok && i < processes; i++)
        ok = wg_child_start(WG_PREBUILD_TASK, arguments, fileno(file), CHILD_SECONDS, &children[i]);
    listen_to(prebuild, children, processes, progress);
    for (int i = 0; i < processes; i++)
        wg_child_destroy(children[i]);
    if (file)
        fclose(file);
}

/* They are not tried again, even if a child failed: a start should not be slow each time. But what
 * was stopped is. */
static void remember(const struct wg_prebuild *prebuild, const struct job *const *jobs, int count)
{
    uint64_t *digests = malloc((size_t)count * sizeof *digests);
    for (int i = 0; digests && i < count; i++)
        digests[i] = job_digest(prebuild, jobs[i]);
    if (digests)
        wg_built_add(prebuild->device, digests, (size_t)count);
    free(digests);
}

void wg_prebuild_run(struct wg_prebuild *prebuild,
                     void (*progress)(void *user, int done, int total), void *user)
{
    size_t processes = wg_smaller(wg_cores(), CHILDREN_MAX);
    if (!wg_child_possible() || processes < 2 || prebuild->count < JOBS_MIN ||
        !wg_program_cache_works(prebuild->device))
        return;
    const struct job **missing = malloc((size_t)prebuild->count * sizeof *missing);
    int count = missing ? find_missing(prebuild, missing) : 0;
    if (count >= JOBS_MIN && !wg_device_is_stopped(prebuild->device)) {
        qsort(missing, (size_t)count, sizeof *missing, longer_first);
        run_children(prebuild, missing, count, (int)processes, &(struct progress){progress, user});
        if (!wg_device_is_stopped(prebuild->device))
            remember(prebuild, missing, count);
    }
    free(missing);
}

void wg_prebuild_load(const struct wg_prebuild *prebuild, int i)
{
    const struct job *job = &prebuild->jobs[i];
    wg_program_build(prebuild->device, job->file, &job->defines);
}

/* ---- the child ---- */

static cl_int set_argument(cl_kernel kernel, cl_uint index, char kind, cl_mem buffer)
{
    // Sizes of two elements are within any buffer. Kernels divide by them and by their halves, but
    // by no less: that would be zero.
    const cl_int number = 2;
    const cl_float real = 1.0f;
    if (kind == 'b')
        return clSetKernelArg(kernel, index, sizeof buffer, &buffer);
    return kind == 'i' ? clSetKernelArg(kernel, index, sizeof number, &number)
                       : clSetKernelArg(kernel, index, sizeof real, &real);
}

/* One buffer stands for all: nobody looks at the result. Only what is touched becomes memory. */
static bool run_launch(struct wg_device *device, cl_kernel kernel, const struct launch *launch)
{
    enum { BYTES_MIN = 1 << 20 };
    cl_int code;
    size_t bytes = launch->bytes > BYTES_MIN ? launch->bytes : BYTES_MIN;
    cl_mem buffer = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!CL_CREATED(code, "clCreateBuffer"))
        return false;
    for (cl_uint i = 0; code == CL_SUCCESS && launch->arguments[i]; i++)
        code = set_argument(kernel, i, launch->arguments[i], buffer);
    bool ok =
        CL_OK(code) && CL_OK(clEnqueueNDRangeKernel(device->queue, kernel, 3, NULL, launch->global,
                                                    launch->local, 0, NULL, NULL));
    ok = wg_device_finish(device) && ok;
    clReleaseMemObject(buffer);
    return ok;
}

static bool build_launch(struct wg_device *device, const struct job *job,
                         const struct launch *launch)
{
    cl_kernel kernel;
    if (!wg_program_kernel(device, job->file, launch->kernel, &job->defines, &kernel))
        return false;
    bool ok =
        device->driver_cache != WG_DRIVER_CACHES_LAUNCHES || run_launch(device, kernel, launch);
    clReleaseKernel(kernel);
    return ok;
}

bool wg_prebuild_serve(const char *selector)
{
    struct wg_device *device;
    struct job job;
    if (!wg_device_open(selector, &device))
        return false;
    while (read(STDIN_FILENO, &job, sizeof job) == (ssize_t)sizeof job) {
        bool ok = true;
        for (int i = 0; ok && i < job.launch_count; i++)
            ok = build_launch(device, &job, &job.launches[i]);
        if (ok && (printf("%d\n", job.index) < 0 || fflush(stdout) != 0))
            break; // nobody listens any more
    }
    wg_device_close(device);
    return true;
}
