/*
 * compensated: sums whose error does not grow with their length, and their last steps in a group.
 */

/* Adds `term` to `sum` and keeps in `lost` what rounding took (Kahan 1965). */
#define ADD_COMPENSATED(sum, lost, term)                                                           \
    do {                                                                                           \
        const floatv corrected = (term)-lost;                                                      \
        const floatv next = sum + corrected;                                                       \
        lost = (next - sum) - corrected;                                                           \
        sum = next;                                                                                \
    } while (0)

#ifdef DOWN
/* Of the sums of DOWN times ACROSS items, one of each: the first ACROSS become those of all, and
 * all items may read them. */
static void add_down(__local floatv *sums, int id)
{
    for (int others = DOWN / 2; others > 0; others /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (id / ACROSS < others)
            sums[id] += sums[id + others * ACROSS];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
#endif
