/* What all parts use: memory that is asked for, and how a line is given up. */
#ifndef WALLWATCH_BASE_H
#define WALLWATCH_BASE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Where reading a line ends early. `ODD`: the line is left to the reader in Python, nothing has been kept of it.
   `RAISED`: a Python exception is set. Only plain C data may be held where one of them can happen, but for what
   `held` owns. */
enum { ODD = 1, RAISED = 2 };

/* Memory of one line, given back all at once. */
typedef struct {
    char **blocks;
    size_t *sizes;
    int n, room, at;
    size_t used;
} Arena;

typedef struct {
    jmp_buf out;
    Arena arena;
    PyObject *held; /* an object that is given back where a line ends early */
    PyThreadState *away; /* where other threads may run meanwhile, since nothing of Python is touched */
} Line;

/* Lets other threads run: a line is decoded without Python. */
static void leave(Line *line) { line->away = PyEval_SaveThread(); }

/* Touches Python again. */
static void come_back(Line *line) {
    if (line->away) {
        PyEval_RestoreThread(line->away);
        line->away = NULL;
    }
}

static _Noreturn void odd(Line *line) { longjmp(line->out, ODD); }

static _Noreturn void raised(Line *line) { longjmp(line->out, RAISED); }

static _Noreturn void no_memory(Line *line) {
    come_back(line);
    PyErr_NoMemory();
    raised(line);
}

/* Grows an array to hold at least `need` things; `*room` is how many it holds. */
static void *grown(Line *line, void *array, size_t *room, size_t need, size_t size) {
    if (LIKELY(need <= *room)) return array;
    size_t more = *room ? *room + *room / 2 : 64;
    if (more < need) more = need;
    if (more > SIZE_MAX / 2 / size) no_memory(line);
    void *found = PyMem_RawRealloc(array, more * size);
    if (!found) no_memory(line);
    *room = more;
    return found;
}

enum { BLOCK = 1 << 16 };

/* Room for `size` bytes that lasts as long as the arena's other things. */
static void *room_in(Line *line, Arena *a, size_t size) {
    size = (size + 15) & ~(size_t)15;
    while (a->at < a->n && a->used + size > a->sizes[a->at]) {
        a->at++;
        a->used = 0;
    }
    if (a->at == a->n) {
        if (a->n == a->room) {
            int room = a->room ? a->room * 2 : 8;
            char **blocks = PyMem_RawRealloc(a->blocks, (size_t)room * sizeof *blocks);
            if (!blocks) no_memory(line);
            a->blocks = blocks;
            size_t *sizes = PyMem_RawRealloc(a->sizes, (size_t)room * sizeof *sizes);
            if (!sizes) no_memory(line);
            a->sizes = sizes;
            a->room = room;
        }
        size_t block = size > BLOCK ? size : BLOCK;
        char *found = PyMem_RawMalloc(block);
        if (!found) no_memory(line);
        a->blocks[a->n] = found;
        a->sizes[a->n++] = block;
        a->used = 0;
    }
    void *found = a->blocks[a->at] + a->used;
    a->used += size;
    return found;
}

/* Room for `size` bytes that lasts until the line ends. */
static void *room_for(Line *line, size_t size) { return room_in(line, &line->arena, size); }

static void forget(Arena *a) {
    /* A line that needed much does not make all later ones hold it. */
    while (a->n && (a->n > 4 || a->sizes[a->n - 1] > BLOCK)) PyMem_RawFree(a->blocks[--a->n]);
    a->at = 0;
    a->used = 0;
}

static void free_arena(Arena *a) {
    while (a->n) PyMem_RawFree(a->blocks[--a->n]);
    PyMem_RawFree(a->blocks);
    PyMem_RawFree(a->sizes);
    a->blocks = NULL;
    a->sizes = NULL;
    a->room = 0;
}

#endif
