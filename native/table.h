/* Rows that become Arrow columns: gathered as structs, which stay in the cache, then turned column by column. */
#ifndef WALLWATCH_TABLE_H
#define WALLWATCH_TABLE_H

#include "texts.h"

/* TEXT, LABEL and LIST hold the number of a text or of a list, NONE where there is none. */
enum { TEXT, LABEL, LIST, INT32, INT64, DOUBLE, BOOL };

#define NO_INT32 INT32_MIN
#define NO_BOOL (-1)

typedef int32_t c_TEXT, c_LABEL, c_LIST, c_INT32;
typedef int64_t c_INT64;
typedef double c_DOUBLE;
typedef int8_t c_BOOL;

static const size_t WIDTHS[] = {4, 4, 4, 4, 8, 8, 1};
static const char *const TYPE_NAMES[] = {"string", "label", "list<string>", "int32", "int64", "double", "bool"};

typedef struct {
    const char *name;
    int type;
    size_t place; /* in the struct of a row */
} ColumnOf;

typedef struct {
    uint8_t *values;
    size_t room; /* in values */
    size_t given; /* how many are not null */
} Column;

typedef struct {
    const ColumnOf *of;
    int columns;
    size_t width; /* of a row */
    const void *nothing; /* a row of nulls */
    Column *column;
    size_t rows; /* in the columns */
    uint8_t *stage; /* rows that are not in the columns yet */
    size_t staged, stage_room, kept; /* `kept`: rows of lines that are complete */
} Table;

/* As many rows are turned at once. */
enum { STAGE = 64, MOST_ROWS = 4096 };


static void start_table(Table *t, const ColumnOf *of, int columns, size_t width, const void *nothing) {
    t->of = of;
    t->columns = columns;
    t->width = width;
    t->nothing = nothing;
    t->column = PyMem_RawCalloc((size_t)columns, sizeof *t->column);
}

static void free_table(Table *t) {
    if (t->column)
        for (int i = 0; i < t->columns; i++) PyMem_RawFree(t->column[i].values);
    PyMem_RawFree(t->column);
    PyMem_RawFree(t->stage);
}

#define TURN(type, given_)                                                        \
    {                                                                             \
        type *to = (type *)c->values + t->rows;                                   \
        for (size_t i = 0; i < n; i++, from += t->width) {                        \
            type value;                                                           \
            memcpy(&value, from, sizeof value);                                   \
            to[i] = value;                                                        \
            given += given_;                                                      \
        }                                                                         \
        break;                                                                    \
    }

/* Brings the rows of complete lines into the columns. */
static void turn(Line *line, Table *t) {
    size_t n = t->kept;
    if (!n) return;
    for (int k = 0; k < t->columns; k++) {
        Column *c = t->column + k;
        const uint8_t *from = t->stage + t->of[k].place;
        c->values = grown(line, c->values, &c->room, t->rows + n, WIDTHS[t->of[k].type]);
        size_t given = 0;
        switch (t->of[k].type) {
        case INT32: TURN(int32_t, value != NO_INT32)
        case INT64: TURN(int64_t, value != NO_INT64)
        case DOUBLE: TURN(double, value == value)
        case BOOL: TURN(int8_t, value != NO_BOOL)
        default: TURN(int32_t, value != NONE)
        }
        c->given += given;
    }
    t->rows += n;
    t->staged -= n;
    if (t->staged) memmove(t->stage, t->stage + n * t->width, t->staged * t->width);
    t->kept = 0;
}

/* One more row, of nulls. Rows that were given out before may move. */
static void *new_row(Line *line, Table *t) {
    if (UNLIKELY(t->staged - t->kept >= MOST_ROWS)) odd(line);
    t->stage = grown(line, t->stage, &t->stage_room, t->staged + 1, t->width);
    void *row = t->stage + t->staged++ * t->width;
    memcpy(row, t->nothing, t->width);
    return row;
}

/* The line is complete: its rows stay. */
static void keep(Line *line, Table *t) {
    t->kept = t->staged;
    if (t->kept >= STAGE) turn(line, t);
}

static void drop(Table *t) { t->staged = t->kept; }

/* Lists of texts by number. */
typedef struct {
    int32_t *texts; /* of all lists, one after the other */
    int64_t *starts; /* one more than there are lists */
    size_t room_texts, room_starts;
    int32_t n;
    size_t used;
} Lists;

static void empty_lists(Line *line, Lists *l) {
    l->starts = grown(line, l->starts, &l->room_starts, 1, sizeof *l->starts);
    l->starts[0] = 0;
    l->n = 0;
    l->used = 0;
}

