/* safetensors: round trips, files of other programs, and every kind of damage. */
#include "host/files/safetensors.h"

#include "tests/files/scratch.h"

static const float kernel[] = {1.0f, -2.5f, 3e-20f, 4.0f, 5.0f, 6.0f};
static const float bias[] = {0.5f, -0.0f};
static const float scalar[] = {42.0f};

static const struct wg_safetensor tensors[] = {
    {.name = "critic.kernel", .rank = 2, .shape = {2, 3}, .data = kernel},
    {.name = "critic.bias", .rank = 1, .shape = {2}, .data = bias},
    {.name = "empty", .rank = 2, .shape = {0, 4}, .data = NULL},
    {.name = "step", .rank = 0, .data = scalar},
};

static const struct wg_safetensors_note notes[] = {{"format", "wgan-cl"}, {"seed", "7"}};

static void write_good(const char *path)
{
    ck_assert_msg(wg_safetensors_write(path, tensors, countof(tensors), notes, countof(notes)),
                  "%s", wg_error_message());
}

START_TEST(round_trip)
{
    struct wg_safetensors *file;
    write_good(scratch_path("a"));
    ck_assert_msg(wg_safetensors_open(scratch_path("a"), &file), "%s", wg_error_message());
    ck_assert_uint_eq(wg_safetensors_count(file), countof(tensors));
    for (size_t t = 0; t < countof(tensors); t++) {
        const struct wg_safetensor *got = wg_safetensors_find(file, tensors[t].name);
        size_t elements = 1;
        ck_assert_ptr_nonnull(got);
        ck_assert_ptr_eq(got, wg_safetensors_at(file, t));
        ck_assert_int_eq(got->rank, tensors[t].rank);
        for (int d = 0; d < got->rank; d++) {
            ck_assert_uint_eq(got->shape[d], tensors[t].shape[d]);
            elements *= got->shape[d];
        }
        if (elements)
            ck_assert_mem_eq(got->data, tensors[t].data, elements * sizeof(float));
    }
    ck_assert_str_eq(wg_safetensors_note(file, "format"), "wgan-cl");
    ck_assert_str_eq(wg_safetensors_note(file, "seed"), "7");
    ck_assert_ptr_null(wg_safetensors_note(file, "missing"));
    ck_assert_ptr_null(wg_safetensors_at(file, countof(tensors)));
    ck_assert_ptr_null(wg_safetensors_find(file, "missing"));
    check_error(WG_ERROR_DATA, "/a: there is no tensor 'missing'");
    wg_safetensors_close(file);
    wg_safetensors_close(NULL);
}
END_TEST

/* More than one block of the writer. */
START_TEST(long_tensors)
{
    static float values[10007];
    struct wg_safetensors *file;
    for (size_t i = 0; i < countof(values); i++)
        values[i] = (float)i * 0.37f;
    const struct wg_safetensor tensor = {"long", 1, {countof(values)}, values};
    ck_assert(wg_safetensors_write(scratch_path("a"), &tensor, 1, NULL, 0));
    ck_assert(wg_safetensors_open(scratch_path("a"), &file));
    ck_assert_int_eq(memcmp(wg_safetensors_find(file, "long")->data, values, sizeof values), 0);
    ck_assert_ptr_null(wg_safetensors_note(file, "any"));
    wg_safetensors_close(file);
}
END_TEST

START_TEST(bytes_are_as_the_format_says)
{
    static const char header[] = "{\"__metadata__\": {\"k\": \"v\"}, "
                                 "\"b\": {\"dtype\": \"F32\", \"shape\": [2], "
                                 "\"data_offsets\": [0, 8]}}";
    char bytes[500], expected[500] = {0};
    const size_t length = (sizeof header - 1 + 7) / 8 * 8;
    const struct wg_safetensor tensor = {"b", 1, {2}, bias};
    const struct wg_safetensors_note note = {"k", "v"};
    expected[0] = (char)length;
    memset(expected + 8, ' ', length);
    memcpy(expected + 8, header, sizeof header - 1);
    memcpy(expected + 8 + length, "\x00\x00\x00\x3f\x00\x00\x00\x80", 8);
    ck_assert(wg_safetensors_write(scratch_path("a"), &tensor, 1, &note, 1));
    ck_assert_uint_eq(scratch_get(scratch_path("a"), bytes, sizeof bytes), 8 + length + 8);
    ck_assert_mem_eq(bytes, expected, 8 + length + 8);
}
END_TEST

/* A file with this header and `data_bytes` bytes behind it. */
static void put(const char *path, const char *header, size_t data_bytes)
{
    uint8_t bytes[2000] = {0};
    const size_t length = strlen(header);
    ck_assert_uint_lt(length + data_bytes + 8, sizeof bytes);
    bytes[0] = (uint8_t)length;
    bytes[1] = (uint8_t)(length >> 8);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data_bytes; i++)
        bytes[8 + length + i] = (uint8_t)(i % 4 == 3 ? 0x3f : i % 4 == 2 ? 0x80 : 0); // 1.0f
    scratch_put(path, bytes, 8 + length + data_bytes);
}

