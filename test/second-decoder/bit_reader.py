"""Numbers out of bits: the codes that schemas/README.md calls bits, gamma, big, gap and varint.

The first bit of a body is the lowest of its first byte, the ninth the lowest of its second.
"""

#: Bits of the 4-bit width codes.
WIDTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24)

UINT32_MAX = 2**32 - 1

#: Bytes that a varint of 32 bits takes at most.
VARINT_BYTES_MAX = 5


class FormatError(Exception):
    """Bytes that the format doesn't allow."""


def to_int32(value):
    """The integer from -2^31 to 2^31 - 1 that equals ``value`` modulo 2^32."""
    return ((value + 2**31) & UINT32_MAX) - 2**31


def unzigzag(z):
    """0, 1, 2, 3, 4 ... stand for 0, -1, 1, -2, 2 ..."""
    return (z >> 1) ^ -(z & 1)


class BitReader:
    """Reads one body from its first bit to its last, and never beyond."""

    def __init__(self, data):
        self._data = bytes(data)
        self._position = 0
        self._end = 8 * len(self._data)

    @property
    def at_end(self):
        """Whether every bit has been read."""
        return self._position == self._end

    @property
    def place(self):
        """Where the reader is, for messages."""
        return f"byte {self._position >> 3}, bit {self._position & 7}"

    def bits(self, count):
        """An unsigned number of ``count`` bits, lowest first."""
        end = self._position + count
        if end > self._end:
            raise FormatError(f"{count} bits wanted, {self._end - self._position} left")
        first = self._position >> 3
        word = int.from_bytes(self._data[first : (end + 7) >> 3], "little")
        value = (word >> (self._position & 7)) & ((1 << count) - 1)
        self._position = end
        return value

    def gamma(self):
        """A number that is small more often than not: 0 takes 1 bit, 1 and 2 take 3, 3 to 6 take 5 ..."""
        zeros = 0
        while self.bits(1) == 0:
            zeros += 1
            if zeros > 31:
                raise FormatError("gamma of more than 32 bits")
        return ((1 << zeros) | self.bits(zeros)) - 1

    def big(self):
        """A number of any size: 5 bits and as many as it has, less one."""
        length = self.bits(5)
        return ((1 << length) | self.bits(length)) - 1

    def positions(self, population, count):
        """Yields ``count`` ascending positions below ``population``. What lies between two of them may be read too."""
        low_bits = max(0, (population // (count + 1)).bit_length() - 1)
        position = -1
        for _ in range(count):
            high = self.gamma()
            position += ((high << low_bits) | self.bits(low_bits)) + 1
            if position >= population:
                raise FormatError(f"position {position} of {population}")
            yield position

    def column(self, count, width):
        """One code z for each of ``count`` rows."""
        if width == 0:
            codes = [0] * count
            exceptions = self.gamma()
            if exceptions > count:
                raise FormatError(f"{exceptions} exceptions among {count} rows")
            for position in self.positions(count, exceptions):
                codes[position] = self.big() + 1
            return codes
        escape = (1 << width) - 1
        codes = []
        for _ in range(count):
            code = self.bits(width)
            if code == escape:
                code += self.big()
                if code > UINT32_MAX:
                    raise FormatError(f"code {code} has more than 32 bits")
            codes.append(code)
        return codes

    def octets(self, count):
        """``count`` bytes, which needn't begin at a byte's border."""
        return self.bits(8 * count).to_bytes(count, "little")

    def varint(self):
        """LEB128, seven bits per byte, low ones first; the reader is at a byte's border before and after."""
        value = 0
        for i in range(VARINT_BYTES_MAX):
            byte = self.bits(8)
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                if value > UINT32_MAX:
                    break
                return value
        raise FormatError("varint of more than 32 bits")

    def align(self):
        """Goes on to the next byte; what is between must be zeros."""
        if self.bits(-self._position % 8) != 0:
            raise FormatError("padding is not zero")
