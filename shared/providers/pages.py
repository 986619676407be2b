"""A page of a list in JSON, read one item at a time: each may echo megabytes of images."""

from collections.abc import Iterable, Iterator
from typing import Any

from shared.providers.http import Unreachable

_OPENING, _CLOSING = ("start_map", "start_array"), ("end_map", "end_array")
#: Deeper than anything that a provider lists.
_MAX_DEPTH = 50
_PIECE_BYTES = 1024 * 1024


class NotAPage(Exception):
    """The answer is no JSON object with a list of `results`, or breaks off."""


class Page:
    """Holds one item at a time, whatever the length of the page."""

    def __init__(self, parts: Iterator[bytes], max_item_bytes: int) -> None:
        self._parts = parts
        self._max_item_bytes = max_item_bytes
        self._item_bytes = 0
        #: The URL of the next page; known when all items have been read.
        self.following: str | None = None

    def items(self) -> Iterator[Any]:
        """Each of `results`. Raises NotAPage, Unreachable, and what reading the parts raises."""
        # Imported here: only who looks for a lost submit needs it, and every start of a process would pay for it.
        import ijson

        try:
            yield from self._built(ijson.basic_parse(ijson.from_iter(self._pieces())), ijson.ObjectBuilder)
        except (ijson.JSONError, ValueError) as error:
            # ValueError: text that is not UTF-8, a number of thousands of digits.
            raise NotAPage from error

    def _built(self, events: Iterable[tuple[str, Any]], builder: type[Any]) -> Iterator[Any]:
        depth, key, item, is_page, is_inside = 0, None, None, False, False
        for event, value in events:
            depth -= event in _CLOSING
            if depth == 1 and event == "map_key":
                key, is_inside = value, False
            elif depth == 1 and key == "next" and event == "string":
                self.following = value
            elif depth == 1 and key == "results" and event == "start_array":
                is_page = is_inside = True
            elif depth > 1 and is_inside:
                item = item or builder()
                item.event(event, value)
                if depth == 2 and event not in _OPENING:
                    yield item.value
                    item, self._item_bytes = None, 0
            depth += event in _OPENING
            if depth > _MAX_DEPTH:
                raise NotAPage
        if not is_page:
            raise NotAPage

    def _pieces(self) -> Iterator[bytes]:
        """The parts in larger pieces: the parser reads a string again from its beginning for each piece that it lies in."""
        piece = bytearray()
        for part in self._parts:
            piece += part
            self._item_bytes += len(part)
            if self._item_bytes > self._max_item_bytes:
                raise Unreachable("an item of the answer is too large")
            if len(piece) >= _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)
