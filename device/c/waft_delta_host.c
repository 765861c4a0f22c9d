/*
 * The decoder on a host, for tests and for trying patches: the flash is a file in memory that keeps the rules of flash.
 *
 *   waft_delta_host stream PATCH OLD NEW
 *   waft_delta_host place PATCH OLD NEW SECTOR GRANULARITY SLOTS FROM TO STEP
 *
 * `place` updates in place once for every cut from FROM to TO (0: none) in steps of STEP: power fails at that operation,
 * torn to a share of (cut mod 5) / 4, then the update is started again. A line for each cut tells the result, the number
 * of operations, and the CRC-32 of the flash when power failed and at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "waft_delta.h"

struct file {
  uint8_t *bytes;
  uint32_t size;
};

struct host {
  struct file patch, old;
  FILE *out;
  uint8_t *flash;
  uint32_t sector_size, granularity, flash_size, operations, cut_at;
  double tear;
  int is_cut;
};

static struct file load(const char *path) {
  struct file f = {NULL, 0};
  FILE *in = fopen(path, "rb");
  if (in == NULL) exit(2);
  fseek(in, 0, SEEK_END);
  f.size = (uint32_t)ftell(in);
  rewind(in);
  f.bytes = malloc(f.size + 1u);
  if (f.bytes == NULL || fread(f.bytes, 1, f.size, in) != f.size) exit(2);
  fclose(in);
  return f;
}

static uint32_t crc(const uint8_t *bytes, uint32_t length) {
  uint32_t value = 0xffffffffu;
  for (uint32_t i = 0; i < length; i++) {
    value ^= bytes[i];
    for (int k = 0; k < 8; k++) value = (value & 1) ? 0xedb88320u ^ (value >> 1) : value >> 1;
  }
  return ~value;
}

static int read_patch(void *context, uint32_t offset, uint8_t *into, uint32_t length) {
  struct host *h = context;
  if (offset > h->patch.size || length > h->patch.size - offset) return -1;
  memcpy(into, h->patch.bytes + offset, length);
  return 0;
}

static int read_old(void *context, uint32_t offset, uint8_t *into, uint32_t length) {
  struct host *h = context;
  if (offset > h->old.size || length > h->old.size - offset) return -1;
  memcpy(into, h->old.bytes + offset, length);
  return 0;
}

static int write_new(void *context, const uint8_t *bytes, uint32_t length) {
  return fwrite(bytes, 1, length, ((struct host *)context)->out) == length ? 0 : -1;
}

static int read_new(void *context, uint32_t offset, uint8_t *into, uint32_t length) {
  FILE *out = ((struct host *)context)->out;
  if (fseek(out, (long)offset, SEEK_SET) != 0 || fread(into, 1, length, out) != length) return -1;
  return fseek(out, 0, SEEK_END);
}

static int read_flash(void *context, uint32_t address, uint8_t *into, uint32_t length) {
  struct host *h = context;
  if (address > h->flash_size || length > h->flash_size - address) abort();
  memcpy(into, h->flash + address, length);
  return h->is_cut ? -1 : 0;
}

static int is_cut_now(struct host *h) { return ++h->operations == h->cut_at; }

static int program(void *context, uint32_t address, const uint8_t *bytes, uint32_t length) {
  struct host *h = context;
  if (address % h->granularity != 0 || length % h->granularity != 0 || address > h->flash_size || length > h->flash_size - address) abort();
  for (uint32_t at = 0; at < length; at += h->granularity) {
    int cut = is_cut_now(h);
    for (uint32_t i = 0; i < h->granularity; i++) {
      uint8_t *cell = h->flash + address + at + i, wanted = bytes[at + i];
      double share = cut ? h->tear * h->granularity - i : 1;
      if ((*cell & wanted) != wanted) abort();
      if (share >= 1)
        *cell = wanted;
      else if (share > 0)
        *cell = (uint8_t)(wanted | (*cell & 0x0f));
    }
    if (cut) {
      h->is_cut = 1;
      return -1;
    }
  }
  return 0;
}

static int erase(void *context, uint32_t address) {
  struct host *h = context;
  if (address % h->sector_size != 0 || address >= h->flash_size) abort();
  int cut = is_cut_now(h);
  memset(h->flash + address, 0xff, cut ? (uint32_t)(h->sector_size * h->tear) : h->sector_size);
  h->is_cut = cut;
  return cut ? -1 : 0;
}

static int stream(struct host *h, const char *path) {
  static struct waft_delta delta;
  static uint8_t sector[4096];
  struct waft_io io = {.context = h, .patch_size = h->patch.size, .read_patch = read_patch, .read = read_old, .write = write_new, .read_new = read_new, .old_size = h->old.size};
  h->out = fopen(path, "wb+");
  if (h->out == NULL) return 2;
  int result = waft_delta_stream(&delta, &io, sector);
  fclose(h->out);
  printf("%d\n", result);
  return 0;
}

/* One update with a cut, and its restart. */
static void place_once(struct host *h, const struct waft_io *io, uint32_t cut, const struct file *want) {
  static struct waft_delta delta;
  uint8_t *sector = malloc(h->sector_size);
  if (sector == NULL) exit(2);
  memset(h->flash, 0xff, h->flash_size);
  memcpy(h->flash, h->old.bytes, h->old.size);
  h->operations = 0;
  h->is_cut = 0;
  h->cut_at = cut;
  h->tear = (cut % 5) / 4.0;
  memset(&delta, 0xa5, sizeof delta);
  int result = waft_delta_in_place(&delta, io, sector);
  uint32_t at_cut = crc(h->flash, h->flash_size);
  if (h->is_cut) {
    h->is_cut = 0;
    h->cut_at = 0;
    memset(&delta, 0x5a, sizeof delta);
    result = waft_delta_in_place(&delta, io, sector);
  }
  int same = memcmp(h->flash, want->bytes, want->size) == 0;
  printf("%u %d %d %u %08x %08x\n", cut, result, same, h->operations, at_cut, crc(h->flash, h->flash_size));
  free(sector);
}

