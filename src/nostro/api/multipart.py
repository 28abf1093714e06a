"""multipart/form-data, for file uploads: read by the standard library's MIME parser."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import urlencode

from nostro.kernel.form import FormError, decode

MOST_PARTS = 50


def decode_multipart(content_type: bytes, body: bytes) -> dict[str, Any]:
    """The plain fields as a decoded form; a file as `{"name": ..., "content_type": ..., "content": bytes}`.

    Raises `FormError` for a body that is not multipart.
    """
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)
    if not message.is_multipart():
        raise FormError("The multipart body is malformed.")
    parts = list(message.iter_parts())
    if len(parts) > MOST_PARTS:
        raise FormError(f"A multipart body can have up to {MOST_PARTS} parts.")
    fields: list[tuple[str, str]] = []
    files: dict[str, Any] = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise FormError("A part of the multipart body has no name.")
        content: Any = part.get_payload(decode=True) or b""
        if part.get_filename() is not None:
            files[name] = {
                "name": part.get_filename(),
                "content_type": part.get_content_type(),
                "content": content,
            }
        else:
            try:
                fields.append((name, content.decode()))
            except UnicodeDecodeError:
                raise FormError("The multipart body is not valid UTF-8.", name) from None
    form = decode(urlencode(fields).encode())
    return {**form, **files}
