#!/usr/bin/env python3
"""An endpoint for a webhook connector of Shorepass: people and their groups in people.json.
Start it with SHOREPASS_SECRET=whsec_… ./people.py 8099"""
import base64, hashlib, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["SHOREPASS_SECRET"].removeprefix("whsec_"), validate=True)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "people.json")) as f:
    PEOPLE = {person["username"]: person for person in json.load(f)}


def signed(headers, body):
    """Standard Webhooks: nobody else may try passwords here, nor send a question again later."""
    sent_at = headers.get("webhook-timestamp", "")
    mac = hmac.new(KEY, f'{headers.get("webhook-id")}.{sent_at}.'.encode() + body, hashlib.sha256).digest()
    right = "v1," + base64.b64encode(mac).decode()
    fresh = sent_at.isdecimal() and abs(time.time() - int(sent_at)) <= 300
    return fresh and any(hmac.compare_digest(one.encode(), right.encode()) for one in headers.get("webhook-signature", "").split())


def answer(q):
    if q["version"] != 1 or q["action"] not in ("locate", "verify", "resolve", "probe"):
        return {"result": "unsupported"}
    if q["action"] == "probe":
        return {"result": "ready", "actions": ["locate", "verify", "resolve"]}
    if q["action"] == "resolve":
        person = next((p for p in PEOPLE.values() if p["id"] == q["id"] and not p["disabled"]), None)
        return identity(person) if person else {"result": "gone"}
    if not (person := PEOPLE.get(q["username"])):
        return {"result": "not-mine"}
    if q["action"] == "locate":
        return {"result": "account", "id": person["id"], "username": person["username"]}
    salt, want = bytes.fromhex(person["salt"]), bytes.fromhex(person["scrypt"])
    if not hmac.compare_digest(hashlib.scrypt(q["password"].encode(), salt=salt, n=2**12, r=8, p=1), want):
        return {"result": "rejected", "reason": "wrong-password"}
    return {"result": "rejected", "reason": "disabled"} if person["disabled"] else identity(person)


def identity(person):
    return {"result": "identity"} | {key: person[key] for key in ("id", "username", "groups")}


class Endpoint(BaseHTTPRequestHandler):
    protocol_version, timeout, disable_nagle_algorithm = "HTTP/1.1", 10, True

    def do_POST(self):
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > 65536:
            return self.send_error(400)
        body = self.rfile.read(int(length))
        ok = signed(self.headers, body)
        reply = json.dumps(answer(json.loads(body))).encode() if ok else b""
        self.send_response(200 if ok else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Endpoint).serve_forever()
