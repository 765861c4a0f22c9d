/*
 * Load for FTP servers: one thread, epoll, as little work per byte as can be, so that the server is what is measured.
 *
 *   ftp-load poll  HOST PORT ACCOUNTS FILE SIZE CLIENTS SECONDS   whole sessions: connect, login, TYPE, PASV, RETR, QUIT
 *   ftp-load hold  HOST PORT ACCOUNTS SESSIONS SECONDS            log in, stay idle
 *   ftp-load slow  HOST PORT ACCOUNTS FILE SESSIONS SECONDS       RETR, read 8 kB a second each
 *
 * ACCOUNTS is a file of lines "user password"; session n uses line n modulo their number. SIZE is what the file must have.
 * Prints one line of JSON. A session fails when a reply is not the expected one, a connection breaks, the size is wrong
 * or nothing is heard for 30 seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum step { GREETING, USER, PASS, TYPE, PASV, RETR, QUIT, IDLE };

struct session {
  int control, data, account;
  enum step step;
  int data_ended, replied;
  long long received;
  double heard_at, started_at;
  int used;
  char line[1024];
};

static struct sockaddr_in server;
static char (*users)[64], (*passwords)[64];
static int accounts, epoll_fd, slow, hold;
static const char *file;
static long long expected, bytes_total, completed, failed, busy, next_account;
static double stop_at, latency_total, latency_worst;
static char sink[1 << 18];
static const char *last_failure = "";
static char failure_text[160];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void watch(int fd, struct session *s, int is_data) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
  event.data.u64 = (uint64_t)(uintptr_t)s | (uint64_t)is_data;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) { perror("epoll_ctl"); exit(1); }
}

static int dial(struct sockaddr_in *address, int small_window) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, window = 8192;
  if (fd < 0) { perror("socket"); exit(1); }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (small_window) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
  if (connect(fd, (struct sockaddr *)address, sizeof *address) < 0 && errno != EINPROGRESS) { close(fd); return -1; }
  return fd;
}

static void begin(struct session *s);

static void close_both(struct session *s) {
  if (s->control >= 0) close(s->control);
  if (s->data >= 0) close(s->data);
  s->control = s->data = -1;
  s->used = 0;
}

static void fail(struct session *s, const char *why) {
  failed++;
  snprintf(failure_text, sizeof failure_text, "step %d: %.100s", s->step, why);
  for (char *p = failure_text; *p; p++) if (*p < ' ' || *p == '"' || *p == '\\') *p = ' ';
  last_failure = failure_text;
  close_both(s);
  busy--;
  if (!slow && !hold && now() < stop_at) begin(s);
}

static void begin(struct session *s) {
  s->account = (int)(next_account++ % accounts);
  s->step = GREETING;
  s->data_ended = s->replied = 0;
  s->received = 0;
  s->data = -1;
  s->line[0] = 0;
  s->used = 1;
  s->heard_at = s->started_at = now();
  busy++;
  s->control = dial(&server, 0);
  if (s->control < 0) { fail(s, "connect"); return; }
  watch(s->control, s, 0);
}

static void say(struct session *s, const char *verb, const char *argument) {
  char text[256];
  int length = snprintf(text, sizeof text, *argument ? "%s %s\r\n" : "%s%s\r\n", verb, argument);
  if (write(s->control, text, length) != length) fail(s, "write");
}

static void maybe_done(struct session *s) {
  if (!s->data_ended || !s->replied) return;
  if (s->received != expected) { fail(s, "wrong size"); return; }
  s->step = QUIT;
  say(s, "QUIT", "");
}

static void open_data(struct session *s, const char *words) {
  unsigned h1, h2, h3, h4, p1, p2;
  const char *bracket = strchr(words, '(');
  if (!bracket || sscanf(bracket, "(%u,%u,%u,%u,%u,%u)", &h1, &h2, &h3, &h4, &p1, &p2) != 6) { fail(s, words); return; }
  struct sockaddr_in address = server;
  address.sin_port = htons(p1 * 256 + p2);
  s->data = dial(&address, slow);
  if (s->data < 0) { fail(s, "data connect"); return; }
  if (!slow) watch(s->data, s, 1);
  s->step = RETR;
  say(s, "RETR", file);
}

static void reply(struct session *s, char *line) {
  int code = atoi(line);
  if (line[3] == '-') return;
  switch (s->step) {
  case GREETING:
    if (code != 220) { fail(s, line); return; }
    s->step = USER; say(s, "USER", users[s->account]); return;
  case USER:
    if (code != 331) { fail(s, line); return; }
    s->step = PASS; say(s, "PASS", passwords[s->account]); return;
  case PASS:
    if (code != 230) { fail(s, line); return; }
    if (hold) { s->step = IDLE; completed++; return; }
    s->step = TYPE; say(s, "TYPE", "I"); return;
  case TYPE:
    if (code != 200) { fail(s, line); return; }
    s->step = PASV; say(s, "PASV", ""); return;
  case PASV:
    if (code != 227) { fail(s, line); return; }
    open_data(s, line); return;
  case RETR:
    if (code == 150 || code == 125) { if (slow) completed++; return; }
    if (code != 226) { fail(s, line); return; }
    s->replied = 1; maybe_done(s); return;
  case QUIT: {
    if (code != 221) { fail(s, line); return; }
    double took = now() - s->started_at;
    completed++;
    latency_total += took;
    if (took > latency_worst) latency_worst = took;
    close_both(s);
    busy--;
    if (now() < stop_at) begin(s);
    return;
  }
  default: fail(s, line);
  }
}

static void on_control(struct session *s) {
  size_t have = strlen(s->line);
  ssize_t got = read(s->control, s->line + have, sizeof s->line - have - 1);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) { fail(s, got < 0 ? strerror(errno) : "control closed"); return; }
  s->heard_at = now();
  s->line[have + got] = 0;
  char *end;
  while (s->used && (end = strchr(s->line, '\n'))) {
    char one[1024];
    size_t length = end - s->line;
    memcpy(one, s->line, length);
    one[length] = 0;
    memmove(s->line, end + 1, strlen(end + 1) + 1);
    long long mark = next_account;
    reply(s, one);
    if (mark != next_account) return; /* it has begun anew */
  }
}

