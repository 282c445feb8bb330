"""The part of Wallwatch that is compiled; all else about the package is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

native = Path("native")
setup(
    ext_modules=[
        Extension(
            "wallwatch.sources.ooni._native",
            sorted(map(str, native.glob("*.c"))),
            depends=sorted(map(str, native.glob("*.h"))),
            extra_compile_args=["-O3"],
            optional=True,  # without a compiler the same tables are read by Python alone, more slowly
        )
    ]
)
