"""A page of a report as its tests see it."""

import json
from html.parser import HTMLParser
from typing import Any

from bosquet.cli.report.quantity import TIMES

VOID = {"meta", "link", "br"}
"""Elements without an end tag."""


def plain(text: str) -> str:
    """Return a text with an x for each multiplication sign, which looks like one in source."""
    return text.replace(TIMES, "x")


class Page(HTMLParser):
    """A page as a test sees it: balanced elements, addresses, ids, text for the reader."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.sections: list[str] = []
        self.text = ""
        self.figures: dict[str, Any] = {}
        self._is_data = False
        self.feed(html)
        self.close()
        self.text = plain(self.text)
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [(tag, found[key] or "") for key in ("src", "href") if key in found]
        self.ids += [found["id"] or ""] if "id" in found else []
        self.sections += [found.get("id") or ""] if tag == "section" else []
        self.text += f" {found.get('aria-label', '')} "
        self._is_data = found.get("type") == "application/json"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._is_data:
            self.figures = json.loads(data)
            self._is_data = False
        elif not {"script", "style"} & set(self.open):
            self.text += data

    @property
    def words(self) -> str:
        """Everything a reader can see, charts included, blanks as one."""
        charts = json.dumps(self.figures, ensure_ascii=False)
        return " ".join(f"{self.text} {plain(charts)}".split())
