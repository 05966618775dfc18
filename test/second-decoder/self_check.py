#!/usr/bin/env python3
"""Checks the decoder's parts on their own, and the worked example of schemas/README.md with them.

    python3 self_check.py
"""

import re
import unittest
from pathlib import Path

import flatbuffers

import decode
from bit_reader import BitReader, FormatError, unzigzag
from escapement.server import FieldSpec, Joined, ServerEvent, ServerFrame, SnapshotHead, TableSpec
from escapement.server.FieldKind import FieldKind
from escapement.server.SnapshotKind import SnapshotKind
from schema import signed

README = Path(__file__).resolve().parents[2] / "schemas" / "README.md"


def pack(printed):
    """Bytes of bits printed in the order of writing. Blanks are for the eye; zeros fill the last byte."""
    bits = printed.replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


def reader(printed):
    """A reader of printed bits."""
    return BitReader(pack(printed))


class Numbers(unittest.TestCase):
    """The codes."""

    def test_bits_begin_with_the_lowest(self):
        bits = BitReader(bytes([0b10110001, 0b00000001]))
        self.assertEqual([bits.bits(1), bits.bits(3), bits.bits(5), bits.bits(7)], [1, 0, 0b11011, 0])
        self.assertTrue(bits.at_end)
        with self.assertRaises(FormatError):
            bits.bits(1)

    def test_as_in_the_readme(self):
        lines = re.search(r"^v  .*\nbits.*\ngamma.*\nbig.*\n", README.read_text(encoding="utf-8"), re.MULTILINE).group()
        columns = [re.split(r" {2,}", line)[1:] for line in lines.splitlines()]
        for value, fixed, gamma, big in zip(*columns, strict=True):
            codes = [reader(fixed).bits(6), reader(gamma).gamma(), reader(big).big()]
            self.assertEqual(codes, [int(value)] * 3)
        self.assertEqual(len(columns[0]), 9)

    def test_gamma(self):
        codes = ["1", "010", "011", "00100", "00110", "00101", "00111", "0001000"]
        bits = reader("".join(codes))
        self.assertEqual([bits.gamma() for _ in codes], list(range(8)))
        self.assertEqual(reader("0" * 31 + "1" + "1" * 31).gamma(), 2**32 - 2)
        with self.assertRaises(FormatError):
            reader("0" * 32 + "1" * 40).gamma()

    def test_big(self):
        bits = reader("00000 10000 0 10000 1 01000 01 10100 10010 11111" + "1" * 31)
        self.assertEqual([bits.big() for _ in range(6)], [0, 1, 2, 5, 40, 2**32 - 2])

    def test_zigzag(self):
        self.assertEqual([unzigzag(z) for z in range(5)], [0, -1, 1, -2, 2])
        self.assertEqual(unzigzag(2**32 - 1), -(2**31))

    def test_varint(self):
        self.assertEqual(BitReader(bytes([0xAC, 0x02])).varint(), 300)
        self.assertEqual(BitReader(b"\xff\xff\xff\xff\x0f").varint(), 2**32 - 1)
        for malformed in (b"\xff\xff\xff\xff\x10", b"\x80\x80\x80\x80\x80\x00", b"\x80"):
            with self.assertRaises(FormatError):
                BitReader(malformed).varint()

    def test_positions(self):
        self.assertEqual(list(reader("011 01100").positions(100, 1)), [70])
        self.assertEqual(list(reader("1 010 1").positions(5, 3)), [0, 2, 3])
        with self.assertRaises(FormatError):
            list(reader("00100").positions(3, 1))

    def test_columns(self):
        self.assertEqual(reader("010 1 10000 1").column(2, 0), [3, 0])
        self.assertEqual(reader("00 10 11 10000 0").column(3, 2), [0, 1, 4])
        self.assertEqual(reader("1 11111" + "0" * 31).column(1, 1), [2**31])
        with self.assertRaises(FormatError):
            reader("11 11111" + "1" * 31).column(1, 2)

    def test_padding_is_zero(self):
        bits = reader("1000 0000")
        bits.bits(3)
        bits.align()
        self.assertTrue(bits.at_end)
        with self.assertRaises(FormatError):
            bits = reader("1000 1000")
            bits.bits(3)
            bits.align()

    def test_short_way_round(self):
        self.assertEqual([signed(d, 4) for d in (-15, -9, -8, 7, 8, 15)], [1, 7, -8, 7, -8, -1])
        self.assertEqual([signed(d, 1) for d in (-1, 0, 1)], [-1, 0, -1])
        self.assertEqual(signed(2**31, 32), -(2**31))


