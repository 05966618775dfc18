"""What a room's tables are made of, as the handshake (Joined) says it."""

import math
import struct

from bit_reader import FormatError
from escapement.server.FieldKind import FieldKind

INTEGER_RANGES = {
    FieldKind.Int8: (-(2**7), 2**7 - 1),
    FieldKind.Int16: (-(2**15), 2**15 - 1),
    FieldKind.Uint8: (0, 2**8 - 1),
    FieldKind.Uint16: (0, 2**16 - 1),
    FieldKind.Bool: (0, 1),
}

#: Kinds whose quanta are all of 32 bits.
FULL_RANGE = (FieldKind.Int32, FieldKind.Uint32, FieldKind.Float32)


class Field:
    """One field of a table: the range of its quanta, and how arithmetic on them wraps."""

    def __init__(self, spec):
        self.name = spec.Name().decode()
        self.kind = spec.Kind()
        self.secret = spec.Secret()
        self.is_text = self.kind == FieldKind.Text
        self.bytes_max = spec.BytesMax()
        #: Bits after which quanta wrap around.
        self.wrap_bits = 32
        if self.is_text:
            return
        if self.kind in FULL_RANGE:
            self.quantum_min, self.quantum_max = -(2**31), 2**31 - 1
        elif self.kind in INTEGER_RANGES:
            self.quantum_min, self.quantum_max = INTEGER_RANGES[self.kind]
        elif self.kind == FieldKind.Fixed:
            steps = (spec.Max() - spec.Min()) / spec.Step()
            self.quantum_min, self.quantum_max = 0, math.floor(steps + 1e-9)
        elif self.kind == FieldKind.Angle:
            self.quantum_min, self.quantum_max = 0, 2 ** spec.Bits() - 1
            self.wrap_bits = spec.Bits()
        else:
            raise FormatError(f"field {self.name} has unknown kind {self.kind}")
        if self.kind == FieldKind.Bool:
            self.wrap_bits = 1
        #: Bits of a quantum that is sent as it is.
        self.raw_bits = (self.quantum_max - self.quantum_min).bit_length()

    def wrap(self, value):
        """The quantum that ``value`` means: angles and bools wrap at their own width, others at 32 bits."""
        if self.wrap_bits == 32:
            return signed(value, 32)
        return value & ((1 << self.wrap_bits) - 1)

    def motion(self, old, new):
        """How far ``new`` is from ``old``, the short way round."""
        return signed(new - old, self.wrap_bits)

    def from_raw(self, raw):
        """The quantum of ``raw_bits`` bits off the wire."""
        return signed(raw, 32) if self.kind in FULL_RANGE else self.quantum_min + raw

    def check(self, quantum):
        """Returns ``quantum`` if the field can have it."""
        if not self.quantum_min <= quantum <= self.quantum_max:
            raise FormatError(f"{self.name} = {quantum}, not {self.quantum_min} to {self.quantum_max}")
        if self.kind == FieldKind.Float32 and not math.isfinite(struct.unpack("<f", struct.pack("<i", quantum))[0]):
            raise FormatError(f"{self.name} is no finite number")
        return quantum

    def check_text(self, octets):
        """Returns ``octets`` if the field can have them."""
        try:
            octets.decode()
        except UnicodeDecodeError as error:
            raise FormatError(f"{self.name} is not UTF-8: {error}") from error
        return octets


def signed(value, bits):
    """The number from -2^(bits-1) to 2^(bits-1) - 1 that equals ``value`` modulo 2^bits."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


class Facet:
    """The public or the secret fields of a table: what is sent together."""

    def __init__(self, capacity, fields):
        self.capacity = capacity
        self.numbers = [field for field in fields if not field.is_text]
        self.texts = [field for field in fields if field.is_text]


class Table:
    """A table's declaration. ``public`` and ``secret`` are its facets; ``secret`` is None where no field is secret."""

    def __init__(self, spec):
        self.name = spec.Name().decode()
        self.capacity = spec.Capacity()
        self.fields = [Field(spec.Fields(i)) for i in range(spec.FieldsLength())]
        secrets = [field for field in self.fields if field.secret]
        self.public = Facet(self.capacity, [field for field in self.fields if not field.secret])
        self.secret = Facet(self.capacity, secrets) if secrets else None


def tables_of(joined):
    """The declarations in a Joined event, in its order."""
    return [Table(joined.Tables(i)) for i in range(joined.TablesLength())]
