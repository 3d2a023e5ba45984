#include "host/base/philox.h"

enum { ROUNDS = 10 };

static const uint32_t multiplier_0 = 0xd2511f53; // table 2
static const uint32_t multiplier_1 = 0xcd9e8d57;
static const uint32_t weyl_0 = 0x9e3779b9; // the golden ratio
static const uint32_t weyl_1 = 0xbb67ae85; // sqrt(3) - 1

struct wg_philox_block wg_philox(const uint32_t counter[4], const uint32_t key[2])
{
    struct wg_philox_block x = {{counter[0], counter[1], counter[2], counter[3]}};
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t product_0 = (uint64_t)multiplier_0 * x.v[0];
        uint64_t product_1 = (uint64_t)multiplier_1 * x.v[2];
        x = (struct wg_philox_block){{
            (uint32_t)(product_1 >> 32) ^ x.v[1] ^ k0,
            (uint32_t)product_1,
            (uint32_t)(product_0 >> 32) ^ x.v[3] ^ k1,
            (uint32_t)product_0,
        }};
        k0 += weyl_0;
        k1 += weyl_1;
    }
    return x;
}

float wg_uniform_float(uint32_t u)
{
    return ((float)(u >> 9) + 0.5f) * 0x1p-23f;
}
