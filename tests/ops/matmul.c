/*
 * matmul: all implementations in all four transpositions against the reference, gradients, which
 * are products again, and the adjoint relation they stand for.
 */
#include "host/graph/autodiff.h"
#include "host/graph/fuse.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>

struct product_case {
    size_t m, n, k;
    bool transpose_a, transpose_b;
};

static const struct product_case cases[] = {
    {1, 1, 1, false, false},      {13, 31, 33, false, false},    {32, 1, 49, true, false},
    {3, 1, 320, false, false},    {5, 1, 97, false, true},       {5, 100, 1, false, true},
    {17, 8, 32, true, true},      {128, 128, 128, false, false}, {129, 131, 127, true, false},
    {131, 127, 129, false, true}, {127, 129, 131, true, true},
};
enum { LARGE = 7, CASES = sizeof cases / sizeof cases[0] };

static struct wg_shape shape_of(size_t rows, size_t columns, bool transposed)
{
    return transposed ? wg_shape(columns, rows) : wg_shape(rows, columns);
}

static void run_by_all(struct rig *rig, struct wg_node *c)
{
    for (const struct wg_implementation *const *by = c->op->implementations; *by; by++) {
        if (!rig_suits(c, (*by)->name))
            continue;
        rig_run(rig, (*by)->name, &c, 1);
        ck_assert_str_eq(rig_implementation(rig, c), (*by)->name);
        rig_check_node(rig, c);
    }
}

START_TEST(every_implementation_agrees_with_the_reference)
{
    const struct product_case *p = &cases[_i];
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = rig_variable(&rig, "a", shape_of(p->m, p->k, p->transpose_a));
    struct wg_node *b = rig_variable(&rig, "b", shape_of(p->k, p->n, p->transpose_b));
    run_by_all(&rig, wg_matmul(rig.graph, a, p->transpose_a, b, p->transpose_b));
    rig_finish(&rig);
}
END_TEST

/* A product of a transposed A, a gradient of weights, has none. */
START_TEST(a_bias_is_added_by_all_of_them)
{
    const struct product_case *p = &cases[_i];
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = rig_variable(&rig, "a", shape_of(p->m, p->k, p->transpose_a));
    struct wg_node *b = rig_variable(&rig, "b", shape_of(p->k, p->n, p->transpose_b));
    struct wg_node *bias = rig_variable(&rig, "bias", wg_shape(p->n));
    struct wg_node *c = wg_matmul(rig.graph, a, p->transpose_a, b, p->transpose_b);
    struct wg_node *y = wg_bias(rig.graph, c, bias, WG_ACTIVATION_LEAKY_RELU, 0.25f);
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(y->op, p->transpose_a ? &wg_op_bias : &wg_op_matmul);
    if (!p->transpose_a)
        run_by_all(&rig, y);
    rig_finish(&rig);
}
END_TEST

START_TEST(large_products_go_to_the_library)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = rig_variable(&rig, "a", wg_shape(128, 128));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(128, 64));
    ck_assert(rig_suits(wg_matmul(rig.graph, a, false, a, true), "gemm"));
    ck_assert(!rig_suits(wg_matmul(rig.graph, a, false, b, false), "gemm"));
    rig_finish(&rig);
}
END_TEST

/* Whether the library suits where no buffer is larger than this. */
static bool suits_library(const struct wg_node *c, uint64_t largest_buffer)
{
    struct wg_device_info *info = &test_device()->info;
    uint64_t before = info->largest_buffer;
    info->largest_buffer = largest_buffer;
    bool suits = rig_suits(c, "gemm");
    info->largest_buffer = before;
    return suits;
}

/* All three operands are copied, to one buffer, and counted in int. */
START_TEST(products_too_large_for_scratch_do_not)
{
    enum { SIDE = 128, VAST = 32768, BYTES = 3 * SIDE * SIDE * sizeof(float) };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = wg_variable(rig.graph, "a", WG_F32, wg_shape(SIDE, SIDE));
    struct wg_node *b = wg_variable(rig.graph, "b", WG_F32, wg_shape(VAST, VAST));
    struct wg_node *c = wg_matmul(rig.graph, a, false, a, true);
    ck_assert(suits_library(c, UINT64_MAX));
    ck_assert(!suits_library(c, BYTES - 1));
    ck_assert(!suits_library(wg_matmul(rig.graph, b, false, b, true), UINT64_MAX));
    rig_finish(&rig);
}
END_TEST

