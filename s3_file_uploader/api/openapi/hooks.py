"""Hooks for `POSTPROCESSING_HOOKS` of drf-spectacular."""

from typing import Any

HEADS = {
    "file_get": ("file_head", "Read the headers of a file."),
    "share_follow": ("share_head", "Check a share link without a download."),
}
# The server ignores `Range` with HEAD: https://www.rfc-editor.org/rfc/rfc9110#section-14.2
OF_RANGES = {"206", "416", "Range", "If-Range"}


def describe_head(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe HEAD, which drf-spectacular leaves out, as GET without a body."""
    for methods in result["paths"].values():
        operation = methods.get("get", {})
        if operation.get("operationId") in HEADS:
            operation_id, summary = HEADS[operation["operationId"]]
            methods["head"] = {
                **operation,
                "operationId": operation_id,
                "summary": summary,
                "parameters": [each for each in operation["parameters"] if each["name"] not in OF_RANGES],
                "responses": {
                    status: {name: value for name, value in answer.items() if name != "content"}
                    for status, answer in operation["responses"].items()
                    if status not in OF_RANGES
                },
            }
    return result
