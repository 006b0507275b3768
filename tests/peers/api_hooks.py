"""What api.sh tells schemathesis beside the description: what it says in words only, and where requests must have come through.

A test that is refused everywhere at the first look finds nothing, so it fails if nothing that matters was ever answered.
"""

import atexit
import base64
import collections
import os

import schemathesis

ROLES = ["user", "assistant", "system"]
SCOPES = ["calls", "chats", "chats:read"]
# Bytes as the vault makes them: 32 of a key, a sealed record of each kind that is stored.
KEY = base64.b64encode(bytes(range(32))).decode()
RECORDS = [
    base64.b64encode(bytes([0x53, 1, 3 if kind == 8 else 1, kind, 0, 0, 0, 1]) + bytes(300)).decode() for kind in (1, 2, 4, 8)
]
SLOT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 64},
        "kind": {"enum": ["passphrase", "recovery", "else"]},
        "label": {"type": "string"},
    },
    "required": ["id", "kind"],
}
# A message is one of two things.
MESSAGE = {"text": {"type": "string", "minLength": 1, "maxLength": 200}, "regenerate": {"const": False}}
MUST_SUCCEED = set(filter(None, os.environ.get("SOTTO_API_MUST_SUCCEED", "").split(",")))

answers = collections.defaultdict(collections.Counter)


@schemathesis.hook
def before_load_schema(_context, raw_schema):
    known = raw_schema["components"]["schemas"]
    for name in ("Earlier", "ExportedItem"):
        known[name]["properties"]["role"] = {"enum": ROLES}
    for schema in known.values():
        if "scopes" in schema.get("properties", {}):
            schema["properties"]["scopes"]["items"] = {"enum": SCOPES}
    known["Message"]["properties"].update(MESSAGE)
    known["Message"]["required"] = ["text"]
    known["Document"]["properties"].update({"format": {"const": "sotto.conversations"}, "version": {"const": 1}})
    known["Identity"]["properties"]["public"] = {"enum": [KEY, "AAAA"]}
    known["Vault"]["properties"]["slots"]["items"] = SLOT
    for name, field in (
        ("Adopted", "record"), ("Adoption", "meta"), ("AdoptedKey", "wrap"), ("Identity", "wrapped"), ("Create", "key"),
        ("Create", "meta"), ("Update", "meta"),
    ):
        known[name]["properties"][field] = {"enum": RECORDS}
    known["Create"]["properties"]["id"] = {"type": "string", "pattern": "^conv_[0-9a-f]{32}$"}


@schemathesis.hook
def after_call(_context, case, response):
    answers[f"{case.method} {case.operation.path}"][response.status_code] += 1


@atexit.register
def told():
    for operation, counts in sorted(answers.items()):
        # What it tries with other methods is refused, and of no interest.
        if set(counts) != {405}:
            print(f"   {operation}: " + ", ".join(f"{count} × {status}" for status, count in sorted(counts.items())))
    for operation in sorted(MUST_SUCCEED):
        if not any(status < 300 for status in answers[operation]):
            print(f"NEVER ANSWERED: {operation}")