/* Metadata last, tensors out of order, no padding: the data starts at an odd byte. */
START_TEST(files_of_other_programs)
{
    struct wg_safetensors *file;
    put(scratch_path("a"),
        "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
        "\"a\":{\"shape\":[2,1],\"data_offsets\":[0,8],\"dtype\":\"F32\"},"
        "\"__metadata__\":{\"format\":\"pt\"} }",
        12);
    ck_assert_msg(wg_safetensors_open(scratch_path("a"), &file), "%s", wg_error_message());
    ck_assert_str_eq(wg_safetensors_at(file, 0)->name, "a");
    ck_assert_str_eq(wg_safetensors_at(file, 1)->name, "b");
    ck_assert(wg_safetensors_find(file, "b")->data[0] == 1.0f);
    ck_assert_str_eq(wg_safetensors_note(file, "format"), "pt");
    wg_safetensors_close(file);
    put(scratch_path("a"), "{}", 0);
    ck_assert(wg_safetensors_open(scratch_path("a"), &file));
    ck_assert_uint_eq(wg_safetensors_count(file), 0);
    wg_safetensors_close(file);
}
END_TEST

#define F32(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

START_TEST(faults_are_named)
{
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *message;
    } cases[] = {
        {"", 0, "a: not a safetensors file: header: line 1"},
        {"[1]", 0, "no JSON object"},
        {"{\"a\":1}", 0, "a: tensor 'a': not an object"},
        {"{\"a\":{}}", 0, "'dtype': nothing, expected a string"},
        {"{\"a\":{\"dtype\":\"F16\"}}", 0, "type F16, expected F32"},
        {"{\"a\":{\"dtype\":\"F32\"}}", 0, "'shape': nothing"},
        {"{\"a\":" F32("[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "rank 9, expected at most 8"},
        {"{\"a\":" F32("[-1]", "[0,4]") "}", 4, "'shape': -1"},
        {"{\"a\":" F32("[1.0]", "[0,4]") "}", 4, "'shape': a number, expected an integer"},
        {"{\"a\":" F32("[2]", "[0,4]") "}", 4, "its data has 4 bytes"},
        {"{\"a\":" F32("[4611686018427387905]", "[0,4]") "}", 4, "its data has 4 bytes"},
        {"{\"a\":" F32("[4294967296,4294967296]", "[0,0]") "}", 0, "its data has 0 bytes"},
        {"{\"a\":" F32("[1]", "[0]") "}", 4, "1 data_offsets, expected 2"},
        {"{\"a\":" F32("[1]", "[0,4,4]") "}", 4, "3 data_offsets"},
        {"{\"a\":" F32("[1]", "[8,4]") "}", 8, "before its start at 8"},
        {"{\"a\":" F32("[1]", "[0,\"4\"]") "}", 4, "'data_offsets': a string"},
        {"{\"a\":" F32("[3]", "[0,12]") "}", 4,
         "truncated: tensor 'a' ends at byte 75, the file at 67"},
        {"{\"a\":" F32("[1]", "[0,4]") "}", 5, "the last tensor ends at byte 66, the file at 67"},
        {"{\"a\":" F32("[1]", "[4,8]") "}", 8,
         "tensor 'a' starts at byte 4 of the data, expected 0"},
        {"{\"a\":" F32("[2]", "[0,8]") ",\"b\":" F32("[2]", "[4,12]") "}", 12,
         "tensor 'b' starts at byte 4 of the data, expected 8"},
        {"{\"a\":" F32("[1]", "[0,4]") ",\"a\":" F32("[1]", "[4,8]") "}", 8, "duplicate"},
        {"{\"__metadata__\":[]}", 0, "__metadata__: not an object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "'k': an integer, expected a string"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct wg_safetensors *file = NULL;
        put(scratch_path("a"), cases[i].header, cases[i].data_bytes);
        ck_assert_msg(!wg_safetensors_open(scratch_path("a"), &file), "%s", cases[i].header);
        check_error(WG_ERROR_DATA, cases[i].message);
        check_error(WG_ERROR_DATA, scratch_path("a: "));
        ck_assert_ptr_null(file);
    }
}
END_TEST

START_TEST(other_files_are_refused)
{
    struct wg_safetensors *file = NULL;
    ck_assert(!wg_safetensors_open(scratch_path("missing"), &file));
    check_error(WG_ERROR_FILE, "missing: cannot open");
    scratch_put(scratch_path("a"), "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
    ck_assert(!wg_safetensors_open(scratch_path("a"), &file));
    check_error(WG_ERROR_DATA, "header says 18446744073709551615 bytes, the file has 10");
    scratch_put(scratch_path("a"), "short", 5);
    ck_assert(!wg_safetensors_open(scratch_path("a"), &file));
    check_error(WG_ERROR_DATA, "it has 5 bytes");
    ck_assert_ptr_null(file);
}
END_TEST

START_TEST(every_truncation_is_noticed)
{
    uint8_t bytes[2000];
    write_good(scratch_path("good"));
    const size_t size = scratch_get(scratch_path("good"), bytes, sizeof bytes);
    for (size_t cut = 0; cut < size; cut++) {
        struct wg_safetensors *file = NULL;
        scratch_put(scratch_path("cut"), bytes, cut);
        ck_assert_msg(!wg_safetensors_open(scratch_path("cut"), &file), "%zu of %zu bytes", cut,
                      size);
        check_error(WG_ERROR_DATA, "cut: ");
    }
}
END_TEST

/* Reads every float and name; a sanitizer sees what lies outside. */
static float touch(const struct wg_safetensors *file)
{
    float sum = 0;
    for (size_t t = 0; t < wg_safetensors_count(file); t++) {
        const struct wg_safetensor *tensor = wg_safetensors_at(file, t);
        size_t elements = 1;
        ck_assert_ptr_eq(wg_safetensors_find(file, tensor->name), tensor);
        for (int d = 0; d < tensor->rank; d++)
            elements *= tensor->shape[d];
        for (size_t i = 0; i < elements; i++)
            sum += tensor->data[i];
    }
    return sum;
}

static void open_damaged(const uint8_t *bytes, size_t size)
{
    struct wg_safetensors *file = NULL;
    scratch_put(scratch_path("damaged"), bytes, size);
    if (wg_safetensors_open(scratch_path("damaged"), &file)) {
        volatile float sum = touch(file);
        (void)sum;
        wg_safetensors_close(file);
    } else {
        check_error(WG_ERROR_DATA, "damaged: ");
    }
}

START_TEST(flipped_bits_do_no_harm)
{
    uint8_t bytes[2000];
    write_good(scratch_path("good"));
    const size_t size = scratch_get(scratch_path("good"), bytes, sizeof bytes);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            open_damaged(bytes, size);
            bytes[i] ^= (uint8_t)(1 << bit);
        }
}
END_TEST

/* Several random bytes at once, preferably characters that mean something in the header. */
START_TEST(random_damage_does_no_harm)
{
    static const char meaningful[] = "0123456789-[]{},:\"eE. \\";
    uint8_t good[2000], bytes[2000];
    uint32_t state = 1;
    write_good(scratch_path("good"));
    const size_t size = scratch_get(scratch_path("good"), good, sizeof good);
    for (int round = 0; round < 3000; round++) {
        memcpy(bytes, good, size);
        for (int i = 0; i < 1 + round % 4; i++) {
            state = state * 1664525u + 1013904223u;
            const size_t at = (state >> 8) % size;
            state = state * 1664525u + 1013904223u;
            bytes[at] = (uint8_t)meaningful[(state >> 8) % (sizeof meaningful - 1)];
        }
        open_damaged(bytes, size);
    }
}
END_TEST

START_TEST(writing_fails_cleanly)
{
    static const float values[10000];
    const struct wg_safetensor twice[] = {{"a", 1, {1}, values}, {"a", 1, {1}, values}};
    const struct wg_safetensor reserved = {"__metadata__", 1, {1}, values};
    const struct wg_safetensor deep = {.name = "a", .rank = 9, .data = values};
    const struct wg_safetensor huge = {"a", 2, {SIZE_MAX / 8, 8}, values};
    const struct wg_safetensor large = {"a", 1, {10000}, values};
    const char *path = scratch_path("a");
    ck_assert(!wg_safetensors_write(path, twice, 2, NULL, 0));
    check_error(WG_ERROR_ARGUMENT, "/a: tensor name 'a' is already taken");
    ck_assert(!wg_safetensors_write(path, &reserved, 1, NULL, 0));
    check_error(WG_ERROR_ARGUMENT, "'__metadata__' is already taken");
    ck_assert(!wg_safetensors_write(path, &deep, 1, NULL, 0));
    check_error(WG_ERROR_ARGUMENT, "rank 9");
    ck_assert(!wg_safetensors_write(path, &huge, 1, NULL, 0));
    check_error(WG_ERROR_ARGUMENT, "larger than memory");
    scratch_fill_disk(20000);
    ck_assert(!wg_safetensors_write(path, &large, 1, NULL, 0));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, "a: cannot write");
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        round_trip,
        long_tensors,
        bytes_are_as_the_format_says,
        files_of_other_programs,
        faults_are_named,
        other_files_are_refused,
        every_truncation_is_noticed,
        flipped_bits_do_no_harm,
        random_damage_does_no_harm,
        writing_fails_cleanly,
    };
    return run_tests("safetensors", tests, countof(tests));
}
