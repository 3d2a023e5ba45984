/* JSON: built, written, read, refused. */
#include "host/files/json.h"

#include <float.h>
#include <math.h>

#include "tests/files/scratch.h"

static struct wg_json *parsed(const char *text)
{
    struct wg_json *root;
    ck_assert_msg(wg_json_parse(text, strlen(text), &root), "%s: %s", text, wg_error_message());
    return root;
}

static struct wg_json *build(void)
{
    struct wg_json *root = wg_json_create_object();
    struct wg_json *shape = wg_json_create_array();
    struct wg_json *layers = wg_json_create_array();
    struct wg_json *layer = wg_json_create_object();
    ck_assert(wg_json_set_string(root, "zebra", "a \"quoted\" \xc3\xbc\n"));
    ck_assert(wg_json_set_integer(root, "apple", INT64_MIN));
    ck_assert(wg_json_set_uint64(root, "seed", UINT64_MAX));
    ck_assert(wg_json_set_uint64(root, "small", 7));
    ck_assert(wg_json_set_real(root, "rate", 5e-5));
    ck_assert(wg_json_set_bool(root, "done", true));
    ck_assert(wg_json_set(root, "shape", shape));
    ck_assert(wg_json_append(shape, wg_json_create_integer(28)));
    ck_assert(wg_json_append(shape, wg_json_create_integer(1)));
    ck_assert(wg_json_set(root, "layers", layers));
    ck_assert(wg_json_append(layers, layer));
    ck_assert(wg_json_set_real(layer, "loss", NAN));
    ck_assert(wg_json_set(layer, "none", wg_json_create_object()));
    return root;
}

START_TEST(text_is_as_documented)
{
    struct wg_json *root = build();
    char *text = wg_json_text(root, 2);
    ck_assert_str_eq(text, "{\n"
                           "  \"zebra\": \"a \\\"quoted\\\" \xc3\xbc\\n\",\n"
                           "  \"apple\": -9223372036854775808,\n"
                           "  \"seed\": \"18446744073709551615\",\n"
                           "  \"small\": 7,\n"
                           "  \"rate\": 5e-5,\n"
                           "  \"done\": true,\n"
                           "  \"shape\": [28, 1],\n"
                           "  \"layers\": [\n"
                           "    {\n"
                           "      \"loss\": null,\n"
                           "      \"none\": {}\n"
                           "    }\n"
                           "  ]\n"
                           "}");
    free(text);
    text = wg_json_text(wg_json_find(root, "layers"), 0);
    ck_assert_str_eq(text, "[{\"loss\": null, \"none\": {}}]");
    free(text);
    wg_json_destroy(root);
    wg_json_destroy(NULL);
}
END_TEST

START_TEST(file_gives_everything_back)
{
    struct wg_json *built = build(), *root;
    const struct wg_json *array;
    const char *text;
    int64_t integer;
    uint64_t seed;
    double real;
    bool truth;
    ck_assert(wg_json_write(scratch_path("a.json"), built));
    wg_json_destroy(built);
    ck_assert(wg_json_read(scratch_path("a.json"), &root));
    ck_assert_uint_eq(wg_json_count(root), 8);
    ck_assert(wg_json_get_string(root, "zebra", &text));
    ck_assert_str_eq(text, "a \"quoted\" \xc3\xbc\n");
    ck_assert(wg_json_get_integer(root, "apple", &integer) && integer == INT64_MIN);
    ck_assert(wg_json_get_uint64(root, "seed", &seed) && seed == UINT64_MAX);
    ck_assert(wg_json_get_uint64(root, "small", &seed) && seed == 7);
    ck_assert(wg_json_get_real(root, "rate", &real) && real == 5e-5);
    ck_assert(wg_json_get_real(root, "small", &real) && real == 7);
    ck_assert(wg_json_get_bool(root, "done", &truth) && truth);
    ck_assert(wg_json_get_array(root, "shape", &array));
    ck_assert_uint_eq(wg_json_count(array), 2);
    ck_assert(wg_json_as_integer(wg_json_at(array, 0), &integer) && integer == 28);
    ck_assert_ptr_null(wg_json_at(array, 2));
    ck_assert(wg_json_get_array(root, "layers", &array));
    ck_assert(wg_json_get_real(wg_json_at(array, 0), "loss", &real) && isnan(real));
    ck_assert(wg_json_get_object(wg_json_at(array, 0), "none", &array));
    wg_json_destroy(root);
}
END_TEST

