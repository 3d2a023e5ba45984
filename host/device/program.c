#include "host/device/program.h"

#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/device/clerror.h"
#include "host/device/pocl_cache.h"
#include "host/device/program_cache.h"
#include "host/device/sources.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* No fast-math: a trainer must see its NaNs, and the same sum must stay the same sum. */
#define BUILD_OPTIONS "-cl-std=CL1.2"

struct wg_program {
    char file[64];
    struct wg_defines defines;
    cl_program program;
    bool is_built; // false: a thread is about to build it
    struct wg_program *next;
};

/* Of the lists of programs; and what is told when one of them is built, or will not be. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* ---- macros ---- */

static void WG_PRINTF(2, 3) add_line(struct wg_defines *defines, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(defines->text + defines->length, sizeof defines->text - defines->length,
                           format, arguments);
    va_end(arguments);
    defines->length += (size_t)length;
    assert(defines->length < sizeof defines->text); // some forty macros fit
}

void wg_define_int(struct wg_defines *defines, const char *name, long long value)
{
    add_line(defines, "#define %s %lld\n", name, value);
}

void wg_define_float(struct wg_defines *defines, const char *name, float value)
{
    // Hexadecimal digits carry every bit.
    add_line(defines, "#define %s %af\n", name, (double)value);
}

void wg_define_flag(struct wg_defines *defines, const char *name)
{
    add_line(defines, "#define %s 1\n", name);
}

/* ---- sources ---- */

/* The lines of an embedded file as one string, to be freed; NULL if there is no such file. */
static char *embedded_source(const char *file)
{
    for (const struct wg_source *source = wg_sources; source->name; source++) {
        if (strcmp(source->name, file) != 0)
            continue;
        size_t length = 0;
        for (const char *const *line = source->lines; *line; line++)
            length += strlen(*line);
        char *text = malloc(length + 1);
        char *at = text;
        for (const char *const *line = source->lines; text && *line; line++) {
            size_t n = strlen(*line);
            memcpy(at, *line, n);
            at += n;
        }
        if (text)
            *at = '\0';
        else
            wg_fail_memory("a kernel source");
        return text;
    }
    return wg_fail_null(WG_ERROR_DEVICE, "no kernel source named '%s'", file);
}

static char *read_source(const char *folder, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.cl", folder, file);
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return wg_fail_null(WG_ERROR_FILE, "%s: %s (WGAN_CL_KERNELS names its folder)", path,
                            strerror(errno));
    enum { SIZE_MAX_SOURCE = 1 << 20 };
    char *text = calloc(1, SIZE_MAX_SOURCE);
    size_t length = text ? fread(text, 1, SIZE_MAX_SOURCE - 1, stream) : 0;
    bool failed = ferror(stream) || length == SIZE_MAX_SOURCE - 1;
    fclose(stream);
    if (text && !failed)
        return text;
    free(text);
    return wg_fail_null(WG_ERROR_FILE, "%s: can't be read, or larger than 1 MiB", path);
}

static char *load_source(const char *file)
{
    const char *folder = getenv("WGAN_CL_KERNELS");
    return folder && *folder ? read_source(folder, file) : embedded_source(file);
}

bool wg_program_sources_hash(uint64_t *ret_hash)
{
    uint64_t hash = WG_HASH_START;
    for (const struct wg_source *source = wg_sources; source->name; source++) {
        char *text = load_source(source->name);
        if (!text)
            return false;
        hash = wg_hash(hash, text, strlen(text) + 1);
        free(text);
    }
    *ret_hash = hash;
    return true;
}

/* ---- building ---- */

