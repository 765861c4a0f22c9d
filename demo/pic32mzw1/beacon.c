/*
 * A small real program for the OTA slot of a PIC32MZ W1 (MIPS32, little-endian), without operating system or vendor
 * library. It counts seconds with the core timer, checks its own code against a CRC-32, and from version 3 on keeps the
 * last readings in a ring. It touches nothing but the core and its RAM, so it needs no register map of the chip.
 */
#include <stdint.h>

#ifndef PROGRAM_VERSION
#error "PROGRAM_VERSION is given by the build"
#endif

/* First 4096 bytes of the image, as ota_image.h lays them out (fresh: FF means not written yet). */
struct boot_control {
  uint8_t status, slot, order, type;
  uint32_t size, version, boot_address;
  uint8_t digest[32];
  uint8_t reserved[4096 - 48 - 1];
  uint8_t signature;
};

extern void start(void);

__attribute__((section(".boot_control"), used)) const struct boot_control boot_control = {
  .status = 0xFF,
  .slot = 0xFF,
  .order = 0xFF,
  .type = 3,
  .size = 0xFFFFFFFF,
  .version = 1,
  .boot_address = 0xB0021000,
  .digest = { [0 ... 31] = 0xFF },
  .reserved = { [0 ... 4046] = 0xFF },
  .signature = 0xF8,
};

#define TEXT(value) #value
#define TEXT_OF(value) TEXT(value)

/* The version constant: the OTA service compares it with the manifest's Version. Virtual boards read it by this mark. */
__attribute__((section(".version_mark"), used)) const char version_mark[] =
  "waft-version-constant:" TEXT_OF(PROGRAM_VERSION);

#define TICKS_PER_SECOND 100000000u /* the core timer runs at half of 200 MHz */

extern const uint8_t code_start[], code_end[];
static volatile uint32_t uptime_seconds;

static uint32_t core_count(void) {
  uint32_t value;
  __asm__ volatile("mfc0 %0, $9" : "=r"(value));
  return value;
}

#if PROGRAM_VERSION >= 2
static volatile uint32_t code_crc;

static uint32_t crc32(const uint8_t *at, const uint8_t *end) {
  uint32_t crc = 0xFFFFFFFFu;
  for (; at < end; at++) {
    crc ^= *at;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320u & -(crc & 1u));
  }
  return ~crc;
}
#endif

#if PROGRAM_VERSION >= 3
static volatile struct {
  uint32_t next;
  struct { uint32_t second, count; } entry[64];
} history;

static void remember(uint32_t second, uint32_t count) {
  uint32_t index = history.next++ % 64u;
  history.entry[index].second = second;
  history.entry[index].count = count;
}
#endif

void run(void) {
  uint32_t last = core_count();
#if PROGRAM_VERSION >= 2
  code_crc = crc32(code_start, code_end);
#endif
  for (;;) {
    uint32_t now = core_count();
    if (now - last < TICKS_PER_SECOND) continue;
    last += TICKS_PER_SECOND;
    uptime_seconds++;
#if PROGRAM_VERSION >= 2
    if (crc32(code_start, code_end) != code_crc) uptime_seconds = 0;
#endif
#if PROGRAM_VERSION >= 3
    remember(uptime_seconds, now);
#endif
  }
}
