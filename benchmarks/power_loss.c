/* What a disk would hold after a power cut: a log of every write below one folder, and of every sync.
 *
 * Preloaded into a server, it appends to POWER_LOG, for files whose path begins with POWER_FOLDER:
 *   'W' offset length path bytes   a write
 *   'T' length 0 path              a truncation
 *   'S' 0 0 path                   a sync: what was written to that file before is durable
 *   'U' 0 0 path                   the file was removed
 * Each record is written whole by one write(2) under a lock, after the call that it tells of has returned.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {
    char kind;
    int64_t offset;
    int64_t length;
    int32_t path_length;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

static void tell_path(char kind, const char *path, int64_t offset, int64_t length, const void *bytes)
{
    const char *folder = getenv("POWER_FOLDER"), *log = getenv("POWER_LOG");
    if (!folder || !log || strncmp(path, folder, strlen(folder)) || strstr(path, "-shm"))
        return;
    struct record head = {kind, offset, length, (int32_t)strlen(path)};
    struct iovec parts[] = {
        {&head, sizeof head}, {(void *)path, head.path_length}, {(void *)bytes, bytes ? (size_t)length : 0}};
    pthread_mutex_lock(&lock);
    if (log_fd < 0)
        log_fd = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (writev(log_fd, parts, 3) < 0)
        abort();
    pthread_mutex_unlock(&lock);
}

static void tell(char kind, int fd, int64_t offset, int64_t length, const void *bytes)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0)
        return;
    path[size] = 0;
    tell_path(kind, path, offset, length, bytes);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    ssize_t done = real(fd, bytes, count, offset);
    if (done > 0)
        tell('W', fd, offset, done, bytes);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    ssize_t done = real(fd, bytes, count, offset);
    if (done > 0)
        tell('W', fd, offset, done, bytes);
    return done;
}

int ftruncate64(int fd, off64_t length)
{
    REAL(int, "ftruncate64", int, off64_t);
    int done = real(fd, length);
    if (!done)
        tell('T', fd, 0, length, NULL);
    return done;
}

int ftruncate(int fd, off_t length)
{
    REAL(int, "ftruncate", int, off_t);
    int done = real(fd, length);
    if (!done)
        tell('T', fd, 0, length, NULL);
    return done;
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    int done = real(fd);
    if (!done)
        tell('S', fd, 0, 0, NULL);
    return done;
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    int done = real(fd);
    if (!done)
        tell('S', fd, 0, 0, NULL);
    return done;
}

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    int done = real(path);
    if (!done)
        tell_path('U', path, 0, 0, NULL);
    return done;
}
