/* The reader of plain Web Connectivity lines: Python sees it as wallwatch.sources.ooni._native. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static int execute(PyObject *module) {
    return PyModule_AddIntConstant(module, "ABI", 1);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, 0, NULL, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModuleDef_Init(&definition);
}