START_TEST(keys_keep_their_order)
{
    static const char *const keys[] = {"b", "a", "c"};
    struct wg_json *root = parsed("{\"b\": 1, \"a\": 2, \"c\": 3}");
    size_t i = 0;
    for (struct wg_json_member m = {0}; wg_json_next(root, &m); i++) {
        int64_t number;
        ck_assert_str_eq(m.key, keys[i]);
        ck_assert(wg_json_as_integer(m.value, &number) && number == (int64_t)i + 1);
    }
    ck_assert_uint_eq(i, 3);
    wg_json_destroy(root);
}
END_TEST

START_TEST(reals_survive_with_few_digits)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0.1, "[0.1]"},   {5e-5, "[5e-5]"},   {1.0, "[1.0]"},
        {-0.0, "[-0.0]"}, {1e300, "[1e300]"}, {0.1234567890123456, "[0.1234567890123456]"},
        {1.0 / 3, NULL},  {DBL_MIN, NULL},    {DBL_TRUE_MIN, NULL},
        {DBL_MAX, NULL},  {2.0 / 3e5, NULL},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        double back;
        struct wg_json *array = wg_json_create_array();
        ck_assert(wg_json_append(array, wg_json_create_real(cases[i].number)));
        char *text = wg_json_text(array, 2);
        if (cases[i].text)
            ck_assert_str_eq(text, cases[i].text);
        struct wg_json *again = parsed(text);
        ck_assert(wg_json_as_real(wg_json_at(again, 0), &back));
        ck_assert_mem_eq(&back, &cases[i].number, sizeof back);
        wg_json_destroy(again);
        wg_json_destroy(array);
        free(text);
    }
}
END_TEST

START_TEST(text_that_is_not_utf8)
{
    const char *text;
    struct wg_json *root = wg_json_create_object();
    ck_assert(wg_json_set_string(root, "device", "Intel\xae Xeon"));
    ck_assert(wg_json_get_string(root, "device", &text));
    ck_assert_str_eq(text, "Intel? Xeon");
    wg_json_destroy(root);
}
END_TEST

START_TEST(faults_are_named)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1, column 0: "},
        {"{\"a\": 1,\n \"b\" 2}", "line 2, column "},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"{} x", "line 1, column 4: "},
        {"[1, 2", "line 1, column 5: "},
        {"\"text\"", "line 1, column "},
        {"[\"\\u0000\"]", "line 1, column "},
        {"[99999999999999999999]", "too big integer"},
        {"[\"\xff\"]", "unable to decode byte 0xff"},
        {"[\"a\nb\"]", "line 1, column "},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct wg_json *root = NULL;
        ck_assert(!wg_json_parse(cases[i].text, strlen(cases[i].text), &root));
        check_error(WG_ERROR_DATA, cases[i].message);
        ck_assert_ptr_null(strchr(wg_error_message(), '\n'));
        ck_assert_ptr_null(root);
    }
}
END_TEST

START_TEST(deep_nesting_is_refused_not_followed)
{
    static char text[1000000];
    struct wg_json *root;
    memset(text, '[', sizeof text);
    ck_assert(!wg_json_parse(text, sizeof text, &root));
    check_error(WG_ERROR_DATA, "depth");
}
END_TEST

