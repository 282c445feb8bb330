/* Texts by number, each kept once, and what Python made of them: the meaning of a text is worked out there, once. */
#ifndef WALLWATCH_TEXTS_H
#define WALLWATCH_TEXTS_H

#include "json.h"

enum { NONE = -1, EMPTY = 0, UNKNOWN = -2 };

#define NO_INT64 INT64_MIN
#define UNKNOWN_INT64 (INT64_MIN + 1)

/* Bytes by number. Number 0 is the empty one. */
typedef struct {
    int32_t *slots; /* number + 1; 0 where free */
    size_t mask;
    const uint8_t **at;
    uint32_t *sizes;
    uint32_t *hashes;
    size_t room_at, room_sizes, room_hashes;
    int32_t n;
    size_t bytes;
    Arena arena;
} Texts;

/* A mixer after wyhash's: two multiplications of 64 bits for every sixteen bytes. The seed is drawn at start, so that
   nobody can make texts that collide. */
static uint64_t SEED;

static inline uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t eight(const uint8_t *p) {
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

static uint32_t hash_of(const uint8_t *p, size_t size) {
    uint64_t h = SEED ^ size * UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t k = UINT64_C(0xa0761d6478bd642f);
    while (size > 16) {
        h = mix(eight(p) ^ k, eight(p + 8) ^ h);
        p += 16;
        size -= 16;
    }
    uint8_t rest[16] = {0};
    memcpy(rest, p, size);
    h = mix(eight(rest) ^ k, eight(rest + 8) ^ h);
    return (uint32_t)mix(h, k ^ SEED);
}

static void more_slots(Line *line, Texts *t) {
    size_t size = t->mask ? (t->mask + 1) * 2 : 4096;
    int32_t *slots = PyMem_RawCalloc(size, sizeof *slots);
    if (!slots) no_memory(line);
    for (int32_t i = 0; i < t->n; i++) {
        size_t place = t->hashes[i] & (size - 1);
        while (slots[place]) place = (place + 1) & (size - 1);
        slots[place] = i + 1;
    }
    PyMem_RawFree(t->slots);
    t->slots = slots;
    t->mask = size - 1;
}

/* The number of these bytes. */
static int32_t numbered(Line *line, Texts *t, const uint8_t *from, size_t size) {
    if (size > INT32_MAX) odd(line);
    if (UNLIKELY((size_t)t->n * 2 >= t->mask)) more_slots(line, t);
    uint32_t hash = hash_of(from, size);
    size_t place = hash & t->mask;
    for (int32_t slot; (slot = t->slots[place]); place = (place + 1) & t->mask) {
        int32_t i = slot - 1;
        if (t->hashes[i] == hash && t->sizes[i] == size && !memcmp(t->at[i], from, size)) return i;
    }
    size_t need = (size_t)t->n + 1;
    t->at = grown(line, t->at, &t->room_at, need, sizeof *t->at);
    t->sizes = grown(line, t->sizes, &t->room_sizes, need, sizeof *t->sizes);
    t->hashes = grown(line, t->hashes, &t->room_hashes, need, sizeof *t->hashes);
    uint8_t *copy = room_in(line, &t->arena, size ? size : 1);
    memcpy(copy, from, size);
    t->at[t->n] = copy;
    t->sizes[t->n] = (uint32_t)size;
    t->hashes[t->n] = hash;
    t->bytes += size;
    t->slots[place] = t->n + 1;
    return t->n++;
}

static void empty_texts(Line *line, Texts *t) {
    while (t->arena.n > 1) PyMem_RawFree(t->arena.blocks[--t->arena.n]);
    t->arena.at = 0;
    t->arena.used = 0;
    t->n = 0;
    t->bytes = 0;
    if (t->slots) memset(t->slots, 0, (t->mask + 1) * sizeof *t->slots);
    numbered(line, t, (const uint8_t *)"", 0);
}

static void free_texts(Texts *t) {
    PyMem_RawFree(t->slots);
    PyMem_RawFree(t->at);
    PyMem_RawFree(t->sizes);
    PyMem_RawFree(t->hashes);
    free_arena(&t->arena);
    memset(t, 0, sizeof *t);
}

/* The number of a text between quotes. */
static int32_t text_number(Line *line, Texts *t, const Span *span) {
    if (LIKELY(!span->escaped)) return numbered(line, t, span->from, span->size);
    uint8_t *plain = room_for(line, span->size + 1);
    return numbered(line, t, plain, unescape(span, plain));
}

static PyObject *as_python(Line *line, const Texts *t, int32_t text) {
    if (text == NONE) Py_RETURN_NONE;
    PyObject *found = PyUnicode_DecodeUTF8((const char *)t->at[text], (Py_ssize_t)t->sizes[text], NULL);
    if (!found) raised(line);
    return found;
}

/* The number of a text of Python's; none of None. Takes the reference. */
static int32_t from_python(Line *line, Texts *t, PyObject *value) {
    if (value == Py_None) {
        Py_DECREF(value);
        return NONE;
    }
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(value, &size);
    if (!utf8) {
        Py_DECREF(value);
        raised(line);
    }
    line->held = value;
    int32_t found = numbered(line, t, (const uint8_t *)utf8, (size_t)size);
    line->held = NULL;
    Py_DECREF(value);
    return found;
}

/* What a function of Python's gives of a text: a text, a number, or places in an array of its own. */
typedef struct {
    PyObject *work;
    int32_t *found;
    size_t room;
} Memo;

typedef struct {
    PyObject *work;
    int64_t *found;
    size_t room;
} NumberMemo;

static inline int32_t *memo_slot(Line *line, Memo *memo, const Texts *t, int32_t text) {
    if (UNLIKELY((size_t)text >= memo->room)) {
        size_t before = memo->room;
        memo->found = grown(line, memo->found, &memo->room, (size_t)t->n, sizeof *memo->found);
        for (size_t i = before; i < memo->room; i++) memo->found[i] = UNKNOWN;
    }
    return memo->found + text;
}

/* Calls a function with a text, or with None. */
static PyObject *call(Line *line, PyObject *work, const Texts *t, int32_t text) {
    PyObject *argument = as_python(line, t, text);
    PyObject *found = PyObject_CallOneArg(work, argument);
    Py_DECREF(argument);
    if (!found) raised(line);
    return found;
}

/* The text that is made of a text; none of none. */
static inline int32_t made(Line *line, Memo *memo, Texts *t, int32_t text) {
    if (text == NONE) return NONE;
    int32_t *slot = memo_slot(line, memo, t, text);
    if (UNLIKELY(*slot == UNKNOWN)) {
        int32_t found = from_python(line, t, call(line, memo->work, t, text));
        *memo_slot(line, memo, t, text) = found;
        return found;
    }
    return *slot;
}

/* The whole number of a result, none of None. Takes the reference. */
static int64_t whole_from_python(Line *line, PyObject *value) {
    if (value == Py_None) {
        Py_DECREF(value);
        return NO_INT64;
    }
    int64_t found = PyLong_AsLongLong(value);
    Py_DECREF(value);
    if (found == -1 && PyErr_Occurred()) raised(line);
    return found;
}

static inline int64_t *number_slot(Line *line, NumberMemo *memo, const Texts *t, int32_t text) {
    if (UNLIKELY((size_t)text >= memo->room)) {
        size_t before = memo->room;
        memo->found = grown(line, memo->found, &memo->room, (size_t)t->n, sizeof *memo->found);
        for (size_t i = before; i < memo->room; i++) memo->found[i] = UNKNOWN_INT64;
    }
    return memo->found + text;
}

/* The number that is made of a text; none of none. */
static inline int64_t made_number(Line *line, NumberMemo *memo, const Texts *t, int32_t text) {
    if (text == NONE) return NO_INT64;
    int64_t *slot = number_slot(line, memo, t, text);
    if (UNLIKELY(*slot == UNKNOWN_INT64)) *slot = whole_from_python(line, call(line, memo->work, t, text));
    return *slot;
}

static void empty_memo(Memo *memo) {
    for (size_t i = 0; i < memo->room; i++) memo->found[i] = UNKNOWN;
}

static void empty_number_memo(NumberMemo *memo) {
    for (size_t i = 0; i < memo->room; i++) memo->found[i] = UNKNOWN_INT64;
}

#endif
