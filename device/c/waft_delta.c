#include "waft_delta.h"

#include <string.h>

/* ---- tables ---- */

static const uint16_t squash_steps[] = {
    4, 4, 4, 4, 4, 4, 5, 6, 8, 10, 13, 17,
    22, 28, 36, 47, 60, 77, 98, 126, 162, 208, 267, 342,
    439, 562, 720, 922, 1179, 1506, 1921, 2446, 3108, 3938, 4971, 6249,
    7812, 9702, 11955, 14595, 17625, 21025, 24743, 28693, 32768, 36843, 40793, 44511,
    47911, 50941, 53581, 55834, 57724, 59287, 60565, 61598, 62428, 63090, 63615, 64030,
    64357, 64614, 64816, 64974, 65097, 65194, 65269, 65328, 65374, 65410, 65438, 65459,
    65476, 65489, 65500, 65508, 65514, 65519, 65523, 65526, 65528, 65530, 65531, 65532,
    65532, 65532, 65532, 65532, 65532,
};
static const uint8_t ln_mantissa[64] = {
    2, 6, 10, 14, 17, 21, 25, 28, 32, 35, 39, 42, 46, 49, 52, 56,
    59, 62, 65, 68, 71, 74, 77, 80, 83, 86, 89, 92, 94, 97, 100, 102,
    105, 108, 110, 113, 116, 118, 121, 123, 126, 128, 130, 133, 135, 137, 140, 142,
    144, 147, 149, 151, 153, 156, 158, 160, 162, 164, 166, 168, 170, 172, 174, 176,
};

static uint32_t log2_floor(uint32_t x) {
#if defined(__GNUC__) && !defined(__AVR__)
  return 31u - (uint32_t)__builtin_clz(x);
#else
  uint32_t n = 0;
  while (x >>= 1) n++;
  return n;
#endif
}

static int32_t ln256(uint32_t x) {
  uint32_t exponent = log2_floor(x);
  return (int32_t)((exponent * 45426u) >> 8) + ln_mantissa[((x << (12 - exponent)) - 4096u) >> 6];
}

static int32_t stretch(uint32_t p12) { return ln256(2 * p12 + 1) - ln256(8191 - 2 * p12); }

static uint32_t squash(int32_t logit) {
  int32_t x = logit > 2815 ? 2815 : logit < -2816 ? -2816 : logit;
  uint32_t at = (uint32_t)(x + 2816) >> 6;
  int32_t low = squash_steps[at], high = squash_steps[at + 1];
  return (uint32_t)(low + (((high - low) * ((x + 2816) & 63)) >> 6));
}

static uint32_t rate(uint32_t n) { return 327680u / (9 * n + 13); }

/* ---- bytes ---- */

static uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] | ((uint32_t)p[1] << 8); }
static uint32_t get32(const uint8_t *p) { return get16(p) | (get16(p + 2) << 16); }
static void put16(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
}
static void put32(uint8_t *p, uint32_t v) {
  put16(p, v);
  put16(p + 2, v >> 16);
}

static uint32_t crc32_of(const uint8_t *bytes, uint32_t length, uint32_t before) {
  uint32_t value = ~before;
  while (length-- > 0) {
    value ^= *bytes++;
    for (int k = 0; k < 8; k++) value = (value & 1) ? 0xedb88320u ^ (value >> 1) : value >> 1;
  }
  return ~value;
}

/* ---- SHA-256 (FIPS 180-4) ---- */

static const uint32_t sha_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }

static void sha_block(struct waft_sha256 *h) {
  uint32_t w[16], s[8];
  memcpy(s, h->state, sizeof s);
  for (int i = 0; i < 64; i++) {
    uint32_t now;
    if (i < 16) {
      const uint8_t *p = h->block + 4 * i;
      now = ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
    } else {
      uint32_t a = w[(i + 1) & 15], b = w[(i + 14) & 15];
      now = w[i & 15] + w[(i + 9) & 15] + (rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)) + (rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10));
    }
    w[i & 15] = now;
    uint32_t one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha_constants[i] + now;
    uint32_t two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += one;
    s[0] = one + two;
  }
  for (int i = 0; i < 8; i++) h->state[i] += s[i];
}

static void sha_begin(struct waft_sha256 *h) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(h->state, start, sizeof start);
  h->length = 0;
}

static void sha_add(struct waft_sha256 *h, const uint8_t *bytes, uint32_t length) {
  while (length-- > 0) {
    h->block[h->length++ & 63] = *bytes++;
    if ((h->length & 63) == 0) sha_block(h);
  }
}

static void sha_end(struct waft_sha256 *h, uint8_t digest[32]) {
  uint64_t bits = h->length * 8;
  uint8_t byte = 0x80;
  do {
    sha_add(h, &byte, 1);
    byte = 0;
  } while ((h->length & 63) != 56);
  for (int i = 7; i >= 0; i--) {
    byte = (uint8_t)(bits >> (8 * i));
    sha_add(h, &byte, 1);
  }
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i & 3)));
}

/* ---- errors: the first one holds, and everything goes on harmlessly until somebody looks ---- */

static void fail(struct waft_delta *d, int error) {
  if (d->error == WAFT_OK) d->error = error;
}

/* A host function that fails ends the update at once: power may be failing. */
static void io_failed(struct waft_delta *d) {
  d->failed_io = 1;
  fail(d, WAFT_FLASH_FAILED);
}

/* ---- coder ---- */

static uint32_t take(struct waft_delta *d) {
  uint32_t at = d->position++;
  if (at >= d->header.payload_size) {
    /* A whole payload needs no more than four zeros behind it. */
    if (at - d->header.payload_size >= 4) fail(d, WAFT_BAD_PAYLOAD);
    return 0;
  }
  if (at < d->patch_bytes_at || at - d->patch_bytes_at >= sizeof d->patch_bytes) {
    uint32_t length = d->header.payload_size - at;
    if (length > sizeof d->patch_bytes) length = sizeof d->patch_bytes;
    if (d->io->read_patch(d->io->context, d->header.header_size + at, d->patch_bytes, length) != 0) io_failed(d);
    d->patch_bytes_at = at;
  }
  return d->patch_bytes[at - d->patch_bytes_at];
}

static void begin_coder(struct waft_delta *d) {
  d->low = 0;
  d->high = 0xffffffffu;
  d->code = 0;
  d->position = 0;
  d->patch_bytes_at = 0x80000000u;
  for (int i = 0; i < 4; i++) d->code = (d->code << 8) | take(d);
}

static uint32_t code_bit(struct waft_delta *d, uint32_t chance) {
  uint32_t range = d->high - d->low;
  uint32_t middle = d->low + (range >> 16) * chance + (((range & 0xffff) * chance) >> 16);
  uint32_t bit = d->code <= middle;
  if (bit)
    d->high = middle;
  else
    d->low = middle + 1;
  while (((d->low ^ d->high) & 0xff000000u) == 0) {
    d->code = (d->code << 8) | take(d);
    d->low <<= 8;
    d->high = (d->high << 8) | 0xff;
  }
  return bit;
}

/* ---- numbers ---- */

static void reset_number(struct waft_number *n) {
  for (int i = 0; i < 69; i++) n->chance[i] = 32768;
  memset(n->count, 0, sizeof n->count);
}

static uint32_t number_bit(struct waft_delta *d, struct waft_number *n, uint32_t slot) {
  int32_t chance = n->chance[slot];
  uint32_t bit = code_bit(d, chance < 32 ? 32u : chance > 65504 ? 65504u : (uint32_t)chance);
  int32_t target = bit ? 65535 : 0;
  n->chance[slot] = (uint16_t)(chance + (((target - chance) * (int32_t)rate(n->count[slot])) >> 15));
  if (n->count[slot] < 30) n->count[slot]++;
  return bit;
}

static uint32_t unsigned_number(struct waft_delta *d, struct waft_number *n) {
  uint32_t node = 1, found = 1;
  for (int i = 0; i < 5; i++) node = (node << 1) | number_bit(d, n, node);
  uint32_t length = node & 31;
  for (uint32_t at = length; at-- > 0;) {
    if (at == length - 1)
      found = (found << 1) | number_bit(d, n, 32 + length);
    else if (at == 1)
      found = (found << 1) | number_bit(d, n, 64);
    else if (at == 0)
      found = (found << 1) | number_bit(d, n, 65 + (found & 1));
    else
      found = (found << 1) | code_bit(d, 32768);
  }
  return found - 1;
}

/* The size may have 32 bits. */
static int64_t signed_number(struct waft_delta *d, struct waft_number *n) {
  int64_t size = unsigned_number(d, n);
  if (size == 0) return 0;
  return number_bit(d, n, 68) ? -size : size;
}

/* ---- relation ---- */

#define LARGEST_OFFSET 0x10000010
#define LARGEST_ADDRESS 0x200000000
#define NO_SHIFT INT32_MIN
/* Where the value map keeps data addresses of machines that have code apart. */
#define DATA_SPACE 0x800000

static const struct {
  uint16_t hashed, map, values, regions, runs, sectors;
} profile_limits[] = {
    {360, 64, 16, 4, 24, 1024},
    {4608, 448, 64, 16, 128, 4096},
    {22528, 3584, 512, 16, 1024, 16384},
    {0 /* 65536 */, 16384, 2048, 16, 4096, 65534},
};

static int within(struct waft_delta *d, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return 1;
  fail(d, WAFT_BAD_PAYLOAD);
  return 0;
}

static int64_t wide_number(struct waft_delta *d, struct waft_number *n) {
  int64_t high = signed_number(d, n);
  return high * 65536 + (int64_t)unsigned_number(d, n);
}

static void read_regions(struct waft_delta *d, struct waft_number *n) {
  uint32_t limit = profile_limits[d->header.profile].regions;
  reset_number(n);
  uint32_t count = unsigned_number(d, n);
  if (!within(d, count, 0, limit)) return;
  for (uint32_t i = 0; i < count; i++) {
    struct waft_region *r = &d->regions[i];
    int64_t old_offset = unsigned_number(d, n), old_length = unsigned_number(d, n), old_address = wide_number(d, n);
    int64_t new_offset = old_offset + signed_number(d, n), new_address = old_address + wide_number(d, n);
    if (!within(d, old_offset, 0, LARGEST_OFFSET) || !within(d, old_length, 0, LARGEST_OFFSET) || !within(d, new_offset, 0, LARGEST_OFFSET)) return;
    if (!within(d, old_address, -LARGEST_ADDRESS, LARGEST_ADDRESS) || !within(d, new_address, -LARGEST_ADDRESS, LARGEST_ADDRESS)) return;
    r->old_offset = (int32_t)old_offset;
    r->old_length = (int32_t)old_length;
    r->new_offset = (int32_t)new_offset;
    r->old_address = old_address;
    r->new_address = new_address;
  }
  d->region_count = count;
}

static int32_t old_of(const struct waft_delta *d, uint32_t i) { return d->map_new[i] - d->map_shift[i]; }

/* Whether entry a comes before entry b by old start, then by rank. */
static int comes_before(const struct waft_delta *d, uint32_t a, uint32_t b) {
  int32_t x = old_of(d, a), y = old_of(d, b);
  return x != y ? x < y : a < b;
}

static void sort_by_old(struct waft_delta *d) {
  waft_piece *index = d->map_by_old;
  uint32_t n = d->map_size;
  for (uint32_t i = 0; i < n; i++) index[i] = (waft_piece)i;
  for (uint32_t heap = n / 2, end = n; end > 1;) {
    uint32_t at, child;
    waft_piece moving;
    if (heap > 0)
      moving = index[--heap];
    else {
      moving = index[--end];
      index[end] = index[0];
    }
    for (at = heap; (child = 2 * at + 1) < end; at = child) {
      if (child + 1 < end && comes_before(d, index[child], index[child + 1])) child++;
      if (!comes_before(d, moving, index[child])) break;
      index[at] = index[child];
    }
    index[at] = moving;
  }
}

static void read_map(struct waft_delta *d, struct waft_number *gaps, struct waft_number *changes) {
  reset_number(gaps);
  reset_number(changes);
  uint32_t count = unsigned_number(d, gaps);
  if (!within(d, count, 0, profile_limits[d->header.profile].map)) return;
  reset_number(gaps);
  int64_t at = 0, shift = 0;
  for (uint32_t i = 0; i < count; i++) {
    int64_t before = at, shift_before = shift;
    at += unsigned_number(d, gaps);
    shift += signed_number(d, changes);
    if (!within(d, at, 0, LARGEST_OFFSET) || !within(d, shift, -LARGEST_OFFSET, LARGEST_OFFSET)) return;
    if (i > 0 && at == before && before - shift_before >= at - shift) {
      fail(d, WAFT_BAD_PAYLOAD);
      return;
    }
    d->map_new[i] = (int32_t)at;
    d->map_shift[i] = (int32_t)shift;
  }
  d->map_size = count;
  sort_by_old(d);
}

static void read_values(struct waft_delta *d, struct waft_number *gaps, struct waft_number *changes) {
  reset_number(gaps);
  reset_number(changes);
  uint32_t count = unsigned_number(d, gaps);
  if (!within(d, count, 0, profile_limits[d->header.profile].values)) return;
  reset_number(gaps);
  int64_t start = 0, last = 0;
  for (uint32_t i = 0; i < count; i++) {
    start += (int64_t)unsigned_number(d, gaps) * 4;
    start += (int64_t)code_bit(d, 32768) * 2;
    start += code_bit(d, 32768);
    int64_t shift = signed_number(d, changes);
    if (shift == 0)
      shift = NO_SHIFT;
    else {
      if (shift == 0x100001) shift = last;
      if (!within(d, shift, -0x40000000, 0x40000000)) return;
      last = shift;
    }
    if (!within(d, start, 0, 0xffffffff)) return;
    d->value_start[i] = (uint32_t)start;
    d->value_shift[i] = (int32_t)shift;
  }
  d->value_count = count;
}

static uint32_t sector_count(const struct waft_header *h) { return (uint32_t)(((uint64_t)h->target_size + h->sector_size - 1) / h->sector_size); }

static int is_written(const struct waft_delta *d, uint32_t sector) { return (d->written[sector >> 3] >> (sector & 7)) & 1; }
static void set_written(struct waft_delta *d, uint32_t sector) { d->written[sector >> 3] |= (uint8_t)(1u << (sector & 7)); }

static void read_order(struct waft_delta *d, struct waft_number *starts, struct waft_number *lengths) {
  struct waft_number *keeps = &d->switch_shift;
  int64_t sectors = sector_count(&d->header), next = 0, total = 0;
  reset_number(starts);
  reset_number(lengths);
  reset_number(keeps);
  uint32_t count = unsigned_number(d, lengths);
  if (!within(d, count, 0, profile_limits[d->header.profile].runs)) return;
  for (uint32_t i = 0; i < count; i++) {
    int64_t start = next + signed_number(d, starts);
    int64_t length = (int64_t)unsigned_number(d, lengths) + 1;
    int step = length > 1 && code_bit(d, 32768) ? -1 : 1;
    int64_t keep = unsigned_number(d, keeps), last = start + (length - 1) * step;
    if (!within(d, start, 0, sectors - 1) || !within(d, last, 0, sectors - 1) || !within(d, keep, 0, d->header.preserve_slots)) return;
    for (int64_t sector = start; sector != last + step; sector += step) {
      if (is_written(d, (uint32_t)sector)) {
        fail(d, WAFT_BAD_PAYLOAD);
        return;
      }
      set_written(d, (uint32_t)sector);
      total++;
    }
    struct waft_run *run = &d->runs[i];
    run->start = (uint16_t)start;
    run->length = (uint16_t)length;
    run->step = (int8_t)step;
    run->keep = (uint8_t)keep;
    next = last + step;
  }
  d->run_count = count;
  if (total != sectors) fail(d, WAFT_BAD_PAYLOAD);
  memset(d->written, 0, sizeof d->written);
}

/* Borrows the (not yet used) slots for the numbers' models. */
static void read_preamble(struct waft_delta *d) {
  struct waft_number *one = &d->memory.numbers[0], *two = &d->memory.numbers[1];
  read_regions(d, one);
  if (d->error == WAFT_OK) read_map(d, one, two);
  if (d->error == WAFT_OK) read_values(d, one, two);
  if (d->error == WAFT_OK && d->header.sector_size > 0) read_order(d, one, two);
}

/* ---- translation ---- */

static int32_t shift_of(const struct waft_delta *d, int64_t old_offset) {
  uint32_t low = 0, high = d->map_size;
  if (high == 0) return 0;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (old_of(d, d->map_by_old[middle]) <= old_offset)
      low = middle + 1;
    else
      high = middle;
  }
  return d->map_shift[d->map_by_old[low == 0 ? 0 : low - 1]];
}

static int64_t offset_of(const struct waft_delta *d, int64_t old_offset) { return old_offset + shift_of(d, old_offset); }

static int64_t value_of(const struct waft_delta *d, int64_t old_address) {
  uint32_t low = 0, high = d->value_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (d->value_start[middle] <= old_address)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0 || low == d->value_count || d->value_shift[low - 1] == NO_SHIFT) return -1;
  return (uint32_t)(old_address + d->value_shift[low - 1]);
}

static int64_t inside_of(const struct waft_delta *d, int64_t old_address) {
  for (uint32_t i = 0; i < d->region_count; i++) {
    const struct waft_region *r = &d->regions[i];
    int64_t at = old_address - r->old_address;
    if (at >= 0 && at < r->old_length) return (uint32_t)(offset_of(d, r->old_offset + at) - r->new_offset + r->new_address);
  }
  return -1;
}

static int64_t address_of(const struct waft_delta *d, int64_t old_address) {
  int64_t inside = inside_of(d, old_address);
  return inside < 0 ? value_of(d, old_address) : inside;
}

static int is_in(const struct waft_region *r, int64_t offset) { return offset >= r->old_offset && offset < (int64_t)r->old_offset + r->old_length; }

/* Whether the target lies in the region of what refers to it, which becomes the home; without regions all is one. */
static int is_near(struct waft_delta *d, int64_t at, int64_t target) {
  const struct waft_region *home = d->home;
  if (home == NULL || !is_in(home, at)) {
    home = NULL;
    for (uint32_t i = 0; i < d->region_count && home == NULL; i++)
      if (is_in(&d->regions[i], at)) home = &d->regions[i];
    d->home = home;
  }
  return home == NULL || is_in(home, target);
}

static int64_t relative(struct waft_delta *d, int64_t at, int64_t target) {
  if (is_near(d, at, target)) return offset_of(d, target);
  const struct waft_region *home = d->home;
  int64_t address = target - home->old_offset + home->old_address;
  int64_t moved = address_of(d, address);
  return (moved < 0 ? address : moved) - home->new_address + home->new_offset;
}

/* ---- window ---- */

enum { WINDOW = 32, LOOK_BACK = 32, SOURCE = 80 };
enum { K_DATA = 0, K_HALF = 4, K_WORD = 6, K_BRANCH = 10, K_POINTER = 14, K_VALUE = 18, K_SHORT = 22, K_PAIR = 24, K_WIDE_SHORT = 28 };

static uint32_t byte_at(const struct waft_delta *d, int32_t at) { return d->source[at - d->origin]; }
static uint32_t half_at(const struct waft_delta *d, int32_t at) { return get16(d->source + (at - d->origin)); }
static uint32_t word_at(const struct waft_delta *d, int32_t at) { return get32(d->source + (at - d->origin)); }

static void put(struct waft_delta *d, int32_t at, int size, uint32_t value, int kind, uint32_t unit, int64_t target) {
  for (int i = 0; i < size; i++) {
    int32_t index = at + i - d->old_start;
    if (index < 0 || index >= d->length) continue;
    d->predicted[index] = (uint8_t)(value >> (8 * i));
    d->kind[index] = (uint8_t)(kind + i);
    d->place[index] = (uint8_t)i;
    d->unit[index] = (int32_t)unit;
    d->target[index] = (int32_t)(uint32_t)target;
  }
}

/* The lowest `bits` bits of a value as a signed number. */
static int32_t sign(uint32_t value, int bits) {
  uint32_t top = 1u << (bits - 1);
  value &= top | (top - 1);
  return (int32_t)(value ^ top) - (int32_t)top;
}

/* A distance as the machine sees it: 32 bits that wrap. */
static uint32_t wrap(int64_t distance) { return (uint32_t)distance; }
static uint32_t shifted(int64_t distance, int n) { return (uint32_t)((int32_t)(uint32_t)distance >> n); }

static void read_flash(struct waft_delta *d, uint32_t address, uint8_t *into, uint32_t length) {
  if (d->io->read(d->io->context, address, into, length) != 0) io_failed(d);
}

static void read_old(struct waft_delta *d, int32_t offset, uint8_t *into, int32_t length) {
  int64_t first = (int64_t)offset - d->header.old_phase, at = first < 0 ? 0 : first, end = first + length;
  uint32_t size = d->header.sector_size;
  memset(into, 0, (size_t)length);
  if (end > d->header.source_size) end = d->header.source_size;
  while (at < end) {
    if (size == 0) {
      read_flash(d, (uint32_t)at, into + (at - first), (uint32_t)(end - at));
      return;
    }
    uint32_t sector = (uint32_t)at / size;
    int64_t to = (int64_t)(sector + 1) * size;
    if (to > end) to = end;
    uint8_t *part = into + (at - first);
    if (sector >= sector_count(&d->header) || !is_written(d, sector))
      read_flash(d, d->io->image + (uint32_t)at, part, (uint32_t)(to - at));
    else
      for (uint32_t slot = 0; slot < d->header.preserve_slots; slot++) {
        if (d->kept[slot] != (int32_t)sector) continue;
        read_flash(d, d->io->preserve[slot] + ((uint32_t)at - sector * size), part, (uint32_t)(to - at));
        break;
      }
    at = to;
  }
}

static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

static void clip(struct waft_delta *d) {
  int64_t size = d->header.sector_size, phase = d->header.old_phase, first = (int64_t)d->old_start - phase;
  int64_t from = floor_div(first, size) * size + phase - d->origin;
  int64_t to = -floor_div(-(first + d->length), size) * size + phase - d->origin;
  for (int64_t i = 0; i < SOURCE; i++)
    if (i < from || i >= to) d->source[i] = 0;
}

static void load_window(struct waft_delta *d, int32_t old_start, int32_t length, int32_t shift) {
  d->old_start = old_start;
  d->length = length;
  d->window_shift = shift;
  d->origin = (old_start & ~3) - LOOK_BACK;
  read_old(d, d->origin, d->source, SOURCE);
  if (d->header.sector_size > 0) clip(d);
  for (int32_t i = 0; i < length; i++) {
    int32_t at = old_start + i;
    d->raw[i] = d->predicted[i] = (uint8_t)byte_at(d, at);
    d->kind[i] = (uint8_t)(K_DATA + (at & 3));
    d->place[i] = (uint8_t)(at & 3);
    d->unit[i] = (int32_t)word_at(d, at & ~3);
    d->target[i] = 0;
  }
}

/* ---- predictors ---- */

#define END (d->old_start + d->length)

#if defined(WAFT_ARCH_THUMB2) || defined(WAFT_ARCH_MIPS32) || defined(WAFT_ARCH_ARM32) || defined(WAFT_ARCH_ARM64) || \
    defined(WAFT_ARCH_RISCV) || defined(WAFT_ARCH_XTENSA) || defined(WAFT_ARCH_TC32)
#define WITH_POINTERS
#endif
static void predict_pointers(struct waft_delta *d) {
  for (int32_t at = d->old_start & ~3; at < END; at += 4) {
    uint32_t word = word_at(d, at);
    int64_t inside = inside_of(d, word), moved = inside < 0 ? value_of(d, word) : inside;
    if (moved >= 0) put(d, at, 4, (uint32_t)moved, inside < 0 ? K_VALUE : K_POINTER, word, word);
  }
}

#ifdef WAFT_ARCH_THUMB2
static void thumb_narrow(struct waft_delta *d, int32_t at, uint32_t code) {
  int64_t here = (int64_t)at + d->window_shift, target = 0, distance;
  uint32_t value = code;
  if ((code & 0xf800) == 0x4800 || (code & 0xf800) == 0xa000) {
    target = (int64_t)((at + 4) & ~3) + (code & 0xff) * 4;
    distance = relative(d, at, target) - ((here + 4) & ~(int64_t)3);
    if (distance >= 0 && distance < 1024 && (distance & 3) == 0) value = (code & 0xff00) | (uint32_t)(distance >> 2);
  } else if ((code & 0xf500) == 0xb100) {
    target = (int64_t)at + 4 + (((code >> 3) & 0x1f) << 1) + (((code >> 9) & 1) << 6);
    distance = relative(d, at, target) - here - 4;
    if (distance >= 0 && distance < 128) value = (code & ~0x02f8u) | ((((uint32_t)distance >> 1) & 0x1f) << 3) | ((((uint32_t)distance >> 6) & 1) << 9);
  } else if ((code & 0xf000) == 0xd000 && (code & 0x0e00) != 0x0e00) {
    target = (int64_t)at + 4 + sign(code, 8) * 2;
    distance = relative(d, at, target) - here - 4;
    if (distance >= -256 && distance < 256) value = (code & 0xff00) | (shifted(distance, 1) & 0xff);
  } else if ((code & 0xf800) == 0xe000) {
    target = (int64_t)at + 4 + sign(code, 11) * 2;
    distance = relative(d, at, target) - here - 4;
    if (distance >= -2048 && distance < 2048) value = (code & 0xf800) | (shifted(distance, 1) & 0x7ff);
  }
  put(d, at, 2, value, target == 0 ? K_HALF : K_SHORT, code, target);
}

