"""Tests reach no other machine: pictures are asked for at an address of this one, where nothing listens."""
import schemathesis

NOWHERE = "http://127.0.0.1:9/picture.jpg"


def local(value):
    if isinstance(value, list):
        return [local(one) for one in value]
    if isinstance(value, dict):
        return {
            name: NOWHERE
            if name == "picture_url" and isinstance(one, str) and one.lower().startswith("http")
            else [NOWHERE if isinstance(url, str) and url.lower().startswith("http") else url for url in one]
            if name == "picture_urls" and isinstance(one, list)
            else local(one)
            for name, one in value.items()
        }
    return value


@schemathesis.hook
def map_body(ctx, body):
    return local(body)
