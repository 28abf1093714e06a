"""Whether a file follows its published schema, as classes generated from the schemas (pyiso20022) have it."""

import importlib
import re
from xml.etree import ElementTree


def follows_schema(data: bytes) -> bytes:
    """Read strictly (nothing unknown, nothing missing, nothing of another type), write it again, and the elements
    stand in the same order with the same texts. Gives what those classes write, which has a prefix on each element."""
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.config import ParserConfig
    from xsdata.formats.dataclass.serializers import XmlSerializer

    found = re.search(rb"tech:xsd:((\w+)\.\d+\.\d+\.\d+)", data)
    assert found
    name = found[1].decode().replace(".", "_")
    module = importlib.import_module(f"pyiso20022.{found[2].decode()}.{name}.{name}")
    config = ParserConfig(
        fail_on_unknown_properties=True, fail_on_unknown_attributes=True, fail_on_converter_warnings=True
    )
    document = XmlParser(config=config).from_bytes(data, module.Document)
    written = XmlSerializer().render(document).encode()
    assert _flat(written) == _flat(data)
    return written


def _flat(data: bytes) -> list[tuple[str, str]]:
    return [(each.tag, _text(each)) for each in ElementTree.fromstring(data).iter()]


def _text(element: ElementTree.Element) -> str:
    """Numbers are written in more than one way."""
    text = (element.text or "").strip()
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", text) else text