def field_spec(builder, name, kind, **properties):
    """Writes a FieldSpec and gives its offset."""
    name = builder.CreateString(name)
    FieldSpec.Start(builder)
    FieldSpec.AddName(builder, name)
    FieldSpec.AddKind(builder, kind)
    for key, value in properties.items():
        getattr(FieldSpec, f"Add{key}")(builder, value)
    return FieldSpec.End(builder)


def vector(builder, start, offsets):
    """Writes a vector of tables and gives its offset."""
    start(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def joined_frame(make_fields):
    """A handshake with one table ``units`` of 8 rows, of the fields that ``make_fields(builder)`` writes."""
    builder = flatbuffers.Builder(256)
    fields = vector(builder, TableSpec.StartFieldsVector, make_fields(builder))
    name = builder.CreateString("units")
    TableSpec.Start(builder)
    TableSpec.AddName(builder, name)
    TableSpec.AddCapacity(builder, 8)
    TableSpec.AddFields(builder, fields)
    tables = vector(builder, Joined.StartTablesVector, [TableSpec.End(builder)])
    texts = [builder.CreateString(each) for each in ("example", "r1", "s1")]
    Joined.Start(builder)
    Joined.AddRoom(builder, texts[0])
    Joined.AddRoomId(builder, texts[1])
    Joined.AddSessionId(builder, texts[2])
    Joined.AddTables(builder, tables)
    event = Joined.End(builder)
    ServerFrame.Start(builder)
    ServerFrame.AddEventType(builder, ServerEvent.ServerEvent.Joined)
    ServerFrame.AddEvent(builder, event)
    builder.Finish(ServerFrame.End(builder))
    return bytes(builder.Output())


def snapshot_frame(tick, age, kind, body):
    """A snapshot."""
    builder = flatbuffers.Builder(256)
    octets = builder.CreateByteVector(body)
    ServerFrame.Start(builder)
    ServerFrame.AddBody(builder, octets)
    ServerFrame.AddHead(builder, SnapshotHead.CreateSnapshotHead(builder, tick, 0, age, kind))
    builder.Finish(ServerFrame.End(builder))
    return bytes(builder.Output())


def example_fields(builder):
    """The fields of the example of schemas/README.md."""
    return [
        field_spec(builder, "x", FieldKind.Fixed, Min=0, Max=100, Step=0.5),
        field_spec(builder, "hot", FieldKind.Bool),
        field_spec(builder, "name", FieldKind.Text, BytesMax=16),
    ]


def secret_fields(builder):
    """A public and a secret facet: numbers 0 and 1."""
    return [
        field_spec(builder, "open", FieldKind.Uint8),
        field_spec(builder, "card", FieldKind.Uint8, Secret=True),
        field_spec(builder, "note", FieldKind.Text, BytesMax=4, Secret=True),
        field_spec(builder, "aim", FieldKind.Angle, Bits=4),
    ]


def moving(row, f):
    """A quantum and its motion."""
    return row.quanta[f], row.motions[f]


class Example(unittest.TestCase):
    """The example of schemas/README.md, as it is printed there."""

    def setUp(self):
        section = README.read_text(encoding="utf-8").split("### Example", 1)[1].split("\n## ", 1)[0]
        self.blocks = re.findall(r"```\n(.*?)```", section, re.DOTALL)
        self.hashes = [int(each, 16) for each in re.findall(r"State hash: (0x[0-9a-f]{8})", section)]
        self.tables = [
            [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines()[2:]]
            for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
        ]

    def bodies(self):
        """The bodies as bytes, after seeing that bits and bytes say the same."""
        for block in self.blocks:
            head, *lines = block.splitlines()
            body = bytes.fromhex(head.split("bytes", 1)[1])
            self.assertEqual(pack("".join(re.match(r"[01 ]+(?=  )", line).group() for line in lines)), body)
            yield body

    def test_as_printed(self):
        keyframe, delta = self.bodies()
        client = decode.Client()
        client.receive(joined_frame(example_fields))
        frames = [
            snapshot_frame(10, 0, SnapshotKind.Keyframe, keyframe),
            snapshot_frame(12, 2, SnapshotKind.Delta, delta),
        ]
        for frame, printed, expected in zip(frames, self.tables, self.hashes, strict=True):
            client.receive(frame)
            rows = [
                (slot, row.generation, *moving(row, 0), *moving(row, 1), row.texts[0].decode())
                for slot, row in sorted(client.state.facets[0].rows.items())
            ]
            self.assertEqual([tuple(map(str, row)) for row in rows], printed)
            self.assertEqual(client.state.hash(), expected, f"{client.state.hash():#010x}")
        self.assertEqual(client.ignored, 0)

    def test_every_prefix_is_refused(self):
        keyframe, _ = self.bodies()
        for length in range(1, len(keyframe)):
            client = decode.Client()
            client.receive(joined_frame(example_fields))
            with self.assertRaises(FormatError, msg=f"{length} bytes"):
                client.receive(snapshot_frame(10, 0, SnapshotKind.Keyframe, keyframe[:length]))

    def test_a_delta_that_does_not_fit_is_ignored(self):
        keyframe, delta = self.bodies()
        client = decode.Client()
        client.receive(joined_frame(example_fields))
        client.receive(snapshot_frame(10, 0, SnapshotKind.Keyframe, keyframe))
        client.receive(snapshot_frame(12, 1, SnapshotKind.Delta, delta))
        client.receive(snapshot_frame(12, 2, SnapshotKind.Delta, delta))
        self.assertEqual((client.ignored, client.state.tick), (2, 10))


class Streams(unittest.TestCase):
    """Rows that go from stream to stream, and what isn't held of them. Bodies are written out by hand."""

    def setUp(self):
        self.client = decode.Client()
        self.client.receive(joined_frame(secret_fields))
        self.tick = 0

    def send(self, kind, *elements):
        """Sends a frame of these printed elements."""
        self.tick += 1
        body = b"".join(map(pack, elements))
        self.client.receive(snapshot_frame(self.tick, 0 if kind == SnapshotKind.Keyframe else 1, kind, body))

    def rows(self):
        """All that is held."""
        return list(self.client.state.rows(self.client.state.tables[0]))

    @staticmethod
    def tag(facet, kind, stream):
        """A tag and a stream's number, both below 128, in bits."""
        return "".join(f"{number:08b}"[::-1] for number in (facet * 8 + kind, stream))

    #: layout: neither of the two public numbers is linear, both have width 0.
    LAYOUT = "0 0000 0 0000"
    #: one departs: index 0; none departs
    DEPARTS, STAYS = "010 1", "1"
    #: one arrives: slot 0, generation 1; open 5, aim 3
    ARRIVES = "010 1 1 10100000 1100"
    NOBODY = "1"

    def test_a_row_changes_streams_whichever_is_written_first(self):
        out = self.tag(0, 2, 1) + self.LAYOUT + self.DEPARTS + self.NOBODY
        into = self.tag(0, 2, 2) + self.LAYOUT + self.STAYS + self.ARRIVES
        for elements in ((out, into), (into, out)):
            self.send(SnapshotKind.Keyframe, self.tag(0, 2, 1) + self.LAYOUT + self.STAYS + self.ARRIVES)
            self.send(SnapshotKind.Delta, *elements)
            self.assertEqual(self.rows(), [(0, 1, [5, 0, b"", 3])])
            self.assertEqual(self.client.state.facets[0].rows[0].stream, 2)
            self.send(SnapshotKind.Delta, self.tag(0, 4, 2))
            self.assertEqual(self.rows(), [])

    def test_a_stream_that_is_late_does_not_take_a_row_back(self):
        self.send(SnapshotKind.Keyframe, self.tag(0, 2, 1) + self.LAYOUT + self.STAYS + self.ARRIVES)
        self.send(SnapshotKind.Delta, self.tag(0, 2, 2) + self.LAYOUT + self.STAYS + self.ARRIVES)
        self.send(SnapshotKind.Delta, self.tag(0, 2, 1) + self.LAYOUT + self.DEPARTS + self.NOBODY)
        self.assertEqual(self.rows(), [(0, 1, [5, 0, b"", 3])])

    def test_secret_fields_come_and_go(self):
        self.send(SnapshotKind.Keyframe, self.tag(0, 2, 1) + self.LAYOUT + self.STAYS + self.ARRIVES)
        # Facet 1 has one number and one text: card 7, note "hi".
        row = "010 1 1 11100000 011 00010110 10010110"
        self.send(SnapshotKind.Delta, self.tag(1, 2, 9) + "0 0000" + self.STAYS + row)
        self.assertEqual(self.rows(), [(0, 1, [5, 7, b"hi", 3])])
        self.send(SnapshotKind.Delta, self.tag(1, 4, 9))
        self.assertEqual(self.rows(), [(0, 1, [5, 0, b"", 3])])

    def test_secrets_are_of_an_id_not_of_a_slot(self):
        self.send(SnapshotKind.Keyframe, self.tag(0, 2, 1) + self.LAYOUT + self.STAYS + self.ARRIVES)
        # Facet 1 has heard of the slot's next owner, generation 2, before facet 0 has.
        row = "010 1 010 11100000 1"
        self.send(SnapshotKind.Delta, self.tag(1, 2, 9) + "0 0000" + self.STAYS + row)
        self.assertEqual(self.rows(), [(0, 1, [5, 0, b"", 3])])
        again = "010 1 010 10100000 1100"
        self.send(SnapshotKind.Delta, self.tag(0, 2, 1) + self.LAYOUT + self.STAYS + again)
        self.assertEqual(self.rows(), [(0, 2, [5, 7, b"", 3])])

    def test_an_angle_goes_on_round_the_circle(self):
        self.send(SnapshotKind.Keyframe, self.tag(0, 2, 0) + self.LAYOUT + self.STAYS + self.ARRIVES)
        # aim linear with width 3, everyone in the mask: z = 6, +3; open has no exceptions.
        moves = self.tag(0, 2, 0) + "0 0000 1 1100" + self.STAYS + self.NOBODY + "10 1 011"
        goes_on = self.tag(0, 2, 0) + "0 0000 1 1100" + self.STAYS + self.NOBODY + "00"
        self.send(SnapshotKind.Delta, moves)
        self.assertEqual(self.rows()[0][2], [5, 0, b"", 6])
        for expected in (9, 12, 15, 2, 5):
            self.send(SnapshotKind.Delta, goes_on)
            self.assertEqual(self.rows()[0][2], [5, 0, b"", expected])
        self.send(SnapshotKind.Delta)
        self.assertEqual(self.rows()[0][2], [5, 0, b"", 5])

    def test_one_layout_for_many_streams(self):
        arrives_too = "010 010 1 10100000 1100"
        self.send(
            SnapshotKind.Keyframe,
            f"{0:08b}" + self.LAYOUT,
            self.tag(0, 1, 3) + self.STAYS + self.ARRIVES,
            self.tag(0, 1, 4) + self.STAYS + arrives_too,
        )
        self.assertEqual([slot for slot, _, _ in self.rows()], [0, 1])
        with self.assertRaises(FormatError):
            self.send(SnapshotKind.Delta, self.tag(0, 1, 3) + self.STAYS + self.NOBODY)


def fields_of_all_kinds(builder):
    """One field of each shape that matters for its range."""
    return [
        field_spec(builder, "int8", FieldKind.Int8),
        field_spec(builder, "uint16", FieldKind.Uint16),
        field_spec(builder, "uint32", FieldKind.Uint32),
        field_spec(builder, "float32", FieldKind.Float32),
        field_spec(builder, "tenths", FieldKind.Fixed, Min=0, Max=1, Step=0.1),
        field_spec(builder, "fine", FieldKind.Fixed, Min=0, Max=2**31 - 1, Step=1),
        field_spec(builder, "angle", FieldKind.Angle, Bits=5),
        field_spec(builder, "bool", FieldKind.Bool),
    ]


class Fields(unittest.TestCase):
    """Ranges and widths."""

    def setUp(self):
        client = decode.Client()
        client.receive(joined_frame(fields_of_all_kinds))
        self.fields = {field.name: field for field in client.state.tables[0].fields}

    def test_ranges(self):
        ranges = {name: (field.quantum_min, field.quantum_max, field.raw_bits) for name, field in self.fields.items()}
        self.assertEqual(
            ranges,
            {
                "int8": (-128, 127, 8),
                "uint16": (0, 65535, 16),
                "uint32": (-(2**31), 2**31 - 1, 32),
                "float32": (-(2**31), 2**31 - 1, 32),
                "tenths": (0, 10, 4),
                "fine": (0, 2**31 - 1, 31),
                "angle": (0, 31, 5),
                "bool": (0, 1, 1),
            },
        )

    def test_raw_quanta(self):
        self.assertEqual(self.fields["int8"].from_raw(0), -128)
        self.assertEqual(self.fields["uint32"].from_raw(2**32 - 1), -1)
        self.assertEqual(self.fields["tenths"].from_raw(10), 10)

    def test_quanta_out_of_range_are_refused(self):
        for name, quantum in (("int8", 128), ("tenths", 11), ("fine", -1), ("float32", 0x7F800000)):
            with self.assertRaises(FormatError, msg=name):
                self.fields[name].check(quantum)

    def test_arithmetic_wraps(self):
        self.assertEqual(self.fields["angle"].wrap(33), 1)
        self.assertEqual(self.fields["angle"].motion(30, 1), 3)
        self.assertEqual(self.fields["uint32"].wrap(2**31), -(2**31))
        self.assertEqual(self.fields["uint32"].motion(2**31 - 1, -(2**31)), 1)
        self.assertEqual(self.fields["bool"].wrap(0 + self.fields["bool"].motion(0, 1)), 1)


if __name__ == "__main__":
    unittest.main()
