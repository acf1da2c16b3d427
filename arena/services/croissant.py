"""Croissant metadata of a release: what its manifest and its columns say, in the words of MLCommons.

References
----------
.. [Croissant] MLCommons, "Croissant Format Specification", version 1.0, 2024.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from arena.domain.columns import EXCLUDED, FILES, IMAGES, PROMPTS, REMOVALS, VOTES, Column

CROISSANT = "croissant.json"
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
TABLES: Mapping[str, tuple[str, tuple[Column, ...]]] = {
    "votes": ("votes.parquet", VOTES),
    "excluded": ("excluded.csv", EXCLUDED),
    "removals": ("removals.csv", REMOVALS),
    "prompts": ("prompts.csv", PROMPTS),
    "images": ("images.parquet", IMAGES),
}
"""Record sets, each with its file and its columns."""

_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet",
    "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
    "transform",
)  # fmt: skip
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
_TYPES = {"text": "sc:Text", "whole": "sc:Integer", "real": "sc:Float"}
_MEDIA = {
    "csv": "text/csv",
    "parquet": "application/x-parquet",
    "json": "application/json",
    "jsonl": "application/jsonlines",
    "md": "text/markdown",
}


def croissant(manifest: Mapping[str, Any]) -> bytes:
    """``croissant.json`` of a release: made of its manifest and nothing else.

    Parameters
    ----------
    manifest : mapping
        What the manifest says of the release and of every file but this one.
    """
    told = manifest["release"]
    of = manifest["campaign"] or "all campaigns"
    address = f"{told['url']}/data/releases/{told['name']}"
    files = {name: file for name, file in manifest["files"].items() if "/" not in name and name != CROISSANT}
    dataset = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": f"vernissage-{told['name']}",
        "description": (
            f"Blind pairwise preferences between pictures that text-to-image models made of the same prompts "
            f"({of}): {manifest['votes']} votes. README.md is the dataset card; the chain of seals ends in "
            f"{manifest['head']}."
        ),
        "url": address,
        "creator": {"@type": "sc:Organization", "name": told["url"], "url": told["url"]},
        "license": told["licence"],
        "datePublished": manifest["exported_on"],
        "version": f"{told['number']}.0.0",
        "citeAs": f"Vernissage release {told['name']}, {manifest['exported_on']}, {address}",
        "isLiveDataset": False,
        "distribution": [_file(name, file) for name, file in sorted(files.items())],
        "recordSet": [_record_set(name, file, columns) for name, (file, columns) in TABLES.items()],
    }
    return (json.dumps(dataset, indent=1, ensure_ascii=False) + "\n").encode()


def _file(name: str, file: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": FILES.get(name, ""),
        "contentUrl": name,
        "contentSize": f"{file['bytes']} B",
        "encodingFormat": _MEDIA[name.rpartition(".")[2]],
        "sha256": file["sha256"],
    }


def _record_set(name: str, file: str, columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": FILES[file],
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column.name}",
                "name": column.name,
                "description": column.meaning,
                "dataType": _TYPES[column.kind],
                "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
            }
            for column in columns
        ],
    }
