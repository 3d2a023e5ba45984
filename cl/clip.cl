/*
 * clip: w = min(max(w, -bound), bound); a NaN stays one, so that it is seen.
 *
 * w [count]. Work size: count, one work item per weight.
 */
__kernel void clip(__global float *restrict w, const float bound, const int count)
{
    const int i = (int)get_global_id(0);
    if (i < count) {
        const float weight = w[i];
        w[i] = weight > bound ? bound : weight < -bound ? -bound : weight;
    }
}
