"""Writes and reads keys where and as KES keeps them: in a folder, in Vault, in AWS Secrets Manager.

Made from the KES keystore reference alone (§2, §5, §6.5, §6.6, §7), with nothing of the code under test, to show what
KES would find. Standard library only. One request as JSON on standard input, its answer as JSON on standard output:

    {"store": STORE, "write": [KEY, ...]}                         -> {}
    {"store": STORE, "read": [NAME, ...], "message": BASE64}      -> {"names": [...], "keys": {NAME: FOUND}}

STORE  {"kind": "fs", "path"}
       {"kind": "vault", "endpoint", "token", "engine", "version": "v1" or "v2", "prefix"?, "transit"?: {"engine", "key"}}
       {"kind": "aws", "endpoint", "region"}
KEY    {"name", "form": "protobuf", "key", "type", "hmac_key", "seconds", "nanos", "created_by"?, "plain"?}
       {"name", "form": "json", "document", "plain"?}
       `plain` keeps the key out of transit, as KES kept keys before transit was configured.
FOUND  {"key", "type", "hmac_key", "seconds", "nanos", "created_by", "hmac" of the message, "stored"}
       `stored` is the value as the store has it. Bytes are in base64. A value that is not exactly what KES writes
       today is an error, and ends the script with exit code 1.
"""

import base64
import hashlib
import hmac
import json
import os
import stat
import sys
import urllib.error
import urllib.request
import uuid

TIMEOUT_SECONDS = 10
MAX_ANSWER = 32 << 20


def varint(number):
    """Base 128, lowest group first; a negative number as its 64-bit two's complement."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def bytes_field(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def number_field(field, number):
    return varint(field << 3) + varint(number) if number != 0 else b""


def fields_of(message):
    """Fields of a protobuf message by their number. An error for one that appears twice, or is of another wire type."""
    found = {}
    at = 0

    def take_varint():
        nonlocal at
        number = shift = 0
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number
            if shift > 63:
                raise ValueError("a number of more than ten bytes")

    while at < len(message):
        tag = take_varint()
        field, wire_type = tag >> 3, tag & 7
        if field in found:
            raise ValueError(f"field {field} appears twice")
        if wire_type == 0:
            found[field] = take_varint()
        elif wire_type == 2:
            length = take_varint()
            if at + length > len(message):
                raise ValueError(f"field {field} is longer than its message")
            found[field] = message[at : at + length]
            at += length
        else:
            raise ValueError(f"field {field} is of wire type {wire_type}")
    return found


def encode(key):
    """The text that KES stores (§2)."""
    if key["form"] == "json":
        return json.dumps(key["document"], separators=(",", ":"))
    material = bytes_field(1, base64.b64decode(key["key"])) + number_field(2, key["type"])
    mac = bytes_field(1, base64.b64decode(key["hmac_key"])) + number_field(2, 1)
    created = number_field(1, key["seconds"]) + number_field(2, key["nanos"])
    message = bytes_field(1, material) + bytes_field(2, mac) + bytes_field(3, created)
    if key.get("created_by"):
        message += bytes_field(4, key["created_by"].encode())
    return base64.b64encode(message).decode()


def only(found, allowed, what):
    if set(found) - set(allowed):
        raise ValueError(f"{what} has fields that KES does not write: {sorted(found)}")
    return found


def decode(value, message):
    """What {@link encode} made, and the HMAC of `message` under the HMAC key in it."""
    version = only(fields_of(base64.b64decode(value, validate=True)), [1, 2, 3, 4], "the key version")
    material = only(fields_of(version[1]), [1, 2], "the key")
    mac = only(fields_of(version[2]), [1, 2], "the HMAC key")
    created = only(fields_of(version[3]), [1, 2], "the date")
    if len(material[1]) != 32 or material[2] not in (1, 2):
        raise ValueError("the key is not one of 32 bytes and a known type")
    if len(mac[1]) != 32 or mac[2] != 1:
        raise ValueError("the HMAC key is not one of 32 bytes for SHA-256")
    return {
        "key": base64.b64encode(material[1]).decode(),
        "type": material[2],
        "hmac_key": base64.b64encode(mac[1]).decode(),
        "seconds": created[1],
        "nanos": created.get(2, 0),
        "created_by": version.get(4, b"").decode(),
        "hmac": base64.b64encode(hmac.new(mac[1], message, hashlib.sha256).digest()).decode(),
    }


def call(method, url, headers, body):
    """@returns status, JSON of the answer or None"""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            status, text = response.status, response.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read(MAX_ANSWER)
    return status, json.loads(text) if text else None


class Folder:
    """§5: a file for each key, named after it, mode 0600, the value without a line's end."""

    def __init__(self, store):
        self.path = store["path"]

    def write(self, name, value, plain):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(os.path.join(self.path, name), flags, 0o600), "w") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())

    def read(self, name):
        path = os.path.join(self.path, name)
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) != 0o600:
            raise ValueError(f"{name} is not a file of mode 0600")
        with open(path, encoding="ascii", newline="") as file:
            value = file.read()
        return value, value

    def names(self):
        """KES lists whatever is there."""
        return os.listdir(self.path)