static void thumb_long_branch(struct waft_delta *d, int32_t at, uint32_t first, uint32_t second) {
  uint32_t s = (first >> 10) & 1, i1 = ((second >> 13) & 1) ^ s ^ 1, i2 = ((second >> 11) & 1) ^ s ^ 1;
  int32_t distance = sign((s << 24) | (i1 << 23) | (i2 << 22) | ((first & 0x3ff) << 12) | ((second & 0x7ff) << 1), 25);
  int exchange = (second & 0x5000) == 0x4000;
  int64_t target = (int64_t)(exchange ? (at + 4) & ~3 : at + 4) + distance, here = (int64_t)at + d->window_shift;
  uint32_t moved = wrap(relative(d, at, target) - (exchange ? (here + 4) & ~(int64_t)3 : here + 4));
  s = (moved >> 24) & 1;
  i1 = ((moved >> 23) & 1) ^ s ^ 1;
  i2 = ((moved >> 22) & 1) ^ s ^ 1;
  uint32_t value = 0xf000 | (s << 10) | ((moved >> 12) & 0x3ff);
  value |= ((second & 0xd000) | (i1 << 13) | (i2 << 11) | ((moved >> 1) & 0x7ff)) << 16;
  put(d, at, 4, value, K_BRANCH, second & 0xd000, target);
}

static void thumb_conditional(struct waft_delta *d, int32_t at, uint32_t first, uint32_t second) {
  uint32_t field = (((first >> 10) & 1) << 20) | (((second >> 11) & 1) << 19) | (((second >> 13) & 1) << 18) | ((first & 0x3f) << 12) | ((second & 0x7ff) << 1);
  int64_t target = (int64_t)at + 4 + sign(field, 21);
  uint32_t moved = wrap(relative(d, at, target) - ((int64_t)at + d->window_shift + 4));
  uint32_t one = (first & ~0x043fu) | (((moved >> 20) & 1) << 10) | ((moved >> 12) & 0x3f);
  uint32_t two = (second & 0xd000) | (((moved >> 19) & 1) << 11) | (((moved >> 18) & 1) << 13) | ((moved >> 1) & 0x7ff);
  put(d, at, 4, one | (two << 16), K_WIDE_SHORT, first, target);
}

static void thumb_literal(struct waft_delta *d, int32_t at, uint32_t first, uint32_t second) {
  int is_float = (first & 0xff3f) == 0xed1f, up = (first & 0x80) != 0;
  int32_t size = is_float ? (int32_t)(second & 0xff) * 4 : (int32_t)(second & 0xfff);
  int64_t target = (int64_t)((at + 4) & ~3) + (up ? size : -size);
  int64_t moved = relative(d, at, target) - (((int64_t)at + d->window_shift + 4) & ~(int64_t)3), now = moved < 0 ? -moved : moved;
  uint32_t code = first | (second << 16), value = code;
  if (now < (is_float ? 1024 : 4096)) {
    uint32_t one = moved == 0 || (moved > 0) == up ? first : first ^ 0x80;
    uint32_t two = is_float ? (second & 0xff00) | (uint32_t)(now >> 2) : (second & 0xf000) | (uint32_t)now;
    value = one | (two << 16);
  }
  put(d, at, 4, value, K_WIDE_SHORT, code, target);
}

static uint32_t thumb_immediate(uint32_t word) { return ((word & 0xf) << 12) | (((word >> 10) & 1) << 11) | (((word >> 28) & 7) << 8) | ((word >> 16) & 0xff); }

static uint32_t thumb_with_immediate(uint32_t word, uint32_t v) {
  return (word & ~0x70ff040fu) | (v >> 12) | (((v >> 11) & 1) << 10) | (((v >> 8) & 7) << 28) | ((v & 0xff) << 16);
}

static int thumb_move_pair(struct waft_delta *d, int32_t at) {
  uint32_t low = word_at(d, at), high = word_at(d, at + 4);
  if ((low & 0xfbf0) != 0xf240 || (high & 0xfbf0) != 0xf2c0 || (((low ^ high) >> 16) & 0x8f00) != 0) return 0;
  uint32_t target = (thumb_immediate(high) << 16) | thumb_immediate(low);
  int64_t moved = address_of(d, target);
  uint32_t value = moved < 0 ? target : (uint32_t)moved;
  put(d, at, 4, thumb_with_immediate(low, value & 0xffff), K_PAIR, low >> 16, target);
  put(d, at + 4, 4, thumb_with_immediate(high, value >> 16), K_PAIR, low >> 16, target);
  return 1;
}

static void thumb_wide(struct waft_delta *d, int32_t at) {
  uint32_t first = half_at(d, at), second = half_at(d, at + 2), code = first | (second << 16);
  if ((first & 0xf800) == 0xf000 && (second & 0x8000) != 0) {
    if ((second & 0x5000) != 0) {
      thumb_long_branch(d, at, first, second);
      return;
    }
    if ((first & 0x0380) != 0x0380) {
      thumb_conditional(d, at, first, second);
      return;
    }
  } else if ((first & 0xff7f) == 0xf85f || (first & 0xff3f) == 0xed1f) {
    thumb_literal(d, at, first, second);
    return;
  } else if ((first & 0xfbf0) == 0xf240 && (second & 0x8000) == 0 && thumb_move_pair(d, at))
    return;
  if (thumb_move_pair(d, at - 4)) return;
  put(d, at, 4, code, K_WORD, code, 0);
}

static void predict_thumb2(struct waft_delta *d) {
  int32_t at = d->old_start & ~1;
  int before = 0;
  while (before < 12 && half_at(d, at - 2 - 2 * before) >> 11 >= 0x1d) before++;
  if (before & 1) at -= 2;
  while (at < END) {
    uint32_t first = half_at(d, at);
    if (first >> 11 >= 0x1d) {
      thumb_wide(d, at);
      at += 4;
    } else {
      thumb_narrow(d, at, first);
      at += 2;
    }
  }
}
#endif

#ifdef WAFT_ARCH_AVR

static int avr_two_words(uint32_t code) { return (code & 0xfe0c) == 0x940c || (code & 0xfc0f) == 0x9000; }

static void avr_long(struct waft_delta *d, int32_t at) {
  uint32_t code = half_at(d, at), operand = half_at(d, at + 2);
  if ((code & 0xfc0f) == 0x9000) {
    int64_t moved = address_of(d, DATA_SPACE + operand);
    uint32_t value = moved < 0 ? operand : (uint32_t)moved & 0xffff;
    put(d, at, 4, code | (value << 16), K_VALUE, code | (operand << 16), operand);
    return;
  }
  int64_t target = (int64_t)((((code >> 3) & 0x3e) | (code & 1)) * 65536u + operand) * 2;
  uint32_t moved = shifted(relative(d, at, target), 1), high = shifted((int64_t)(int32_t)moved, 16);
  uint32_t first = (code & 0xfe0e) | ((high & 0x3e) << 3) | (high & 1);
  put(d, at, 4, first | ((moved & 0xffff) << 16), K_BRANCH, code, target);
}

static int avr_load_pair(struct waft_delta *d, int32_t at) {
  uint32_t low = half_at(d, at), high = half_at(d, at + 2);
  if ((low & 0xf010) != 0xe000 || (high & 0xf000) != 0xe000 || (high & 0xf0) != (low & 0xf0) + 0x10) return 0;
  uint32_t target = ((low >> 4) & 0xf0) | (low & 0x0f) | ((((high >> 4) & 0xf0) | (high & 0x0f)) << 8);
  int64_t moved = address_of(d, DATA_SPACE + target);
  uint32_t value = moved < 0 ? target : (uint32_t)moved & 0xffff;
  uint32_t one = (low & 0xf0f0) | ((value & 0xf0) << 4) | (value & 0x0f);
  uint32_t two = (high & 0xf0f0) | (((value >> 8) & 0xf0) << 4) | ((value >> 8) & 0x0f);
  put(d, at, 4, one | (two << 16), K_PAIR, low | (high << 16), target);
  return 1;
}

static void avr_short(struct waft_delta *d, int32_t at) {
  uint32_t code = half_at(d, at), value = code;
  int64_t target = 0;
  if ((code & 0xe000) == 0xc000) {
    target = (int64_t)at + 2 + sign(code, 12) * 2;
    value = (code & 0xf000) | (shifted(relative(d, at, target) - at - d->window_shift - 2, 1) & 0xfff);
  } else if ((code & 0xf800) == 0xf000) {
    target = (int64_t)at + 2 + sign(code >> 3, 7) * 2;
    value = (code & 0xfc07) | ((shifted(relative(d, at, target) - at - d->window_shift - 2, 1) & 0x7f) << 3);
  } else if (avr_load_pair(d, at) || avr_load_pair(d, at - 2))
    return;
  put(d, at, 2, value, target == 0 ? K_HALF : K_SHORT, code, target);
}

static void predict_avr(struct waft_delta *d) {
  int32_t at = d->old_start & ~1;
  if (avr_two_words(half_at(d, at - 2)) && !avr_two_words(half_at(d, at - 4))) at -= 2;
  while (at < END) {
    if (avr_two_words(half_at(d, at))) {
      avr_long(d, at);
      at += 4;
    } else {
      avr_short(d, at);
      at += 2;
    }
  }
}
#endif

#ifdef WAFT_ARCH_MIPS32
static uint32_t mips_pair(struct waft_delta *d, uint32_t upper, uint32_t lower) {
  uint32_t low = lower >> 26 == 13 ? lower & 0xffff : (uint32_t)sign(lower, 16), target = (upper << 16) + low;
  int64_t moved = address_of(d, target);
  return moved < 0 ? target : (uint32_t)moved;
}

static int mips_completes(uint32_t code, uint32_t reg) {
  uint32_t operation = code >> 26;
  return ((code >> 21) & 31) == reg && (operation == 9 || operation == 13 || (operation >= 32 && operation <= 53));
}

static int mips_upper(struct waft_delta *d, int32_t at, uint32_t code) {
  for (int32_t step = 4; step <= 12; step += 4) {
    uint32_t lower = word_at(d, at + step);
    if (!mips_completes(lower, (code >> 16) & 31)) continue;
    uint32_t moved = mips_pair(d, code, lower);
    uint32_t upper = lower >> 26 == 13 ? moved >> 16 : (uint32_t)(((uint64_t)moved + 0x8000) >> 16);
    put(d, at, 4, (code & 0xffff0000) | (upper & 0xffff), K_PAIR, code, moved);
    return 1;
  }
  return 0;
}

static int mips_lower(struct waft_delta *d, int32_t at, uint32_t code) {
  uint32_t reg = (code >> 21) & 31;
  for (int32_t step = 4; reg != 0 && step <= 32; step += 4) {
    uint32_t upper = word_at(d, at - step);
    if (upper >> 26 != 15 || ((upper >> 16) & 31) != reg) continue;
    uint32_t moved = mips_pair(d, upper, code);
    put(d, at, 4, (code & 0xffff0000) | (moved & 0xffff), K_VALUE, code, moved);
    return 1;
  }
  return 0;
}

static void predict_mips32(struct waft_delta *d) {
  for (int32_t at = d->old_start & ~3; at < END; at += 4) {
    uint32_t code = word_at(d, at), operation = code >> 26;
    if (operation == 2 || operation == 3) {
      int64_t base = d->region_count > 0 ? d->regions[0].old_address : 0;
      int64_t target = (int64_t)(uint32_t)((code & 0x3ffffff) << 2) + floor_div(base, 0x10000000) * 0x10000000;
      int64_t moved = address_of(d, target);
      put(d, at, 4, moved < 0 ? code : (code & 0xfc000000) | (((uint32_t)moved >> 2) & 0x3ffffff), K_BRANCH, operation, target);
    } else if (operation == 1 || (operation >= 4 && operation <= 7) || (operation >= 20 && operation <= 23)) {
      int64_t target = (int64_t)at + 4 + sign(code, 16) * 4;
      uint32_t field = shifted(relative(d, at, target) - ((int64_t)at + d->window_shift) - 4, 2) & 0xffff;
      put(d, at, 4, (code & 0xffff0000) | field, K_WIDE_SHORT, code >> 16, target);
    } else if (operation == 15) {
      if (!mips_upper(d, at, code)) put(d, at, 4, code, K_WORD, code, 0);
    } else if (operation == 9 || operation == 13 || (operation >= 32 && operation <= 46) || operation == 49 || operation == 53) {
      if (!mips_lower(d, at, code)) put(d, at, 4, code, K_WORD, code, 0);
    } else
      put(d, at, 4, code, K_WORD, code, 0);
  }
}
#endif

#ifdef WAFT_ARCH_ARM32
static int arm_move(struct waft_delta *d, int32_t at, uint32_t code) {
  static const int8_t steps[2][3] = {{4, 8, -4}, {-4, -8, 4}};
  int high = (code & 0x00400000) != 0;
  for (int i = 0; i < 3; i++) {
    uint32_t other = word_at(d, at + steps[high][i]);
    if ((other & 0x0ff00000) != ((code & 0x0ff00000) ^ 0x00400000) || ((other ^ code) & 0xf000) != 0) continue;
    uint32_t mine = ((code >> 4) & 0xf000) | (code & 0xfff), its = ((other >> 4) & 0xf000) | (other & 0xfff);
    uint32_t target = high ? (mine << 16) | its : (its << 16) | mine;
    int64_t moved = address_of(d, target);
    if (moved < 0) return 0;
    uint32_t field = high ? (uint32_t)moved >> 16 : (uint32_t)moved & 0xffff;
    put(d, at, 4, (code & 0xfff0f000) | ((field & 0xf000) << 4) | (field & 0xfff), K_PAIR, code, target);
    return 1;
  }
  return 0;
}

static void predict_arm32(struct waft_delta *d) {
  for (int32_t at = d->old_start & ~3; at < END; at += 4) {
    uint32_t code = word_at(d, at);
    int64_t here = (int64_t)at + d->window_shift;
    if ((code & 0x0e000000) == 0x0a000000) {
      int64_t target = (int64_t)at + 8 + sign(code, 24) * 4;
      put(d, at, 4, (code & 0xff000000) | (shifted(relative(d, at, target) - here - 8, 2) & 0xffffff), K_BRANCH, code >> 24, target);
    } else if ((code & 0x0f3f0000) == 0x051f0000) {
      int32_t size = (int32_t)(code & 0xfff);
      int64_t target = (int64_t)at + 8 + ((code & 0x800000) != 0 ? size : -size), distance = relative(d, at, target) - here - 8;
      uint32_t value = code;
      if (distance < 4096 && distance > -4096)
        value = (code & 0xff7ff000) | (distance >= 0 ? 0x800000 : 0) | (uint32_t)(distance < 0 ? -distance : distance);
      put(d, at, 4, value, K_WIDE_SHORT, code >> 12, target);
    } else if ((code & 0x0fb00000) != 0x03000000 || !arm_move(d, at, code))
      put(d, at, 4, code, K_WORD, code, 0);
  }
}
#endif

#ifdef WAFT_ARCH_ARM64
static const struct {
  uint32_t mask, value;
  uint8_t low, bits, kind;
} a64_fields[] = {
    {0x7c000000, 0x14000000, 0, 26, K_BRANCH},
    {0xff000010, 0x54000000, 5, 19, K_WIDE_SHORT},
    {0x7e000000, 0x34000000, 5, 19, K_WIDE_SHORT},
    {0x7e000000, 0x36000000, 5, 14, K_WIDE_SHORT},
    {0x3b000000, 0x18000000, 5, 19, K_WIDE_SHORT},
};

static int64_t a64_page_distance(uint32_t code) { return ((int64_t)sign(code >> 5, 19) * 4 + ((code >> 29) & 3)) * 4096; }

static int a64_scale(uint32_t code) {
  if ((code & 0x7fc00000) == 0x11000000) return 0;
  if ((code & 0x3b000000) != 0x39000000) return -1;
  return (code & 0x04800000) == 0x04800000 && code >> 30 == 0 ? 4 : (int)(code >> 30);
}

static int a64_page(struct waft_delta *d, int32_t at, uint32_t code) {
  for (int32_t step = 4; step <= 12; step += 4) {
    uint32_t user = word_at(d, at + step);
    int scale = a64_scale(user);
    if (scale < 0 || ((user >> 5) & 31) != (code & 31)) continue;
    int64_t target = (int64_t)(at & ~0xfff) + a64_page_distance(code) + (int64_t)(((user >> 10) & 0xfff) << scale);
    uint32_t pages = wrap(floor_div(relative(d, at, target), 4096) - floor_div((int64_t)at + d->window_shift, 4096));
    put(d, at, 4, (code & 0x9f00001f) | ((pages & 3) << 29) | (((pages >> 2) & 0x7ffff) << 5), K_PAIR, code, target);
    return 1;
  }
  return 0;
}

static int a64_page_offset(struct waft_delta *d, int32_t at, uint32_t code) {
  int scale = a64_scale(code);
  if (scale < 0) return 0;
  for (int32_t step = 4; step <= 32; step += 4) {
    uint32_t page = word_at(d, at - step);
    if ((page & 0x9f00001f) != (0x90000000 | ((code >> 5) & 31))) continue;
    int64_t target = (int64_t)((at - step) & ~0xfff) + a64_page_distance(page) + (int64_t)(((code >> 10) & 0xfff) << scale);
    uint32_t moved = wrap(relative(d, at, target));
    put(d, at, 4, (code & ~0x3ffc00u) | (((moved & 0xfff) >> scale) << 10), K_VALUE, code, target);
    return 1;
  }
  return 0;
}

static void predict_arm64(struct waft_delta *d) {
  for (int32_t at = d->old_start & ~3; at < END; at += 4) {
    uint32_t code = word_at(d, at);
    size_t row = 0;
    while (row < 5 && (code & a64_fields[row].mask) != a64_fields[row].value) row++;
    if (row < 5) {
      int low = a64_fields[row].low, bits = a64_fields[row].bits;
      uint32_t mask = ((1u << bits) - 1) << low;
      int64_t target = (int64_t)at + (int64_t)sign(code >> low, bits) * 4;
      uint32_t distance = shifted(relative(d, at, target) - ((int64_t)at + d->window_shift), 2);
      put(d, at, 4, (code & ~mask) | ((distance << low) & mask), a64_fields[row].kind, code & ~mask, target);
    } else if ((code & 0x9f000000) == 0x90000000 ? !a64_page(d, at, code) : !a64_page_offset(d, at, code))
      put(d, at, 4, code, K_WORD, code, 0);
  }
}
#endif

#ifdef WAFT_ARCH_RISCV
/* Where bit i + 1 of a distance stands in C.J and in C.BEQZ. */
static const uint8_t rv_jump_bits[] = {3, 4, 5, 11, 2, 7, 6, 9, 10, 8, 12}, rv_branch_bits[] = {3, 4, 10, 11, 2, 5, 6, 12};

static void rv_compressed(struct waft_delta *d, int32_t at, uint32_t code) {
  uint32_t operation = code & 0xe003, value = code;
  int64_t target = 0;
  const uint8_t *bits = NULL;
  int count = 0;
  if (operation == 0xa001 || operation == 0x2001) {
    bits = rv_jump_bits;
    count = 11;
    value = code & 0xe003;
  } else if (operation == 0xc001 || operation == 0xe001) {
    bits = rv_branch_bits;
    count = 8;
    value = code & 0xe383;
  }
  if (bits != NULL) {
    uint32_t field = 0;
    for (int i = 0; i < count; i++) field |= ((code >> bits[i]) & 1) << (i + 1);
    target = (int64_t)at + sign(field, count + 1);
    uint32_t moved = wrap(relative(d, at, target) - at - d->window_shift);
    for (int i = 0; i < count; i++) value |= ((moved >> (i + 1)) & 1) << bits[i];
  }
  put(d, at, 2, value, target == 0 ? K_HALF : K_SHORT, code, target);
}

static int64_t rv_pair(struct waft_delta *d, int32_t at, uint32_t upper, int32_t offset) {
  uint32_t sum = (upper & 0xfffff000) + (uint32_t)offset;
  if ((upper & 0x7f) == 0x17) return (int32_t)wrap(relative(d, at, (int64_t)at + (int32_t)sum) - at - d->window_shift);
  int64_t moved = address_of(d, sum);
  return (int32_t)(moved < 0 ? sum : (uint32_t)moved);
}

static int rv_lower_offset(uint32_t code, int32_t *offset) {
  uint32_t operation = code & 0x7f;
  if (operation == 0x23 || operation == 0x27)
    *offset = sign((code >> 25 << 5) | ((code >> 7) & 31), 12);
  else if (operation == 0x03 || operation == 0x07 || operation == 0x67 || (code & 0x707f) == 0x13)
    *offset = sign(code >> 20, 12);
  else
    return 0;
  return 1;
}

static int rv_upper(struct waft_delta *d, int32_t at, uint32_t code) {
  for (int32_t step = 4; step <= 12; step += 2) {
    uint32_t lower = word_at(d, at + step);
    int32_t offset;
    if ((lower & 3) != 3 || ((lower >> 15) & 31) != ((code >> 7) & 31) || !rv_lower_offset(lower, &offset)) continue;
    int64_t moved = rv_pair(d, at, code, offset);
    put(d, at, 4, (code & 0xfff) | (wrap(moved + 0x800) & 0xfffff000), K_PAIR, code, moved);
    return 1;
  }
  return 0;
}

static int rv_lower(struct waft_delta *d, int32_t at, uint32_t code) {
  int32_t offset;
  if (!rv_lower_offset(code, &offset)) return 0;
  for (int32_t step = 2; step <= 28; step += 2) {
    uint32_t upper = word_at(d, at - step), operation = upper & 0x7f;
    if ((operation != 0x37 && operation != 0x17) || ((upper >> 7) & 31) != ((code >> 15) & 31)) continue;
    uint32_t moved = wrap(rv_pair(d, at - step, upper, offset));
    uint32_t value = (code & 0x7b) == 0x23 ? (code & 0x01fff07f) | ((moved & 0xfe0) << 20) | ((moved & 0x1f) << 7) : (code & 0x000fffff) | (moved << 20);
    put(d, at, 4, value, K_VALUE, code, (int32_t)moved);
    return 1;
  }
  return 0;
}

static void rv_wide(struct waft_delta *d, int32_t at) {
  uint32_t code = word_at(d, at), operation = code & 0x7f;
  int64_t here = (int64_t)at + d->window_shift;
  if (operation == 0x6f) {
    uint32_t field = ((code >> 31) << 20) | (code & 0xff000) | (((code >> 20) & 1) << 11) | (((code >> 21) & 0x3ff) << 1);
    int64_t target = (int64_t)at + sign(field, 21);
    uint32_t m = wrap(relative(d, at, target) - here);
    field = (((m >> 20) & 1) << 31) | (((m >> 1) & 0x3ff) << 21) | (((m >> 11) & 1) << 20) | (m & 0xff000);
    put(d, at, 4, (code & 0xfff) | field, K_BRANCH, code & 0xfff, target);
  } else if (operation == 0x63) {
    uint32_t field = ((code >> 31) << 12) | (((code >> 7) & 1) << 11) | (((code >> 25) & 0x3f) << 5) | (((code >> 8) & 0xf) << 1);
    int64_t target = (int64_t)at + sign(field, 13);
    uint32_t m = wrap(relative(d, at, target) - here);
    field = (((m >> 12) & 1) << 31) | (((m >> 5) & 0x3f) << 25) | (((m >> 1) & 0xf) << 8) | (((m >> 11) & 1) << 7);
    put(d, at, 4, (code & 0x01fff07f) | field, K_WIDE_SHORT, code & 0x01fff07f, target);
  } else if (operation == 0x37 || operation == 0x17 ? !rv_upper(d, at, code) : !rv_lower(d, at, code))
    put(d, at, 4, code, K_WORD, code, 0);
}

static void predict_riscv(struct waft_delta *d) {
  int32_t at = d->old_start & ~1;
  int before = 0;
  while (before < 14 && (half_at(d, at - 2 - 2 * before) & 3) == 3) before++;
  if (before & 1) at -= 2;
  while (at < END) {
    uint32_t code = half_at(d, at);
    if ((code & 3) == 3) {
      rv_wide(d, at);
      at += 4;
    } else {
      rv_compressed(d, at, code);
      at += 2;
    }
  }
}
#endif

#ifdef WAFT_ARCH_XTENSA
static void xtensa_narrow(struct waft_delta *d, int32_t at) {
  uint32_t code = half_at(d, at), value = code;
  if ((code & 0x8f) != 0x8c) {
    put(d, at, 2, code, K_HALF, code, 0);
    return;
  }
  int64_t target = (int64_t)at + 4 + ((code & 0x30) | (code >> 12));
  int64_t distance = relative(d, at, target) - at - d->window_shift - 4;
  if (distance >= 0 && distance < 64) value = (code & 0x0fcf) | ((uint32_t)distance & 0x30) | (((uint32_t)distance & 15) << 12);
  put(d, at, 2, value, K_SHORT, code, target);
}

