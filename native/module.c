/* Reads plain lines of OONI's Web Connectivity straight into Arrow columns.
 *
 * The reader in Python (`wallwatch.sources.ooni`) says what lines mean; this one gives the same rows of those that are
 * plain, and none of the others. C has the loops, Python has the meaning: what a host, an address, a certificate or a
 * failure is, is asked there once for each text. */

#include "web.h"

static void forget_all(Reader *self) {
    Line *line = &self->line;
    empty_texts(line, &self->texts);
#define AS_TEXT(name, text) numbered(line, &self->texts, (const uint8_t *)text, sizeof(text) - 1);
    WORDS(AS_TEXT)
    empty_texts(line, &self->composites);
    empty_memo(&self->composite_found);
    empty_lists(line, &self->lists);
    self->n_places = self->n_leaves = self->n_layouts = self->n_told = 0;
#define EMPTY_MEMO(name) empty_memo(&self->name);
    MEMOS(EMPTY_MEMO)
#define EMPTY_NUMBER_MEMO(name) empty_number_memo(&self->name);
    NUMBER_MEMOS(EMPTY_NUMBER_MEMO)
}

static int work_of(PyObject *works, const char *name, PyObject **to) {
    PyObject *found = PyDict_GetItemString(works, name);
    if (!found) {
        PyErr_Format(PyExc_KeyError, "no function for %s", name);
        return 0;
    }
    Py_XSETREF(*to, Py_NewRef(found));
    return 1;
}

