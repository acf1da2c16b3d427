"""How rows are told as JSON, and the schemas that say so: both come from the same dataclass or columns.

A moment is told as its UTC day, and the name of its field ends in ``_on`` instead of ``_at``: finer times
never leave this API.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sqlalchemy import Column as TableColumn

from arena.domain.columns import Column
from arena.domain.seals import day_of

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    datetime: {"type": "string", "format": "date"},
    date: {"type": "string", "format": "date"},
    Any: {},
}
_KINDS: dict[str, Schema] = {
    "text": {"type": "string"},
    "whole": {"type": "integer"},
    "real": {"type": ["number", "null"]},
}


def tell(value: Any) -> Any:
    """A value as JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_told(field.name): tell(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return day_of(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: tell(told) for name, told in value.items()}
    if isinstance(value, list | tuple):
        return [tell(told) for told in value]
    return value


def of_type(hint: Any) -> Schema:
    """Schema of what `tell` makes of a value of this type.

    Raises
    ------
    TypeError
        If there is no rule for it.
    """
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return of_object({_told(field.name): of_type(hints[field.name]) for field in fields(hint)})
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _any_of([of_type(one) for one in inner])
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin in (tuple, list, Sequence):
        return {"type": "array", "items": of_type(inner[0])}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": of_type(inner[1])}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    raise TypeError(f"{hint!r} has no schema; add a rule to arena.web.read.shapes")


def of_columns(columns: Iterable[Column]) -> dict[str, Schema]:
    """Properties of the rows of an export's table."""
    return {column.name: {**_KINDS[column.kind], "description": column.meaning} for column in columns}


def of_table(columns: Iterable[TableColumn[Any]]) -> dict[str, Schema]:
    """Properties of the rows of a table of the database."""
    return {column.name: _of_column(column) for column in columns}


def of_object(properties: Mapping[str, Schema]) -> Schema:
    """Schema of an object that has these properties, all of them and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def of_list(row: Schema) -> Schema:
    """Schema of all rows at once."""
    return of_object({"data": {"type": "array", "items": row}})


def of_page(row: Schema) -> Schema:
    """Schema of a page of rows; ``next`` is where the next page is."""
    link = {"type": ["string", "null"], "description": "address of the next page; null on the last one"}
    return of_object({"data": {"type": "array", "items": row}, "next": link})


def _of_column(column: TableColumn[Any]) -> Schema:
    schemas = [of_type(column.type.python_type)]
    return _any_of([*schemas, of_type(types.NoneType)] if column.nullable else schemas)


def _told(name: str) -> str:
    return f"{name.removesuffix('_at')}_on" if name.endswith("_at") else name


def _any_of(schemas: Sequence[Schema]) -> Schema:
    if len(schemas) == 1:
        return schemas[0]
    if all(list(schema) == ["type"] and isinstance(schema["type"], str) for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": list(schemas)}