static void xtensa_branch(struct waft_delta *d, int32_t at, uint32_t code) {
  uint32_t form = (code >> 4) & 3;
  int bits = (code & 15) == 7 ? 8 : form == 0 ? 18 : form == 1 ? 12 : 8;
  uint32_t keep = (1u << (24 - bits)) - 1;
  if ((code & 0xff) == 0x36) {
    put(d, at, 3, code, K_WORD, code, 0);
    return;
  }
  int64_t target = (int64_t)at + 4 + sign(code >> (24 - bits), bits);
  uint32_t distance = wrap(relative(d, at, target) - at - d->window_shift - 4);
  put(d, at, 3, (code & keep) | ((distance << (24 - bits)) & 0xffffff), K_WIDE_SHORT, code & keep, target);
}

static void xtensa_wide(struct waft_delta *d, int32_t at) {
  uint32_t code = word_at(d, at) & 0xffffff, operation = code & 15;
  int64_t here = (int64_t)at + d->window_shift;
  if (operation == 5) {
    int64_t target = (int64_t)(at & ~3) + 4 + sign(code >> 6, 18) * 4;
    uint32_t distance = shifted(relative(d, at, target) - (here & ~(int64_t)3) - 4, 2);
    put(d, at, 3, (code & 0x3f) | ((distance & 0x3ffff) << 6), K_BRANCH, code & 0x3f, target);
  } else if (operation == 1) {
    int64_t target = (int64_t)((at + 3) & ~3) + ((int64_t)(code >> 8) - 65536) * 4;
    uint32_t distance = shifted(relative(d, at, target) - ((here + 3) & ~(int64_t)3), 2);
    put(d, at, 3, (code & 0xff) | ((distance & 0xffff) << 8), K_POINTER, code & 0xff, target);
  } else if (operation == 6 || operation == 7)
    xtensa_branch(d, at, code);
  else
    put(d, at, 3, code, K_WORD, code, 0);
}

static void predict_xtensa(struct waft_delta *d) {
  int32_t at = (d->old_start & ~3) - 24;
  while (at < END) {
    uint32_t operation = byte_at(d, at) & 15;
    int narrow = operation >= 8 && operation <= 13;
    if (at + (narrow ? 2 : 3) > d->old_start) {
      if (narrow)
        xtensa_narrow(d, at);
      else
        xtensa_wide(d, at);
    }
    at += narrow ? 2 : 3;
  }
}
#endif

#ifdef WAFT_ARCH_XTENSA_BE
static uint32_t turned(uint32_t code) { return ((code & 0xff) << 16) | (code & 0xff00) | ((code >> 16) & 0xff); }

static void xtensa_big_narrow(struct waft_delta *d, int32_t at) {
  uint32_t code = (byte_at(d, at) << 8) | byte_at(d, at + 1), value = code;
  int kind = K_HALF;
  int64_t target = 0;
  if ((code & 0xf800) == 0xc800) {
    kind = K_SHORT;
    target = (int64_t)at + 4 + (((code >> 4) & 0x30) | (code & 15));
    int64_t distance = relative(d, at, target) - at - d->window_shift - 4;
    if (distance >= 0 && distance < 64) value = (code & 0xfcf0) | (((uint32_t)distance & 0x30) << 4) | ((uint32_t)distance & 15);
  }
  put(d, at, 2, (value >> 8) | ((value & 0xff) << 8), kind, code, target);
}

static void xtensa_big_wide(struct waft_delta *d, int32_t at) {
  uint32_t code = turned(word_at(d, at)), operation = code >> 20, form = (code >> 18) & 3, distance, mask;
  int64_t here = (int64_t)at + d->window_shift, target;
  int bits = 18, kind = K_BRANCH;
  if (operation == 5) {
    target = (int64_t)(at & ~3) + 4 + (int64_t)sign(code, 18) * 4;
    distance = shifted(relative(d, at, target) - (here & ~(int64_t)3) - 4, 2);
  } else if (operation == 1) {
    bits = 16;
    kind = K_POINTER;
    target = (int64_t)((at + 3) & ~3) + ((int64_t)(code & 0xffff) - 65536) * 4;
    distance = shifted(relative(d, at, target) - ((here + 3) & ~(int64_t)3), 2);
  } else if ((operation == 6 || operation == 7) && code >> 16 != 0x6c) {
    bits = operation == 7 ? 8 : form == 0 ? 18 : form == 1 ? 12 : 8;
    kind = K_WIDE_SHORT;
    target = (int64_t)at + 4 + sign(code, bits);
    distance = wrap(relative(d, at, target) - here - 4);
  } else {
    put(d, at, 3, turned(code), K_WORD, code, 0);
    return;
  }
  mask = (1u << bits) - 1;
  put(d, at, 3, turned((code & ~mask) | (distance & mask)), kind, code & ~mask, target);
}

static void predict_xtensa_big(struct waft_delta *d) {
  int32_t at = (d->old_start & ~3) - 24;
  while (at < END) {
    uint32_t operation = byte_at(d, at) >> 4;
    int length = operation >= 8 && operation <= 13 ? 2 : 3;
    if (at + length > d->old_start) {
      if (length == 2)
        xtensa_big_narrow(d, at);
      else
        xtensa_big_wide(d, at);
    }
    at += length;
  }
}
#endif

#ifdef WAFT_ARCH_HEXAGON
static int hexagon_branch_bits(uint32_t code) {
  if (code >> 26 == 0x16) return 22;
  return code >> 25 == 0x2e ? 15 : 0;
}

static uint32_t hexagon_with(uint32_t code, int bits, uint32_t v) {
  if (bits == 22) return (code & 0xfe00c001u) | (((v >> 13) & 0x1ff) << 16) | ((v & 0x1fff) << 1);
  return (code & 0xff20df01u) | (((v >> 13) & 3) << 22) | (((v >> 8) & 31) << 16) | (((v >> 7) & 1) << 13) | ((v & 0x7f) << 1);
}

static void hexagon_branch(struct waft_delta *d, int32_t at, int bits) {
  uint32_t code = word_at(d, at), field, parse;
  int32_t start = at;
  for (int i = 0; i < 3; i++) {
    parse = (word_at(d, start - 4) >> 14) & 3;
    if (parse == 3 || parse == 0) break;
    start -= 4;
  }
  if (bits == 22)
    field = (((code >> 16) & 0x1ff) << 13) | ((code >> 1) & 0x1fff);
  else
    field = (((code >> 22) & 3) << 13) | (((code >> 16) & 31) << 8) | (((code >> 13) & 1) << 7) | ((code >> 1) & 0x7f);
  int64_t target = (int64_t)start + (int64_t)sign(field, bits) * 4;
  uint32_t moved = shifted(relative(d, at, target) - start - d->window_shift, 2);
  put(d, at, 4, hexagon_with(code, bits, moved), bits == 22 ? K_BRANCH : K_WIDE_SHORT, hexagon_with(code, bits, 0), target);
}

static void hexagon_constant(struct waft_delta *d, int32_t at) {
  uint32_t upper = word_at(d, at), lower = word_at(d, at + 4), unit = lower & 0xffffc01fu;
  uint32_t value = (((upper >> 16) & 0xfff) << 20) | ((upper & 0x3fff) << 6) | ((lower >> 5) & 63);
  int64_t known = address_of(d, value);
  uint32_t moved = known < 0 ? value : (uint32_t)known;
  put(d, at, 4, (upper & 0xf000c000u) | (((moved >> 20) & 0xfff) << 16) | ((moved >> 6) & 0x3fff), K_PAIR, unit, (int32_t)value);
  put(d, at + 4, 4, (lower & ~(63u << 5)) | ((moved & 63) << 5), K_PAIR, unit, (int32_t)value);
}

static void predict_hexagon(struct waft_delta *d) {
  for (int32_t at = d->old_start & ~3; at < END; at += 4) {
    uint32_t code = word_at(d, at);
    int bits = hexagon_branch_bits(code);
    if (bits > 0)
      hexagon_branch(d, at, bits);
    else if (code >> 28 == 0 && word_at(d, at + 4) >> 24 == 0x78)
      hexagon_constant(d, at);
    else if (code >> 24 == 0x78 && word_at(d, at - 4) >> 28 == 0)
      hexagon_constant(d, at - 4);
    else
      put(d, at, 4, code, K_WORD, code, 0);
  }
}
#endif

#ifdef WAFT_ARCH_PIC18
static int pic18_far(uint32_t code) { return (code & 0xfe00) == 0xec00 || (code & 0xff00) == 0xef00; }

static void predict_pic18(struct waft_delta *d) {
  int32_t at = d->old_start & ~1;
  int64_t base = d->region_count > 0 ? d->regions[0].old_address : 0;
  if (pic18_far(half_at(d, at - 2)) && half_at(d, at) >> 12 == 15) at -= 2;
  while (at < END) {
    uint32_t code = half_at(d, at);
    int bits = (code & 0xf000) == 0xd000 ? 11 : (code & 0xf800) == 0xe000 ? 8 : 0;
    if (pic18_far(code) && half_at(d, at + 2) >> 12 == 15) {
      int64_t target = (int64_t)((code & 0xff) | ((half_at(d, at + 2) & 0xfff) << 8)) * 2 - base;
      uint32_t moved = shifted(relative(d, at, target) + base, 1);
      put(d, at, 4, (code & 0xff00) | (moved & 0xff) | ((0xf000 | ((moved >> 8) & 0xfff)) << 16), K_BRANCH, code >> 8, target);
      at += 4;
      continue;
    }
    if (bits == 0)
      put(d, at, 2, code, K_HALF, code, 0);
    else {
      uint32_t mask = (1u << bits) - 1;
      int64_t target = (int64_t)at + 2 + sign(code, bits) * 2;
      put(d, at, 2, (code & ~mask) | (shifted(relative(d, at, target) - at - d->window_shift - 2, 1) & mask), K_SHORT, code, target);
    }
    at += 2;
  }
}
#endif

#ifdef WAFT_ARCH_PIC24
static int pic24_far(uint32_t code) { return code >> 16 == 0x02 || code >> 16 == 0x04; }

/* MOV of a literal, MOV from and to a file register. */
static void pic24_move(struct waft_delta *d, int32_t at, uint32_t code) {
  int literal = code >> 20 == 2;
  uint32_t target = literal ? (code >> 4) & 0xffff : (code >> 3) & 0xfffe;
  int64_t moved = value_of(d, (int64_t)DATA_SPACE + target);
  uint32_t value = moved < 0 ? target : (uint32_t)moved & 0xffff;
  value = literal ? (code & 0xfff0000fu) | (value << 4) : (code & 0xfff8000fu) | ((value & 0xfffe) << 3);
  put(d, at, 4, value, literal ? K_POINTER : K_VALUE, code, target);
}

static void predict_pic24(struct waft_delta *d) {
  int32_t at = d->old_start & ~3;
  int data = d->header.architecture == 14;
  int64_t base = data && d->region_count > 0 ? d->regions[0].old_address : 0;
  if (pic24_far(word_at(d, at - 4))) at -= 4;
  while (at < END) {
    uint32_t code = word_at(d, at), operation = code >> 16;
    if (pic24_far(code)) {
      uint32_t next = word_at(d, at + 4);
      int64_t target = (int64_t)((code & 0xfffe) | ((next & 0x7f) << 16)) * 2 - base;
      uint32_t moved = shifted(relative(d, at, target) + base, 1);
      put(d, at, 4, (code & 0xffff0001) | (moved & 0xfffe), K_BRANCH, operation, target);
      put(d, at + 4, 4, (next & ~0x7fu) | ((moved >> 16) & 0x7f), K_PAIR, operation, target);
      at += 8;
      continue;
    }
    if (data && (code >> 20 == 2 || code >> 20 == 8))
      pic24_move(d, at, code);
    else if (operation != 0x07 && (operation < 0x30 || operation > 0x3f) && (operation < 0x0c || operation > 0x0f))
      put(d, at, 4, code, K_WORD, code, 0);
    else {
      int64_t target = (int64_t)at + 4 + sign(code, 16) * 4;
      put(d, at, 4, (code & 0xffff0000) | (shifted(relative(d, at, target) - at - d->window_shift - 4, 2) & 0xffff), K_WIDE_SHORT, operation, target);
    }
    at += 4;
  }
}
#endif

#ifdef WAFT_ARCH_TC32
static int tc32_call(const struct waft_delta *d, int32_t at) { return (half_at(d, at) & 0xf800) == 0x9000 && (half_at(d, at + 2) & 0xf800) == 0x9800; }

static void tc32_half(struct waft_delta *d, int32_t at) {
  uint32_t code = half_at(d, at), value = code;
  int64_t here = (int64_t)at + d->window_shift, target = 0;
  if ((code & 0xf800) == 0x0800) {
    target = (int64_t)((at + 4) & ~3) + (code & 0xff) * 4;
    int64_t distance = relative(d, at, target) - ((here + 4) & ~(int64_t)3);
    if (distance >= 0 && distance < 1024 && (distance & 3) == 0) value = (code & 0xff00) | (uint32_t)(distance >> 2);
  } else if ((code & 0xf000) == 0xc000) {
    target = (int64_t)at + 4 + sign(code, 8) * 2;
    value = (code & 0xff00) | (shifted(relative(d, at, target) - here - 4, 1) & 0xff);
  } else if ((code & 0xf800) == 0x8000) {
    target = (int64_t)at + 4 + sign(code, 11) * 2;
    value = (code & 0xf800) | (shifted(relative(d, at, target) - here - 4, 1) & 0x7ff);
  }
  put(d, at, 2, value, target == 0 ? K_HALF : K_SHORT, code, target);
}

static void predict_tc32(struct waft_delta *d) {
  int32_t at = d->old_start & ~1;
  if (tc32_call(d, at - 2)) at -= 2;
  while (at < END) {
    if (!tc32_call(d, at)) {
      tc32_half(d, at);
      at += 2;
      continue;
    }
    int64_t target = (int64_t)at + 4 + sign(((half_at(d, at) & 0x7ff) << 12) | ((half_at(d, at + 2) & 0x7ff) << 1), 23);
    uint32_t distance = wrap(relative(d, at, target) - at - d->window_shift - 4);
    put(d, at, 4, 0x9000 | ((distance >> 12) & 0x7ff) | ((0x9800 | ((distance >> 1) & 0x7ff)) << 16), K_BRANCH, 0x9800, target);
    at += 4;
  }
}
#endif

#ifdef WAFT_ARCH_8051
/* Two bits a length, the lengths of operation codes 4n ... 4n + 3 in byte n, lowest first. */
static const uint8_t i8051_lengths[64] = {
    121, 89, 85, 85, 123, 89, 85, 85, 91, 90, 85, 85, 91, 90, 85, 85,
    234, 90, 85, 85, 234, 90, 85, 85, 234, 90, 85, 85, 106, 174, 170, 170,
    106, 173, 170, 170, 107, 90, 85, 85, 106, 165, 170, 170, 106, 255, 255, 255,
    106, 89, 85, 85, 106, 93, 170, 170, 89, 89, 85, 85, 89, 89, 85, 85,
};

static int i8051_relative(uint32_t o) {
  return o == 0x80 || o == 0x60 || o == 0x70 || o == 0x40 || o == 0x50 || o == 0x20 || o == 0x30 || o == 0x10 || o == 0xd5 || (o >= 0xb4 && o <= 0xbf) ||
         (o >= 0xd8 && o <= 0xdf);
}

static void i8051_one(struct waft_delta *d, int32_t at, int length) {
  uint32_t operation = byte_at(d, at), code = word_at(d, at) & (0xffffffu >> (8 * (3 - length)));
  if (operation == 0x12 || operation == 0x02 || operation == 0x90) {
    uint32_t address = (byte_at(d, at + 1) << 8) | byte_at(d, at + 2);
    int64_t bank = floor_div(at, 0x8000), target = address;
    if (address >= 0x8000) target = (bank < 1 ? 1 : bank) * 0x8000 + (address & 0x7fff);
    uint32_t moved = (address & 0x8000) | (wrap(relative(d, at, target)) & 0x7fff);
    put(d, at, 3, operation | ((moved >> 8) << 8) | ((moved & 0xff) << 16), operation == 0x90 ? K_PAIR : K_BRANCH, operation, target);
  } else if (i8051_relative(operation)) {
    int shift = 8 * (length - 1);
    int64_t target = (int64_t)at + length + sign(byte_at(d, at + length - 1), 8);
    uint32_t distance = wrap(relative(d, at, target) - ((int64_t)at + d->window_shift) - length) & 0xff;
    put(d, at, length, (code & ~(0xffu << shift)) | (distance << shift), length == 2 ? K_SHORT : K_WIDE_SHORT, operation, target);
  } else
    put(d, at, length, code, length < 3 ? K_HALF : K_WORD, code, 0);
}

static void predict_8051(struct waft_delta *d) {
  int32_t at = (d->old_start & ~3) - 24;
  while (at < END) {
    uint32_t operation = byte_at(d, at);
    int length = (i8051_lengths[operation >> 2] >> (2 * (operation & 3))) & 3;
    if (at + length > d->old_start) i8051_one(d, at, length);
    at += length;
  }
}
#endif

#ifdef WAFT_ARCH_VIDEOCORE4
static int vc4_length(uint32_t code) { return code < 0x8000 ? 2 : code < 0xe000 ? 4 : code < 0xf800 ? 6 : 10; }

/* Number 13 takes for data what would refer to another region. */
static int vc4_is_far(struct waft_delta *d, int32_t at, int64_t target) { return d->header.architecture == 13 && !is_near(d, at, target); }

static void vc4_branch(struct waft_delta *d, int32_t at, uint32_t first) {
  int call = (first & 0x80) != 0, bits = call ? 27 : 23;
  uint32_t field = ((first & 0x7f) << 16) | half_at(d, at + 2);
  if (call) field |= ((first >> 8) & 15) << 23;
  int64_t target = (int64_t)at + (int64_t)sign(field, bits) * 2;
  if (vc4_is_far(d, at, target)) {
    uint32_t word = first | (half_at(d, at + 2) << 16);
    put(d, at, 4, word, K_WORD, word, 0);
    return;
  }
  uint32_t moved = shifted(relative(d, at, target) - at - d->window_shift, 1), high = (moved >> 16) & 0x7f;
  high |= call ? (first & 0xf080) | (((moved >> 23) & 15) << 8) : first & 0xff80;
  put(d, at, 4, high | ((moved & 0xffff) << 16), K_BRANCH, first & 0xff80, target);
}

static void vc4_one(struct waft_delta *d, int32_t at, int length) {
  uint32_t code = half_at(d, at);
  int64_t here = (int64_t)at + d->window_shift;
  if ((code & 0xf800) == 0x1800) {
    int64_t target = (int64_t)at + sign(code, 7) * 2;
    put(d, at, 2, (code & 0xff80) | (shifted(relative(d, at, target) - here, 1) & 0x7f), K_SHORT, code, target);
  } else if (length == 4 && code >> 12 == 9)
    vc4_branch(d, at, code);
  else if (length == 6 && (code & 0xffe0) == 0xe500) {
    uint32_t distance = half_at(d, at + 2) | (half_at(d, at + 4) << 16);
    int64_t target = (int64_t)at + (int32_t)distance;
    put(d, at, 2, code, K_HALF, code, 0);
    if (vc4_is_far(d, at, target))
      put(d, at + 2, 4, distance, K_WORD, distance, 0);
    else
      put(d, at + 2, 4, wrap(relative(d, at, target) - here), K_POINTER, distance, target);
  } else
    for (int i = 0; i < length; i += 4) {
      int size = length - i < 4 ? length - i : 4;
      uint32_t word = half_at(d, at + i);
      if (size == 4) word |= half_at(d, at + i + 2) << 16;
      put(d, at + i, size, word, size == 2 ? K_HALF : K_WORD, word, 0);
    }
}

static void predict_videocore4(struct waft_delta *d) {
  int32_t at = (d->old_start & ~1) - 24;
  while (at < END) {
    int length = vc4_length(half_at(d, at));
    if (at + length > d->old_start) vc4_one(d, at, length);
    at += length;
  }
}
#endif

typedef void predictor(struct waft_delta *);

/* By the number in the header; which read pointers too. */
static const struct {
  uint8_t code, pointers;
  predictor *predict;
} architectures[] = {
    {0, 1, NULL},
#ifdef WAFT_ARCH_THUMB2
    {1, 1, predict_thumb2},
#endif
#ifdef WAFT_ARCH_AVR
    {2, 0, predict_avr},
#endif
#ifdef WAFT_ARCH_MIPS32
    {3, 1, predict_mips32},
#endif
#ifdef WAFT_ARCH_ARM32
    {4, 1, predict_arm32},
#endif
#ifdef WAFT_ARCH_ARM64
    {5, 1, predict_arm64},
#endif
#ifdef WAFT_ARCH_RISCV
    {6, 1, predict_riscv},
#endif
#ifdef WAFT_ARCH_XTENSA
    {7, 1, predict_xtensa},
#endif
#ifdef WAFT_ARCH_PIC18
    {8, 0, predict_pic18},
#endif
#ifdef WAFT_ARCH_PIC24
    {9, 0, predict_pic24},
#endif
#ifdef WAFT_ARCH_TC32
    {10, 1, predict_tc32},
#endif
#ifdef WAFT_ARCH_8051
    {11, 0, predict_8051},
#endif
#ifdef WAFT_ARCH_VIDEOCORE4
    {12, 1, predict_videocore4},
    {13, 1, predict_videocore4},
#endif
#ifdef WAFT_ARCH_PIC24
    {14, 0, predict_pic24},
#endif
#ifdef WAFT_ARCH_XTENSA_BE
    {15, 0, predict_xtensa_big},
#endif
#ifdef WAFT_ARCH_HEXAGON
    {16, 1, predict_hexagon},
#endif
};

static int find_architecture(uint32_t code) {
  for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
    if (architectures[i].code == code) return (int)i;
  return -1;
}

static void predict(struct waft_delta *d, int32_t old_start, int32_t length, int32_t shift) {
  int row = find_architecture(d->header.architecture);
  load_window(d, old_start, length, shift);
  if (architectures[row].predict != NULL) architectures[row].predict(d);
  if (architectures[row].pointers) predict_pointers(d);
}

/* ---- model ---- */

