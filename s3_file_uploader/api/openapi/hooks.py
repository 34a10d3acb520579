"""Hooks for `POSTPROCESSING_HOOKS` of drf-spectacular."""

from typing import Any

HEADS = {
    "file_get": ("file_head", "Read the headers of a file."),
    "share_follow": ("share_head", "Check a share link without a download."),
}


def describe_head(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe HEAD, which drf-spectacular leaves out, as GET without a body."""
    for methods in result["paths"].values():
        operation = methods.get("get", {})
        if operation.get("operationId") in HEADS:
            operation_id, summary = HEADS[operation["operationId"]]
            responses = {
                status: {name: value for name, value in answer.items() if name != "content"}
                for status, answer in operation["responses"].items()
            }
            methods["head"] = {**operation, "operationId": operation_id, "summary": summary, "responses": responses}
    return result
