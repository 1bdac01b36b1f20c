#!/usr/bin/env python3
"""Finds access tokens of Shorepass in files, or in standard input.

    find_tokens.py [--all] FILE|FOLDER...
    git log --patch --all | find_tokens.py

Prints where each is and its public id, by which Shorepass knows it; never the token. Of a
folder, every file in it and below is read, but not what links in it lead to.
What is in base64 is found too, as docker's config.json and Kubernetes keep passwords, also
where it goes on over several lines, with JSON's escapes, and in UTF-16.
What has the form and a wrong checksum is not a token, and is left out; with --all it
is printed, too. Exit code: 0 there is none, 1 there are some, 2 a file cannot be
read: the others are all the same.
"""

import base64
import os
import re
import sys
import zlib

DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = re.compile(rb"srp_[0-9A-Za-z]{50}(?![0-9A-Za-z])")

# Base64, of either alphabet: as long as a token is in it, or in lines of 40 and more.
BASE64 = re.compile(rb"(?:[0-9A-Za-z+/_-]{40,}\s+)+[0-9A-Za-z+/_-]+|[0-9A-Za-z+/_-]{72,}")
GOES_ON = re.compile(rb"[0-9A-Za-z+/_-]{40}\s*$")
MOST = 1000  # lines of base64 that are looked at together

ESCAPE = re.compile(rb"\\(?:u00([0-7][0-9A-Fa-f])|([nrt/]))")


def checksum(body):
    """The CRC-32 of the body, in six digits of base 62, the most significant first."""
    number, text = zlib.crc32(body), b""
    for _ in range(6):
        number, digit = divmod(number, 62)
        text = DIGITS[digit:digit + 1] + text
    return text


def unescape(match):
    """The character that an escape of JSON stands for."""
    if match[1]:
        return bytes([int(match[1], 16)])
    return b"/" if match[2] == b"/" else b"\n"


def texts(text, depth=3):
    """Gives the text, and what is written in it in another way."""
    yield text
    if not depth:
        return
    if b"\0" in text:  # UTF-16 of ASCII has a zero beside each character
        yield from texts(text.replace(b"\0", b""), depth - 1)
    if ESCAPE.search(text):
        yield from texts(ESCAPE.sub(unescape, text), depth - 1)
    for run in BASE64.findall(text):
        run = re.sub(rb"\s", b"", run).translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):  # what stands before it may look like a part of it
            part = run[start:len(run) - ((len(run) - start) % 4 == 1)]
            yield from texts(base64.b64decode(part + b"=" * (-len(part) % 4)), depth - 1)


def tokens(text):
    """The texts of the form of a token in what was read."""
    return {match for form in texts(text) for match in FORM.findall(form)}


def passages(lines):
    """Gives the lines with their numbers: together those over which base64 may go on, and
    how many of these were given before."""
    passage, before = [], 0
    for numbered in enumerate(lines, 1):
        passage.append(numbered)
        if not GOES_ON.search(numbered[1]):
            yield passage, before
            passage, before = [], 0
        elif len(passage) == MOST:
            yield passage, before
            passage, before = passage[-4:], 4
    yield passage, before


def places(passage, before):
    """The tokens of a passage, each with the number of the line that it is in or begins."""
    found = set()
    for at, (number, line) in enumerate(passage):
        for match in sorted(tokens(line)):
            found.add(match)
            if at >= before:
                yield number, match
    if len(passage) > 1:
        whole = b"".join(line for _, line in passage)
        patch = re.sub(rb"(?m)^[+-]", b"", whole)
        for match in sorted((tokens(whole) | tokens(patch)) - found):
            yield passage[0][0], match


def find(name, lines, everything):
    """Prints what there is in the lines; returns how many tokens there are."""
    count = 0
    for number, match in (place for passage in passages(lines) for place in places(*passage)):
        token = checksum(match[:48]) == match[48:]
        count += token
        if token or everything:
            what = "a token" if token else "no token: its checksum is wrong"
            print(f"{name}:{number}: {match[4:16].decode()}: {what}")
    return count


def below(name, complain):
    """The file, or the files in the folder and below, in the order of their names."""
    if not os.path.isdir(name):
        yield name
        return
    for folder, folders, files in os.walk(name, onerror=complain):
        folders.sort()
        for path in (os.path.join(folder, file) for file in sorted(files)):
            if os.path.isfile(path) and not os.path.islink(path):  # a pipe would never end
                yield path


def main(arguments):
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.rstrip())
        return 0
    everything = "--all" in arguments
    names = [a for a in arguments if a != "--all"]
    unknown = [a for a in names if a.startswith("-")]
    if unknown or not names and sys.stdin.isatty():
        problem = f"unknown option {unknown[0]}" if unknown else "name files or folders, or pipe text in"
        print(f"find_tokens.py: {problem}; --help says more", file=sys.stderr)
        return 2
    if not names:
        return min(1, find("standard input", sys.stdin.buffer, everything))
    count, failures = 0, []
    for path in (path for name in names for path in below(name, failures.append)):
        try:
            with open(path, "rb") as lines:
                count += find(path, lines, everything)
        except OSError as error:
            failures.append(error)
    for error in failures:
        print(f"find_tokens.py: {error}", file=sys.stderr)
    return 2 if failures else min(1, count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
