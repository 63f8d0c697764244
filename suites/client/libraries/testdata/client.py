"""Performs the call that stands on stdin as JSON, and prints what failed as JSON, null for nothing."""

import datetime
import email.utils
import json
import sys
import urllib.error
import urllib.request


def seconds(headers):
    value = headers.get("Retry-After")
    if not value:
        return 0
    try:
        return max(0, float(value))
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0
    date = headers.get("Date")
    now = email.utils.parsedate_to_datetime(date) if date else datetime.datetime.now(datetime.timezone.utc)
    return max(0, (at - now).total_seconds())


def failure(status, headers, body):
    error = json.loads(body)["error"]
    code, message = error.get("code"), error.get("message") or ""
    first, space, _ = message.partition(" ")
    return {
        "Status": status,
        "Code": code if isinstance(code, str) else error.get("status"),
        "Name": first[1:] if space and first.startswith("@") else "",
        "Message": message,
        "Details": [{"Code": d["code"], "Message": d["message"]} for d in error.get("details") or [] if "code" in d],
        "RetryAfter": seconds(headers),
        "RequestID": headers.get("request-id") or "",
    }


call = json.load(sys.stdin)
body = call["body"].encode() or None
headers = {"Content-Type": "application/json"} if body else {}
request = urllib.request.Request(call["url"], data=body, headers=headers, method=call["method"])
try:
    with urllib.request.urlopen(request) as response:
        response.read()
    failed = None
except urllib.error.HTTPError as error:
    with error:
        failed = failure(error.code, error.headers, error.read())
json.dump(failed, sys.stdout)