static int init(PyObject *object, PyObject *arguments, PyObject *named) {
    Reader *self = (Reader *)object;
    static char *names[] = {"works", "most", NULL};
    PyObject *works;
    Py_ssize_t most;
    if (!PyArg_ParseTupleAndKeywords(arguments, named, "O!n", names, &PyDict_Type, &works, &most)) return -1;
    if (self->rows.column) {
        PyErr_SetString(PyExc_RuntimeError, "a reader is made once");
        return -1;
    }
#define GET_MEMO(name) \
    if (!work_of(works, #name, &self->name.work)) return -1;
    MEMOS(GET_MEMO)
    NUMBER_MEMOS(GET_MEMO)
#define GET_CALL(name) \
    if (!work_of(works, #name, &self->name)) return -1;
    CALLS(GET_CALL)
    self->most = most;
    start_table(&self->rows, ROW_OF, MANY(ROW_OF), sizeof(Row), &NO_ROW);
    start_table(&self->controls, ROW_OF, MANY(ROW_OF), sizeof(Row), &NO_ROW);
    start_table(&self->who, WHO_OF, MANY(WHO_OF), sizeof(Who), &NO_WHO);
    if (!self->rows.column || !self->controls.column || !self->who.column) {
        PyErr_NoMemory();
        return -1;
    }
    if (setjmp(self->line.out)) return -1;
    forget_all(self);
    return 0;
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
    Reader *self = (Reader *)object;
    Py_VISIT(Py_TYPE(object));
#define VISIT_MEMO(name) Py_VISIT(self->name.work);
    MEMOS(VISIT_MEMO)
    NUMBER_MEMOS(VISIT_MEMO)
#define VISIT_CALL(name) Py_VISIT(self->name);
    CALLS(VISIT_CALL)
    return 0;
}

static int clear(PyObject *object) {
    Reader *self = (Reader *)object;
#define CLEAR_MEMO(name) Py_CLEAR(self->name.work);
    MEMOS(CLEAR_MEMO)
    NUMBER_MEMOS(CLEAR_MEMO)
#define CLEAR_CALL(name) Py_CLEAR(self->name);
    CALLS(CLEAR_CALL)
    return 0;
}

static void dealloc(PyObject *object) {
    Reader *self = (Reader *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    clear(object);
#define FREE_MEMO(name) PyMem_RawFree(self->name.found);
    MEMOS(FREE_MEMO)
    NUMBER_MEMOS(FREE_MEMO)
    PyMem_RawFree(self->composite_found.found);
    free_texts(&self->texts);
    free_texts(&self->composites);
    free_lists(&self->lists);
    PyMem_RawFree(self->places);
    PyMem_RawFree(self->leaves);
    PyMem_RawFree(self->layouts);
    PyMem_RawFree(self->told);
    free_table(&self->rows);
    free_table(&self->controls);
    free_table(&self->who);
    free_arena(&self->line.arena);
    type->tp_free(object);
    Py_DECREF(type);
}

/* One line. What was made of it is dropped where it ends early. */
static PyObject *add(PyObject *object, PyObject *const *arguments, Py_ssize_t n) {
    Reader *self = (Reader *)object;
    Line *line = &self->line;
    if (n != 3 || !PyBytes_CheckExact(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "add(line: bytes, number: int, name: str | None)");
        return NULL;
    }
    PyObject *content = arguments[0];
    long number = PyLong_AsLong(arguments[1]);
    if (number == -1 && PyErr_Occurred()) return NULL;
    if (number < 0 || number >= INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "a batch has no so many measurements");
        return NULL;
    }
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "a reader is for one thread at a time");
        return NULL;
    }
    self->busy = 1;
    int how = setjmp(line->out);
    if (how) {
        come_back(line);
        self->busy = 0;
        Py_CLEAR(line->held);
        forget(&line->arena);
        drop(&self->rows);
        drop(&self->controls);
        drop(&self->who);
        if (how == RAISED) return NULL;
        Py_RETURN_FALSE;
    }
    const uint8_t *begin = (const uint8_t *)PyBytes_AS_STRING(content), *end = begin + PyBytes_GET_SIZE(content);
    Reading *reading = room_for(line, sizeof *reading);
    *reading = (Reading){.json = {line, begin, end, 0}, .line = line, .texts = &self->texts};
    leave(line);
    if (!is_ascii(begin, end) && !is_utf8(begin, end)) odd(line);
    measurement(reading);
    come_back(line);
    Id name = from_python(line, &self->texts, Py_NewRef(arguments[2]));
    web(self, &reading->m, (int32_t)number, content, begin, name);
    forget(&line->arena);
    keep(line, &self->rows);
    keep(line, &self->controls);
    keep(line, &self->who);
    self->busy = 0;
    Py_RETURN_TRUE;
}

static void empty_tables(Reader *self) {
    empty_table(&self->rows);
    empty_table(&self->controls);
    empty_table(&self->who);
}

/* All rows so far, as columns of three tables. What cannot be given is dropped. */
static PyObject *take(PyObject *object, PyObject *Py_UNUSED(none)) {
    Reader *self = (Reader *)object;
    Line *line = &self->line;
    PyObject *who, *rows, *controls;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "a reader is for one thread at a time");
        return NULL;
    }
    if (setjmp(line->out)) {
        Py_CLEAR(line->held);
        empty_tables(self);
        return NULL;
    }
    size_t n_who = self->who.rows + self->who.kept, n_rows = self->rows.rows + self->rows.kept;
    size_t n_controls = self->controls.rows + self->controls.kept;
    turn(line, &self->who);
    turn(line, &self->rows);
    turn(line, &self->controls);
    who = columns(line, &self->who, &self->texts, &self->lists);
    rows = who ? columns(line, &self->rows, &self->texts, &self->lists) : NULL;
    controls = rows ? columns(line, &self->controls, &self->texts, &self->lists) : NULL;
    empty_tables(self);
    if (!controls) {
        Py_XDECREF(who);
        Py_XDECREF(rows);
        return NULL;
    }
    if (self->texts.n > self->most || self->texts.bytes + self->composites.bytes > MOST_BYTES_OF_TEXTS) forget_all(self);
    return Py_BuildValue("(nN)(nN)(nN)", (Py_ssize_t)n_who, who, (Py_ssize_t)n_rows, rows, (Py_ssize_t)n_controls,
                         controls);
}

static PyMethodDef METHODS[] = {
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL,
     "add(line, number, name)\n--\n\nTakes a line, or says false where it is not plain."},
    {"take", take, METH_NOARGS, "take()\n--\n\nThe columns of all lines since the last time: measurements, rows, controls."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot SLOTS[] = {
    {Py_tp_doc, "Reader(works, most)\n--\n\nReads plain lines of Web Connectivity."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, init},
    {Py_tp_dealloc, dealloc},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_methods, METHODS},
    {0, NULL},
};

static PyType_Spec SPEC = {
    .name = "wallwatch.sources.ooni._native.Reader",
    .basicsize = sizeof(Reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = SLOTS,
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "wallwatch.sources.ooni._native",
    .m_doc = "Plain lines of Web Connectivity as Arrow columns.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&MODULE);
    if (!module) return NULL;
    /* Hashing is seeded with an address, which differs from process to process; no result depends on it. */
    SEED = (uint64_t)(uintptr_t)module * UINT64_C(0x9e3779b97f4a7c15);
    PyObject *reader = PyType_FromSpec(&SPEC);
    if (!reader || PyModule_AddObject(module, "Reader", reader)) {
        Py_XDECREF(reader);
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
