"""Pictures on their way into an export."""

from __future__ import annotations

from collections import OrderedDict

from arena.storage import ImageStore


class Pictures:
    """Reads pictures from the store, and holds the last few: a picture is often in several votes running."""

    def __init__(self, store: ImageStore, hold: int = 32 * 2**20) -> None:
        self._store = store
        self._room = hold
        self._held: OrderedDict[str, bytes] = OrderedDict()

    def __call__(self, digest: str) -> bytes:
        """PNG bytes of a digest.

        Raises
        ------
        UnknownPicture, CorruptImage
            If the file went away, or was changed, after the votes were chosen.
        """
        data = self._held.pop(digest, None)
        if data is None:
            data = self._store.get(digest)
            self._room -= len(data)
        self._held[digest] = data
        while self._room < 0 and len(self._held) > 1:
            self._room += len(self._held.popitem(last=False)[1])
        return data
