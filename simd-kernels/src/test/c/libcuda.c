/*
 * Stands in for libcuda.so.1. Besides what standin.h reads:
 *
 * STANDIN_DRIVER      the driver's version, 13000 without it
 * STANDIN_DEVICES     how many devices there are, 1 without it
 * STANDIN_CAPABILITY  their compute capability times 10, 90 without it
 * STANDIN_MEMORY      bytes of device memory, 1 GiB without it
 *
 * Copies happen at once, so that every order of streams and events is right; handles, ranges and
 * the thread's context are checked.
 */
#include "standin.h"

enum {
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  ALREADY_REGISTERED = 712,
  NOT_REGISTERED = 713
};

#define CONTEXT ((void *) 0x1000)

static long retained;
static size_t allocated;
static __thread int pushed; /* how often, by this thread; there is only one context to push */

__attribute__((constructor)) static void loaded(void) { note("libcuda"); }

#define NEED_CONTEXT() \
  do { \
    FAULT(); \
    if (pushed == 0 || retained == 0) { \
      return INVALID_CONTEXT; \
    } \
  } while (0)

EXPORT int cuGetErrorName(int status, const char **name) {
  switch (status) {
    case INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; return 0;
    case OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return 0;
    case 34: *name = "CUDA_ERROR_STUB_LIBRARY"; return 0;
    case NO_DEVICE: *name = "CUDA_ERROR_NO_DEVICE"; return 0;
    case INVALID_DEVICE: *name = "CUDA_ERROR_INVALID_DEVICE"; return 0;
    case INVALID_CONTEXT: *name = "CUDA_ERROR_INVALID_CONTEXT"; return 0;
    case INVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; return 0;
    case 700: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; return 0;
    case ALREADY_REGISTERED: *name = "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"; return 0;
    case NOT_REGISTERED: *name = "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"; return 0;
    case 999: *name = "CUDA_ERROR_UNKNOWN"; return 0;
    default: *name = NULL; return INVALID_VALUE;
  }
}

EXPORT int cuGetErrorString(int status, const char **text) {
  if (status == 999) {
    *text = "unknown error";
    return 0;
  }
  *text = NULL;
  return INVALID_VALUE;
}

EXPORT int cuInit(unsigned flags) {
  FAULT();
  return flags == 0 ? 0 : INVALID_VALUE;
}

EXPORT int cuDriverGetVersion(int *version) {
  FAULT();
  *version = (int) number("STANDIN_DRIVER", 13000);
  return 0;
}

EXPORT int cuDeviceGetCount(int *count) {
  FAULT();
  *count = (int) number("STANDIN_DEVICES", 1);
  return 0;
}

EXPORT int cuDeviceGet(int *device, int ordinal) {
  FAULT();
  if (ordinal < 0 || ordinal >= number("STANDIN_DEVICES", 1)) {
    return INVALID_DEVICE;
  }
  *device = ordinal;
  return 0;
}

EXPORT int cuDeviceGetName(char *name, int length, int device) {
  FAULT();
  (void) device;
  snprintf(name, (size_t) length, "Stand-in");
  return 0;
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device) {
  FAULT();
  (void) device;
  switch (attribute) {
    case 75: *value = (int) number("STANDIN_CAPABILITY", 90) / 10; return 0;
    case 76: *value = (int) number("STANDIN_CAPABILITY", 90) % 10; return 0;
    case 99: *value = 1; return 0; /* host memory can be registered */
    default: return INVALID_VALUE;
  }
}

EXPORT int cuDevicePrimaryCtxRetain(void **context, int device) {
  FAULT();
  (void) device;
  pthread_mutex_lock(&lock);
  retained++;
  note("+context");
  pthread_mutex_unlock(&lock);
  *context = CONTEXT;
  return 0;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
  FAULT();
  (void) device;
  pthread_mutex_lock(&lock);
  int held = retained > 0;
  if (held) {
    retained--;
    note("-context");
  }
  pthread_mutex_unlock(&lock);
  return held ? 0 : INVALID_CONTEXT;
}

EXPORT int cuCtxPushCurrent_v2(void *context) {
  FAULT();
  if (context != CONTEXT) {
    return INVALID_CONTEXT;
  }
  pushed++;
  return 0;
}

EXPORT int cuCtxPopCurrent_v2(void **context) {
  FAULT();
  if (pushed == 0) {
    return INVALID_CONTEXT;
  }
  pushed--;
  *context = CONTEXT;
  return 0;
}