int main(int count, char **values) {
  struct host h = {0};
  if (count < 5) return 2;
  h.patch = load(values[2]);
  h.old = load(values[3]);
  int result = 2;
  if (strcmp(values[1], "stream") == 0)
    result = stream(&h, values[4]);
  else if (strcmp(values[1], "place") == 0 && count == 11) {
    struct file want = load(values[4]);
    h.sector_size = (uint32_t)atoi(values[5]);
    h.granularity = (uint32_t)atoi(values[6]);
    uint32_t slots = (uint32_t)atoi(values[7]), larger = h.old.size > want.size ? h.old.size : want.size;
    uint32_t sectors = (larger + h.sector_size - 1) / h.sector_size;
    if (sectors == 0) sectors = 1;
    struct waft_io io = {.context = &h, .patch_size = h.patch.size, .read_patch = read_patch, .read = read_flash, .program = program, .erase = erase};
    io.sector_size = h.sector_size;
    io.flash_size = h.flash_size = (sectors + 3 + slots) * h.sector_size;
    io.staging = sectors * h.sector_size;
    io.journal[0] = (sectors + 1) * h.sector_size;
    io.journal[1] = (sectors + 2) * h.sector_size;
    io.preserve_count = slots;
    for (uint32_t i = 0; i < slots; i++) io.preserve[i] = (sectors + 3 + i) * h.sector_size;
    h.flash = malloc(h.flash_size);
    if (h.flash == NULL) return 2;
    for (uint32_t cut = (uint32_t)atoi(values[8]); cut <= (uint32_t)atoi(values[9]); cut += (uint32_t)atoi(values[10])) place_once(&h, &io, cut, &want);
    free(h.flash);
    free(want.bytes);
    result = 0;
  }
  free(h.patch.bytes);
  free(h.old.bytes);
  return result;
}