class Vault:
    """§6.5, §6.6: a document for each key, whose one field is named after the key."""

    def __init__(self, store):
        self.base = store["endpoint"].rstrip("/") + "/v1/"
        self.token = store["token"]
        self.engine = store["engine"]
        self.prefix = store.get("prefix", "")
        self.is_v2 = store["version"] == "v2"
        self.transit = store.get("transit")

    def call(self, method, path, body=None):
        headers = {"X-Vault-Token": self.token, "X-Vault-Request": "true"}
        status, answer = call(method, self.base + path, headers, body)
        if status not in (200, 204):
            raise ValueError(f"{method} {path}: {status} {answer}")
        return answer

    def path(self, area, name=""):
        return "/".join(part for part in (self.engine, area if self.is_v2 else "", self.prefix, name) if part)

    def write(self, name, value, plain):
        if self.transit is not None and not plain:
            path = f"{self.transit['engine']}/encrypt/{self.transit['key']}"
            body = {"plaintext": base64.b64encode(value.encode()).decode()}
            value = self.call("POST", path, body)["data"]["ciphertext"]
        document = {name: value}
        if self.is_v2:
            document = {"options": {"cas": 0}, "data": document}
        self.call("PUT", self.path("data", name), document)

    def read(self, name):
        query = "?version=1" if self.is_v2 else ""
        document = self.call("GET", self.path("data", name) + query)["data"]
        if self.is_v2:
            document = document["data"]
        if set(document) != {name}:
            raise ValueError(f"the document of {name} has the fields {sorted(document)}")
        stored = value = document[name]
        if stored.startswith("vault:v1:"):
            path = f"{self.transit['engine']}/decrypt/{self.transit['key']}"
            plaintext = self.call("POST", path, {"ciphertext": stored})["data"]["plaintext"]
            value = base64.b64decode(plaintext).decode()
        return value, stored

    def names(self):
        return self.call("GET", self.path("metadata") + "?list=true")["data"]["keys"]


class Aws:
    """§7: a secret for each key, of the same name, whose `SecretString` is the value."""

    def __init__(self, store):
        self.endpoint = store["endpoint"]
        # An emulator looks at no signature, but finds the region in it.
        scope = f"20260101/{store['region']}/secretsmanager/aws4_request"
        self.signature = f"AWS4-HMAC-SHA256 Credential=KES/{scope}, SignedHeaders=host, Signature=00"

    def call(self, operation, body):
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"secretsmanager.{operation}",
            "Authorization": self.signature,
        }
        status, answer = call("POST", self.endpoint, headers, body)
        if status != 200:
            raise ValueError(f"{operation}: {status} {answer}")
        return answer

    def write(self, name, value, plain):
        self.call("CreateSecret", {"Name": name, "SecretString": value, "ClientRequestToken": str(uuid.uuid4())})

    def read(self, name):
        value = self.call("GetSecretValue", {"SecretId": name})["SecretString"]
        return value, value

    def names(self):
        names = []
        request = {}
        while True:
            page = self.call("ListSecrets", request)
            names += [secret["Name"] for secret in page["SecretList"]]
            if not page.get("NextToken"):
                return names
            request = {"NextToken": page["NextToken"]}


def main():
    request = json.load(sys.stdin)
    store = {"fs": Folder, "vault": Vault, "aws": Aws}[request["store"]["kind"]](request["store"])
    for key in request.get("write", []):
        store.write(key["name"], encode(key), key.get("plain", False))
    answer = {}
    if "read" in request:
        message = base64.b64decode(request["message"])
        keys = {}
        for name in request["read"]:
            value, stored = store.read(name)
            keys[name] = {**decode(value, message), "stored": stored}
        answer = {"names": sorted(store.names()), "keys": keys}
    json.dump(answer, sys.stdout)


main()
