/*
 * Waft delta decoder: applies patches of docs/delta-format.md, as a stream or in place in flash, where it goes on after
 * a power cut at any point. C99, no heap, no recursion; all state is in one struct that the caller provides.
 */
#ifndef WAFT_DELTA_H
#define WAFT_DELTA_H

#include <stddef.h>
#include <stdint.h>

/* The largest profile that this build can apply: 0 tiny, 1 mcu, 2 std, 3 gateway. */
#ifndef WAFT_PROFILE
#define WAFT_PROFILE 1
#endif

/* 1: patches of format versions 1 and 2 are applied too, not 3 alone; their starting tables are another 5 KB (1.8 KB for tiny). */
#ifndef WAFT_OLD_VERSIONS
#define WAFT_OLD_VERSIONS 0
#endif

/* Define WAFT_ONE_ARCH and any of WAFT_ARCH_THUMB2 ... to leave the other instruction sets out. */
#ifndef WAFT_ONE_ARCH
#define WAFT_ARCH_THUMB2
#define WAFT_ARCH_AVR
#define WAFT_ARCH_MIPS32
#define WAFT_ARCH_ARM32
#define WAFT_ARCH_ARM64
#define WAFT_ARCH_RISCV
#define WAFT_ARCH_XTENSA
#define WAFT_ARCH_XTENSA_BE
#define WAFT_ARCH_HEXAGON
#define WAFT_ARCH_PIC18
#define WAFT_ARCH_PIC24
#define WAFT_ARCH_TC32
#define WAFT_ARCH_8051
#define WAFT_ARCH_VIDEOCORE4
#endif

/* Hashed slots of the profile tiny from format version 3 on; it has 256 direct ones less then. */
#define WAFT_SPARING_SLOTS 552
#if WAFT_PROFILE == 0
#if WAFT_OLD_VERSIONS
#define WAFT_DIRECT 1600
#else
#define WAFT_DIRECT 1344
#endif
#define WAFT_HASHED WAFT_SPARING_SLOTS
#define WAFT_WEIGHTS 240
#define WAFT_MAP 64
#define WAFT_VALUES 16
#define WAFT_REGIONS 4
#define WAFT_RUNS 24
#define WAFT_SECTORS 1024
#else
#define WAFT_DIRECT 3392
#define WAFT_WEIGHTS 1408
#define WAFT_REGIONS 16
#if WAFT_PROFILE == 1
#define WAFT_HASHED 4608
#define WAFT_MAP 448
#define WAFT_VALUES 64
#define WAFT_RUNS 128
#define WAFT_SECTORS 4096
#elif WAFT_PROFILE == 2
#define WAFT_HASHED 22528
#define WAFT_MAP 3584
#define WAFT_VALUES 512
#define WAFT_RUNS 1024
#define WAFT_SECTORS 16384
#else
#define WAFT_HASHED 65536
#define WAFT_MAP 16384
#define WAFT_VALUES 2048
#define WAFT_RUNS 4096
#define WAFT_SECTORS 65534
#endif
#endif

#define WAFT_PRESERVE 8

/* Chances of a packed payload: literals depend on what stands before them but in the profile tiny. */
#define WAFT_PACKED_CHANCES(profile) (1173u + (768u << ((profile) == 0 ? 0 : 3)))

/* Numbers of a slot and of a piece of the map. */
#if WAFT_PROFILE == 3
typedef uint32_t waft_slot;
#else
typedef uint16_t waft_slot;
#endif
#if WAFT_PROFILE == 0
typedef uint8_t waft_piece;
#else
typedef uint16_t waft_piece;
#endif

/* Results. The names are those of the TypeScript decoder's codes. */
enum waft_result {
  WAFT_OK = 0,
  WAFT_NOT_A_PATCH = 1,
  WAFT_UNKNOWN_VERSION = 2,
  WAFT_BAD_HEADER = 3,
  WAFT_TRUNCATED = 4,
  WAFT_PAYLOAD_DAMAGED = 5,
  WAFT_UNSUPPORTED = 6,
  WAFT_WRONG_SOURCE = 7,
  WAFT_BAD_PAYLOAD = 8,
  WAFT_WRONG_TARGET = 9,
  WAFT_WRONG_BLOCK = 10,
  WAFT_FLASH_FAILED = 11,
  WAFT_TOO_LITTLE_MEMORY = 12
};

