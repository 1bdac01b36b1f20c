#!/usr/bin/env python3
"""Finds access tokens of Shorepass in files, or in standard input.

    find_tokens.py FILE...
    git log --patch --all | find_tokens.py

Prints where each is and its public id, by which Shorepass knows it; never the token.
What is in base64 is found too, as docker's config.json and Kubernetes keep passwords.
What has the form and a wrong checksum is not a token, and is left out; with --all it
is printed, too. Exit code: 0 there is none, 1 there are some, 2 a file cannot be read.
"""

import base64
import re
import sys
import zlib

DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = re.compile(rb"srp_[0-9A-Za-z]{50}(?![0-9A-Za-z])")
BASE64 = re.compile(rb"[0-9A-Za-z+/]{72,}")  # as long as a token is in it


def checksum(body):
    """The CRC-32 of the body, in six digits of base 62, the most significant first."""
    number, text = zlib.crc32(body), b""
    for _ in range(6):
        number, digit = divmod(number, 62)
        text = DIGITS[digit:digit + 1] + text
    return text


def texts(line, depth=3):
    """Gives the line, and what is in base64 in it."""
    yield line
    for run in BASE64.findall(line) if depth else ():
        try:
            yield from texts(base64.b64decode(run + b"=" * (-len(run) % 4)), depth - 1)
        except ValueError:
            pass  # it was no base64


def find(name, lines, everything):
    """Prints what there is in the lines; returns how many tokens there are."""
    count = 0
    for number, line in enumerate(lines, 1):
        for match in sorted({m for text in texts(line) for m in FORM.findall(text)}):
            token = checksum(match[:48]) == match[48:]
            count += token
            if token or everything:
                what = "a token" if token else "no token: its checksum is wrong"
                print(f"{name}:{number}: {match[4:16].decode()}: {what}")
    return count


def main(arguments):
    everything = "--all" in arguments
    files = [a for a in arguments if a != "--all"]
    if not files:
        return min(1, find("standard input", sys.stdin.buffer, everything))
    count = 0
    try:
        for name in files:
            with open(name, "rb") as lines:
                count += find(name, lines, everything)
    except OSError as error:
        print(f"find_tokens.py: {error}", file=sys.stderr)
        return 2
    return min(1, count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