static void free_lists(Lists *l) {
    PyMem_RawFree(l->texts);
    PyMem_RawFree(l->starts);
}

/* Adds a text to the list that is being made. */
static void to_list(Line *line, Lists *l, int32_t text) {
    l->texts = grown(line, l->texts, &l->room_texts, l->used + 1, sizeof *l->texts);
    l->texts[l->used++] = text;
}

/* Ends the list that is being made; none where it is empty. */
static int32_t list_made(Line *line, Lists *l) {
    if ((int64_t)l->used == l->starts[l->n]) return NONE;
    l->starts = grown(line, l->starts, &l->room_starts, (size_t)l->n + 2, sizeof *l->starts);
    l->starts[l->n + 1] = (int64_t)l->used;
    return l->n++;
}

/* A list of Python's texts; none where it is empty or None. Takes the reference. */
static int32_t list_from_python(Line *line, Lists *l, Texts *t, PyObject *list) {
    if (list == Py_None) {
        Py_DECREF(list);
        return NONE;
    }
    line->held = list;
    l->used = (size_t)l->starts[l->n];
    PyObject *items = PySequence_Fast(list, "a list of texts is wanted");
    if (!items) raised(line);
    Py_DECREF(list);
    line->held = items;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); i++) {
        Py_ssize_t size;
        const char *utf8 = PyUnicode_AsUTF8AndSize(PySequence_Fast_GET_ITEM(items, i), &size);
        if (!utf8) raised(line);
        to_list(line, l, numbered(line, t, (const uint8_t *)utf8, (size_t)size));
    }
    line->held = NULL;
    Py_DECREF(items);
    return list_made(line, l);
}

/* ---- what Python gets ---- */

static PyObject *bits(size_t n) {
    PyObject *found = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)((n + 7) / 8));
    if (found) memset(PyBytes_AS_STRING(found), 0, (n + 7) / 8);
    return found;
}

#define SET_BITS(type, given_)                                    \
    for (size_t i = 0; i < n; i++) {                              \
        type value = ((const type *)c->values)[i];                \
        to[i >> 3] |= (uint8_t)((given_) << (i & 7));             \
    }

/* Which values are given, as a bitmap. */
static PyObject *validity(const Column *c, int type, size_t n) {
    PyObject *found = bits(n);
    if (!found) return NULL;
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(found);
    switch (type) {
    case INT32: SET_BITS(int32_t, value != NO_INT32) break;
    case INT64: SET_BITS(int64_t, value != NO_INT64) break;
    case DOUBLE: SET_BITS(double, value == value) break;
    case BOOL: SET_BITS(int8_t, value != NO_BOOL) break;
    default: SET_BITS(int32_t, value != NONE) break;
    }
    return found;
}

/* Offsets and bytes of texts by number; null where they are too many for offsets of 32 bits. */
static PyObject *strings(const Texts *t, const int32_t *numbers, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        if (numbers[i] != NONE) size += t->sizes[numbers[i]];
    if (size > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "more than two gigabytes of text in one column");
        return NULL;
    }
    PyObject *ends = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)((n + 1) * 4));
    PyObject *data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (!ends || !data) {
        Py_XDECREF(ends);
        Py_XDECREF(data);
        return NULL;
    }
    int32_t *end = (int32_t *)PyBytes_AS_STRING(ends);
    char *begin = PyBytes_AS_STRING(data), *to = begin;
    end[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] != NONE) {
            memcpy(to, t->at[numbers[i]], t->sizes[numbers[i]]);
            to += t->sizes[numbers[i]];
        }
        end[i + 1] = (int32_t)(to - begin);
    }
    return Py_BuildValue("NN", ends, data);
}

/* Codes of labels in the order in which they come first, and these labels as texts. */
static PyObject *labels(const Texts *t, const int32_t *numbers, size_t n) {
    int32_t *code = PyMem_RawCalloc((size_t)t->n + 1, sizeof *code);
    int32_t *first = PyMem_RawMalloc(((size_t)t->n + 1) * sizeof *first);
    PyObject *codes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * 4)), *texts = NULL;
    if (code && first && codes) {
        int32_t *to = (int32_t *)PyBytes_AS_STRING(codes), many = 0;
        for (size_t i = 0; i < n; i++) {
            int32_t number = numbers[i];
            if (number == NONE) {
                to[i] = 0;
                continue;
            }
            if (!code[number]) {
                first[many] = number;
                code[number] = ++many;
            }
            to[i] = code[number] - 1;
        }
        PyObject *made = strings(t, first, (size_t)many);
        if (made) texts = Py_BuildValue("NiN", codes, many, made), codes = NULL;
    } else if (codes) {
        PyErr_NoMemory();
    }
    PyMem_RawFree(code);
    PyMem_RawFree(first);
    Py_XDECREF(codes);
    return texts;
}