EXPORT int cuMemGetInfo_v2(size_t *available, size_t *total) {
  NEED_CONTEXT();
  *total = (size_t) number("STANDIN_MEMORY", 1L << 30);
  pthread_mutex_lock(&lock);
  *available = *total - allocated;
  pthread_mutex_unlock(&lock);
  return 0;
}

EXPORT int cuMemAlloc_v2(void **address, size_t bytes) {
  NEED_CONTEXT();
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  pthread_mutex_lock(&lock);
  int fits = bytes <= (size_t) number("STANDIN_MEMORY", 1L << 30) - allocated;
  if (fits) {
    allocated += bytes;
  }
  pthread_mutex_unlock(&lock);
  void *memory;
  if (!fits || posix_memalign(&memory, 256, bytes) != 0) {
    return OUT_OF_MEMORY;
  }
  memset(memory, 0x7f, bytes); /* not zero: the real one's is not either */
  *address = take("memory", memory, bytes);
  return 0;
}

EXPORT int cuMemFree_v2(void *address) {
  NEED_CONTEXT();
  size_t bytes = 0;
  pthread_mutex_lock(&lock);
  for (struct thing *thing = things; thing != NULL; thing = thing->next) {
    if (strcmp(thing->kind, "memory") == 0 && thing->address == address) {
      bytes = thing->bytes;
    }
  }
  allocated -= bytes;
  pthread_mutex_unlock(&lock);
  if (!give_back("memory", address)) {
    return INVALID_VALUE;
  }
  free(address);
  return 0;
}

EXPORT int cuMemHostRegister_v2(void *address, size_t bytes, unsigned flags) {
  NEED_CONTEXT();
  if (address == NULL || bytes == 0 || flags != 0) {
    return INVALID_VALUE;
  }
  if (holds("registration", address, 1)) {
    return ALREADY_REGISTERED;
  }
  take("registration", address, bytes);
  return 0;
}

EXPORT int cuMemHostUnregister(void *address) {
  NEED_CONTEXT();
  return give_back("registration", address) ? 0 : NOT_REGISTERED;
}

static int is_stream(void *stream) { return stream == NULL || holds("stream", stream, 0); }

EXPORT int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t bytes, void *stream) {
  NEED_CONTEXT();
  if (!is_stream(stream)) {
    return INVALID_HANDLE;
  }
  if (!holds("memory", to, bytes)) {
    return INVALID_VALUE;
  }
  memcpy(to, from, bytes);
  return 0;
}

EXPORT int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t bytes, void *stream) {
  NEED_CONTEXT();
  if (!is_stream(stream)) {
    return INVALID_HANDLE;
  }
  if (!holds("memory", from, bytes)) {
    return INVALID_VALUE;
  }
  memcpy(to, from, bytes);
  return 0;
}

EXPORT int cuStreamCreate(void **stream, unsigned flags) {
  NEED_CONTEXT();
  if (flags > 1) {
    return INVALID_VALUE;
  }
  *stream = take("stream", NULL, 0);
  return 0;
}

EXPORT int cuStreamSynchronize(void *stream) {
  NEED_CONTEXT();
  return is_stream(stream) ? 0 : INVALID_HANDLE;
}

EXPORT int cuStreamDestroy_v2(void *stream) {
  NEED_CONTEXT();
  return give_back("stream", stream) ? 0 : INVALID_HANDLE;
}

EXPORT int cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
  NEED_CONTEXT();
  return flags == 0 && is_stream(stream) && holds("event", event, 0) ? 0 : INVALID_HANDLE;
}

EXPORT int cuEventCreate(void **event, unsigned flags) {
  NEED_CONTEXT();
  if ((flags & ~7u) != 0) {
    return INVALID_VALUE;
  }
  *event = take("event", NULL, 0);
  return 0;
}

EXPORT int cuEventRecord(void *event, void *stream) {
  NEED_CONTEXT();
  return is_stream(stream) && holds("event", event, 0) ? 0 : INVALID_HANDLE;
}

EXPORT int cuEventSynchronize(void *event) {
  NEED_CONTEXT();
  return holds("event", event, 0) ? 0 : INVALID_HANDLE;
}

EXPORT int cuEventDestroy_v2(void *event) {
  NEED_CONTEXT();
  return give_back("event", event) ? 0 : INVALID_HANDLE;
}