/* The starting tables of format versions 1 and 2. */
#if WAFT_OLD_VERSIONS
static const uint8_t old_slot_prior[3392] = {
    47, 47, 145, 114, 243, 243, 243, 243, 244, 244, 245, 246, 246, 247, 247, 250, 47, 243, 147, 245, 246, 246, 247, 247,
    252, 252, 252, 253, 253, 253, 254, 255, 110, 81, 245, 244, 245, 246, 245, 245, 248, 248, 249, 249, 249, 250, 251, 253,
    48, 147, 247, 245, 247, 246, 247, 246, 250, 253, 254, 253, 254, 254, 254, 255, 143, 146, 243, 244, 244, 212, 245, 246,
    247, 247, 248, 249, 249, 250, 251, 253, 207, 244, 245, 246, 246, 247, 248, 249, 249, 250, 251, 251, 252, 252, 252, 254,
    112, 147, 115, 212, 244, 180, 245, 246, 247, 247, 248, 248, 249, 249, 250, 252, 142, 245, 245, 213, 247, 247, 248, 249,
    249, 250, 251, 251, 251, 251, 252, 253, 78, 178, 243, 211, 180, 244, 245, 245, 246, 246, 247, 247, 248, 248, 249, 251,
    79, 81, 146, 244, 244, 246, 246, 247, 247, 248, 249, 249, 250, 251, 251, 254, 79, 178, 146, 212, 211, 244, 244, 245,
    246, 246, 246, 247, 247, 247, 248, 249, 79, 212, 213, 245, 213, 181, 150, 214, 183, 215, 215, 248, 248, 248, 216, 250,
    46, 48, 82, 115, 84, 51, 84, 53, 85, 117, 150, 150, 183, 151, 216, 88, 111, 243, 147, 246, 246, 247, 248, 248,
    249, 248, 249, 249, 250, 250, 251, 254, 143, 48, 79, 144, 114, 177, 178, 211, 211, 179, 179, 211, 243, 180, 212, 180,
    81, 114, 80, 114, 83, 114, 83, 83, 84, 84, 84, 84, 85, 117, 149, 215, 178, 247, 179, 180, 246, 245, 246, 247,
    247, 247, 248, 247, 249, 248, 249, 251, 80, 246, 248, 244, 246, 247, 247, 247, 248, 247, 248, 248, 249, 248, 249, 250,
    46, 48, 80, 113, 145, 146, 146, 115, 180, 180, 212, 212, 148, 180, 212, 181, 80, 211, 179, 148, 245, 212, 246, 245,
    246, 246, 246, 246, 246, 246, 214, 183, 112, 214, 244, 83, 149, 244, 181, 181, 182, 246, 214, 246, 246, 214, 214, 215,
    47, 148, 247, 180, 213, 214, 182, 182, 182, 214, 214, 214, 247, 246, 247, 248, 110, 113, 146, 146, 146, 147, 147, 180,
    213, 246, 246, 247, 248, 248, 249, 251, 207, 179, 180, 213, 246, 246, 247, 248, 249, 249, 250, 250, 251, 250, 251, 253,
    243, 245, 215, 246, 181, 247, 215, 182, 215, 183, 215, 247, 214, 247, 247, 215, 46, 212, 244, 180, 180, 244, 213, 213,
    212, 213, 181, 213, 213, 214, 150, 215, 47, 115, 48, 48, 48, 47, 48, 49, 49, 49, 49, 50, 50, 50, 51, 117,
    47, 52, 52, 246, 213, 215, 182, 182, 182, 214, 214, 247, 214, 214, 248, 215, 143, 114, 146, 115, 50, 147, 212, 212,
    245, 245, 246, 246, 247, 215, 215, 250, 111, 244, 244, 244, 245, 245, 246, 246, 246, 247, 247, 247, 248, 248, 248, 250,
    47, 49, 114, 82, 50, 50, 83, 83, 148, 180, 149, 246, 246, 214, 248, 217, 208, 83, 84, 148, 180, 245, 246, 245,
    246, 246, 247, 247, 247, 248, 248, 252, 249, 250, 151, 246, 48, 177, 145, 178, 244, 211, 147, 212, 144, 80, 79, 145,
    245, 245, 212, 148, 113, 208, 79, 112, 244, 244, 211, 244, 47, 174, 78, 143, 243, 244, 244, 209, 46, 145, 82, 113,
    112, 146, 115, 113, 44, 111, 79, 111, 81, 178, 82, 144, 46, 143, 79, 144, 239, 177, 49, 144, 44, 238, 205, 173,
    246, 246, 116, 245, 211, 145, 113, 178, 51, 179, 113, 114, 47, 208, 111, 145, 244, 179, 115, 114, 240, 209, 111, 113,
    53, 210, 113, 210, 48, 174, 109, 142, 245, 245, 148, 243, 235, 111, 80, 110, 47, 145, 210, 81, 43, 47, 47, 47,
    241, 243, 114, 145, 237, 174, 174, 142, 50, 211, 210, 210, 233, 237, 109, 205, 245, 244, 244, 243, 47, 208, 80, 208,
    243, 211, 210, 212, 79, 144, 143, 145, 244, 147, 146, 114, 51, 144, 111, 176, 245, 179, 146, 212, 48, 142, 78, 111,
    243, 211, 146, 145, 46, 144, 113, 177, 47, 144, 113, 111, 237, 174, 141, 78, 48, 210, 81, 144, 0, 142, 79, 142,
    141, 177, 79, 143, 45, 237, 172, 205, 245, 179, 147, 178, 243, 144, 111, 144, 53, 146, 144, 146, 242, 144, 111, 146,
    244, 146, 177, 146, 49, 175, 143, 143, 52, 210, 113, 146, 47, 205, 77, 111, 244, 148, 243, 178, 237, 176, 144, 144,
    48, 177, 176, 113, 234, 237, 172, 205, 244, 243, 210, 241, 44, 237, 205, 174, 144, 241, 176, 209, 234, 236, 172, 236,
    50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 249, 47, 0, 53, 0, 0, 0, 50,
    0, 0, 0, 0, 0, 0, 0, 0, 249, 176, 80, 109, 0, 52, 53, 246, 0, 0, 0, 0, 0, 0, 0, 0,
    250, 49, 212, 47, 247, 48, 82, 46, 0, 0, 0, 0, 0, 0, 0, 0, 246, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 250, 207, 243, 246, 50, 51, 51, 180, 0, 0, 0, 0, 0, 0, 0, 0,
    246, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 251, 142, 245, 212, 211, 51, 209, 146,
    0, 0, 0, 0, 0, 0, 0, 0, 248, 79, 146, 45, 211, 48, 245, 145, 0, 0, 0, 0, 0, 0, 0, 0,
    250, 49, 81, 111, 146, 142, 48, 139, 0, 0, 0, 0, 0, 0, 0, 0, 247, 0, 0, 0, 0, 0, 0, 0,
    51, 113, 81, 112, 174, 174, 177, 212, 88, 47, 0, 243, 0, 0, 0, 50, 51, 113, 113, 144, 81, 81, 80, 147,
    120, 49, 52, 47, 180, 50, 243, 245, 50, 49, 49, 49, 48, 48, 81, 84, 255, 81, 244, 80, 51, 205, 51, 139,
    49, 48, 48, 48, 48, 112, 211, 245, 246, 0, 0, 0, 0, 0, 0, 0, 82, 144, 176, 144, 174, 142, 144, 147,
    250, 50, 50, 51, 0, 0, 0, 50, 146, 176, 176, 208, 49, 81, 50, 148, 251, 244, 247, 113, 51, 50, 243, 243,
    243, 145, 177, 177, 146, 179, 179, 212, 252, 81, 245, 114, 248, 79, 246, 47, 0, 0, 0, 0, 0, 0, 50, 55,
    83, 0, 0, 0, 0, 0, 0, 0, 178, 144, 176, 144, 110, 79, 113, 115, 249, 81, 0, 244, 0, 50, 0, 243,
    112, 143, 112, 144, 48, 48, 82, 148, 250, 51, 246, 112, 0, 0, 244, 244, 50, 48, 47, 240, 240, 208, 146, 212,
    120, 49, 51, 114, 247, 114, 212, 47, 53, 0, 47, 47, 49, 48, 50, 247, 214, 0, 0, 0, 0, 0, 0, 0,
    49, 79, 79, 111, 205, 237, 207, 209, 251, 207, 0, 245, 0, 0, 0, 147, 112, 208, 241, 113, 206, 142, 143, 144,
    214, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0, 214, 79, 0, 0, 0, 0, 0, 0,
    244, 51, 244, 243, 234, 235, 47, 212, 50, 47, 83, 172, 0, 0, 0, 0, 48, 48, 48, 48, 207, 174, 48, 50,
    214, 49, 52, 53, 52, 0, 51, 43, 0, 0, 0, 0, 0, 0, 0, 54, 85, 0, 0, 0, 0, 0, 0, 0,
    179, 50, 50, 114, 108, 172, 141, 145, 250, 111, 53, 51, 0, 0, 0, 50, 212, 179, 82, 113, 47, 47, 47, 241,
    150, 82, 50, 47, 83, 0, 52, 243, 146, 144, 80, 176, 111, 111, 111, 113, 250, 114, 245, 49, 51, 47, 52, 76,
    242, 49, 49, 49, 240, 174, 208, 145, 233, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 232, 0, 232, 0, 202, 0, 234, 0, 233, 0, 234, 0, 234, 0, 234, 0, 0, 0, 0, 80, 49, 47, 113,
    0, 0, 0, 0, 0, 110, 78, 174, 0, 0, 0, 0, 0, 47, 45, 44, 0, 0, 0, 0, 0, 243, 140, 235,
    0, 239, 238, 240, 239, 207, 240, 240, 142, 176, 239, 239, 240, 208, 239, 207, 206, 174, 175, 240, 208, 239, 208, 240,
    239, 239, 241, 240, 208, 240, 240, 208, 143, 209, 206, 240, 174, 240, 239, 177, 207, 240, 239, 175, 239, 208, 207, 208,
    239, 208, 239, 240, 239, 239, 176, 240, 239, 176, 239, 241, 207, 209, 207, 240, 239, 175, 240, 47, 174, 240, 239, 240,
    78, 239, 240, 208, 240, 240, 240, 177, 239, 176, 174, 144, 174, 240, 239, 240, 174, 239, 80, 209, 239, 207, 239, 208,
    239, 208, 239, 209, 110, 239, 239, 208, 206, 239, 239, 240, 207, 239, 111, 145, 239, 239, 239, 240, 240, 240, 240, 240,
    110, 143, 175, 78, 206, 144, 239, 209, 111, 239, 144, 240, 240, 239, 78, 240, 174, 239, 240, 144, 47, 47, 239, 240,
    78, 239, 239, 142, 239, 142, 239, 143, 239, 240, 241, 239, 239, 175, 240, 78, 174, 240, 239, 239, 239, 239, 239, 239,
    207, 239, 48, 240, 208, 239, 240, 239, 175, 239, 239, 240, 239, 142, 239, 142, 206, 239, 239, 240, 239, 143, 239, 110,
    239, 239, 239, 240, 240, 240, 239, 240, 143, 143, 110, 145, 142, 239, 78, 208, 239, 47, 207, 47, 174, 239, 240, 207,
    239, 208, 142, 145, 78, 206, 240, 110, 240, 239, 207, 47, 239, 239, 239, 207, 239, 240, 143, 240, 239, 176, 239, 240,
    208, 240, 143, 174, 239, 145, 77, 144, 110, 240, 80, 239, 239, 239, 240, 175, 0, 239, 239, 240, 239, 239, 239, 240,
    238, 239, 238, 239, 239, 175, 207, 208, 238, 239, 239, 239, 239, 239, 239, 239, 239, 240, 239, 239, 207, 239, 239, 240,
    239, 207, 207, 239, 206, 175, 206, 206, 239, 207, 238, 143, 175, 175, 207, 207, 143, 175, 207, 175, 206, 174, 175, 240,
    143, 207, 174, 207, 175, 175, 239, 176, 238, 207, 239, 207, 175, 207, 207, 207, 206, 207, 207, 239, 175, 207, 207, 175,
    207, 144, 239, 176, 239, 239, 175, 175, 175, 175, 142, 143, 175, 143, 143, 176, 206, 143, 207, 143, 175, 144, 175, 207,
    142, 175, 143, 143, 175, 175, 239, 144, 143, 143, 175, 143, 143, 175, 175, 175, 175, 144, 175, 143, 142, 208, 207, 208,
    238, 207, 175, 174, 142, 175, 174, 176, 238, 143, 174, 143, 207, 143, 174, 143, 174, 175, 111, 175, 174, 111, 143, 143,
    174, 143, 174, 111, 206, 111, 142, 143, 206, 143, 111, 142, 207, 143, 143, 48, 174, 143, 175, 111, 142, 143, 110, 112,
    143, 111, 143, 143, 142, 143, 143, 143, 173, 111, 143, 111, 174, 110, 111, 144, 206, 175, 111, 79, 174, 143, 175, 111,
    238, 143, 175, 112, 207, 175, 111, 143, 206, 175, 143, 111, 110, 111, 110, 175, 143, 174, 111, 111, 111, 143, 112, 80,
    174, 111, 47, 143, 143, 143, 79, 111, 207, 143, 143, 142, 175, 143, 111, 144, 141, 143, 79, 80, 111, 111, 111, 111,
    238, 206, 175, 144, 142, 143, 175, 144, 0, 239, 239, 208, 239, 175, 207, 145, 206, 239, 174, 239, 144, 144, 207, 177,
    206, 175, 207, 207, 175, 143, 208, 207, 174, 176, 208, 111, 143, 175, 143, 209, 206, 175, 207, 143, 206, 143, 143, 207,
    176, 143, 111, 207, 143, 175, 143, 143, 143, 143, 175, 207, 143, 175, 111, 144, 111, 175, 111, 207, 80, 143, 144, 208,
    174, 175, 143, 175, 174, 143, 143, 143, 175, 175, 143, 175, 143, 111, 143, 143, 175, 48, 207, 111, 143, 112, 143, 112,
    143, 143, 111, 207, 143, 143, 79, 143, 142, 111, 111, 143, 111, 112, 176, 207, 79, 79, 175, 176, 175, 79, 175, 112,
    110, 48, 111, 175, 111, 80, 111, 79, 111, 79, 175, 143, 142, 176, 175, 144, 174, 175, 111, 175, 174, 143, 142, 144,
    142, 143, 175, 144, 111, 111, 111, 80, 142, 143, 144, 112, 175, 112, 144, 112, 79, 112, 144, 111, 111, 112, 79, 176,
    142, 142, 48, 78, 143, 112, 47, 177, 79, 80, 111, 78, 112, 80, 144, 80, 79, 143, 48, 144, 111, 47, 144, 144,
    142, 111, 111, 143, 143, 110, 112, 112, 110, 112, 81, 112, 111, 79, 112, 144, 142, 143, 175, 80, 143, 112, 143, 145,
    175, 112, 112, 112, 143, 79, 79, 144, 144, 111, 80, 79, 176, 112, 177, 48, 142, 143, 48, 79, 79, 144, 112, 144,
    207, 111, 80, 47, 111, 143, 112, 144, 79, 176, 48, 113, 112, 144, 176, 113, 142, 79, 239, 81, 175, 176, 208, 208,
    0, 239, 239, 240, 239, 239, 239, 208, 238, 239, 207, 239, 239, 208, 208, 208, 238, 239, 239, 239, 207, 239, 239, 240,
    239, 240, 239, 208, 207, 239, 207, 240, 206, 207, 207, 239, 238, 207, 239, 175, 207, 207, 207, 207, 207, 175, 207, 207,
    176, 207, 207, 143, 143, 175, 143, 240, 143, 207, 143, 239, 143, 239, 175, 176, 238, 207, 175, 143, 207, 207, 175, 143,
    175, 207, 174, 143, 174, 143, 175, 176, 143, 112, 207, 143, 175, 207, 239, 175, 174, 143, 175, 207, 142, 175, 143, 143,
    206, 175, 239, 175, 175, 143, 175, 111, 143, 143, 207, 175, 143, 174, 143, 176, 142, 142, 143, 143, 142, 142, 143, 175,
    143, 111, 143, 175, 142, 176, 142, 208, 174, 175, 143, 143, 174, 175, 143, 144, 142, 144, 143, 143, 206, 175, 143, 143,
    142, 143, 143, 143, 79, 111, 111, 207, 142, 143, 142, 112, 174, 112, 142, 144, 110, 143, 79, 174, 142, 176, 175, 112,
    142, 175, 110, 143, 142, 175, 174, 112, 143, 143, 142, 143, 142, 79, 142, 111, 142, 144, 79, 111, 205, 175, 143, 112,
    174, 143, 79, 143, 110, 207, 142, 111, 174, 143, 142, 112, 142, 144, 143, 80, 142, 175, 79, 143, 175, 144, 111, 143,
    111, 143, 111, 143, 111, 143, 111, 80, 110, 111, 79, 111, 111, 175, 143, 143, 143, 112, 143, 175, 110, 112, 143, 144,
    174, 143, 79, 144, 110, 111, 142, 143, 142, 143, 143, 144, 110, 111, 175, 144, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    46, 48, 48, 48, 49, 49, 80, 79, 47, 48, 48, 49, 80, 48, 47, 46, 45, 46, 47, 47, 47, 46, 46, 108,
    46, 47, 78, 79, 46, 77, 236, 235, 48, 49, 49, 49, 82, 50, 49, 48, 48, 49, 50, 49, 48, 48, 47, 78,
    79, 113, 113, 210, 79, 112, 111, 77, 0, 0, 0, 0, 0, 0, 0, 0, 48, 80, 48, 48, 49, 48, 79, 78,
    47, 48, 48, 80, 48, 112, 46, 45, 47, 50, 51, 51, 114, 114, 49, 48, 0, 0, 0, 52, 49, 48, 50, 48,
    77, 111, 111, 111, 80, 143, 111, 204, 108, 238, 46, 45, 143, 110, 206, 174, 0, 0, 0, 0, 0, 0, 0, 0,
    44, 49, 52, 46, 243, 211, 145, 50, 43, 39, 40, 40, 46, 46, 46, 41, 0, 0, 0, 0, 0, 0, 0, 0,
    75, 45, 142, 78, 81, 80, 80, 206, 140, 47, 141, 142, 176, 80, 48, 142, 77, 109, 238, 110, 79, 79, 46, 76,
    46, 45, 44, 45, 47, 206, 206, 78, 245, 212, 243, 243, 212, 212, 212, 244, 244, 244, 244, 244, 115, 243, 243, 179,
    114, 247, 245, 244, 244, 245, 245, 244, 180, 244, 244, 244, 211, 243, 211, 244, 114, 243, 245, 245, 244, 243, 212, 244,
    180, 212, 244, 212, 244, 147, 244, 244, 207, 209, 243, 210, 244, 244, 244, 244, 244, 180, 244, 181, 212, 212, 212, 245,
    238, 209, 242, 242, 243, 243, 245, 246, 245, 245, 245, 149, 245, 181, 245, 214, 206, 177, 242, 210, 243, 243, 244, 244,
    246, 247, 246, 246, 245, 245, 246, 247, 174, 146, 242, 178, 243, 243, 244, 245, 245, 246, 248, 249, 247, 246, 181, 247,
    143, 146, 243, 146, 244, 244, 245, 245, 246, 246, 247, 247, 249, 249, 247, 248, 143, 114, 243, 179, 244, 244, 245, 245,
    246, 246, 247, 247, 248, 248, 250, 251, 144, 147, 244, 243, 245, 244, 245, 246, 246, 247, 247, 248, 248, 248, 249, 251,
    145, 180, 212, 244, 245, 245, 246, 246, 247, 247, 247, 248, 248, 249, 249, 251, 145, 213, 212, 244, 246, 245, 246, 246,
    247, 247, 248, 248, 249, 249, 249, 251, 113, 213, 245, 244, 246, 245, 246, 246, 247, 247, 248, 248, 249, 249, 249, 252,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    247, 48, 243, 78, 242, 48, 209, 141, 243, 208, 145, 78, 178, 238, 240, 236, 248, 47, 242, 109, 243, 48, 241, 172,
    243, 240, 48, 173, 177, 238, 240, 236, 247, 47, 211, 78, 242, 79, 112, 77, 242, 80, 242, 45, 210, 238, 241, 204,
    248, 109, 51, 45, 242, 43, 48, 139, 243, 48, 52, 41, 146, 46, 241, 45, 249, 209, 242, 239, 242, 177, 241, 238,
    242, 208, 208, 238, 242, 239, 241, 205, 249, 176, 242, 239, 243, 176, 242, 238, 243, 176, 177, 174, 242, 239, 241, 205,
    248, 209, 243, 208, 243, 145, 210, 207, 243, 176, 209, 207, 242, 207, 209, 238, 249, 241, 243, 176, 243, 176, 178, 239,
    243, 208, 241, 207, 210, 207, 209, 238, 248, 209, 242, 176, 243, 145, 241, 207, 243, 177, 241, 175, 242, 143, 241, 206,
    249, 209, 242, 208, 243, 145, 177, 143, 243, 176, 241, 143, 242, 175, 176, 206, 247, 241, 243, 207, 243, 177, 178, 207,
    243, 112, 177, 143, 210, 175, 210, 111, 247, 241, 242, 208, 243, 177, 210, 208, 243, 209, 241, 143, 210, 144, 177, 174,
    215, 209, 211, 175, 243, 176, 177, 143, 243, 208, 177, 111, 242, 143, 145, 141, 249, 209, 242, 239, 243, 112, 209, 142,
    243, 208, 209, 143, 177, 111, 177, 142, 245, 176, 242, 206, 243, 176, 210, 207, 243, 207, 177, 143, 242, 143, 209, 110,
    246, 208, 210, 207, 211, 144, 177, 207, 243, 208, 144, 207, 178, 207, 209, 110, 248, 209, 243, 208, 243, 177, 242, 240,
    243, 176, 177, 208, 242, 240, 242, 174, 249, 177, 210, 144, 178, 81, 242, 143, 243, 112, 113, 46, 210, 209, 241, 109,
    213, 208, 210, 175, 179, 145, 145, 143, 243, 112, 144, 143, 210, 175, 177, 174, 246, 209, 242, 143, 211, 177, 177, 143,
    243, 145, 144, 239, 210, 143, 145, 110, 246, 209, 242, 176, 243, 177, 177, 143, 243, 209, 177, 175, 210, 144, 145, 143,
    247, 177, 243, 111, 243, 145, 210, 143, 243, 241, 177, 208, 243, 48, 178, 110, 248, 240, 242, 239, 242, 208, 209, 238,
    243, 176, 208, 175, 242, 175, 208, 205, 248, 240, 242, 239, 242, 240, 209, 206, 243, 240, 144, 175, 242, 175, 177, 206,
    214, 209, 244, 49, 179, 0, 48, 48, 243, 48, 51, 49, 49, 48, 48, 48, 214, 241, 242, 239, 211, 208, 242, 208,
    243, 49, 241, 48, 243, 49, 244, 47, 84, 79, 145, 78, 242, 240, 240, 236, 242, 111, 239, 237, 239, 173, 239, 43,
    214, 50, 52, 52, 52, 0, 49, 0, 52, 0, 0, 0, 0, 0, 0, 0, 214, 177, 242, 176, 211, 177, 210, 143,
    147, 177, 177, 112, 210, 112, 145, 173, 247, 177, 179, 144, 211, 209, 242, 207, 243, 209, 209, 175, 242, 207, 209, 237,
    182, 112, 178, 143, 211, 112, 241, 174, 211, 80, 209, 143, 242, 175, 208, 206, 215, 145, 243, 144, 178, 81, 178, 175,
    243, 145, 178, 176, 210, 143, 209, 174,
};
#if WAFT_PROFILE > 0
static const int8_t old_weight_prior[1408] = {
    27, 19, 37, 35, 38, 34, 35, 33, 40, 39, 35, 34, 40, 40, 47, 60, 27, 70, 68, 69, 44, 46, 21, 19,
    21, 32, 25, 25, 2, 4, 5, -2, 27, 127, 95, 53, 80, 78, 85, 82, 85, 84, 83, 86, 83, 82, 67, 24,
    27, 17, 32, 33, 33, 37, 30, 42, 32, 35, 35, 28, 31, 29, 29, 36, 27, 35, 40, 41, 43, 48, 41, 37,
    34, 48, 42, 27, 41, 42, 40, 25, 27, 3, 16, 16, -1, 10, 15, 11, 1, 15, 10, 8, 8, 9, 11, -9,
    27, 30, 21, 24, 19, 21, 19, 17, 34, 20, 18, 24, 22, 19, 22, 17, 27, 5, 25, 28, 28, 22, 27, 30,
    36, 40, 33, 31, 20, 18, 22, 9, 27, 46, 52, 52, 51, 41, 35, 55, 41, 47, 42, 35, 31, 38, 30, 34,
    27, -2, 34, 36, 12, 14, 9, 7, 27, 18, 19, 15, 18, 14, 11, 12, 27, 55, 61, 76, 69, 64, 61, 59,
    57, 53, 48, 50, 43, 56, 57, 8, 27, 19, 68, 62, 73, 75, 65, 61, 50, 48, 52, 53, 35, 47, 47, 25,
    27, 0, 5, 9, 16, 10, 14, 11, 14, 12, 12, 12, 15, 13, 8, 12, 27, 15, 22, 24, 24, 29, 22, 22,
    25, 24, 24, 32, 30, 20, 25, 31, 27, 17, 10, 13, 10, 6, 5, 7, -1, 3, -2, 1, 3, 3, -3, 0,
    27, 46, 34, 45, 39, 33, 33, 30, 24, 29, 29, 34, 28, 57, 61, 43, 27, 33, 43, 51, 41, 44, 24, 36,
    21, 23, 19, 29, -22, 28, 26, 11, 27, 39, 52, 37, 40, 43, 36, 41, 42, 34, 31, 28, 27, 31, 27, 24,
    27, 19, -5, 15, 23, 27, 25, 25, 28, 30, 29, 31, 28, 32, 33, 27, 27, 10, 15, -6, -15, 12, 9, -10,
    -1, 8, 13, 14, -19, -23, -3, 11, 27, 59, 61, 83, 90, 73, 106, 59, 82, 74, 82, 81, 84, 74, 78, 65,
    27, 22, 28, 25, 22, 25, 21, 19, 19, 18, 17, 20, 18, 18, 16, 35, 27, 86, 66, 74, 64, 67, 62, 55,
    46, 41, 44, 39, 42, 42, 35, 48, 27, 42, 66, 69, 71, 76, 67, 70, 62, 57, 46, 52, 44, 43, 44, 72,
    27, 5, 6, -3, 7, 4, 1, 1, 2, 0, 1, -1, 6, -3, -4, 4, 27, 19, 17, 17, 19, 22, 24, 22,
    22, 31, 30, 31, -4, 11, 9, 8, 27, 46, 44, 41, 34, 41, 43, 46, 38, 34, 38, 35, 32, 34, 36, 38,
    27, 52, 63, 47, 60, 47, 33, 48, 32, 47, 57, 59, 42, 53, 49, 56, 27, 12, 44, 37, 17, 23, 44, 42,
    21, 29, 30, 23, 23, 27, 32, 46, 27, 17, 15, 27, 18, 9, 15, 4, 16, 6, 4, 8, 21, 18, 13, 3,
    27, 18, 19, 17, 14, 16, 6, 6, 12, 17, 14, 12, 12, 13, 4, 4, 27, 55, 49, 41, 42, 42, 37, 36,
    35, 35, 35, 35, 34, 33, 33, 40, 27, 41, 51, 48, 46, 49, 36, 38, 39, 40, 34, 32, 33, 30, 26, 34,
    27, 13, 13, 23, 25, 29, 12, 9, -8, -10, -10, -1, -23, -30, -31, -8, 27, 6, -1, 13, 37, 33, 7, 28,
    14, 22, 22, 22, 3, 21, 21, 11, 27, 36, 33, 28, 35, 29, 34, 30, 26, 31, 29, 30, 29, 30, 29, 27,
    27, 101, 101, 92, 87, 79, 76, 75, 70, 71, 68, 66, 39, 77, 74, 52, 27, 72, 73, 64, 59, 61, 58, 58,
    71, 64, 64, 59, 73, 80, 83, 71, 27, 113, 127, 127, 111, 103, 100, 102, 88, 89, 93, 89, 92, 86, 89, 73,
    27, 112, 107, 97, 88, 85, 81, 76, 87, 75, 76, 72, 71, 72, 60, 83, 27, 21, 17, 25, 20, 23, 25, 25,
    25, 24, 24, 25, 37, 40, 37, 50, 27, 92, 80, 75, 72, 65, 61, 45, 51, 45, 43, 39, 39, 35, 33, 46,
    27, 8, 16, 15, 17, 21, 16, 16, 21, 15, 13, 16, 23, 15, 18, 6, 27, 11, 10, 17, 14, 10, 16, 18,
    16, 25, 21, 19, 29, 19, 22, 13, 27, 38, 51, 51, 47, 43, 38, 33, 36, 37, 32, 27, 29, 30, 29, 31,
    27, 18, 10, 16, 12, 18, 13, 16, 17, 16, 24, 20, 19, 17, 24, 6, 27, 17, 17, 23, 21, 12, 14, 23,
    13, 9, 16, 3, 10, 14, 14, 6, 27, 47, 61, 60, 43, 52, 30, 35, 38, 28, 30, 32, 32, 31, 30, 31,
    27, 27, 31, 29, 23, 32, 41, 37, 42, 54, 49, 47, 45, 62, 75, 37, 27, 108, 95, 86, 77, 76, 57, 60,
    55, 55, 47, 45, 43, 42, 38, 51, 27, 13, 11, 18, 13, 11, 14, 11, 12, 9, 9, 5, 6, 9, 6, -8,
    27, 12, 13, 11, 15, 17, 20, 11, 10, 11, 14, 20, 24, 9, 16, 16, 27, 38, 55, 61, 52, 47, 38, 41,
    41, 34, 32, 30, 28, 34, 29, 36, 27, 15, 12, 18, 15, 11, 16, 16, 16, 13, 16, 4, 5, 11, 18, 2,
    27, 16, 17, 17, 11, 13, 3, 9, 16, 24, 22, 23, 26, 19, 28, 11, 27, 47, 76, 76, 72, 67, 59, 55,
    48, 40, 34, 38, 34, 35, 31, 40, 27, 9, 62, 123, 124, 83, 98, 89, 81, 94, 83, 88, 83, 88, 87, 25,
    27, 127, 106, 90, 79, 79, 60, 55, 54, 50, 41, 43, 37, 37, 34, 54, 27, 9, -3, 7, 2, 9, 7, 11,
    6, -2, 13, 10, 18, 9, 21, 1, 27, 3, 4, 5, -5, 1, 4, 5, 8, 6, 8, 1, 18, 5, 16, 3,
    27, 45, 53, 43, 45, 41, 34, 31, 34, 35, 36, 31, 28, 34, 30, 20, 27, 9, 8, 15, 12, 19, 18, 26,
    17, 16, 17, 20, 19, 23, 27, 17, 27, 10, 18, 19, 19, 25, 24, 18, 17, 25, 26, 26, 26, 26, 22, 19,
    27, 55, 73, 75, 55, 59, 56, 50, 39, 40, 33, 33, 28, 34, 30, 30, 27, 26, 22, 24, 28, 31, 27, 30,
    28, 29, 31, 32, 32, 35, 35, 2, 27, -5, 4, 14, 12, 20, 27, 26, 23, 31, 28, 29, 29, 26, 29, 27,
    27, 7, 3, 7, 24, 44, 26, 44, 33, 31, 25, 35, 24, 29, 28, 27, 27, 3, 4, 10, 16, 23, 24, 16,
    23, 27, 27, 24, 23, 26, 27, 24, 27, 5, 12, 33, 27, 27, 32, 27, 30, 28, 27, 28, 28, 26, 26, 31,
    27, 30, 54, 54, 45, 43, 30, 33, 31, 29, 24, 30, 28, 27, 27, 27, 27, 31, 41, 40, 32, 29, 33, 34,
    28, 21, 16, 25, 23, 23, 26, 11, 27, 12, 32, 30, 31, 28, 28, 28, 25, 25, 28, 24, 27, 27, 27, 30,
    27, 4, 14, 15, 25, 33, 46, 44, 49, 59, 59, 62, 82, 81, 80, 0, 27, 0, 14, 22, 17, 18, 29, 22,
    29, 28, 27, 27, 30, 25, 22, 26, 27, 8, 5, 33, 41, 41, 40, 49, 44, 39, 36, 34, 36, 30, 32, 32,
    27, 0, 8, 11, 16, 11, 23, 20, 30, 23, 29, 26, 27, 25, 28, 20, 27, 7, 16, 38, 35, 36, 32, 31,
    29, 26, 28, 25, 27, 28, 28, 36, 27, 25, 57, 43, 36, 40, 34, 36, 27, 37, 34, 30, 34, 32, 30, 25,
    27, 18, 30, 20, 20, 18, 15, 19, 26, 26, 26, 29, 27, 26, 28, 22, 27, 6, 38, 26, 32, 32, 29, 31,
    29, 30, 29, 28, 26, 28, 26, 25, 27, 5, 24, 41, 69, 73, 69, 70, 66, 70, 62, 61, 62, 56, 59, 1,
    27, 2, 31, 27, 28, 28, 24, 28, 25, 27, 24, 26, 26, 25, 26, 17, 27, 15, 51, 56, 46, 41, 40, 43,
    34, 39, 29, 35, 29, 27, 28, 20, 27, 6, 18, 14, 23, 29, 26, 27, 23, 23, 27, 28, 28, 27, 28, 22,
    27, 3, 32, 35, 31, 33, 32, 29, 29, 25, 28, 29, 28, 28, 26, 25, 27, 25, 52, 53, 53, 42, 43, 34,
    30, 35, 39, 32, 33, 30, 29, 25, 27, 22, 48, 40, 35, 33, 35, 28, 27, 29, 32, 30, 26, 29, 27, 19,
    27, 9, 30, 29, 27, 29, 31, 26, 29, 29, 28, 29, 26, 28, 27, 12,
};
#endif
static const int8_t old_small_weight_prior[240] = {
    27, 38, -13, 22, 26, 35, 21, 32, 20, 26, 36, 40, 37, 45, 50, 38, 27, 67, 75, 46, 35, 37, 43, 51,
    45, 44, 48, 41, 30, 47, 51, 42, 27, 65, 93, 100, 97, 94, 94, 92, 104, 94, 96, 91, 75, 89, 88, 26,
    27, 19, 27, 31, 31, 29, 27, 20, 23, 24, 16, 13, 14, 17, 15, 23, 27, 46, 60, 58, 60, 61, 51, 45,
    49, 47, 52, 33, 42, 34, 39, 34, 27, 1, -6, 9, -6, -5, 4, 7, -12, -2, 5, -5, 3, 1, 2, -13,
    27, 85, 99, 93, 89, 84, 78, 79, 72, 71, 69, 68, 11, 86, 83, 51, 27, 58, 71, 65, 63, 57, 59, 57,
    71, 64, 62, 63, 72, 79, 88, 70, 27, 78, 76, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 125, 126, 127,
    27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 3, 2, 30, 127, 105, 93, 87,
    60, 71, 68, 69, 49, 62, 73, 6, 27, 3, 84, 86, 89, 76, 71, 75, 64, 48, 51, 48, 43, 38, 41, 46,
    27, 7, 17, 27, 19, 27, 30, 22, 25, 26, 22, 20, 30, 26, 17, 19, 27, 3, 17, 35, 36, 35, 29, 31,
    31, 29, 33, 29, 33, 27, 25, 25, 27, 5, 73, 83, 71, 60, 64, 57, 53, 42, 42, 42, 39, 34, 38, 33,
};
#endif
/* prior: written by scripts/train-delta-prior.ts */
#if WAFT_PROFILE > 0
static const uint8_t slot_prior[3392] = {
    47, 47, 177, 49, 243, 243, 243, 243, 244, 244, 245, 246, 246, 247, 247, 250, 47, 210, 245, 179, 245, 246, 247, 247,
    252, 252, 252, 253, 253, 253, 254, 255, 78, 81, 244, 81, 245, 246, 245, 245, 248, 248, 249, 249, 249, 250, 251, 253,
    48, 114, 247, 212, 247, 246, 247, 246, 250, 253, 254, 253, 254, 254, 254, 255, 176, 146, 243, 243, 211, 212, 245, 246,
    247, 247, 248, 249, 249, 250, 251, 253, 207, 244, 245, 245, 246, 246, 247, 249, 249, 250, 251, 251, 252, 252, 252, 254,
    145, 115, 147, 212, 211, 180, 245, 246, 247, 247, 248, 248, 249, 249, 250, 252, 175, 246, 213, 213, 246, 247, 248, 249,
    249, 250, 251, 251, 251, 251, 252, 253, 79, 210, 243, 211, 212, 244, 245, 245, 246, 246, 247, 247, 248, 249, 249, 251,
    111, 81, 178, 244, 212, 246, 246, 247, 247, 248, 249, 249, 250, 251, 251, 254, 80, 178, 146, 212, 179, 244, 245, 245,
    246, 246, 246, 247, 247, 247, 248, 249, 79, 212, 213, 245, 181, 182, 150, 214, 183, 215, 215, 248, 248, 248, 216, 250,
    46, 48, 82, 147, 84, 52, 84, 53, 85, 117, 150, 150, 151, 151, 216, 88, 111, 211, 180, 246, 247, 247, 248, 248,
    249, 249, 249, 249, 250, 250, 251, 254, 111, 48, 79, 144, 114, 177, 146, 211, 211, 179, 179, 211, 243, 180, 212, 180,
    81, 114, 80, 113, 83, 115, 83, 83, 84, 84, 84, 84, 85, 117, 150, 215, 210, 247, 212, 180, 246, 245, 246, 247,
    247, 247, 248, 247, 249, 248, 249, 251, 80, 247, 248, 244, 246, 247, 247, 247, 248, 247, 248, 248, 249, 248, 249, 250,
    47, 48, 112, 113, 113, 146, 146, 115, 179, 180, 212, 180, 148, 212, 213, 181, 113, 179, 211, 148, 245, 212, 246, 245,
    246, 246, 246, 246, 246, 246, 214, 151, 145, 214, 244, 115, 149, 244, 181, 213, 182, 214, 214, 246, 246, 214, 214, 215,
    48, 148, 247, 180, 213, 214, 182, 182, 182, 214, 214, 214, 247, 246, 247, 248, 111, 113, 146, 114, 146, 147, 147, 180,
    213, 246, 246, 247, 248, 248, 249, 251, 208, 211, 180, 212, 245, 246, 247, 248, 249, 249, 250, 250, 251, 250, 251, 253,
    244, 245, 215, 246, 148, 215, 182, 182, 215, 215, 247, 247, 214, 247, 247, 215, 46, 212, 244, 180, 180, 244, 181, 213,
    212, 213, 181, 213, 213, 214, 150, 215, 48, 81, 48, 48, 48, 47, 48, 49, 49, 49, 49, 50, 50, 50, 51, 117,
    46, 52, 52, 246, 213, 215, 182, 181, 181, 215, 247, 247, 214, 214, 248, 215, 144, 114, 211, 83, 82, 147, 244, 212,
    245, 245, 246, 246, 247, 215, 247, 250, 111, 244, 244, 244, 245, 245, 246, 246, 246, 247, 247, 247, 248, 248, 248, 250,
    47, 49, 114, 82, 82, 50, 115, 116, 180, 181, 181, 214, 246, 214, 248, 217, 176, 51, 148, 180, 148, 245, 246, 245,
    246, 246, 247, 247, 247, 248, 248, 252, 249, 250, 151, 246, 48, 177, 145, 178, 244, 211, 147, 212, 112, 112, 79, 145,
    245, 245, 212, 148, 81, 208, 111, 144, 244, 244, 179, 244, 47, 174, 78, 143, 243, 244, 244, 209, 47, 177, 81, 145,
    80, 178, 50, 113, 235, 111, 79, 111, 113, 210, 147, 144, 110, 175, 111, 143, 239, 210, 49, 145, 45, 238, 174, 206,
    245, 245, 148, 244, 178, 177, 112, 146, 51, 211, 146, 114, 48, 176, 79, 145, 245, 179, 115, 146, 112, 177, 111, 113,
    51, 210, 177, 178, 47, 174, 173, 142, 244, 244, 212, 211, 235, 143, 80, 111, 51, 146, 242, 113, 44, 47, 47, 80,
    243, 243, 115, 145, 236, 206, 110, 142, 145, 243, 146, 210, 234, 238, 109, 237, 245, 244, 244, 243, 78, 207, 80, 208,
    243, 178, 145, 147, 46, 144, 79, 145, 244, 147, 147, 114, 51, 176, 111, 176, 247, 178, 114, 244, 47, 143, 46, 144,
    242, 211, 146, 113, 48, 144, 144, 177, 47, 144, 81, 111, 235, 206, 142, 111, 146, 243, 113, 176, 42, 175, 110, 174,
    78, 177, 79, 175, 44, 237, 172, 173, 245, 178, 146, 178, 79, 175, 80, 176, 52, 179, 113, 147, 178, 144, 111, 146,
    242, 178, 210, 113, 48, 175, 110, 80, 114, 210, 49, 146, 47, 206, 77, 111, 146, 179, 178, 177, 237, 144, 79, 144,
    241, 209, 112, 81, 44, 237, 205, 206, 244, 243, 178, 241, 43, 238, 205, 174, 176, 242, 144, 209, 235, 237, 172, 237,
    50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 248, 47, 0, 246, 0, 50, 0, 53,
    0, 0, 0, 0, 0, 0, 0, 0, 248, 111, 48, 78, 0, 53, 247, 246, 0, 0, 0, 0, 0, 0, 0, 0,
    249, 49, 243, 48, 247, 48, 50, 47, 0, 0, 0, 0, 0, 0, 0, 0, 246, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 249, 207, 243, 246, 50, 51, 50, 212, 0, 0, 0, 0, 0, 0, 0, 0,
    246, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 251, 142, 245, 245, 211, 243, 243, 244,
    0, 0, 0, 0, 0, 0, 0, 0, 247, 79, 146, 46, 211, 146, 245, 243, 0, 0, 0, 0, 0, 0, 0, 0,
    249, 81, 145, 143, 178, 111, 48, 44, 0, 0, 0, 0, 0, 0, 0, 0, 248, 0, 0, 0, 0, 0, 0, 0,
    51, 113, 81, 145, 174, 174, 145, 180, 88, 47, 0, 51, 0, 0, 0, 50, 84, 178, 82, 209, 81, 113, 80, 50,
    120, 49, 51, 48, 148, 0, 243, 244, 147, 81, 49, 81, 49, 48, 82, 84, 255, 81, 243, 81, 52, 173, 83, 171,
    82, 82, 49, 49, 48, 80, 211, 245, 246, 0, 0, 0, 0, 0, 0, 0, 211, 145, 144, 144, 206, 143, 144, 147,
    250, 50, 50, 243, 0, 0, 0, 0, 115, 176, 176, 208, 49, 50, 50, 148, 251, 179, 248, 145, 51, 50, 243, 244,
    244, 209, 177, 177, 146, 179, 147, 213, 252, 81, 245, 82, 248, 47, 246, 80, 0, 0, 0, 0, 0, 0, 50, 55,
    51, 0, 0, 0, 0, 0, 0, 0, 146, 176, 143, 112, 110, 111, 81, 115, 249, 113, 0, 244, 0, 50, 0, 243,
    112, 176, 80, 240, 81, 49, 82, 148, 250, 50, 246, 145, 0, 50, 244, 244, 50, 50, 48, 49, 143, 176, 113, 180,
    120, 49, 51, 50, 247, 146, 244, 47, 53, 0, 47, 47, 49, 49, 50, 247, 214, 0, 0, 0, 0, 0, 0, 0,
    49, 112, 79, 111, 205, 237, 175, 177, 250, 208, 0, 246, 0, 0, 0, 148, 49, 144, 144, 176, 142, 143, 143, 112,
    214, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0, 214, 79, 0, 0, 0, 0, 0, 0,
    244, 51, 244, 243, 234, 235, 47, 212, 50, 48, 51, 173, 0, 0, 0, 0, 48, 48, 48, 48, 48, 79, 48, 50,
    214, 49, 52, 53, 52, 0, 50, 43, 0, 0, 0, 0, 0, 0, 0, 54, 85, 0, 0, 0, 0, 0, 0, 0,
    83, 51, 115, 115, 76, 141, 109, 80, 250, 111, 53, 244, 0, 0, 0, 49, 116, 179, 212, 146, 47, 47, 47, 145,
    86, 115, 51, 47, 82, 51, 243, 211, 146, 209, 48, 208, 79, 111, 111, 113, 249, 113, 245, 243, 148, 47, 53, 76,
    48, 50, 48, 48, 175, 142, 176, 145, 234, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 233, 0, 234, 0, 235, 0, 236, 0, 234, 0, 235, 0, 235, 0, 235, 0, 0, 0, 0, 80, 49, 47, 146,
    0, 0, 0, 0, 0, 110, 109, 206, 0, 0, 0, 0, 0, 48, 45, 205, 0, 0, 0, 0, 0, 244, 76, 235,
    0, 239, 238, 240, 239, 207, 240, 240, 142, 176, 239, 239, 240, 208, 239, 207, 238, 206, 175, 240, 176, 239, 208, 240,
    239, 240, 240, 240, 240, 240, 240, 176, 143, 208, 206, 240, 174, 240, 207, 177, 207, 240, 239, 175, 239, 208, 207, 208,
    239, 208, 240, 240, 239, 239, 175, 240, 239, 176, 239, 240, 239, 209, 207, 240, 239, 143, 240, 47, 174, 240, 239, 240,
    78, 239, 240, 208, 240, 240, 240, 177, 239, 176, 206, 176, 174, 240, 239, 240, 174, 239, 47, 209, 239, 207, 239, 208,
    239, 208, 239, 209, 142, 239, 239, 208, 174, 239, 239, 239, 143, 239, 143, 145, 174, 239, 239, 240, 240, 240, 240, 240,
    110, 175, 175, 78, 239, 144, 239, 209, 143, 239, 144, 240, 240, 239, 78, 239, 174, 239, 175, 176, 47, 47, 239, 240,
    110, 239, 239, 175, 239, 143, 239, 143, 239, 240, 209, 239, 239, 175, 240, 110, 174, 240, 239, 240, 239, 239, 239, 239,
    239, 239, 48, 240, 208, 239, 240, 239, 239, 239, 239, 240, 239, 142, 239, 142, 174, 239, 239, 239, 239, 143, 239, 110,
    208, 239, 239, 240, 240, 240, 239, 240, 239, 143, 110, 145, 142, 239, 78, 208, 239, 47, 239, 47, 174, 239, 240, 207,
    239, 239, 174, 145, 78, 206, 240, 110, 240, 111, 207, 111, 239, 239, 206, 207, 239, 208, 143, 240, 239, 208, 239, 240,
    176, 240, 142, 174, 239, 145, 77, 144, 142, 240, 80, 239, 239, 239, 240, 143, 0, 239, 239, 240, 239, 239, 239, 240,
    238, 239, 238, 239, 239, 207, 207, 240, 238, 239, 239, 239, 239, 239, 239, 239, 239, 239, 239, 239, 207, 239, 207, 240,
    239, 207, 207, 239, 206, 207, 206, 238, 240, 207, 238, 143, 175, 143, 207, 207, 143, 175, 207, 175, 206, 175, 175, 239,
    143, 239, 174, 175, 175, 207, 239, 208, 239, 207, 239, 239, 175, 175, 175, 207, 206, 207, 207, 239, 174, 207, 207, 207,
    207, 144, 207, 176, 239, 239, 207, 175, 175, 175, 142, 175, 175, 143, 143, 176, 206, 143, 207, 175, 175, 207, 207, 175,
    142, 143, 143, 143, 175, 143, 239, 144, 143, 143, 175, 143, 175, 207, 175, 207, 175, 144, 143, 143, 142, 207, 207, 240,
    238, 207, 175, 142, 174, 175, 206, 175, 206, 143, 174, 143, 207, 143, 174, 143, 174, 207, 111, 175, 175, 111, 143, 111,
    206, 143, 143, 111, 206, 111, 142, 143, 174, 143, 79, 142, 206, 143, 143, 80, 174, 111, 143, 111, 142, 143, 142, 80,
    143, 111, 143, 143, 142, 111, 143, 143, 142, 111, 143, 112, 206, 111, 143, 144, 206, 175, 111, 79, 174, 143, 207, 111,
    206, 143, 175, 111, 175, 175, 111, 143, 206, 175, 143, 111, 111, 143, 142, 175, 143, 142, 111, 111, 111, 143, 111, 80,
    174, 111, 47, 143, 143, 111, 79, 111, 207, 143, 143, 111, 143, 143, 111, 144, 141, 111, 111, 48, 111, 111, 143, 111,
    206, 207, 175, 144, 142, 143, 175, 144, 0, 239, 239, 208, 239, 175, 175, 145, 174, 239, 175, 208, 176, 176, 207, 145,
    175, 207, 206, 175, 175, 143, 207, 208, 174, 176, 207, 111, 143, 175, 174, 177, 207, 208, 143, 143, 206, 143, 143, 207,
    144, 143, 143, 207, 143, 207, 143, 143, 111, 143, 175, 240, 143, 175, 111, 144, 79, 143, 111, 207, 80, 207, 144, 176,
    206, 207, 143, 143, 207, 144, 143, 144, 175, 175, 111, 143, 175, 144, 143, 143, 175, 48, 175, 143, 175, 144, 143, 143,
    174, 143, 142, 176, 143, 143, 111, 175, 142, 79, 143, 175, 111, 112, 176, 175, 79, 143, 175, 176, 207, 79, 175, 144,
    143, 80, 143, 175, 143, 80, 143, 80, 111, 79, 143, 175, 110, 113, 207, 144, 143, 176, 111, 207, 175, 143, 143, 112,
    110, 143, 143, 111, 143, 111, 79, 80, 206, 111, 144, 143, 143, 112, 207, 144, 79, 79, 144, 111, 111, 144, 80, 176,
    111, 174, 48, 78, 143, 112, 80, 208, 80, 144, 143, 47, 80, 80, 144, 80, 79, 111, 80, 176, 111, 80, 112, 144,
    111, 79, 112, 111, 111, 110, 112, 80, 78, 111, 81, 112, 143, 143, 143, 144, 110, 175, 143, 80, 239, 144, 143, 144,
    143, 80, 79, 112, 175, 79, 79, 112, 144, 143, 79, 47, 176, 112, 144, 48, 110, 143, 81, 79, 47, 111, 112, 176,
    143, 111, 112, 47, 111, 144, 80, 144, 79, 144, 47, 145, 80, 144, 207, 145, 142, 176, 175, 81, 143, 207, 240, 209,
    0, 239, 239, 240, 239, 239, 240, 240, 206, 239, 239, 239, 239, 240, 176, 208, 238, 239, 239, 239, 207, 239, 239, 240,
    239, 240, 207, 208, 207, 239, 239, 240, 207, 207, 207, 239, 239, 239, 239, 175, 175, 207, 175, 207, 207, 207, 207, 175,
    175, 207, 207, 175, 143, 207, 143, 208, 143, 207, 143, 239, 143, 239, 207, 176, 238, 207, 175, 207, 207, 207, 175, 175,
    175, 207, 174, 143, 175, 143, 143, 144, 175, 144, 175, 175, 175, 207, 239, 175, 174, 143, 143, 207, 142, 175, 142, 143,
    206, 144, 238, 175, 207, 143, 207, 111, 143, 143, 207, 175, 143, 175, 143, 176, 174, 143, 143, 143, 174, 174, 143, 175,
    111, 111, 143, 143, 142, 144, 143, 144, 206, 175, 175, 143, 174, 176, 143, 175, 143, 143, 143, 143, 174, 143, 143, 143,
    143, 143, 143, 143, 111, 143, 111, 207, 110, 111, 142, 112, 142, 112, 110, 112, 142, 175, 112, 174, 111, 208, 175, 112,
    142, 144, 142, 111, 142, 175, 174, 112, 111, 143, 143, 111, 142, 79, 142, 111, 142, 176, 79, 111, 173, 143, 111, 112,
    174, 175, 142, 111, 142, 175, 110, 111, 174, 175, 142, 143, 110, 144, 111, 80, 110, 175, 79, 143, 175, 143, 79, 143,
    111, 143, 111, 143, 110, 143, 111, 81, 142, 111, 79, 79, 110, 143, 143, 111, 142, 143, 143, 175, 111, 143, 143, 112,
    142, 143, 47, 112, 110, 143, 110, 207, 142, 143, 111, 144, 110, 111, 143, 145, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    47, 49, 49, 81, 82, 49, 48, 47, 80, 210, 81, 82, 80, 48, 47, 46, 46, 48, 48, 48, 48, 47, 46, 108,
    47, 49, 48, 47, 46, 77, 173, 236, 49, 50, 50, 49, 50, 82, 49, 48, 48, 49, 49, 50, 48, 48, 47, 78,
    111, 113, 81, 210, 79, 47, 79, 78, 0, 0, 0, 0, 0, 0, 0, 0, 47, 48, 48, 49, 49, 48, 79, 78,
    46, 49, 47, 113, 146, 113, 78, 45, 53, 52, 52, 53, 244, 245, 49, 48, 0, 0, 0, 52, 49, 50, 50, 48,
    109, 79, 111, 111, 48, 80, 79, 172, 77, 47, 47, 79, 111, 111, 174, 207, 0, 0, 0, 0, 0, 0, 0, 0,
    44, 49, 52, 46, 243, 147, 112, 49, 43, 39, 40, 40, 47, 46, 45, 41, 0, 0, 0, 0, 0, 0, 0, 0,
    234, 45, 46, 46, 82, 113, 79, 173, 108, 206, 47, 143, 145, 113, 48, 110, 77, 78, 238, 110, 112, 111, 78, 77,
    46, 0, 43, 45, 48, 206, 174, 143, 246, 212, 212, 243, 245, 212, 244, 180, 244, 244, 244, 244, 243, 243, 243, 179,
    146, 248, 245, 244, 245, 244, 245, 244, 212, 244, 244, 244, 179, 243, 243, 244, 146, 243, 245, 147, 244, 244, 180, 244,
    180, 212, 244, 212, 244, 148, 180, 244, 238, 209, 243, 209, 243, 244, 244, 244, 244, 148, 180, 213, 244, 245, 180, 245,
    206, 208, 242, 242, 242, 243, 245, 246, 245, 245, 213, 149, 245, 181, 245, 214, 206, 177, 242, 242, 243, 243, 244, 244,
    246, 247, 246, 246, 245, 245, 246, 246, 207, 146, 242, 242, 243, 243, 244, 245, 245, 246, 248, 249, 247, 246, 181, 247,
    176, 114, 243, 243, 244, 244, 245, 245, 246, 246, 247, 247, 249, 249, 247, 248, 144, 83, 243, 243, 244, 244, 245, 245,
    246, 246, 247, 247, 248, 248, 250, 250, 145, 83, 244, 243, 245, 244, 245, 246, 246, 247, 247, 248, 248, 248, 249, 251,
    145, 148, 244, 147, 245, 245, 246, 246, 247, 247, 247, 248, 248, 249, 249, 251, 145, 245, 245, 211, 246, 245, 246, 246,
    247, 247, 248, 248, 249, 249, 249, 251, 114, 245, 245, 244, 246, 245, 246, 246, 247, 247, 248, 248, 249, 249, 249, 252,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    247, 48, 242, 47, 242, 48, 145, 109, 243, 208, 240, 46, 210, 110, 239, 140, 248, 47, 242, 110, 243, 48, 144, 140,
    243, 240, 80, 140, 241, 78, 175, 140, 247, 47, 243, 78, 242, 79, 80, 140, 243, 176, 241, 46, 242, 174, 240, 204,
    248, 78, 178, 76, 243, 43, 47, 108, 243, 48, 50, 44, 242, 45, 239, 141, 249, 209, 242, 239, 242, 209, 241, 239,
    242, 208, 208, 239, 241, 239, 209, 238, 249, 209, 242, 239, 242, 176, 242, 239, 243, 208, 209, 207, 241, 239, 241, 206,
    248, 242, 242, 240, 243, 145, 209, 207, 243, 209, 177, 239, 242, 176, 209, 174, 249, 242, 243, 176, 243, 209, 209, 239,
    243, 209, 209, 208, 210, 240, 209, 175, 248, 210, 242, 209, 243, 145, 209, 207, 243, 145, 241, 176, 210, 176, 208, 174,
    249, 241, 242, 176, 243, 177, 209, 208, 243, 176, 209, 175, 241, 239, 177, 142, 247, 241, 243, 208, 243, 209, 210, 176,
    243, 145, 177, 176, 210, 143, 145, 111, 248, 242, 211, 208, 243, 209, 178, 175, 244, 177, 209, 143, 210, 143, 145, 142,
    247, 209, 211, 176, 211, 145, 177, 175, 243, 177, 177, 143, 210, 207, 177, 141, 249, 209, 243, 176, 211, 176, 145, 143,
    244, 144, 145, 143, 209, 111, 177, 142, 245, 176, 242, 207, 243, 208, 209, 239, 243, 208, 241, 144, 242, 143, 242, 79,
    246, 208, 210, 207, 211, 240, 209, 175, 243, 208, 241, 175, 178, 208, 210, 143, 248, 242, 243, 208, 243, 210, 242, 208,
    243, 177, 241, 240, 242, 240, 242, 175, 250, 145, 147, 112, 243, 50, 178, 110, 243, 81, 49, 47, 210, 47, 112, 142,
    245, 208, 210, 175, 179, 113, 145, 143, 211, 112, 112, 175, 210, 143, 145, 142, 246, 145, 210, 144, 243, 177, 178, 111,
    211, 81, 112, 207, 242, 144, 145, 110, 247, 177, 243, 240, 243, 146, 177, 208, 243, 209, 241, 208, 242, 80, 177, 143,
    248, 210, 179, 144, 243, 49, 242, 143, 243, 209, 49, 47, 242, 47, 241, 238, 248, 240, 242, 207, 243, 208, 209, 238,
    243, 207, 176, 175, 242, 239, 208, 206, 248, 240, 242, 240, 242, 240, 209, 239, 243, 208, 208, 207, 210, 239, 241, 207,
    214, 242, 243, 46, 211, 48, 50, 48, 243, 50, 0, 49, 49, 0, 50, 47, 214, 177, 242, 208, 211, 240, 242, 208,
    243, 49, 50, 48, 244, 48, 243, 47, 84, 47, 177, 237, 242, 176, 47, 236, 242, 238, 240, 237, 239, 173, 238, 43,
    214, 51, 50, 0, 52, 0, 0, 0, 51, 0, 52, 0, 0, 0, 0, 0, 214, 177, 243, 144, 211, 209, 210, 143,
    147, 145, 177, 144, 243, 144, 177, 142, 247, 210, 179, 176, 211, 209, 178, 207, 243, 177, 177, 207, 210, 175, 209, 174,
    150, 113, 146, 144, 211, 145, 209, 206, 147, 80, 177, 175, 242, 175, 209, 173, 215, 145, 179, 208, 147, 81, 241, 112,
    243, 145, 82, 144, 210, 111, 145, 174,
};
static const int8_t weight_prior[1408] = {
    27, 14, 32, 27, 27, 30, 23, 24, 27, 26, 28, 33, 28, 30, 36, 52, 27, 62, 66, 68, 51, 48, 29, 20,
    32, 36, 32, 31, 9, 11, 15, 9, 27, 85, 72, 34, 59, 57, 64, 64, 63, 67, 67, 68, 66, 71, 56, 20,
    27, 50, 79, 77, 82, 68, 58, 61, 59, 56, 47, 44, 39, 35, 30, 25, 27, 86, 112, 104, 87, 84, 73, 66,
    61, 56, 51, 47, 42, 36, 41, 17, 27, 30, 49, 52, 44, 35, 37, 27, 30, 26, 17, 15, 19, 9, 7, -12,
    27, 45, 31, 33, 27, 33, 38, 27, 41, 32, 28, 32, 49, 50, 46, 48, 27, 11, 12, 22, 27, 28, 25, 31,
    33, 35, 37, 36, 15, 20, 31, 17, 27, 102, 127, 126, 105, 86, 77, 68, 67, 60, 51, 43, 44, 37, 37, 57,
    27, -6, 28, 19, 6, 7, 1, 12, 10, 17, 20, 20, 19, 23, 20, 0, 27, 54, 56, 63, 66, 66, 51, 59,
    58, 56, 48, 52, 30, 52, 59, 3, 27, 34, 65, 64, 70, 69, 70, 65, 53, 47, 54, 45, 28, 36, 39, 27,
    27, 14, 34, 39, 33, 31, 36, 30, 39, 28, 26, 29, 27, 26, 22, 29, 27, 47, 83, 66, 60, 54, 48, 42,
    35, 40, 37, 38, 31, 39, 33, 43, 27, 35, 32, 33, 31, 32, 30, 29, 25, 13, 21, 13, 24, 11, -11, -23,
    27, 58, 37, 48, 35, 57, 52, 47, 67, 55, 58, 66, 46, 70, 82, 82, 27, 31, 45, 49, 38, 51, 42, 47,
    21, 29, 33, 40, -12, 38, 37, 18, 27, 54, 89, 77, 57, 46, 48, 39, 33, 32, 32, 32, 33, 30, 31, 31,
    27, 24, -9, 14, 22, 30, 23, 22, 23, 30, 29, 31, 25, 34, 37, 38, 27, 14, 20, 13, -9, 11, 7, -8,
    6, 12, 16, 20, -15, -20, 0, 9, 27, 20, 95, 100, 77, 63, 91, 60, 88, 70, 75, 73, 80, 70, 71, 70,
    27, 36, 32, 22, 35, 33, 40, 25, 35, 31, 30, 34, 29, 34, 31, 30, 27, 86, 107, 97, 77, 67, 59, 46,
    48, 42, 40, 35, 35, 36, 41, 45, 27, 46, 87, 79, 80, 80, 70, 70, 64, 56, 51, 52, 49, 46, 49, 81,
    27, 11, 13, 9, 14, 12, 9, 14, 10, 8, 13, 10, 22, 16, 14, 17, 27, 21, 16, 12, 18, 18, 22, 32,
    17, 28, 29, 24, -14, 4, 2, 12, 27, 54, 69, 60, 54, 48, 43, 36, 37, 35, 35, 33, 33, 33, 31, 31,
    27, 40, 48, 38, 50, 45, 38, 50, 22, 38, 41, 44, 41, 51, 47, 60, 27, 14, 39, 20, 10, 24, 37, 37,
    25, 31, 24, 31, 25, 33, 31, 46, 27, 10, 27, 26, 6, 13, 24, 7, 28, 8, 12, 14, 22, 17, 9, 13,
    27, 53, 49, 48, 44, 38, 34, 27, 27, 30, 24, 29, 30, 16, 11, 14, 27, 63, 71, 52, 54, 45, 37, 37,
    36, 33, 31, 33, 30, 30, 30, 40, 27, 55, 67, 65, 52, 53, 53, 47, 40, 33, 33, 32, 33, 34, 36, 46,
    27, 25, 20, 27, 23, 34, 26, 25, 17, 20, 16, 18, -7, -9, -3, 1, 27, 10, 0, 18, 7, 22, 22, 29,
    5, 13, 23, 26, 5, 27, 28, 9, 27, 38, 41, 38, 34, 27, 31, 33, 29, 32, 27, 28, 29, 27, 27, 34,
    27, 93, 101, 93, 89, 81, 75, 75, 72, 72, 71, 67, 32, 93, 83, 54, 27, 55, 62, 52, 58, 55, 48, 55,
    51, 47, 47, 48, 70, 85, 93, 61, 27, 111, 127, 106, 113, 101, 96, 94, 82, 88, 89, 84, 87, 83, 83, 84,
    27, 122, 102, 98, 91, 92, 86, 77, 82, 73, 74, 71, 83, 70, 68, 93, 27, 20, 16, 23, 17, 21, 21, 22,
    22, 19, 21, 24, 34, 37, 32, 60, 27, 77, 80, 75, 68, 64, 53, 52, 45, 34, 38, 37, 30, 38, 32, 45,
    27, 9, 9, 14, 12, 14, 13, 12, 10, 12, 12, 14, 13, 9, 7, 2, 27, 10, 16, 20, 22, 27, 17, 21,
    25, 23, 20, 32, 25, 28, 22, 31, 27, 35, 44, 37, 37, 27, 32, 34, 33, 29, 28, 30, 29, 28, 24, 34,
    27, 20, 17, 13, 13, 14, 15, 12, 15, 15, 14, 12, 14, 15, 16, 4, 27, 12, 17, 19, 23, 23, 30, 28,
    24, 14, 21, 14, 8, 15, 18, 8, 27, 39, 53, 64, 39, 45, 36, 39, 34, 30, 28, 21, 31, 31, 28, 38,
    27, 26, 26, 25, 23, 33, 36, 36, 41, 38, 41, 42, 44, 57, 66, 52, 27, 91, 97, 88, 81, 69, 68, 58,
    52, 48, 50, 46, 45, 36, 45, 46, 27, 14, 11, 12, 13, 12, 6, 8, 4, 2, 4, 7, 2, 8, 3, -14,
    27, 9, 14, 17, 20, 19, 23, 18, 25, 26, 19, 32, 21, 20, 18, 22, 27, 26, 44, 34, 41, 39, 36, 33,
    33, 30, 28, 31, 32, 26, 25, 31, 27, 12, 18, 16, 13, 16, 12, 15, 15, 7, 8, 4, 11, 9, 8, -1,
    27, 17, 12, 19, 20, 13, 8, 8, 10, 17, 19, 18, 22, 21, 24, 22, 27, 33, 59, 61, 55, 55, 44, 38,
    42, 36, 35, 30, 34, 36, 31, 36, 27, 25, 69, 120, 118, 76, 92, 70, 76, 82, 72, 68, 68, 75, 70, 34,
    27, 117, 113, 93, 89, 72, 68, 59, 55, 55, 41, 44, 40, 44, 45, 50, 27, 14, 0, 0, -2, 3, 0, -5,
    -10, -7, 0, 6, -1, -1, -3, -18, 27, -5, -2, 7, 1, 9, 0, 5, -2, 3, 3, 17, 10, 6, 6, 4,
    27, 31, 37, 30, 30, 27, 27, 24, 28, 32, 33, 27, 30, 30, 24, 28, 27, 13, 10, 13, 4, 10, 10, 6,
    11, 18, 20, 12, 19, 21, 25, 10, 27, 8, 9, 14, 13, 18, 18, 16, 20, 17, 21, 22, 26, 26, 20, 14,
    27, 48, 75, 66, 50, 47, 50, 41, 38, 36, 37, 29, 35, 26, 33, 41, 27, 29, 20, 25, 26, 30, 28, 28,
    27, 27, 28, 28, 29, 32, 30, 35, 27, 9, 15, 23, 23, 23, 25, 27, 27, 28, 26, 28, 27, 28, 25, 27,
    27, 9, 7, 13, 13, 26, 22, 31, 28, 31, 31, 29, 22, 27, 22, 22, 27, 4, 3, 11, 25, 22, 24, 28,
    32, 33, 29, 27, 28, 28, 29, 26, 27, 8, 11, 33, 23, 28, 28, 28, 26, 28, 25, 27, 28, 28, 27, 28,
    27, 22, 39, 34, 31, 35, 23, 31, 27, 26, 28, 22, 27, 27, 27, 26, 27, 17, 24, 28, 22, 29, 27, 27,
    28, 25, 27, 28, 27, 27, 27, 25, 27, 9, 20, 25, 29, 24, 28, 27, 27, 28, 28, 25, 29, 28, 28, 28,
    27, 8, 13, 14, 24, 34, 39, 38, 35, 41, 41, 48, 57, 66, 57, 33, 27, 8, 24, 22, 27, 23, 27, 20,
    25, 28, 26, 28, 26, 29, 22, 27, 27, 11, 9, 28, 21, 31, 25, 23, 23, 30, 30, 28, 23, 20, 25, 17,
    27, 5, 14, 8, 21, 22, 27, 22, 29, 27, 23, 25, 25, 30, 27, 29, 27, 7, 27, 25, 27, 24, 20, 28,
    26, 27, 26, 20, 28, 28, 25, 23, 27, 17, 44, 33, 34, 34, 30, 27, 30, 28, 30, 28, 26, 27, 34, 30,
    27, 13, 31, 31, 30, 28, 27, 27, 32, 29, 29, 25, 28, 26, 28, 24, 27, 8, 26, 23, 26, 28, 30, 28,
    28, 27, 27, 28, 29, 26, 28, 28, 27, 20, 33, 36, 60, 68, 59, 58, 63, 62, 60, 59, 59, 51, 58, 33,
    27, 12, 27, 21, 26, 26, 19, 27, 24, 27, 27, 28, 29, 26, 27, 3, 27, 14, 34, 29, 19, 27, 29, 29,
    29, 25, 27, 30, 26, 28, 25, 15, 27, 10, 21, 16, 31, 25, 17, 29, 26, 26, 28, 27, 27, 23, 26, 29,
    27, 8, 32, 29, 26, 28, 25, 20, 27, 26, 28, 27, 28, 26, 27, 28, 27, 16, 42, 37, 33, 35, 33, 31,
    31, 32, 29, 30, 27, 28, 27, 18, 27, 10, 33, 32, 22, 31, 30, 30, 27, 32, 29, 28, 26, 25, 25, 16,
    27, 6, 31, 26, 27, 28, 27, 29, 26, 28, 26, 27, 28, 27, 27, 28,
};
#endif
static const uint8_t small_slot_prior[1344] = {
    47, 210, 243, 243, 245, 246, 247, 250, 47, 180, 246, 246, 250, 251, 252, 255, 47, 243, 246, 245, 248, 249, 249, 253,
    48, 213, 247, 247, 252, 255, 255, 255, 145, 244, 244, 246, 247, 249, 250, 252, 209, 245, 246, 248, 250, 251, 252, 254,
    145, 212, 212, 246, 247, 248, 250, 252, 209, 213, 247, 249, 250, 251, 252, 253, 144, 243, 244, 245, 246, 247, 248, 251,
    112, 243, 245, 247, 248, 250, 251, 254, 145, 147, 211, 213, 213, 246, 247, 249, 145, 213, 149, 150, 183, 216, 248, 185,
    47, 115, 83, 84, 84, 149, 150, 183, 112, 246, 248, 249, 250, 250, 251, 254, 47, 143, 177, 178, 210, 211, 211, 180,
    113, 81, 83, 84, 84, 84, 85, 182, 212, 180, 247, 247, 248, 248, 249, 251, 212, 248, 247, 248, 248, 249, 249, 218,
    79, 112, 81, 50, 82, 147, 83, 116, 81, 116, 117, 117, 246, 214, 246, 119, 211, 211, 181, 149, 150, 182, 182, 183,
    146, 247, 214, 150, 151, 182, 247, 248, 144, 113, 114, 147, 181, 246, 248, 250, 241, 212, 246, 247, 249, 250, 251, 253,
    244, 247, 214, 214, 247, 247, 247, 215, 114, 244, 212, 212, 212, 213, 246, 150, 48, 48, 48, 49, 49, 49, 50, 51,
    114, 247, 214, 181, 214, 247, 247, 215, 145, 147, 82, 180, 181, 214, 247, 250, 177, 244, 245, 246, 247, 248, 249, 250,
    48, 81, 49, 51, 116, 117, 247, 249, 209, 148, 212, 246, 247, 248, 249, 252, 249, 250, 183, 149, 80, 177, 145, 146,
    244, 211, 147, 180, 144, 112, 79, 177, 245, 245, 180, 148, 81, 208, 111, 113, 244, 244, 147, 244, 47, 206, 78, 143,
    242, 244, 211, 177, 47, 177, 113, 113, 80, 210, 82, 113, 235, 111, 79, 143, 178, 210, 114, 144, 110, 175, 79, 111,
    240, 210, 81, 177, 45, 238, 141, 206, 246, 245, 148, 244, 178, 177, 113, 114, 51, 211, 178, 82, 208, 208, 112, 177,
    245, 179, 147, 146, 112, 209, 111, 112, 51, 210, 209, 178, 47, 174, 142, 174, 245, 244, 211, 210, 78, 111, 112, 111,
    51, 178, 210, 81, 44, 47, 47, 80, 243, 243, 147, 145, 237, 206, 142, 142, 113, 243, 146, 210, 234, 238, 141, 237,
    245, 244, 244, 211, 78, 207, 80, 240, 243, 178, 146, 115, 46, 144, 80, 145, 245, 147, 147, 146, 51, 176, 79, 144,
    248, 179, 146, 181, 47, 143, 78, 144, 242, 211, 178, 112, 48, 176, 144, 177, 47, 144, 113, 143, 235, 174, 110, 111,
    178, 243, 112, 176, 42, 175, 142, 174, 110, 177, 79, 143, 44, 237, 204, 173, 245, 178, 146, 178, 111, 176, 80, 144,
    245, 179, 81, 179, 210, 145, 80, 146, 243, 178, 210, 145, 48, 143, 111, 144, 114, 210, 81, 114, 47, 206, 78, 111,
    114, 179, 178, 177, 205, 144, 79, 144, 210, 209, 144, 81, 76, 237, 205, 206, 244, 243, 210, 241, 43, 238, 205, 174,
    176, 242, 144, 209, 235, 237, 172, 205, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    248, 47, 0, 214, 0, 50, 0, 53, 0, 0, 0, 0, 0, 0, 0, 0, 248, 80, 48, 78, 0, 53, 247, 215,
    0, 0, 0, 0, 0, 0, 0, 0, 249, 49, 244, 48, 247, 48, 50, 47, 0, 0, 0, 0, 0, 0, 0, 0,
    246, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 249, 207, 243, 247, 50, 243, 0, 245,
    0, 0, 0, 0, 0, 0, 0, 0, 246, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    250, 143, 245, 245, 177, 51, 179, 244, 0, 0, 0, 0, 0, 0, 0, 0, 247, 111, 146, 46, 211, 146, 245, 244,
    0, 0, 0, 0, 0, 0, 0, 0, 249, 81, 146, 176, 178, 111, 48, 44, 0, 0, 0, 0, 0, 0, 0, 0,
    247, 0, 0, 0, 0, 0, 0, 0, 51, 81, 113, 145, 174, 174, 145, 179, 88, 47, 0, 51, 0, 0, 0, 50,
    83, 209, 81, 145, 81, 145, 80, 50, 152, 49, 51, 48, 148, 0, 243, 244, 115, 81, 49, 49, 48, 48, 82, 84,
    255, 82, 244, 49, 52, 173, 52, 171, 82, 114, 49, 49, 48, 80, 179, 245, 214, 0, 0, 0, 0, 0, 0, 0,
    211, 145, 144, 176, 174, 142, 143, 115, 250, 50, 50, 243, 0, 0, 0, 50, 114, 176, 176, 208, 49, 49, 50, 148,
    251, 212, 248, 146, 50, 50, 243, 244, 243, 145, 209, 177, 146, 179, 147, 245, 251, 49, 246, 82, 248, 47, 247, 48,
    0, 0, 0, 0, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 0, 210, 208, 47, 112, 78, 78, 48, 82,
    183, 81, 0, 244, 0, 50, 0, 243, 81, 144, 80, 80, 48, 48, 49, 51, 250, 50, 246, 113, 0, 50, 244, 244,
    84, 146, 147, 146, 110, 78, 48, 179, 87, 49, 51, 50, 247, 50, 245, 47, 49, 48, 48, 48, 49, 49, 50, 53,
    214, 0, 0, 0, 0, 0, 0, 0, 112, 175, 143, 144, 205, 237, 174, 177, 250, 176, 0, 214, 0, 0, 0, 244,
    114, 145, 145, 177, 79, 79, 111, 81, 214, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0,
    214, 111, 0, 0, 0, 0, 0, 0, 245, 243, 244, 244, 234, 235, 47, 212, 50, 48, 50, 173, 0, 0, 0, 0,
    48, 48, 48, 48, 48, 111, 48, 49, 214, 49, 52, 53, 52, 0, 50, 43, 0, 0, 0, 0, 0, 0, 0, 54,
    117, 0, 0, 0, 0, 0, 0, 0, 82, 82, 146, 146, 204, 172, 172, 112, 250, 80, 0, 244, 0, 0, 0, 49,
    146, 145, 146, 145, 46, 46, 46, 145, 118, 83, 51, 48, 178, 51, 147, 51, 81, 145, 80, 81, 143, 110, 111, 49,
    249, 114, 244, 242, 181, 47, 249, 76, 240, 48, 240, 242, 143, 111, 176, 113, 234, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 234, 0, 234, 0, 235, 0, 236, 0, 234, 0, 235, 0, 235, 0, 236,
    0, 0, 0, 0, 80, 48, 46, 114, 0, 0, 0, 0, 0, 110, 77, 142, 0, 0, 0, 0, 0, 49, 45, 173,
    0, 0, 0, 0, 0, 244, 44, 235, 0, 239, 239, 240, 239, 239, 239, 240, 239, 239, 239, 239, 239, 208, 239, 240,
    238, 239, 239, 239, 239, 239, 239, 239, 239, 240, 239, 207, 207, 239, 239, 240, 239, 239, 207, 239, 239, 239, 207, 207,
    208, 239, 239, 175, 207, 175, 207, 207, 207, 207, 239, 207, 239, 207, 175, 240, 175, 239, 207, 207, 207, 207, 239, 240,
    239, 207, 239, 207, 207, 207, 239, 175, 206, 239, 207, 239, 207, 207, 207, 207, 207, 144, 239, 207, 239, 239, 207, 207,
    207, 207, 175, 207, 207, 175, 175, 208, 238, 175, 239, 207, 207, 207, 207, 207, 175, 239, 207, 207, 175, 239, 239, 176,
    175, 175, 207, 175, 175, 207, 175, 207, 175, 143, 207, 207, 174, 208, 207, 240, 238, 239, 175, 175, 174, 207, 174, 207,
    206, 175, 207, 143, 206, 175, 174, 143, 206, 207, 175, 175, 175, 143, 143, 143, 174, 207, 143, 143, 206, 143, 174, 143,
    174, 175, 143, 142, 207, 175, 207, 144, 206, 175, 175, 175, 142, 175, 174, 144, 143, 175, 143, 175, 174, 143, 143, 143,
    206, 175, 143, 111, 206, 143, 143, 144, 206, 207, 143, 111, 206, 175, 174, 143, 206, 175, 174, 143, 175, 175, 143, 144,
    206, 175, 143, 143, 142, 175, 143, 207, 143, 206, 111, 143, 143, 175, 111, 80, 174, 111, 111, 175, 175, 175, 143, 143,
    207, 143, 143, 175, 175, 143, 143, 176, 142, 175, 143, 112, 143, 144, 142, 175, 174, 175, 175, 176, 142, 175, 175, 144,
};
static const int8_t small_weight_prior[240] = {
    27, 17, -24, 29, 28, 27, 7, 19, 7, 20, 22, 29, 27, 38, 38, 23, 27, 68, 82, 60, 37, 44, 38, 48,
    50, 51, 52, 47, 38, 59, 58, 48, 27, 69, 112, 96, 93, 90, 107, 89, 116, 104, 99, 100, 67, 83, 88, 43,
    27, 37, 62, 52, 54, 48, 58, 51, 42, 39, 39, 22, 30, 23, 14, 29, 27, 66, 127, 127, 124, 121, 100, 95,
    81, 82, 72, 62, 54, 56, 44, 46, 27, 39, 47, 43, 34, 39, 34, 27, 21, 23, 18, 16, 14, 5, -1, -6,
    27, 81, 101, 94, 90, 84, 77, 79, 73, 74, 72, 69, 10, 106, 95, 53, 27, 43, 60, 54, 59, 59, 51, 53,
    50, 49, 51, 55, 70, 83, 96, 61, 27, 68, 127, 127, 127, 127, 127, 127, 124, 126, 127, 126, 127, 123, 121, 127,
    27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 3, 2, 22, 119, 86, 94, 76,
    64, 64, 57, 58, 47, 50, 62, 5, 27, 4, 88, 106, 90, 86, 81, 78, 80, 70, 74, 59, 52, 47, 48, 46,
    27, 7, 7, 14, 15, 14, 15, 16, 17, 17, 13, 20, 13, 15, 8, 5, 27, 7, 7, 11, 17, 23, 24, 21,
    20, 24, 22, 23, 19, 18, 23, 9, 27, 3, 56, 72, 66, 60, 53, 51, 50, 55, 43, 38, 41, 31, 36, 42,
};
/* end of prior */

