#!/usr/bin/env python3
"""A second client, written from schemas/ alone: decodes a recorded connection and compares the state at every tick.

    python3 decode.py RECORDING

A recording is a sequence of records, little-endian:

    uint8   kind      0: a WebSocket message as it came from the server
                      1: what the state is to be after the messages before
    uint32  length    bytes that follow
    bytes             kind 0: the message (a ServerFrame); kind 1: uint32 tick, uint32 state hash

Prints one line of JSON that counts what was decoded, and exits with 0; or says on stderr what is wrong first (a state
that differs, or bytes that the format doesn't allow) and exits with 1.

Needs Debian's python3-flatbuffers. What is below generated/ is flatc's output for schemas/server.fbs:

    flatc --python -o test/second-decoder/generated schemas/server.fbs
"""

import json
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "generated"))

from bit_reader import FormatError  # noqa: E402
from escapement.server.Joined import Joined  # noqa: E402
from escapement.server.ServerEvent import ServerEvent  # noqa: E402
from escapement.server.ServerFrame import ServerFrame  # noqa: E402
from escapement.server.SnapshotKind import SnapshotKind  # noqa: E402
from schema import tables_of  # noqa: E402
from state import KIND_NAMES, RoomState  # noqa: E402

FRAME, EXPECTED_HASH = 0, 1
RECORD_HEAD = struct.Struct("<BI")
EXPECTATION = struct.Struct("<II")


class Mismatch(Exception):
    """The state is not what the recording says."""


class Client:
    """Takes messages as a client does: the handshake, then keyframes and the deltas that fit on what it holds."""

    def __init__(self):
        self.state = None
        self.awaits_keyframe = True
        self.keyframes = 0
        self.deltas = 0
        #: Deltas that a client would not apply: their baseline is not what it holds.
        self.ignored = 0
        self.body_bytes = 0

    def receive(self, message):
        """Takes one WebSocket message."""
        try:
            frame = ServerFrame.GetRootAs(bytearray(message), 0)
            head = frame.Head()
            body = bytes(map(frame.Body, range(frame.BodyLength())))
            joined = self._joined_tables(frame)
        except (struct.error, IndexError, TypeError, ValueError) as error:
            raise FormatError(f"no ServerFrame: {error}") from error
        if joined is not None:
            if self.state is not None:
                raise FormatError("a second handshake")
            self.state = RoomState(joined)
        elif head is not None:
            if self.state is None:
                raise FormatError("a snapshot before the handshake")
            self._snapshot(head, body)

    @staticmethod
    def _joined_tables(frame):
        if frame.EventType() != ServerEvent.Joined:
            return None
        joined = Joined()
        joined.Init(frame.Event().Bytes, frame.Event().Pos)
        return tables_of(joined)

    def _snapshot(self, head, body):
        tick, kind = head.Tick(), head.Kind()
        if kind == SnapshotKind.Keyframe:
            self.awaits_keyframe = False
            self.keyframes += 1
        elif kind == SnapshotKind.Delta:
            baseline = (tick - head.Age()) & 0xFFFFFFFF
            if self.awaits_keyframe or baseline != self.state.tick:
                self.awaits_keyframe = True
                self.ignored += 1
                return
            self.deltas += 1
        else:
            raise FormatError(f"snapshot of kind {kind}")
        self.body_bytes += len(body)
        self.state.apply(tick, kind == SnapshotKind.Keyframe, body)

    def compare(self, tick, expected):
        """Raises Mismatch unless the state is of ``tick`` and has the hash ``expected``."""
        if self.state is None or self.state.tick is None:
            raise Mismatch(f"tick {tick} is expected, but no keyframe has come")
        if self.state.tick != tick:
            raise Mismatch(f"tick {tick} is expected, but the newest is {self.state.tick}")
        actual = self.state.hash()
        if actual != expected:
            raise Mismatch(f"at tick {tick} the state's hash is {actual:#010x}, expected {expected:#010x}")


def records(recording):
    """Yields (kind, bytes) of each record."""
    at = 0
    while at < len(recording):
        if len(recording) - at < RECORD_HEAD.size:
            raise FormatError(f"the recording ends within a record's head at byte {at}")
        kind, length = RECORD_HEAD.unpack_from(recording, at)
        at += RECORD_HEAD.size
        if len(recording) - at < length:
            raise FormatError(f"the recording ends within a record at byte {at}")
        yield kind, recording[at : at + length]
        at += length


def decode(recording):
    """Decodes a whole recording and returns the summary. Raises FormatError or Mismatch, saying at which frame."""
    client = Client()
    frames = hashes = frame_bytes = 0
    try:
        for kind, payload in records(recording):
            if kind == FRAME:
                frames += 1
                frame_bytes += len(payload)
                client.receive(payload)
            elif kind == EXPECTED_HASH and len(payload) == EXPECTATION.size:
                hashes += 1
                client.compare(*EXPECTATION.unpack(payload))
            else:
                raise FormatError(f"record of kind {kind} with {len(payload)} bytes")
    except (FormatError, Mismatch) as error:
        raise type(error)(f"frame {frames}: {error}") from error
    if client.state is None:
        raise FormatError("the recording has no handshake")
    counts = client.state.counts
    return {
        "frames": frames,
        "bytes": frame_bytes,
        "body_bytes": client.body_bytes,
        "keyframes": client.keyframes,
        "deltas": client.deltas,
        "ignored": client.ignored,
        "hashes": hashes,
        "rows": client.state.row_count(),
        "elements": {name: counts[name] for name in KIND_NAMES},
        "counts": {name: counts[name] for name in ("arrived", "departed", "kept", "keyframe_rows", "motions", "texts")},
    }


def main(arguments):
    """The command."""
    if len(arguments) != 1:
        print("usage: decode.py RECORDING", file=sys.stderr)
        return 2
    try:
        print(json.dumps(decode(Path(arguments[0]).read_bytes())))
    except FormatError as error:
        print(f"malformed: {error}", file=sys.stderr)
        return 1
    except Mismatch as error:
        print(f"mismatch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