static void on_data(struct session *s) {
  for (int turns = 0; turns < 4; turns++) {
    ssize_t got = read(s->data, sink, sizeof sink);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) { fail(s, strerror(errno)); return; }
    s->heard_at = now();
    if (got == 0) {
      close(s->data);
      s->data = -1;
      s->data_ended = 1;
      maybe_done(s);
      return;
    }
    s->received += got;
    bytes_total += got;
  }
}

static void read_slowly(struct session *s) {
  char buffer[8192];
  ssize_t got = read(s->data, buffer, sizeof buffer);
  if (got > 0) { bytes_total += got; s->received += got; s->heard_at = now(); }
  else if (got == 0 || errno != EAGAIN) fail(s, got == 0 ? "data closed" : strerror(errno));
}

static void load_accounts(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) { perror(path); exit(1); }
  int room = 1024;
  users = malloc(room * sizeof *users);
  passwords = malloc(room * sizeof *passwords);
  while (1) {
    if (accounts == room) {
      room *= 2;
      users = realloc(users, room * sizeof *users);
      passwords = realloc(passwords, room * sizeof *passwords);
    }
    if (fscanf(f, "%63s %63s", users[accounts], passwords[accounts]) != 2) break;
    accounts++;
  }
  fclose(f);
  if (accounts == 0) { fprintf(stderr, "no accounts\n"); exit(1); }
}

static void turn(struct session *sessions, int count, int timeout_ms) {
  struct epoll_event events[512];
  int n = epoll_wait(epoll_fd, events, 512, timeout_ms);
  for (int i = 0; i < n; i++) {
    struct session *s = (struct session *)(uintptr_t)(events[i].data.u64 & ~1ULL);
    int is_data = events[i].data.u64 & 1;
    if (!s->used || (is_data ? s->data : s->control) < 0) continue;
    if (is_data) on_data(s); else on_control(s);
  }
  static double checked_at;
  double t = now();
  if (t - checked_at < 1) return;
  checked_at = t;
  for (int i = 0; i < count; i++)
    if (sessions[i].used && sessions[i].step != IDLE && t - sessions[i].heard_at > 30) fail(&sessions[i], "silence");
}

int main(int argc, char **argv) {
  if (argc < 7) { fprintf(stderr, "see the head of ftp-load.c\n"); return 2; }
  struct rlimit files = {0};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  server.sin_family = AF_INET;
  inet_pton(AF_INET, argv[2], &server.sin_addr);
  server.sin_port = htons(atoi(argv[3]));
  load_accounts(argv[4]);
  epoll_fd = epoll_create1(0);
  slow = !strcmp(argv[1], "slow");
  hold = !strcmp(argv[1], "hold");
  int count, at = 5;
  if (!hold) file = argv[at++];
  if (!slow && !hold) expected = atoll(argv[at++]);
  count = atoi(argv[at++]);
  double seconds = atof(argv[at]);
  struct session *sessions = calloc(count, sizeof *sessions);
  for (int i = 0; i < count; i++) sessions[i].control = sessions[i].data = -1;
  double started_at = now();
  stop_at = started_at + seconds;
  if (!slow && !hold) {
    for (int i = 0; i < count; i++) begin(&sessions[i]);
    while (now() < stop_at) turn(sessions, count, 50);
    double took = now() - started_at;
    printf("{\"completed\":%lld,\"failed\":%lld,\"bytes\":%lld,\"seconds\":%.3f,\"meanMs\":%.2f,\"worstMs\":%.2f,\"failure\":\"%s\"}\n",
           completed, failed, bytes_total, took, completed ? latency_total / completed * 1e3 : 0, latency_worst * 1e3, last_failure);
    return 0;
  }
  /* At most 100 sessions are being set up at once. */
  int begun = 0;
  while (begun < count || completed + failed < count) {
    while (begun < count && begun - completed - failed < 100) begin(&sessions[begun++]);
    turn(sessions, count, 5);
    if (now() > started_at + 120) break;
  }
  printf("{\"ready\":%lld,\"failed\":%lld}\n", completed, failed);
  fflush(stdout);
  bytes_total = 0;
  double held_from = now();
  stop_at = held_from + seconds;
  for (int slot = 0; now() < stop_at; slot++) {
    if (slow)
      for (int i = slot % 10; i < count; i += 10)
        if (sessions[i].used && sessions[i].data >= 0) read_slowly(&sessions[i]);
    double next = held_from + (slot + 1) * 0.1;
    while (now() < next) turn(sessions, count, 10);
  }
  printf("{\"held\":%lld,\"failed\":%lld,\"bytes\":%lld,\"seconds\":%.3f,\"failure\":\"%s\"}\n", completed, failed, bytes_total,
         now() - held_from, last_failure);
  return 0;
}
