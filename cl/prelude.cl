/*
 * prelude: what every program begins with.
 *
 * VW is the number of floats in a vector, chosen by the host: 1 is always right, more is faster
 * where the innermost dimension is a multiple of it. Then
 *
 *   floatv        a vector of VW floats
 *   LOADV(p)      VW floats from p, in global memory, which need only be aligned as a float
 *   STOREV(v, p)  the same back
 *   MAC(a, b, c)  a * b + c, written out: compilers contract it to a fused multiply-add, while the
 *                 built-in mad() stays two instructions on pocl
 *   PREFETCH(p)   brings the cache line at p closer, which may lie beyond the tensor; if the
 *                 compiler can't, nothing
 *   FETCH_AHEAD   before a loop that adds up what it reads: AHEAD turns of it are read before the
 *                 first is added, if the host says so (wg_define_ahead). What is left over of AHEAD
 *                 is read one by one; where that is not little, a loop takes AHEAD at a time itself
 *   STREAMV(v, p) STOREV past the caches #ifdef STREAM (wg_define_stream), where p is aligned to a
 *                 vector: for what is read again when they hold other things, or to spare
 *                 reading each line before it is written
 *   OUTLINED      a function that stays one, for what is long in kernels for CPUs: pocl compiles a
 *                 kernel, and all that is inlined there, three times over
 *   SPECIALISED   one that is inlined where its arguments are constants, so that its loops unroll
 *                 and its arrays are registers. Not where SPIR is written: what reads that may not
 *                 know all that inlining leaves behind (Oclgrind 21.10 does not)
 *
 *   AGREE(a, b)   once in a file: a program in which these two sizes differ does not build. Of
 *                 scratch, which the host allots and the kernel divides, both reckon the size
 *
 * ACTIVATION says what follows a linear map; both directions stand side by side. Neither leaky
 * ReLU (with a slope >= 0) nor tanh needs its input for its gradient: the output y is enough.
 *
 * BIAS, where defined, says that a bias along the last dimension is added before it:
 *
 *   BIAS_PARAMETER        the parameter `bias` and its comma, or nothing
 *   BIAS_ARGUMENT         the same in a call
 *   ADD_BIAS(sum, value)  adds `value`, which is of the bias, or nothing
 *   BIAS_OR_ZERO(value)   `value`, or a vector of zeros
 */
#ifndef VW
#define VW 1
#endif

#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)

#if VW == 1
typedef float floatv;
#define LOADV(p)     (*(p))
#define STOREV(v, p) (*(p) = (v))
#else
typedef PASTE(float, VW) floatv;
#define LOADV(p)     PASTE(vload, VW)(0, p)
#define STOREV(v, p) PASTE(vstore, VW)(v, 0, p)
#endif

#define MAC(a, b, c) ((a) * (b) + (c))

#ifdef AHEAD
#define FETCH_AHEAD _Pragma("unroll AHEAD")
#else
#define FETCH_AHEAD
#define AHEAD 1
#endif

#define AGREE(a, b) typedef char host_and_kernel_agree[(a) == (b) ? 1 : -1]

#define OUTLINED static __attribute__((noinline))
#ifdef __SPIR__
#define SPECIALISED static
#else
#define SPECIALISED static inline __attribute__((always_inline))
#endif

/* For compilers to a processor, as pocl's is; what reads SPIR, or NVVM, may not know these. */
#if defined __has_builtin && !defined __SPIR__ && !defined __NV_CL_C_VERSION
#if __has_builtin(__builtin_prefetch)
#define PREFETCH(p) __builtin_prefetch((const void *)(size_t)(p))
#endif
#if defined STREAM && __has_builtin(__builtin_nontemporal_store)
#define STREAMV(v, p) __builtin_nontemporal_store(v, (__global floatv *)(p))
#endif
#if VW > 1 && defined __has_attribute
#if __has_attribute(overloadable)
/* One instruction; of vstore16 LLVM makes three, and two that take the vector apart, and of
 * vload16, where a sum follows, eight. */
typedef floatv floatv_anywhere __attribute__((aligned(4)));
SPECIALISED __attribute__((overloadable)) void store_anywhere(floatv v, __global float *p)
{
    *(__global floatv_anywhere *)p = v;
}

SPECIALISED __attribute__((overloadable)) void store_anywhere(floatv v, __private float *p)
{
    *(__private floatv_anywhere *)p = v;
}

SPECIALISED floatv load_anywhere(__global const float *p)
{
    return *(__global const floatv_anywhere *)p;
}

#undef LOADV
#define LOADV(p) load_anywhere(p)
#undef STOREV
#define STOREV(v, p) store_anywhere(v, p)
#endif
#endif
#endif
#ifndef PREFETCH
#define PREFETCH(p) ((void)(p))
#endif
#ifndef STREAMV
#define STREAMV(v, p) STOREV(v, p)
#endif

#define ACTIVATION_NONE       0
#define ACTIVATION_LEAKY_RELU 1 // x > 0 ? x : SLOPE * x; ReLU is SLOPE 0
#define ACTIVATION_TANH       2

#ifndef ACTIVATION
#define ACTIVATION ACTIVATION_NONE
#endif
#ifndef SLOPE
#define SLOPE 0.0f
#endif

#if ACTIVATION == ACTIVATION_LEAKY_RELU
#define ACTIVATE(x)              ((x) > 0.0f ? (x) : SLOPE * (x))
#define ACTIVATE_GRADIENT(y, dy) ((y) > 0.0f ? (dy) : SLOPE * (dy))
#elif ACTIVATION == ACTIVATION_TANH
#define ACTIVATE(x)              tanh(x)
#define ACTIVATE_GRADIENT(y, dy) ((dy) * (1.0f - (y) * (y)))
#else
#define ACTIVATE(x)              (x)
#define ACTIVATE_GRADIENT(y, dy) ((void)(y), (dy))
#endif

#ifdef BIAS
#define BIAS_PARAMETER       __global const float *restrict bias,
#define BIAS_ARGUMENT        bias,
#define ADD_BIAS(sum, value) ((sum) += (value))
#define BIAS_OR_ZERO(value)  (value)
#else
#define BIAS_PARAMETER
#define BIAS_ARGUMENT
#define ADD_BIAS(sum, value) ((void)0)
#define BIAS_OR_ZERO(value)  ((floatv)(0.0f))
#endif
