/*
 * What the stand-ins for NVIDIA's libraries share: they have the real ones' functions and names, but
 * their device's memory is the host's. Environment variables, read when they are needed:
 *
 * STANDIN_FAIL  calls that fail, as FUNCTION:N:STATUS (the N-th call) or FUNCTION:N+:STATUS (that
 *               one and all later ones), several separated by commas
 * STANDIN_LOG   a file that gets a line for each library that is loaded, and for each thing that is
 *               taken (+memory, +stream, ...) and given back (-memory, ...)
 *
 * To leave a function out, compile with -DFUNCTION=anotherName.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(const char *line) {
  const char *path = getenv("STANDIN_LOG");
  if (path == NULL) {
    return;
  }
  FILE *file = fopen(path, "a");
  if (file != NULL) {
    fprintf(file, "%s\n", line);
    fclose(file);
  }
}

static long number(const char *variable, long otherwise) {
  const char *text = getenv(variable);
  return text == NULL ? otherwise : atol(text);
}

/* How often a function was called. */
struct count {
  const char *name;
  long calls;
  struct count *next;
};

static struct count *counts;

static long called(const char *name) {
  pthread_mutex_lock(&lock);
  struct count *count = counts;
  while (count != NULL && strcmp(count->name, name) != 0) {
    count = count->next;
  }
  if (count == NULL) {
    count = calloc(1, sizeof *count);
    count->name = name;
    count->next = counts;
    counts = count;
  }
  long calls = ++count->calls;
  pthread_mutex_unlock(&lock);
  return calls;
}

/* The status that this call of a function is to fail with; 0 for none. */
static int fault(const char *name) {
  const char *spec = getenv("STANDIN_FAIL");
  if (spec == NULL) {
    return 0;
  }
  long call = called(name);
  size_t length = strlen(name);
  while (spec != NULL) {
    if (strncmp(spec, name, length) == 0 && spec[length] == ':') {
      char *end;
      long n = strtol(spec + length + 1, &end, 10);
      int later = *end == '+';
      if (call == n || (later && call > n)) {
        return atoi(end + later + 1);
      }
    }
    spec = strchr(spec, ',');
    spec = spec == NULL ? NULL : spec + 1;
  }
  return 0;
}

#define FAULT() \
  do { \
    int status = fault(__func__); \
    if (status != 0) { \
      return status; \
    } \
  } while (0)

/* What was taken and not given back yet. */
struct thing {
  const char *kind;
  char *address;
  size_t bytes;
  struct thing *next;
};

static struct thing *things;

static void *take(const char *kind, void *address, size_t bytes) {
  struct thing *thing = calloc(1, sizeof *thing);
  thing->kind = kind;
  thing->address = address == NULL ? (char *) thing : address;
  thing->bytes = bytes;
  pthread_mutex_lock(&lock);
  thing->next = things;
  things = thing;
  char line[64];
  snprintf(line, sizeof line, "+%s", kind);
  note(line);
  pthread_mutex_unlock(&lock);
  return thing->address;
}

/* Whether bytes from an address lie in one thing of that kind. */
static int holds(const char *kind, const void *address, size_t bytes) {
  const char *from = address;
  pthread_mutex_lock(&lock);
  struct thing *thing = things;
  while (thing != NULL
      && (strcmp(thing->kind, kind) != 0 || from < thing->address
          || from + bytes > thing->address + thing->bytes)) {
    thing = thing->next;
  }
  pthread_mutex_unlock(&lock);
  return thing != NULL;
}

/* Whether there was such a thing. */
static int give_back(const char *kind, const void *address) {
  int found = 0;
  pthread_mutex_lock(&lock);
  for (struct thing **at = &things; *at != NULL; at = &(*at)->next) {
    struct thing *thing = *at;
    if (strcmp(thing->kind, kind) == 0 && thing->address == address) {
      *at = thing->next;
      free(thing);
      char line[64];
      snprintf(line, sizeof line, "-%s", kind);
      note(line);
      found = 1;
      break;
    }
  }
  pthread_mutex_unlock(&lock);
  return found;
}

#endif
