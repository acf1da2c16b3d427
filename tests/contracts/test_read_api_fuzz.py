"""The read API against its own document: requests that nobody would write by hand, drawn from the schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.schemas import OpenApiSchema

from arena.domain.views import View
from arena.errors import Invalid
from arena.storage import ImageStore
from arena.web.read.document import template
from arena.web.read.views import EVERYTHING, PREFIX
from tests.contracts.reading import reader
from tests.databases import new_sqlite

EXAMPLES = 20


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenApiSchema]:
    """The document of an arena with votes, read by a key without a limit."""
    folder = tmp_path_factory.mktemp("read")
    database = new_sqlite(folder / "arena.sqlite")
    with reader(database, ImageStore(folder / "images"), folder) as api:
        key = api.key("schemathesis")
        yield schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", api.app, headers=key)
    database.dispose()


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        (PREFIX + template(operation.path), mode)
        for operation in EVERYTHING
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if mode is GenerationMode.POSITIVE or any(each.where == "query" for each in operation.takes)
    ],
)
def test_every_answer_is_what_the_document_says(
    document: OpenApiSchema, path: str, mode: GenerationMode
) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=document[path]["GET"].as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        assume(mode is GenerationMode.NEGATIVE or agree(case.query))
        case.call_and_validate()

    check()


def agree(query: Mapping[str, Any]) -> bool:
    """Whether the parameters of a view can stand beside each other, which a schema of each cannot say."""
    try:
        View.read({name: str(value) for name, value in query.items()})
    except Invalid:
        return False
    return True