/* A slot from its byte: three bits for the count, five for the logit. */
static uint16_t slot_of(uint32_t byte) {
  static const uint8_t counts[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  uint32_t count = counts[byte >> 5];
  if (count == 0) return 0x8000;
  return (uint16_t)((squash((int32_t)(byte & 31) * 140 - 2170) & 0xfff0) | count);
}

#if WAFT_PROFILE > 0
/* The second weights lie behind the slots, which are fewer since there are any (format version 2). */
enum { SECOND_WEIGHTS = 320, SECOND_LITERAL = 288, NO_SECOND = 0xffff };

static int16_t *second_weights(struct waft_delta *d) { return (int16_t *)&d->memory.model.slots[d->direct_count + d->hashed_count]; }
#else
enum { SECOND_LITERAL = 0, NO_SECOND = 0 };
#endif

/* Format versions 1 and 2: every context takes the slot that its hash leads to. */
#if WAFT_OLD_VERSIONS
static int is_old(const struct waft_delta *d) { return d->header.version < 3; }
#else
#define is_old(d) 0
#endif

static void set_weights(struct waft_delta *d, const int8_t *prior, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) d->weights[i] = (int16_t)(prior[i] * 128);
}

static void reset_model(struct waft_delta *d) {
  for (uint32_t i = 0; i < d->direct_count + d->hashed_count; i++) d->memory.model.slots[i] = 0x8000;
  memset(d->memory.model.checks, 0, sizeof d->memory.model.checks);
#if WAFT_PROFILE > 0
  if (d->has_second) memset(second_weights(d), 0, SECOND_WEIGHTS * sizeof(int16_t));
#endif
  for (uint32_t i = 0; i < WAFT_WEIGHTS; i++) d->weights[i] = 3500;
  if (d->header.prior == 0) return;
  const uint8_t *slots = small_slot_prior;
#if WAFT_PROFILE > 0
  if (!d->is_small) slots = slot_prior;
#endif
#if WAFT_OLD_VERSIONS
  if (is_old(d)) slots = old_slot_prior;
#endif
  for (uint32_t i = 0; i < d->direct_count; i++) d->memory.model.slots[i] = slot_of(slots[i]);
#if WAFT_OLD_VERSIONS
#if WAFT_PROFILE > 0
  if (is_old(d) && !d->is_small) return set_weights(d, old_weight_prior, sizeof old_weight_prior);
#endif
  if (is_old(d)) return set_weights(d, old_small_weight_prior, sizeof old_small_weight_prior);
#endif
#if WAFT_PROFILE > 0
  if (!d->is_small) return set_weights(d, weight_prior, sizeof weight_prior);
#endif
  set_weights(d, small_weight_prior, sizeof small_weight_prior);
}