/*
 * Of the sum of r * C: dA and dB by the reference's own products, the one with B, the other with
 * A, and <C, r> = <A, dA> = <B, dB>.
 * _i: bit 0 transpose a, bit 1 transpose b
 */
START_TEST(gradients_are_the_products_of_the_reference)
{
    enum { M = 13, N = 7, K = 31 };
    bool ta = _i & 1, tb = _i & 2;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *in[2] = {rig_variable(&rig, "a", shape_of(M, K, ta)),
                             rig_variable(&rig, "b", shape_of(K, N, tb))};
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(M, N));
    struct wg_node *c = wg_matmul(rig.graph, in[0], ta, in[1], tb), *dx[2];
    wg_gradient(rig.graph, rig_inner(&rig, c, r), in, 2, dx);
    rig_run(&rig, NULL, (struct wg_node *[]){dx[0], dx[1], c}, 3);

    // dA = r B^T or, stored transposed, B r^T; dB = A^T r or r^T A
    const struct ref_product da = {ta ? K : M, ta ? M : K, N, ta && tb, ta || !tb};
    const struct ref_product db = {tb ? N : K, tb ? K : N, M, tb || !ta, tb && ta};
    double *a = rig_doubles(&rig, in[0]), *b = rig_doubles(&rig, in[1]);
    double *rs = rig_doubles(&rig, r), *expected = rig_zeros(&rig, K * (M + N));
    double *a_size = rig_magnitudes(&rig, in[0]), *b_size = rig_magnitudes(&rig, in[1]);
    double *r_size = rig_magnitudes(&rig, r), *magnitude = rig_zeros(&rig, K * (M + N));
    ref_matmul(&da, ta ? b : rs, ta ? rs : b, expected);
    ref_matmul(&da, ta ? b_size : r_size, ta ? r_size : b_size, magnitude);
    rig_check(&rig, dx[0], expected, magnitude, N + 1);
    double form = rig_dot(M * K, magnitude, a_size);
    ref_matmul(&db, tb ? rs : a, tb ? a : rs, expected);
    ref_matmul(&db, tb ? r_size : a_size, tb ? a_size : r_size, magnitude);
    rig_check(&rig, dx[1], expected, magnitude, M + 1);

    double by_c = rig_dot(M * N, rig_wide(&rig, c), rs);
    double bound = (K + 1 + M + 1) * 0x1p-24 * form;
    ck_assert_double_eq_tol(by_c, rig_dot(M * K, rig_wide(&rig, dx[0]), a), bound);
    ck_assert_double_eq_tol(by_c, rig_dot(K * N, rig_wide(&rig, dx[1]), b), bound);
    rig_finish(&rig);
}
END_TEST

START_TEST(wrong_shapes_are_refused_by_name)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = rig_variable(&rig, "a", wg_shape(3, 4));
    rig_check_refused(&rig, wg_matmul(rig.graph, a, false, a, false), "matmul");
    rig_check_refused(&rig, wg_matmul(rig.graph, NULL, false, NULL, false), "matmul");
    a = rig_variable(&rig, "a", wg_shape(2, 2, 2));
    rig_check_refused(&rig, wg_matmul(rig.graph, a, false, a, false), "matmul");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("matmul");
    tcase_add_loop_test(tests, every_implementation_agrees_with_the_reference, 0, LARGE);
    tcase_add_loop_test(tests, a_bias_is_added_by_all_of_them, 0, LARGE);
    tcase_add_test(tests, large_products_go_to_the_library);
    tcase_add_test(tests, products_too_large_for_scratch_do_not);
    tcase_add_loop_test(tests, gradients_are_the_products_of_the_reference, 0, 4);
    tcase_add_test(tests, wrong_shapes_are_refused_by_name);

    TCase *large = tcase_create("large"); // too much for a simulated device
    tcase_set_tags(large, "large");
    tcase_add_loop_test(large, every_implementation_agrees_with_the_reference, LARGE, CASES);
    tcase_add_loop_test(large, a_bias_is_added_by_all_of_them, LARGE, CASES);

    TCase *groups = tcase_create("small groups");
    tcase_add_checked_fixture(groups, rig_promise_large_groups, rig_promise_no_more);
    tcase_add_loop_test(groups, every_implementation_agrees_with_the_reference, 0, LARGE);

    Suite *suite = suite_create("matmul");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, groups);
    suite_add_tcase(suite, large);
    return test_run(suite);
}