START_TEST(wrong_types_are_named)
{
    const struct wg_json *child = NULL;
    const char *text = NULL;
    int64_t integer = 7;
    uint64_t natural = 7;
    double real = 7;
    bool truth = true;
    struct wg_json *root = parsed("{\"s\": \"12x\", \"n\": -1, \"r\": 1.5, \"a\": [], \"o\": {}}");
    ck_assert(!wg_json_get_string(root, "n", &text));
    check_error(WG_ERROR_DATA, "'n': an integer, expected a string");
    ck_assert(!wg_json_get_string(root, "missing", &text));
    check_error(WG_ERROR_DATA, "'missing': nothing, expected a string");
    ck_assert(!wg_json_get_integer(root, "r", &integer));
    check_error(WG_ERROR_DATA, "'r': a number, expected an integer");
    ck_assert(!wg_json_get_uint64(root, "n", &natural));
    check_error(WG_ERROR_DATA, "'n': -1, expected");
    ck_assert(!wg_json_get_uint64(root, "s", &natural));
    check_error(WG_ERROR_DATA, "'s': a string, expected");
    ck_assert(!wg_json_get_real(root, "s", &real));
    check_error(WG_ERROR_DATA, "'s': a string, expected a number");
    ck_assert(!wg_json_get_bool(root, "a", &truth));
    check_error(WG_ERROR_DATA, "'a': an array, expected true or false");
    ck_assert(!wg_json_get_object(root, "a", &child));
    check_error(WG_ERROR_DATA, "'a': an array, expected an object");
    ck_assert(!wg_json_get_array(root, "o", &child));
    check_error(WG_ERROR_DATA, "'o': an object, expected an array");
    ck_assert(!text && !child && integer == 7 && natural == 7 && real == 7 && truth);
    ck_assert_ptr_null(wg_json_find(root, "missing"));
    wg_json_destroy(root);
}
END_TEST

START_TEST(digits_beyond_64_bits_are_no_number)
{
    uint64_t number = 7;
    struct wg_json *root = parsed("[\"18446744073709551616\", \"\", \"-1\", \" 1\", \"007\"]");
    for (size_t i = 0; i < 4; i++)
        ck_assert(!wg_json_as_uint64(wg_json_at(root, i), &number));
    ck_assert_uint_eq(number, 7);
    ck_assert(wg_json_as_uint64(wg_json_at(root, 4), &number));
    wg_json_destroy(root);
}
END_TEST

START_TEST(failed_children_are_passed_on)
{
    struct wg_json *root = wg_json_create_object();
    ck_assert(!wg_json_set(root, "a", NULL));
    ck_assert(!wg_json_append(root, NULL));
    // The array is freed although nothing can take it.
    ck_assert(!wg_json_set(NULL, "a", wg_json_create_array()));
    ck_assert_uint_eq(wg_json_count(root), 0);
    wg_json_destroy(root);
}
END_TEST

START_TEST(files_that_fail)
{
    struct wg_json *root = NULL;
    ck_assert(!wg_json_read(scratch_path("a.json"), &root));
    check_error(WG_ERROR_FILE, "a.json: cannot open");
    scratch_put(scratch_path("a.json"), "{\n\"a\": }", 8);
    ck_assert(!wg_json_read(scratch_path("a.json"), &root));
    check_error(WG_ERROR_DATA, "a.json: line 2, column ");
    ck_assert_ptr_null(root);
    root = build();
    scratch_fill_disk(10);
    ck_assert(!wg_json_write(scratch_path("b.json"), root));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, "b.json: cannot write");
    ck_assert(!wg_json_write(scratch_path("none/b.json"), root));
    check_error(WG_ERROR_FILE, "none/b.json");
    wg_json_destroy(root);
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(patterns_build_values)
{
    struct wg_json *root =
        wg_json_pack("{s: s, s: [i, i], s: f, s: b, s: n, s: o}", "name", "conv", "strides", 2, 2,
                     "slope", 0.2, "bias", 1, "loss", "child", wg_json_create_array());
    char *text = wg_json_text(root, 0);
    ck_assert_str_eq(text, "{\"name\": \"conv\", \"strides\": [2, 2], \"slope\": 0.2, "
                           "\"bias\": true, \"loss\": null, \"child\": []}");
    free(text);
    wg_json_destroy(root);
    ck_assert_ptr_null(wg_json_pack("{s: o}", "child", NULL));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        text_is_as_documented,
        file_gives_everything_back,
        keys_keep_their_order,
        reals_survive_with_few_digits,
        text_that_is_not_utf8,
        faults_are_named,
        deep_nesting_is_refused_not_followed,
        wrong_types_are_named,
        digits_beyond_64_bits_are_no_number,
        failed_children_are_passed_on,
        patterns_build_values,
        files_that_fail,
    };
    return run_tests("json", tests, countof(tests));
}
