"""Reports read back for their tests."""

import json
import re
from html.parser import HTMLParser

from nasbench.report import write_report

HOSTILE = '</script><script>alert("1")</script>&<img src=x onerror=alert(2)>'
"""A name that would do harm wherever it is not escaped."""

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page as a browser's parser reads it: elements with attributes and the text within."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], text
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "attributes": dict(attributes), "text": ""}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        while self.open and self.open.pop()["tag"] != tag:
            pass

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attributes):
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [e for e in self.elements if e["tag"] == tag and wanted.items() <= e["attributes"].items()]

    @property
    def charts(self):
        return json.loads(self.all("script", id="charts")[0]["text"])

    def rows(self, part):
        """Rows of all tables of a part, as texts of their cells."""
        section = re.search(rf'id="{part}".*?</section>', self.text, re.DOTALL)[0]
        table = Page(section)
        rows = []
        for element in table.elements:
            if element["tag"] == "tr":
                rows.append([])
            elif element["tag"] in {"td", "th"} and rows:
                rows[-1].append(" ".join(element["text"].split()))
        return rows


def page_of(tmp_path, *results, **more):
    """Write a report and read it."""
    write_report(results, tmp_path / "report.html", **more)
    return Page((tmp_path / "report.html").read_text())