/* What an input's claim is when it has none: no context's check. */
enum { NO_CLAIM = 0x100 };

static void use(struct waft_delta *d, uint32_t index) {
  d->claims[d->inputs] = NO_CLAIM;
  d->chosen[d->inputs++] = (waft_slot)index;
}

/* Gives a hashed slot to another context; the slot beside it, which was spared, has seen one bit less from now on. */
static void claim(struct waft_delta *d, uint32_t index, uint32_t check) {
  uint16_t *hashed = d->memory.model.slots + d->direct_count;
  d->memory.model.checks[index] = (uint8_t)check;
  hashed[index] = 0x8000;
  if (!is_old(d) && (hashed[index ^ 1] & 15) > 1) hashed[index ^ 1]--;
}

/* Where `waits` is set, a context that has no slot takes one only when the bit turns out to be 0. */
static void use_hash(struct waft_delta *d, uint32_t hash, int waits) {
  uint32_t mixed = (hash ^ (hash >> 15)) * 0x2c1b3c6du, h = mixed ^ (mixed >> 13);
  uint32_t index = (((h >> 8) & 0xffff) * d->hashed_count) >> 16, check = h >> 24;
  const uint16_t *hashed = d->memory.model.slots + d->direct_count;
  if (!is_old(d) && d->memory.model.checks[index] != check && (d->memory.model.checks[index ^ 1] == check || (hashed[index ^ 1] & 15) < (hashed[index] & 15))) index ^= 1;
  int is_own = d->memory.model.checks[index] == check;
  if (is_old(d)) waits = 0;
  if (!is_own && !waits) claim(d, index, check);
  use(d, d->direct_count + index);
  if (!is_own && waits) d->claims[d->inputs - 1] = (uint16_t)check;
}