/* What the decoder asks of its host. Every function returns 0 when it has done what was asked. */
struct waft_io {
  void *context;
  /* Size of the whole patch, and its bytes. */
  uint32_t patch_size;
  int (*read_patch)(void *context, uint32_t offset, uint8_t *into, uint32_t length);
  /* Streaming: bytes of the old image. In place: bytes of the flash at an address. */
  int (*read)(void *context, uint32_t address, uint8_t *into, uint32_t length);
  /* Streaming: takes the next bytes of the new image; not used in place. */
  int (*write)(void *context, const uint8_t *bytes, uint32_t length);
  /* Streaming: reads bytes that `write` took before; packed patches copy them. NULL: such patches are refused as unsupported. */
  int (*read_new)(void *context, uint32_t offset, uint8_t *into, uint32_t length);
  /* In place: programs whole granules, erases the sector at an address; not used when streaming. */
  int (*program)(void *context, uint32_t address, const uint8_t *bytes, uint32_t length);
  int (*erase)(void *context, uint32_t address);
  /* Streaming: how long the old image is. */
  uint32_t old_size;
  /* In place: the flash. Addresses are those of the first byte of a sector; `preserve` are the spare ones, which keep old bytes or stage new ones. */
  uint32_t sector_size, flash_size;
  uint32_t image, staging, journal[2], preserve[WAFT_PRESERVE], preserve_count;
};

struct waft_region {
  int64_t old_address, new_address;
  int32_t old_offset, old_length, new_offset;
};

struct waft_number {
  uint16_t chance[69];
  uint8_t count[69];
};

struct waft_sha256 {
  uint32_t state[8];
  uint64_t length;
  uint8_t block[64];
};

struct waft_header {
  uint8_t version, source_digest_size, algorithm, profile, architecture, prior, old_phase, new_phase, preserve_slots, staging_sectors;
  uint16_t header_size;
  uint32_t source_size, target_size, payload_size, sector_size, ram_needed, payload_crc;
  /* SHA-256 of the source (in version 2 its first 8 bytes) and of the target. */
  uint8_t source_sha256[32], target_sha256[32];
  /* Where in the patch the checksums of the target's blocks stand (0: it has none) and end, and how long a block is. */
  uint32_t blocks_at, blocks_end, block_size;
};

struct waft_run {
  uint16_t start, length;
  int8_t step;
  uint8_t keep;
};

/* All memory of the decoder beyond one sector. Its contents are private; what is small stands first, where it takes least code to reach. */
struct waft_delta {
  const struct waft_io *io;
  uint8_t *sector; /* one sector (4096 bytes when streaming), given by the caller */
  int error, failed_io;
  /* coder */
  uint32_t low, high, code, position;
  uint32_t patch_bytes_at;
  /* target */
  uint8_t history, unit_misses, unit_is_raw, differs, c1, c2, c3, last_miss, last_delta, is_small, has_second;
  uint32_t rank, run, since;
  int32_t shift, first, second;
  /* window */
  int32_t origin, old_start, length, window_shift;
  uint32_t direct_count, hashed_count, lower, inputs;
  uint32_t region_count, map_size, value_count, run_count;
  const struct waft_region *home;
  /* journal */
  uint32_t sequence, half, slot;
  struct waft_header header;
  uint8_t patch_bytes[32];
  waft_slot chosen[9];
  uint16_t claims[9];
  int16_t logits[9];
  uint16_t used[9];
  uint8_t source[96];
  uint8_t predicted[32], raw[32], kind[32], place[32];
  int32_t unit[32], target[32];
  uint8_t kind_history[32], kind_delta[32], trust[32];
  struct waft_number switch_shift;
  /* relation */
  struct waft_region regions[WAFT_REGIONS];
  int32_t kept[WAFT_PRESERVE];
  struct waft_run runs[WAFT_RUNS];
  uint8_t written[(WAFT_SECTORS + 7) / 8];
  int32_t map_new[WAFT_MAP], map_shift[WAFT_MAP];
  waft_piece map_by_old[WAFT_MAP];
  uint32_t value_start[WAFT_VALUES];
  int32_t value_shift[WAFT_VALUES];
  /* model */
  int16_t weights[WAFT_WEIGHTS];
  /* The slots rest while digests are made and the relation is read, and packed payloads have chances of their own. */
  union {
    struct {
      uint16_t slots[WAFT_DIRECT + WAFT_HASHED];
      uint8_t checks[WAFT_HASHED];
    } model;
    uint16_t packed[WAFT_PACKED_CHANCES(WAFT_PROFILE)];
    struct waft_number numbers[2];
    struct waft_sha256 hash;
  } memory;
};

/* Reads and checks the header; fills `delta->header`. */
int waft_delta_open(struct waft_delta *delta, const struct waft_io *io, uint8_t *sector);

/* Applies a streamed patch: reads the old image at random, writes the new one in order. `sector` has 4096 bytes. */
int waft_delta_stream(struct waft_delta *delta, const struct waft_io *io, uint8_t *sector);

/*
 * Overwrites the image in flash, or goes on where power failed: to be called again after every restart until it returns
 * WAFT_OK. Nothing is written before patch, source and layout have been checked. `sector` has one sector.
 */
int waft_delta_in_place(struct waft_delta *delta, const struct waft_io *io, uint8_t *sector);

#endif
