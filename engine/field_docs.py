"""What each field of a class is: the string below it in the source, read when somebody asks."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise


@cache
def field_docs(kind: type) -> dict[str, str]:
    """Return the docstring of each field that has one, inherited fields included.

    Reading the sources takes longer than defining all classes of an experiment; only help texts and the schema ask.
    Classes without a source have no docstrings.
    """
    docs: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith(__package__ or ""):
            continue
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):
            continue
        (definition,) = ast.parse(source).body
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for field, text in pairwise(body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str() as words)),
                ):
                    docs[name] = inspect.cleandoc(words)
                case _:
                    pass
    return docs