static int32_t moved_weight(int32_t weight, int32_t change) {
  int32_t moved = weight + ((change + 131072) >> 18);
  return moved > 32767 ? 32767 : moved < -32767 ? -32767 : moved;
}

/* `second` is where the second weights of the decision begin; it is not looked at where there are none. */
static uint32_t decide(struct waft_delta *d, uint32_t first_weight, uint32_t second) {
  int32_t sum = 0;
#if WAFT_PROFILE > 0
  int16_t *more = d->has_second && second != NO_SECOND ? second_weights(d) + second : NULL;
#else
  (void)second;
#endif
  for (uint32_t i = 0; i < d->inputs; i++) {
    uint32_t slot = d->claims[i] == NO_CLAIM ? d->memory.model.slots[d->chosen[i]] : 0x8000u, count = slot & 15, at = first_weight + 16 * i + count;
    int32_t logit = count == 0 ? 0 : stretch(slot >> 4);
    d->logits[i] = (int16_t)logit;
    d->used[i] = (uint16_t)at;
    int32_t weight = d->weights[at];
#if WAFT_PROFILE > 0
    if (more) weight += more[i];
#endif
    sum += (weight * logit) >> 10;
  }
  uint32_t mixed = squash(sum >> 4), bit = code_bit(d, mixed);
  int32_t target = bit ? 65535 : 0, error = ((int32_t)(bit << 16) - (int32_t)mixed) >> 2;
  for (uint32_t i = 0; i < d->inputs; i++) {
#if WAFT_PROFILE > 0
    if (more) more[i] = (int16_t)moved_weight(more[i], d->logits[i] * error * 6);
#endif
    d->weights[d->used[i]] = (int16_t)moved_weight(d->weights[d->used[i]], d->logits[i] * error * 8);
    uint16_t *slot = &d->memory.model.slots[d->chosen[i]];
    if (d->claims[i] != NO_CLAIM) {
      if (bit) continue;
      claim(d, d->chosen[i] - d->direct_count, d->claims[i]);
    }
    uint32_t count = *slot & 15;
    int32_t from = count == 0 ? (int32_t)mixed : *slot & 0xfff0;
    uint32_t next = (uint32_t)(from + (((target - from) * (int32_t)rate(count == 15 && !is_old(d) ? 25 : count)) >> 15)) & 0xfff0;
    *slot = (uint16_t)(next | (count < 15 ? count + 1 : 15));
  }
  d->inputs = 0;
  return bit;
}

/* ---- target ---- */

/* In the smallest profile all but the first lie 256 slots lower from format version 3 on. */
enum { AT_KIND_RUN = 0, AT_HISTORY = 512, AT_TRUST = 768, AT_SWITCH = 1280, AT_PLACE = 1312, AT_LITERAL = 1344, AT_ALTERNATIVE = 2368, AT_SINCE = 2624, AT_KIND_HISTORY = 2880 };

static uint32_t weight_of_switch(const struct waft_delta *d) { return d->is_small ? 96 : 576; }

static uint32_t run_class(uint32_t run) {
  if (run < 4) return run;
  uint32_t n = log2_floor(run), class_of = 2 * n + ((run >> (n - 1)) & 1);
  return class_of > 15 ? 15 : class_of;
}

static uint32_t kind_class(uint32_t kind) { return kind < 4 ? 0 : kind < 10 ? 1 : kind < 14 ? 2 : 3; }

static void reset_target(struct waft_delta *d) {
  reset_model(d);
  reset_number(&d->switch_shift);
  memset(d->kind_history, 0, sizeof d->kind_history);
  memset(d->kind_delta, 0, sizeof d->kind_delta);
  memset(d->trust, 6, sizeof d->trust);
  d->history = 0;
  d->run = 0;
  d->since = 0;
  d->unit_misses = 0;
  d->unit_is_raw = 0;
  d->c1 = d->c2 = d->c3 = d->last_miss = d->last_delta = 0;
  d->home = NULL;
}

static void begin_target(struct waft_delta *d) {
  uint32_t profile = d->header.profile;
  d->is_small = profile == 0;
  d->direct_count = d->is_small ? 1600 : 3392;
  d->hashed_count = profile == 3 ? 65536 : profile_limits[profile].hashed;
  d->lower = d->is_small && !is_old(d) ? 256 : 0;
  if (d->lower) {
    d->direct_count -= d->lower;
    d->hashed_count = WAFT_SPARING_SLOTS;
  }
#if WAFT_PROFILE > 0
  d->has_second = d->header.version > 1 && !d->is_small;
  if (d->has_second) d->hashed_count -= SECOND_WEIGHTS;
#endif
  d->inputs = 0;
  d->rank = 0;
  d->shift = 0;
  reset_target(d);
}

static void seek(struct waft_delta *d, int32_t from) {
  uint32_t low = 0, high = d->map_size;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (d->map_new[middle] <= from)
      low = middle + 1;
    else
      high = middle;
  }
  d->rank = low;
  d->shift = low == 0 ? 0 : d->map_shift[low - 1];
}

static void choose(struct waft_delta *d, int32_t index) {
  if (d->place[index] == 0) {
    d->unit_misses = 0;
    d->unit_is_raw = 0;
  }
  int32_t predicted = d->predicted[index], raw = d->raw[index];
  int trusted = !d->unit_is_raw && d->trust[d->kind[index]] > 3;
  d->differs = predicted != raw;
  d->first = trusted ? predicted : raw;
  d->second = trusted ? raw : predicted;
}

static void settle(struct waft_delta *d, int32_t index, int32_t found) {
  if (d->differs) {
    uint8_t *trust = &d->trust[d->kind[index]];
    if (found == d->predicted[index]) {
      if (*trust < 7) ++*trust;
    } else if (found == d->raw[index]) {
      if (*trust > 0) --*trust;
      d->unit_is_raw = 1;
    }
  }
  d->last_delta = (uint8_t)(found - d->predicted[index]);
  d->c3 = d->c2;
  d->c2 = d->c1;
  d->c1 = (uint8_t)found;
  d->since++;
}

static uint32_t code_switch(struct waft_delta *d) {
  use(d, AT_SWITCH - d->lower + run_class(d->run));
  use(d, AT_SWITCH - d->lower + 16 + (d->history & 15));
  return decide(d, weight_of_switch(d), NO_SECOND);
}

static uint32_t code_alternative(struct waft_delta *d, int32_t index) {
  uint32_t kind = d->kind[index];
  use(d, AT_PLACE - d->lower + (d->unit_misses & 7) * 4 + (d->place[index] & 3));
  if (!d->is_small) use(d, AT_ALTERNATIVE + kind * 8 + d->trust[kind]);
  return decide(d, weight_of_switch(d) + 32, NO_SECOND);
}

static uint32_t code_flag(struct waft_delta *d, int32_t index) {
  uint32_t kind = d->kind[index], unit = (uint32_t)d->unit[index], target = (uint32_t)d->target[index], first = (uint32_t)d->first;
  uint32_t run = run_class(d->run), misses = d->unit_misses, set = 0;
  use(d, AT_KIND_RUN + (d->lower ? kind * 8 + (run >> 1) : kind * 16 + run));
  use(d, AT_HISTORY - d->lower + (d->history & 63) * 4 + kind_class(kind));
  use(d, AT_TRUST - d->lower + kind * 16 + (d->differs ? 8u + d->trust[kind] : misses & 7));
  use_hash(d, unit * 0x9e3779b1u + kind * 0x3c6ef372u + misses * 0x1000193u + 1, 1);
  use_hash(d, (first * 256 + d->c1) * 64 + kind + 0x20000000u, 1);
  use_hash(d, (target == 0 ? d->history : target) * 0xc2b2ae35u + kind * 16 + misses, 1);
  if (!d->is_small) {
    uint32_t since = d->since == 0 ? 0 : log2_floor(d->since) + 1;
    use(d, AT_SINCE + (since > 15 ? 15 : since) * 16 + run);
    use(d, AT_KIND_HISTORY + kind * 16 + (d->kind_history[kind] & 15));
    use_hash(d, ((first * 256 + d->c1) * 256 + d->c2) * 0x85ebca6bu + 0x30000000u + (d->run < 2 ? d->run : 2), 1);
    set = d->differs * 2u + (d->run < 4);
  }
  uint32_t hit = decide(d, set * 144, kind * 9);
  d->history = (uint8_t)((d->history << 1) | (1 - hit));
  d->kind_history[kind] = (uint8_t)((d->kind_history[kind] << 1) | (1 - hit));
  d->unit_misses = (uint8_t)((d->unit_misses << 1) | (1 - hit));
  d->run = hit ? (d->run < 65535 ? d->run + 1 : 65535) : 0;
  return hit;
}

static int32_t code_literal(struct waft_delta *d, int32_t index) {
  uint32_t kind = d->kind[index], first = (uint32_t)d->first, gap = (d->history & 15) == 15, node = 1;
  uint32_t expected = (uint32_t)(d->predicted[index] + d->kind_delta[kind]) & 255;
  uint32_t expected2 = (uint32_t)(d->predicted[index] + d->last_miss) & 255;
  uint32_t unit_hash = (uint32_t)d->unit[index] * 0x9e3779b1u + kind * 0x3c6ef372u + d->unit_misses * 0x1000193u;
  uint32_t order2 = (d->c1 * 256u + d->c2) * 0x85ebca6bu, order3 = order2 + (d->c3 + 1u) * 0x5bd1e995u;
  uint32_t direct = AT_LITERAL - d->lower + (d->is_small ? 0 : kind_class(kind) * 256), weights = weight_of_switch(d) + 64;
  uint32_t second = SECOND_LITERAL + kind_class(kind) * 8;
  for (int at = 7; at >= 0; at--) {
    if (at == 0 && d->first >= 0 && node == (first | 256) >> 1) {
      node = (node << 1) | (1 - (first & 1));
      break;
    }
    uint32_t salt = node * 0x27d4eb2fu, set = 0;
    use(d, direct + node);
    use_hash(d, (first * 64 + kind) * 2 + gap + salt + 0x1100000u, 0);
    use_hash(d, d->c1 * 8u + kind_class(kind) + salt + 0x2200000u, 0);
    use_hash(d, unit_hash + salt, 0);
    use_hash(d, expected * 128 + kind + salt + 0x3300000u, 0);
    if (!d->is_small) {
      use_hash(d, order2 + salt, 0);
      use_hash(d, order3 + salt, 0);
      use_hash(d, expected2 * 512 + d->last_delta + salt + 0x4400000u, 0);
      set = gap * 3 + (at > 6 ? 0 : at > 3 ? 1 : 2);
    }
    node = (node << 1) | decide(d, weights + set * 128, second);
  }
  d->last_miss = d->kind_delta[kind] = (uint8_t)(node - d->predicted[index]);
  return (int32_t)(node & 255);
}

static void decode_literals(struct waft_delta *d, uint8_t *bytes, int32_t length) {
  d->history = 255;
  memset(d->source, 0, sizeof d->source);
  d->predicted[0] = d->kind[0] = 0;
  d->unit[0] = 0;
  for (int32_t at = 0; at < length && d->error == WAFT_OK; at++) {
    d->first = -1;
    bytes[at] = (uint8_t)code_literal(d, 0);
    d->c3 = d->c2;
    d->c2 = d->c1;
    d->c1 = bytes[at];
  }
}

/* ---- packed payloads: literals and copies, section 6.6 ---- */

/* What other payloads keep elsewhere: the last distances; `since` are the bytes that are still to be copied, `history` is the state. */
#define BACK(d) ((uint32_t *)(d)->unit)

enum { P_COPY = 0, P_REPEAT = 48, P_OLDER = 60, P_THIRD = 72, P_FOURTH = 84, P_LONG = 96, P_SLOT = 144, P_SPECIAL = 400, P_ALIGN = 514, P_LENGTH = 529, P_REPEAT_LENGTH = 851, P_LITERAL = 1173 };

static uint32_t packed_bit(struct waft_delta *d, uint32_t index) {
  uint16_t *chance = &d->memory.packed[index];
  uint32_t bit = code_bit(d, *chance);
  *chance = (uint16_t)(*chance + (bit ? (65535 - *chance) >> 5 : -(*chance >> 5)));
  return bit;
}

/* A number of so many bits, the highest first, or the lowest first. */
static uint32_t packed_bits(struct waft_delta *d, uint32_t from, uint32_t bits, int lowest_first) {
  uint32_t node = 1, value = 0;
  for (uint32_t i = 0; i < bits; i++) {
    uint32_t bit = packed_bit(d, from + node - 1);
    node = (node << 1) | bit;
    value |= bit << i;
  }
  return lowest_first ? value : node - (1u << bits);
}

static uint32_t packed_length(struct waft_delta *d, uint32_t from, uint32_t place) {
  uint32_t at = from + 2 + place * 8, least = 2, bits = 3;
  if (packed_bit(d, from)) {
    at += 32;
    least = 10;
    if (packed_bit(d, from + 1)) {
      at = from + 66;
      least = 18;
      bits = 8;
    }
  }
  return least + packed_bits(d, at, bits, 0);
}

static uint32_t packed_distance(struct waft_delta *d, uint32_t length) {
  uint32_t slot = packed_bits(d, P_SLOT + (length < 5 ? length - 2 : 3) * 64, 6, 0), upper = 0, from = P_ALIGN;
  if (slot < 4) return slot + 1;
  uint32_t bits = (slot >> 1) - 1, least = (2 | (slot & 1)) << bits;
  if (slot < 14)
    from = P_SPECIAL + least - slot;
  else
    for (; bits > 4; bits--) upper = upper * 2 + code_bit(d, 32768);
  return least + upper * 16 + packed_bits(d, from, bits, 1) + 1;
}

/* What is copied next: `pending` bytes from `back[0]`. */
static void packed_copy(struct waft_delta *d, uint32_t place) {
  uint32_t state = d->history, which = 0, distance, lengths = P_REPEAT_LENGTH;
  d->history = state < 7 ? 8 : 11;
  if (!packed_bit(d, P_REPEAT + state)) {
    which = 3;
    lengths = P_LENGTH;
    d->history = state < 7 ? 7 : 10;
  } else if (packed_bit(d, P_OLDER + state)) {
    which = 1;
    if (packed_bit(d, P_THIRD + state)) which = 2 + packed_bit(d, P_FOURTH + state);
  } else if (!packed_bit(d, P_LONG + state * 4 + place)) {
    d->history = state < 7 ? 9 : 11;
    d->since = 1;
    return;
  }
  distance = BACK(d)[which];
  for (; which > 0; which--) BACK(d)[which] = BACK(d)[which - 1];
  d->since = packed_length(d, lengths, place);
  BACK(d)[0] = lengths == P_LENGTH ? packed_distance(d, d->since) : distance;
}

/* Bytes of the old image and, behind it, of the new one; those from `block` on are in the sector buffer. */
static void read_text(struct waft_delta *d, uint32_t from, uint8_t *into, uint32_t length, uint32_t block) {
  uint32_t source = d->header.source_size;
  for (; length > 0 && d->error == WAFT_OK; into++, from++, length--) {
    uint32_t at = from - source, some = from < source ? source - from : at < block ? block - at : 1;
    if (some > length) some = length;
    if (from < source)
      read_flash(d, from, into, some);
    else if (at >= block)
      *into = d->sector[at - block];
    else if (d->io->read_new(d->io->context, at, into, some) != 0)
      io_failed(d);
    into += some - 1;
    from += some - 1;
    length -= some - 1;
  }
}

static uint32_t packed_literal(struct waft_delta *d, uint32_t at, uint32_t block) {
  uint32_t bits = d->header.profile == 0 ? 0 : 3, from = P_LITERAL + 768 * (d->c1 >> (8 - bits)), node = 1, here = d->header.source_size + at;
  uint8_t other = 0;
  int alike = d->history >= 7;
  if (alike && BACK(d)[0] <= here) read_text(d, here - BACK(d)[0], &other, 1, block);
  d->history = (uint8_t)(d->history < 4 ? 0 : d->history < 10 ? d->history - 3 : d->history - 6);
  for (int i = 7; i >= 0; i--) {
    uint32_t hint = (other >> i) & 1, bit = packed_bit(d, from + (alike ? 256u << hint : 0) + node);
    if (bit != hint) alike = 0;
    node = (node << 1) | bit;
  }
  return node & 255;
}

static void begin_packed(struct waft_delta *d) {
  for (uint32_t i = 0; i < WAFT_PACKED_CHANCES(d->header.profile); i++) d->memory.packed[i] = 32768;
  for (int i = 0; i < 4; i++) BACK(d)[i] = 1;
  d->since = 0;
  d->history = 0;
  d->c1 = 0;
}

static void decode_packed(struct waft_delta *d, uint32_t block, uint32_t length) {
  uint32_t source = d->header.source_size;
  for (uint32_t at = 0; at < length && d->error == WAFT_OK;) {
    uint32_t here = block + at;
    if (d->since == 0) {
      if (!packed_bit(d, P_COPY + d->history * 4u + (here & 3)))
        d->sector[at++] = (uint8_t)packed_literal(d, here, block);
      else {
        packed_copy(d, here & 3);
        if (BACK(d)[0] > source + here || d->since > d->header.target_size - here) fail(d, WAFT_BAD_PAYLOAD);
      }
    } else {
      uint32_t some = d->since < length - at ? d->since : length - at;
      read_text(d, source + here - BACK(d)[0], d->sector + at, some, block);
      at += some;
      d->since -= some;
    }
    if (at > 0) d->c1 = d->sector[at - 1];
  }
}

static int32_t next_boundary(const struct waft_delta *d, int32_t end) { return d->rank < d->map_size && d->map_new[d->rank] < end ? d->map_new[d->rank] : end; }