static void fail_build(struct wg_device *device, const struct wg_program *program, cl_int code)
{
    char trouble[WG_POCL_CACHE_TROUBLE_MAX] = "";
    size_t size = 0;
    clGetProgramBuildInfo(program->program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *log = calloc(1, size + 1);
    if (log)
        clGetProgramBuildInfo(program->program, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    // pocl does not say that it could not write a file.
    if (device->driver_cache == WG_DRIVER_CACHES_LAUNCHES)
        wg_pocl_cache_trouble(trouble);
    wg_fail(WG_ERROR_DEVICE,
            "kernel program '%s' failed to build: %s (%d)%s%s\ndevice: %s, driver "
            "%s\noptions: " BUILD_OPTIONS "\nmacros:\n%slog:\n%s",
            program->file, wg_cl_error_name(code), (int)code, *trouble ? "; " : "", trouble,
            device->info.name, device->info.driver_version, program->defines.text,
            log && *log ? log : "(the driver gave none)");
    free(log);
}

/* The text of a program, in the order in which the compiler reads it. */
enum { PARTS_MAX = 40 };

struct text {
    char *parts[PARTS_MAX];
    cl_uint count;
};

static void free_text(struct text *text)
{
    while (text->count > 0)
        free(text->parts[--text->count]);
}

static bool add_part(struct text *text, const char *part, size_t length)
{
    if (text->count == PARTS_MAX)
        return wg_fail(WG_ERROR_DEVICE, "a kernel program is of more than %d parts", PARTS_MAX);
    char *copy = strndup(part, length);
    if (!copy)
        return wg_fail_memory("a kernel source");
    text->parts[text->count++] = copy;
    return true;
}

/* What gives the compiler's messages their file and line. */
static bool add_line_number(struct text *text, const char *file, int line)
{
    char directive[128];
    int length = snprintf(directive, sizeof directive, "\n#line %d \"cl/%s.cl\"\n", line, file);
    return add_part(text, directive, (size_t)length);
}

static bool add_file(struct text *text, const char *file, int depth);

/* Adds a file's text, with the files that its lines #include "NAME.cl" name in their place: OpenCL
 * would look for them on the disk. */
static bool add_source(struct text *text, const char *file, const char *source, int depth)
{
    static const char directive[] = "#include \"";
    const char *from = source;
    int line = 1;
    for (const char *at = source; *at; line++) {
        const char *end = at + strcspn(at, "\n");
        const char *next = *end ? end + 1 : end;
        if (depth > 0 && strncmp(at, directive, sizeof directive - 1) == 0) {
            const char *name = at + sizeof directive - 1;
            char included[64];
            snprintf(included, sizeof included, "%.*s", (int)strcspn(name, ".\"\n"), name);
            if (!add_part(text, from, (size_t)(at - from)) ||
                !add_file(text, included, depth - 1) || !add_line_number(text, file, line + 1))
                return false;
            from = next;
        }
        at = next;
    }
    return add_part(text, from, strlen(from));
}

static bool add_file(struct text *text, const char *file, int depth)
{
    char *source = load_source(file);
    bool ok = source && add_line_number(text, file, 1) && add_source(text, file, source, depth);
    free(source);
    return ok;
}

static bool load_text(const char *file, const struct wg_defines *defines, struct text *text)
{
    return add_part(text, defines->text, defines->length) && add_file(text, "prelude", 0) &&
           add_file(text, file, 3);
}

bool wg_program_text(const struct wg_device *device, const char *file,
                     const struct wg_defines *defines, uint64_t *ret_digest, size_t *ret_length)
{
    struct text text = {0};
    bool ok = load_text(file, defines, &text);
    if (ok) {
        *ret_digest = wg_program_digest(device, text.parts, text.count);
        *ret_length = 0;
        for (cl_uint i = 0; i < text.count; i++)
            *ret_length += strlen(text.parts[i]);
    }
    free_text(&text);
    return ok;
}

static bool build_source(struct wg_device *device, struct wg_program *program,
                         const struct text *text)
{
    cl_int code;
    program->program = clCreateProgramWithSource(device->context, text->count,
                                                 (const char **)text->parts, NULL, &code);
    if (!CL_CREATED(code, "clCreateProgramWithSource"))
        return false;
    code = clBuildProgram(program->program, 1, &device->id, BUILD_OPTIONS, NULL, NULL);
    if (code == CL_SUCCESS)
        return true;
    fail_build(device, program, code);
    return false;
}

static bool build(struct wg_device *device, struct wg_program *program)
{
    struct text text = {0};
    bool ok = load_text(program->file, &program->defines, &text);
    uint64_t digest = wg_program_digest(device, text.parts, text.count);
    if (ok && !wg_program_cache_load(device, digest, &program->program)) {
        ok = build_source(device, program, &text);
        if (ok)
            wg_program_cache_save(device, digest, program->program);
    }
    free_text(&text);
    return ok;
}

static const struct wg_defines no_defines;

static struct wg_program *find(const struct wg_device *device, const char *file,
                               const struct wg_defines *defines)
{
    for (struct wg_program *p = device->programs; p; p = p->next)
        if (strcmp(p->file, file) == 0 && strcmp(p->defines.text, defines->text) == 0)
            return p;
    return NULL;
}

/* A new entry of the list; NULL with a message if there is no memory. */
static struct wg_program *add(struct wg_device *device, const char *file,
                              const struct wg_defines *defines)
{
    struct wg_program *program = calloc(1, sizeof *program);
    if (!program)
        return wg_fail_memory_null("a program");
    snprintf(program->file, sizeof program->file, "%s", file);
    program->defines = *defines;
    program->next = device->programs;
    device->programs = program;
    return program;
}

static void drop(struct wg_device *device, struct wg_program *program)
{
    struct wg_program **at = &device->programs;
    while (*at != program)
        at = &(*at)->next;
    *at = program->next;
    if (program->program)
        clReleaseProgram(program->program);
    free(program);
}

/* The program, built; or, if no thread has begun with it, a new entry that is to be. */
static struct wg_program *find_or_add(struct wg_device *device, const char *file,
                                      const struct wg_defines *defines)
{
    struct wg_program *program;
    pthread_mutex_lock(&lock);
    while ((program = find(device, file, defines)) && !program->is_built)
        pthread_cond_wait(&changed, &lock);
    if (!program)
        program = add(device, file, defines);
    pthread_mutex_unlock(&lock);
    return program;
}

/* A failed one goes, so that whoever waits for it has the same failure from its own attempt. */
static struct wg_program *find_or_build(struct wg_device *device, const char *file,
                                        const struct wg_defines *defines)
{
    struct wg_program *program = find_or_add(device, file, defines);
    if (!program || program->is_built)
        return program;
    bool ok = build(device, program);
    pthread_mutex_lock(&lock);
    program->is_built = ok;
    if (!ok)
        drop(device, program);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return ok ? program : NULL;
}

bool wg_program_build(struct wg_device *device, const char *file, const struct wg_defines *defines)
{
    return find_or_build(device, file, defines ? defines : &no_defines) != NULL;
}

bool wg_program_is_built(const struct wg_device *device, const char *file,
                         const struct wg_defines *defines)
{
    pthread_mutex_lock(&lock);
    const struct wg_program *found = find(device, file, defines ? defines : &no_defines);
    bool is_built = found && found->is_built;
    pthread_mutex_unlock(&lock);
    return is_built;
}

bool wg_program_kernel(struct wg_device *device, const char *file, const char *kernel,
                       const struct wg_defines *defines, cl_kernel *ret_kernel)
{
    defines = defines ? defines : &no_defines;
    if (!wg_program_is_built(device, file, defines) && wg_device_is_stopped(device))
        return wg_fail(WG_ERROR_STOPPED, "stopped before kernel program '%s' was built", file);
    const struct wg_program *program = find_or_build(device, file, defines);
    if (!program)
        return false;
    cl_int code;
    cl_kernel created = clCreateKernel(program->program, kernel, &code);
    if (code != CL_SUCCESS)
        return wg_fail(WG_ERROR_DEVICE, "kernel '%s' of program '%s': clCreateKernel failed: %s",
                       kernel, file, wg_cl_error_name(code));
    *ret_kernel = created;
    return true;
}

void wg_programs_release(struct wg_device *device)
{
    while (device->programs) {
        struct wg_program *program = device->programs;
        device->programs = program->next;
        clReleaseProgram(program->program);
        free(program);
    }
}