/* Offsets of lists, and their texts. */
static PyObject *lists(const Lists *l, const Texts *t, const int32_t *numbers, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        if (numbers[i] != NONE) size += (size_t)(l->starts[numbers[i] + 1] - l->starts[numbers[i]]);
    int32_t *all = PyMem_RawMalloc((size + 1) * sizeof *all);
    PyObject *ends = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)((n + 1) * 4));
    if (!all || !ends || size > INT32_MAX) {
        PyMem_RawFree(all);
        Py_XDECREF(ends);
        if (!PyErr_Occurred()) PyErr_NoMemory();
        return NULL;
    }
    int32_t *end = (int32_t *)PyBytes_AS_STRING(ends);
    size_t used = 0;
    end[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] != NONE) {
            size_t many = (size_t)(l->starts[numbers[i] + 1] - l->starts[numbers[i]]);
            memcpy(all + used, l->texts + l->starts[numbers[i]], many * sizeof *all);
            used += many;
        }
        end[i + 1] = (int32_t)used;
    }
    PyObject *texts = strings(t, all, used);
    PyMem_RawFree(all);
    if (!texts) {
        Py_DECREF(ends);
        return NULL;
    }
    return Py_BuildValue("NnN", ends, (Py_ssize_t)used, texts);
}

static PyObject *data_of(const Column *c, int type, size_t n, const Texts *t, const Lists *l) {
    switch (type) {
    case TEXT: return strings(t, (const int32_t *)c->values, n);
    case LABEL: return labels(t, (const int32_t *)c->values, n);
    case LIST: return lists(l, t, (const int32_t *)c->values, n);
    case BOOL: {
        PyObject *found = bits(n);
        if (!found) return NULL;
        uint8_t *to = (uint8_t *)PyBytes_AS_STRING(found);
        SET_BITS(int8_t, value == 1)
        return found;
    }
    case INT32: case INT64: case DOUBLE: {
        PyObject *found = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * WIDTHS[type]));
        if (!found) return NULL;
        char *to = PyBytes_AS_STRING(found);
        memcpy(to, c->values, n * WIDTHS[type]);
        /* What stands where a value is null is not seen, and is nothing all the same. */
        if (c->given < n) {
            if (type == INT32) for (size_t i = 0; i < n; i++) { if (((int32_t *)to)[i] == NO_INT32) ((int32_t *)to)[i] = 0; }
            if (type == INT64) for (size_t i = 0; i < n; i++) { if (((int64_t *)to)[i] == NO_INT64) ((int64_t *)to)[i] = 0; }
            if (type == DOUBLE) for (size_t i = 0; i < n; i++) { if (((double *)to)[i] != ((double *)to)[i]) ((double *)to)[i] = 0; }
        }
        return found;
    }
    default: Py_UNREACHABLE();
    }
}

/* The columns by name: (type, how many are null, which are given, the data); data is None where all are null. */
static PyObject *columns(Line *line, Table *t, const Texts *texts, const Lists *l) {
    turn(line, t);
    PyObject *found = PyDict_New();
    if (!found) return NULL;
    for (int k = 0; k < t->columns; k++) {
        Column *c = t->column + k;
        int type = t->of[k].type;
        PyObject *given = NULL, *data = NULL, *one = NULL;
        if (!c->given) {
            given = Py_NewRef(Py_None);
            data = Py_NewRef(Py_None);
        } else {
            given = c->given == t->rows ? Py_NewRef(Py_None) : validity(c, type, t->rows);
            data = given ? data_of(c, type, t->rows, texts, l) : NULL;
        }
        if (given && data)
            one = Py_BuildValue("snNN", TYPE_NAMES[type], (Py_ssize_t)(t->rows - c->given), given, data), given = data = NULL;
        if (!one || PyDict_SetItemString(found, t->of[k].name, one)) {
            Py_XDECREF(given);
            Py_XDECREF(data);
            Py_XDECREF(one);
            Py_DECREF(found);
            return NULL;
        }
        Py_DECREF(one);
    }
    return found;
}

static void empty_table(Table *t) {
    for (int k = 0; k < t->columns; k++) t->column[k].given = 0;
    t->rows = t->staged = t->kept = 0;
}

#endif