static void decode_group(struct waft_delta *d, uint8_t *bytes, int32_t from, int32_t length) {
  int32_t end = from + length, window_end = from, window_start = from, boundary = next_boundary(d, end);
  int switched = 0;
  for (int32_t at = from; at < end && d->error == WAFT_OK; at++) {
    while (at == boundary) {
      d->shift = d->map_shift[d->rank++];
      boundary = next_boundary(d, end);
      window_end = at;
      d->since = 0;
    }
    if (at >= window_end) {
      window_start = at;
      window_end = at + WINDOW < boundary ? at + WINDOW : boundary;
      predict(d, at - d->shift, window_end - at, d->shift);
    }
    int32_t index = at - window_start, found;
    choose(d, index);
    if (code_flag(d, index))
      found = d->first;
    else {
      if (!switched && code_switch(d)) {
        int64_t shift = d->shift + signed_number(d, &d->switch_shift);
        if (!within(d, shift, -LARGEST_OFFSET, LARGEST_OFFSET)) return;
        d->shift = (int32_t)shift;
        window_end = at;
        d->since = 0;
        switched = 1;
        at--;
        continue;
      }
      found = d->differs && code_alternative(d, index) ? d->second : code_literal(d, index);
    }
    switched = 0;
    bytes[at - from] = (uint8_t)found;
    settle(d, index, found);
  }
}

/* ---- header ---- */

enum { FIXED_HEADER = 108, SHORT_DIGEST = 8, LARGEST_HEADER = 4096, LARGEST_IMAGE = 0x10000000 };

static int read_patch(struct waft_delta *d, uint32_t offset, uint8_t *into, uint32_t length) {
  if (d->io->read_patch(d->io->context, offset, into, length) == 0) return 1;
  io_failed(d);
  return 0;
}

/* Walks the fields; the CRC leaves a signature at the end out. */
static int check_fields(struct waft_delta *d, uint32_t at, uint32_t crc, uint32_t wanted, uint8_t *digest, int *has_digest) {
  uint32_t size = d->header.header_size;
  uint8_t head[64];
  while (at < size) {
    if (at + 3 > size || !read_patch(d, at, head, 3)) return 0;
    uint32_t end = at + 3 + get16(head + 1);
    if (end > size) return 0;
    if (head[0] == 127 && end == size) break;
    if (head[0] == 1 && end == at + 3 + 32) {
      *has_digest = 1;
      if (!read_patch(d, at + 3, digest, 32)) return 0;
    }
    if (head[0] == 2 && d->header.blocks_at == 0) {
      if (end < at + 7 || !read_patch(d, at + 3, head + 3, 4)) return 0;
      d->header.blocks_at = at + 7;
      d->header.block_size = get32(head + 3);
      d->header.blocks_end = end;
    }
    while (at < end) {
      uint32_t part = end - at < sizeof head ? end - at : (uint32_t)sizeof head;
      if (!read_patch(d, at, head, part)) return 0;
      crc = crc32_of(head, part, crc);
      at += part;
    }
  }
  return crc == wanted;
}

static int check_limits(const struct waft_header *h, uint32_t flags) {
  uint32_t s = h->sector_size;
  if (flags > 1) return WAFT_UNSUPPORTED;
  if ((flags & 1) != (s > 0)) return WAFT_BAD_HEADER;
  if (s > 0 && (s < 256 || s > 1048576 || (s & (s - 1)) != 0)) return WAFT_BAD_HEADER;
  if (h->source_size > LARGEST_IMAGE || h->target_size > LARGEST_IMAGE || h->payload_size > LARGEST_IMAGE) return WAFT_BAD_HEADER;
  if (s > 0 && sector_count(h) > profile_limits[h->profile].sectors) return WAFT_BAD_HEADER;
  if (h->old_phase > 3 || h->new_phase > 3 || h->preserve_slots + h->staging_sectors - 1 > WAFT_PRESERVE) return WAFT_BAD_HEADER;
  if (h->prior > 1 || (h->algorithm == 3 && (h->version < 4 || s > 0))) return WAFT_UNSUPPORTED;
  if (h->ram_needed > 1024u * (8u << (2 * h->profile))) return WAFT_BAD_HEADER;
  if (h->algorithm == 0 && h->payload_size != h->target_size) return WAFT_BAD_HEADER;
  return WAFT_OK;
}

static int check_block_index(const struct waft_header *h) {
  uint32_t s = h->block_size;
  if (h->blocks_at == 0) return WAFT_OK;
  if (s < 4096 || (s & (s - 1)) != 0) return WAFT_BAD_HEADER;
  uint32_t blocks = (h->target_size + s - 1) / s;
  return h->blocks_end - h->blocks_at == 4 * blocks ? WAFT_OK : WAFT_BAD_HEADER;
}

static int check_payload(struct waft_delta *d, const uint8_t *digest, int has_digest) {
  struct waft_sha256 *hash = &d->memory.hash;
  uint8_t part[64], found[32];
  uint32_t crc = 0;
  sha_begin(hash);
  for (uint32_t at = 0; at < d->header.payload_size; at += sizeof part) {
    uint32_t length = d->header.payload_size - at;
    if (length > sizeof part) length = sizeof part;
    if (!read_patch(d, d->header.header_size + at, part, length)) return WAFT_FLASH_FAILED;
    crc = crc32_of(part, length, crc);
    if (has_digest) sha_add(hash, part, length);
  }
  if (crc != d->header.payload_crc) return WAFT_PAYLOAD_DAMAGED;
  if (!has_digest) return WAFT_OK;
  sha_end(hash, found);
  return memcmp(found, digest, 32) == 0 ? WAFT_OK : WAFT_PAYLOAD_DAMAGED;
}

/* The fixed part of a header at hand, and how much of it has been looked at; beyond its end, zeros. */
struct fixed {
  uint8_t bytes[FIXED_HEADER];
  uint32_t length, at;
  int too_large;
};

static uint32_t next_byte(struct fixed *f) { return f->at < f->length ? f->bytes[f->at++] : (f->at++, 0u); }

static uint32_t next_varint(struct fixed *f) {
  uint32_t value = 0;
  for (uint32_t shift = 0; shift < 35; shift += 7) {
    uint32_t byte = next_byte(f);
    if (shift == 28 && byte > 15) break;
    value |= (byte & 127) << shift;
    if (byte < 128) return value;
  }
  f->too_large = 1;
  return 0;
}

/* From version 2 on: numbers of seven bits a byte, eight bytes of the source's digest. */
static int parse_compact(struct waft_delta *d, struct fixed *f) {
  struct waft_header *header = &d->header;
  f->at = 5;
  uint32_t size = next_varint(f), flags = next_byte(f);
  header->architecture = (uint8_t)next_byte(f);
  uint32_t phases = next_byte(f), place = 0;
  header->source_size = next_varint(f);
  header->target_size = next_varint(f);
  header->payload_size = next_varint(f);
  if (flags & 16) place = next_byte(f);
  if (f->at + 4 + SHORT_DIGEST + 32 + 4 > f->length) return WAFT_TRUNCATED;
  if (f->too_large || size < f->at + 4 + SHORT_DIGEST + 32 + 4 || size > LARGEST_HEADER || size > d->io->patch_size) return WAFT_BAD_HEADER;
  if (flags > 63 && (header->version < 3 || !(flags & 16))) return WAFT_UNSUPPORTED;
  header->header_size = (uint16_t)size;
  header->algorithm = flags & 3;
  header->profile = (flags >> 2) & 3;
  header->prior = (flags >> 5) & 1;
  header->old_phase = phases & 15;
  header->new_phase = (uint8_t)(phases >> 4);
  header->sector_size = flags & 16 ? 256u << (place & 15) : 0;
  header->preserve_slots = (uint8_t)(place >> 4);
  header->staging_sectors = (uint8_t)(1u << (flags >> 6));
  header->ram_needed = 0;
  header->payload_crc = get32(f->bytes + f->at);
  header->source_digest_size = SHORT_DIGEST;
  memcpy(header->source_sha256, f->bytes + f->at + 4, SHORT_DIGEST);
  memcpy(header->target_sha256, f->bytes + f->at + 4 + SHORT_DIGEST, 32);
  f->at += 4 + SHORT_DIGEST + 32;
  return WAFT_OK;
}

#if WAFT_OLD_VERSIONS
static int parse_first(struct waft_delta *d, struct fixed *f) {
  struct waft_header *header = &d->header;
  const uint8_t *h = f->bytes;
  if (f->length < FIXED_HEADER) return WAFT_TRUNCATED;
  header->header_size = (uint16_t)get16(h + 6);
  if (header->header_size < FIXED_HEADER || header->header_size > LARGEST_HEADER || header->header_size > d->io->patch_size) return WAFT_BAD_HEADER;
  header->algorithm = h[10];
  header->profile = h[11];
  header->architecture = h[12];
  header->prior = h[13];
  header->old_phase = h[14] & 15;
  header->new_phase = h[14] >> 4;
  header->preserve_slots = h[15];
  header->staging_sectors = 1;
  header->source_size = get32(h + 16);
  header->target_size = get32(h + 20);
  header->payload_size = get32(h + 24);
  header->sector_size = get32(h + 28);
  header->ram_needed = get32(h + 32);
  header->payload_crc = get32(h + 36);
  header->source_digest_size = 32;
  memcpy(header->source_sha256, h + 40, 32);
  memcpy(header->target_sha256, h + 72, 32);
  f->at = 104;
  return WAFT_OK;
}
#endif

int waft_delta_open(struct waft_delta *d, const struct waft_io *io, uint8_t *sector) {
  struct fixed f;
  uint8_t digest[32];
  int has_digest = 0;
  struct waft_header *header = &d->header;
  d->io = io;
  d->sector = sector;
  d->error = WAFT_OK;
  d->failed_io = 0;
  header->blocks_at = 0;
  d->region_count = d->map_size = d->value_count = d->run_count = 0;
  if (io->patch_size < 5) return WAFT_TRUNCATED;
  memset(&f, 0, sizeof f);
  f.length = io->patch_size < FIXED_HEADER ? io->patch_size : FIXED_HEADER;
  if (!read_patch(d, 0, f.bytes, f.length)) return d->error;
  if (memcmp(f.bytes, "WFD1", 4) != 0) return WAFT_NOT_A_PATCH;
  header->version = f.bytes[4];
  if (header->version < (WAFT_OLD_VERSIONS ? 1 : 3) || header->version > 4) return WAFT_UNKNOWN_VERSION;
#if WAFT_OLD_VERSIONS
  uint32_t flags = get16(f.bytes + 8);
  int result = header->version == 1 ? parse_first(d, &f) : parse_compact(d, &f);
#else
  int result = parse_compact(d, &f);
#endif
  if (result != WAFT_OK) return result;
  if (!check_fields(d, f.at + 4, crc32_of(f.bytes, f.at, 0), get32(f.bytes + f.at), digest, &has_digest)) return d->error == WAFT_OK ? WAFT_BAD_HEADER : d->error;
  if (header->algorithm > 3 || header->profile > WAFT_PROFILE || find_architecture(header->architecture) < 0) return WAFT_UNSUPPORTED;
#if WAFT_OLD_VERSIONS
  if (header->version > 1) flags = header->sector_size > 0;
#else
  uint32_t flags = header->sector_size > 0;
#endif
  result = check_limits(header, flags);
  if (result == WAFT_OK) result = check_block_index(header);
  if (result != WAFT_OK) return result;
  if (io->patch_size != (uint64_t)header->header_size + header->payload_size) return WAFT_TRUNCATED;
  return check_payload(d, digest, has_digest);
}

/* ---- streaming ---- */

static int has_digest_of(struct waft_delta *d, uint32_t address, uint32_t size, const uint8_t *wanted, uint32_t bytes) {
  struct waft_sha256 *hash = &d->memory.hash;
  uint8_t part[64], found[32];
  sha_begin(hash);
  for (uint32_t at = 0; at < size; at += sizeof part) {
    uint32_t length = size - at < sizeof part ? size - at : (uint32_t)sizeof part;
    read_flash(d, address + at, part, length);
    sha_add(hash, part, length);
  }
  sha_end(hash, found);
  return d->error == WAFT_OK && memcmp(found, wanted, bytes) == 0;
}

static void decode_piece(struct waft_delta *d, uint32_t from, uint32_t length) {
  const struct waft_header *h = &d->header;
  if (h->algorithm == 0)
    read_patch(d, h->header_size + from, d->sector, length);
  else if (h->algorithm == 3)
    decode_packed(d, from, length);
  else if (h->algorithm == 1)
    decode_literals(d, d->sector, (int32_t)length);
  else
    decode_group(d, d->sector, (int32_t)from + h->new_phase, (int32_t)length);
}

/* Takes in the piece at hand, and where it ends a block, compares that one's checksum. */
static int check_block(struct waft_delta *d, uint32_t from, uint32_t length, uint32_t *crc) {
  const struct waft_header *h = &d->header;
  uint8_t wanted[4];
  if (h->blocks_at == 0) return WAFT_OK;
  *crc = crc32_of(d->sector, length, *crc);
  if (((from + length) & (h->block_size - 1)) != 0 && from + length != h->target_size) return WAFT_OK;
  if (!read_patch(d, h->blocks_at + from / h->block_size * 4, wanted, 4)) return d->error;
  if (*crc != get32(wanted)) return WAFT_WRONG_BLOCK;
  *crc = 0;
  return WAFT_OK;
}

int waft_delta_stream(struct waft_delta *d, const struct waft_io *io, uint8_t *sector) {
  struct waft_sha256 hash;
  uint8_t found[32];
  uint32_t crc = 0;
  int result = waft_delta_open(d, io, sector);
  if (result != WAFT_OK) return result;
  if (d->header.sector_size != 0 || (d->header.algorithm == 3 && io->read_new == NULL)) return WAFT_UNSUPPORTED;
  if (io->old_size != d->header.source_size || !has_digest_of(d, 0, io->old_size, d->header.source_sha256, d->header.source_digest_size)) return d->failed_io ? WAFT_FLASH_FAILED : WAFT_WRONG_SOURCE;
  begin_coder(d);
  if (d->header.algorithm == 2) read_preamble(d);
  if (d->error != WAFT_OK) return d->error;
  begin_target(d);
  seek(d, d->header.new_phase);
  if (d->header.algorithm == 3) begin_packed(d);
  sha_begin(&hash);
  for (uint32_t at = 0; at < d->header.target_size; at += 4096) {
    uint32_t length = d->header.target_size - at < 4096 ? d->header.target_size - at : 4096;
    decode_piece(d, at, length);
    if (d->error != WAFT_OK) return d->error;
    result = check_block(d, at, length, &crc);
    if (result != WAFT_OK) return result;
    sha_add(&hash, sector, length);
    if (io->write(io->context, sector, length) != 0) return WAFT_FLASH_FAILED;
  }
  sha_end(&hash, found);
  return memcmp(found, d->header.target_sha256, 32) == 0 ? WAFT_OK : WAFT_WRONG_TARGET;
}

/* ---- journal ---- */

enum { RECORD = 64, RECORD_MAGIC = 0x4a57 };
enum { BEGUN, KEPT, STAGED, DONE, FINISHED };

struct progress {
  uint32_t type, step, low, high, code, position;
  int32_t kept[WAFT_PRESERVE];
};

static int parse_record(const struct waft_delta *d, const uint8_t *r, uint32_t *sequence, struct progress *p) {
  if (get16(r) != RECORD_MAGIC || get32(r + 4) != d->header.payload_crc || get32(r + 48) != crc32_of(r, 48, 0) || get16(r + 2) > FINISHED) return 0;
  *sequence = get32(r + 8);
  p->type = get16(r + 2);
  p->step = get32(r + 12);
  p->low = get32(r + 16);
  p->high = get32(r + 20);
  p->code = get32(r + 24);
  p->position = get32(r + 28);
  for (int i = 0; i < WAFT_PRESERVE; i++) {
    uint32_t sector = get16(r + 32 + 2 * i);
    p->kept[i] = sector == 0xffff ? -1 : (int32_t)sector;
  }
  return 1;
}

/* Finds the newest whole record of this patch. */
static int open_journal(struct waft_delta *d, struct progress *newest) {
  uint32_t records = d->header.sector_size / RECORD, sequence;
  struct progress p;
  uint8_t r[RECORD];
  d->sequence = 0;
  d->half = 0;
  d->slot = records;
  for (uint32_t half = 0; half < 2; half++)
    for (uint32_t slot = 0; slot < records; slot++) {
      read_flash(d, d->io->journal[half] + slot * RECORD, r, RECORD);
      if (!parse_record(d, r, &sequence, &p) || sequence <= d->sequence) continue;
      *newest = p;
      d->sequence = sequence;
      d->half = half;
      d->slot = slot + 1;
    }
  return d->sequence > 0;
}

static void program(struct waft_delta *d, uint32_t address, const uint8_t *bytes, uint32_t length) {
  if (!d->failed_io && d->io->program(d->io->context, address, bytes, length) != 0) io_failed(d);
}

static void erase(struct waft_delta *d, uint32_t address) {
  if (!d->failed_io && d->io->erase(d->io->context, address) != 0) io_failed(d);
}

static void append_record(struct waft_delta *d, uint32_t type, uint32_t step) {
  uint32_t records = d->header.sector_size / RECORD;
  uint8_t r[RECORD];
  for (; d->slot < records; d->slot++) {
    int blank = 1;
    read_flash(d, d->io->journal[d->half] + d->slot * RECORD, r, RECORD);
    for (int i = 0; i < RECORD; i++) blank &= r[i] == 0xff;
    if (blank) break;
  }
  if (d->slot >= records) {
    d->half = 1 - d->half;
    erase(d, d->io->journal[d->half]);
    d->slot = 0;
  }
  memset(r, 0xff, RECORD);
  put16(r, RECORD_MAGIC);
  put16(r + 2, type);
  put32(r + 4, d->header.payload_crc);
  put32(r + 8, ++d->sequence);
  put32(r + 12, step);
  put32(r + 16, d->low);
  put32(r + 20, d->high);
  put32(r + 24, d->code);
  put32(r + 28, d->position);
  for (int i = 0; i < WAFT_PRESERVE; i++) put16(r + 32 + 2 * i, i < d->header.preserve_slots ? (uint32_t)d->kept[i] : 0xffff);
  put32(r + 48, crc32_of(r, 48, 0));
  program(d, d->io->journal[d->half] + d->slot * RECORD, r, RECORD);
  d->slot++;
}

/* ---- in place ---- */

static int check_layout(const struct waft_delta *d) {
  const struct waft_io *io = d->io;
  const struct waft_header *h = &d->header;
  if (h->sector_size == 0 || h->sector_size != io->sector_size) return WAFT_UNSUPPORTED;
  if (h->preserve_slots + h->staging_sectors - 1u > io->preserve_count) return WAFT_TOO_LITTLE_MEMORY;
  uint64_t size = (uint64_t)sector_count(h) * h->sector_size, end;
  if (size < h->source_size) size = h->source_size;
  end = io->image + size;
  if (end > io->flash_size) return WAFT_TOO_LITTLE_MEMORY;
  for (uint32_t i = 0; i < 3 + io->preserve_count; i++) {
    uint32_t at = i == 0 ? io->staging : i < 3 ? io->journal[i - 1] : io->preserve[i - 3];
    if (at >= io->image && at < end) return WAFT_TOO_LITTLE_MEMORY;
  }
  return WAFT_OK;
}

/* Erases a sector, programs the buffer into it and reads it back. */
static void rewrite(struct waft_delta *d, uint32_t address) {
  uint8_t check[64];
  erase(d, address);
  program(d, address, d->sector, d->header.sector_size);
  for (uint32_t at = 0; at < d->header.sector_size && d->error == WAFT_OK; at += sizeof check) {
    read_flash(d, address + at, check, sizeof check);
    if (memcmp(check, d->sector + at, sizeof check) != 0) fail(d, WAFT_FLASH_FAILED);
  }
}

/* A step of the order: the k-th sector of a run. */
struct cursor {
  uint32_t run, k, step;
};

static uint32_t sector_of(const struct waft_delta *d, const struct cursor *c) {
  const struct waft_run *run = &d->runs[c->run];
  return (uint32_t)((int32_t)run->start + (int32_t)c->k * run->step);
}

static uint32_t keep_of(const struct waft_delta *d, const struct cursor *c) { return c->k == 0 ? d->runs[c->run].keep : 0; }

static void advance(const struct waft_delta *d, struct cursor *c) {
  c->step++;
  if (++c->k < d->runs[c->run].length) return;
  c->k = 0;
  c->run++;
}

/* Where the sector of a group goes first: behind the first one, into spare sectors that keep nothing. */
static uint32_t staging_at(const struct waft_delta *d, uint32_t i) { return i == 0 ? d->io->staging : d->io->preserve[d->header.preserve_slots + i - 1]; }

/* Copies the staged sectors to their places. May be done any number of times. */
static void place_group(struct waft_delta *d, struct cursor c, uint32_t count) {
  for (uint32_t i = 0; i < count && d->error == WAFT_OK; i++, advance(d, &c)) {
    uint32_t sector = sector_of(d, &c);
    read_flash(d, staging_at(d, i), d->sector, d->header.sector_size);
    if (d->error == WAFT_OK) rewrite(d, d->io->image + sector * d->header.sector_size);
    set_written(d, sector);
  }
  if (d->error == WAFT_OK) append_record(d, DONE, c.step - 1);
}

static void keep_sector(struct waft_delta *d, const struct cursor *c) {
  uint32_t sector = sector_of(d, c), slot = keep_of(d, c) - 1;
  read_flash(d, d->io->image + sector * d->header.sector_size, d->sector, d->header.sector_size);
  if (d->error == WAFT_OK) rewrite(d, d->io->preserve[slot]);
  d->kept[slot] = (int32_t)sector;
  if (d->error == WAFT_OK) append_record(d, KEPT, c->step);
}

/* Decodes a group. Until all of it is staged, all old bytes are where they were. */
static void stage_group(struct waft_delta *d, struct cursor c, uint32_t count) {
  uint32_t size = d->header.sector_size;
  reset_target(d);
  for (uint32_t i = 0; i < count && d->error == WAFT_OK; i++, advance(d, &c)) {
    uint32_t from = sector_of(d, &c) * size, length = d->header.target_size - from;
    memset(d->sector, 0xff, size);
    seek(d, (int32_t)from + d->header.new_phase);
    decode_piece(d, from, length < size ? length : size);
    if (d->error == WAFT_OK) rewrite(d, staging_at(d, i));
  }
  if (d->error == WAFT_OK) append_record(d, STAGED, c.step - 1);
}

/* Keeps what a group says before anything of it is decoded; `kept` steps are done. */
static void keep_group(struct waft_delta *d, struct cursor c, uint32_t last, uint32_t kept) {
  for (; c.step <= last && d->error == WAFT_OK; advance(d, &c))
    if (c.step >= kept && keep_of(d, &c) > 0) keep_sector(d, &c);
}

static void run_steps(struct waft_delta *d, const struct progress *p) {
  struct cursor end = {0, 0, 0};
  while (end.run < d->run_count) {
    struct cursor c = end;
    uint32_t count = 0;
    for (; end.run < d->run_count && count < d->header.staging_sectors; count++) advance(d, &end);
    uint32_t last = end.step - 1;
    int is_staged = last == p->step && p->type == STAGED;
    if (last < p->step || (last == p->step && p->type == DONE)) {
      for (; c.step <= last; advance(d, &c)) set_written(d, sector_of(d, &c));
      continue;
    }
    if (!is_staged) keep_group(d, c, last, p->type == KEPT ? p->step + 1 : 0);
    if (!is_staged && d->error == WAFT_OK) stage_group(d, c, count);
    if (d->error == WAFT_OK) place_group(d, c, count);
    if (d->error != WAFT_OK) return;
  }
  if (!has_digest_of(d, d->io->image, d->header.target_size, d->header.target_sha256, 32))
    fail(d, WAFT_WRONG_TARGET);
  else
    append_record(d, FINISHED, end.step);
}

int waft_delta_in_place(struct waft_delta *d, const struct waft_io *io, uint8_t *sector) {
  struct progress p;
  int result = waft_delta_open(d, io, sector);
  if (result == WAFT_OK) result = check_layout(d);
  if (result != WAFT_OK) return result;
  int resumes = open_journal(d, &p);
  if (resumes && p.type == FINISHED) return WAFT_OK;
  if (!resumes && !has_digest_of(d, io->image, d->header.source_size, d->header.source_sha256, d->header.source_digest_size)) return d->failed_io ? WAFT_FLASH_FAILED : WAFT_WRONG_SOURCE;
  memset(d->written, 0, sizeof d->written);
  for (int i = 0; i < WAFT_PRESERVE; i++) d->kept[i] = -1;
  begin_coder(d);
  if (d->header.algorithm == 2)
    read_preamble(d);
  else if (d->header.target_size > 0) {
    d->run_count = 1;
    d->runs[0] = (struct waft_run){0, (uint16_t)sector_count(&d->header), 1, 0};
  }
  if (d->error != WAFT_OK) return d->error;
  begin_target(d);
  if (resumes) {
    d->low = p.low;
    d->high = p.high;
    d->code = p.code;
    d->position = p.position;
    memcpy(d->kept, p.kept, sizeof d->kept);
  } else {
    p.type = BEGUN;
    p.step = 0;
    append_record(d, BEGUN, 0);
  }
  if (d->error == WAFT_OK) run_steps(d, &p);
  return d->error;
}
