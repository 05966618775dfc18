"""A room's state as a client holds it: rows, streams, and how a snapshot body changes them."""

from collections import Counter

from bit_reader import WIDTHS, BitReader, FormatError, to_int32, unzigzag

LAYOUT, DELTA, LAID_DELTA, KEYFRAME, DROP, MOVES = range(6)
KIND_NAMES = ("layout", "delta", "laid_delta", "keyframe", "drop", "moves")

STREAM_MAX = 2**16 - 1
GENERATION_MAX = 2**16 - 1

MASK_NONE, MASK_ALL, MASK_BITMAP, MASK_SPARSE = range(4)

FNV_OFFSET = 0x811C9DC5
FNV_PRIME = 0x01000193
TABLE_END = 0x7461626C


class Row:
    """One row of a facet. ``stream`` is the stream that brought it last."""

    __slots__ = ("generation", "stream", "quanta", "motions", "texts")

    def __init__(self, generation, stream):
        self.generation = generation
        self.stream = stream
        self.quanta = []
        self.motions = []
        self.texts = []


class FacetState:
    """The rows of one facet, and which slots each stream lists."""

    def __init__(self, facet, counts):
        self.facet = facet
        self.counts = counts
        self.rows = {}
        #: Stream number: ascending slots. A stream may still list a row that another has taken over meanwhile.
        self.streams = {}
        self.layout = None
        self.written = set()

    def begin(self, is_keyframe):
        """A new body: layouts are valid within one, and a keyframe begins with no streams."""
        self.layout = None
        self.written = set()
        if is_keyframe:
            self.streams = {}

    def end(self):
        """Removes rows that are in no stream any more."""
        listed = {number: set(slots) for number, slots in self.streams.items()}
        for slot, row in list(self.rows.items()):
            if slot not in listed.get(row.stream, ()):
                del self.rows[slot]

    def element(self, kind, bits):
        """Reads one element after its tag, up to where its padding begins."""
        if kind == LAYOUT:
            self.layout = self._read_layout(bits)
            return
        number = bits.varint()
        if number > STREAM_MAX:
            raise FormatError(f"stream {number}")
        if kind == DROP:
            self.streams.pop(number, None)
            return
        if number in self.written:
            raise FormatError(f"stream {number} twice in one body")
        self.written.add(number)
        if kind == KEYFRAME:
            self._read_keyframe(bits, number)
            return
        if kind == MOVES:
            self._read_members(bits, number)
            return
        layout = self._read_layout(bits) if kind == LAID_DELTA else self.layout
        if layout is None:
            raise FormatError("a delta before the first layout")
        self._read_delta(bits, number, layout)

    def _read_layout(self, bits):
        """For each numeric field: whether its motion goes on, and the width of its residuals."""
        return [(bits.bits(1) == 1, WIDTHS[bits.bits(4)]) for _ in self.facet.numbers]

    def _read_slots(self, bits, count):
        """Yields the slot and generation of ``count`` rows. The rest of a row may be read before the next."""
        slot = -1
        for _ in range(count):
            slot += bits.gamma() + 1
            if slot >= self.facet.capacity:
                raise FormatError(f"slot {slot} in a table of {self.facet.capacity}")
            generation = bits.gamma() + 1
            if generation > GENERATION_MAX:
                raise FormatError(f"generation {generation}")
            yield slot, generation

    def _read_text(self, bits, field):
        length = bits.gamma()
        if length > field.bytes_max:
            raise FormatError(f"{field.name} has {length} bytes, at most {field.bytes_max} allowed")
        return field.check_text(bits.octets(length))

    # --- Delta ---------------------------------------------------------------

    def _read_delta(self, bits, number, layout):
        rows = self._read_members(bits, number)
        self.counts["kept"] += len(rows)
        if not rows:
            return
        self._read_columns(bits, layout, rows)
        if self.facet.texts:
            self._read_changed_texts(bits, rows)

    def _read_members(self, bits, number):
        """Reads who departs and who arrives. Returns the rows that stay."""
        slots = self._read_departed(bits, self.streams.get(number, []))
        arrived = self._read_arrived(bits, number)
        kept = [slot for slot in slots if slot not in arrived]
        self.streams[number] = sorted(kept + list(arrived))
        rows = [self._row_of(number, slot) for slot in kept]
        self.rows.update(arrived)
        self.counts["arrived"] += len(arrived)
        self.counts["departed"] += len(slots) - len(kept)
        return rows

    def _row_of(self, number, slot):
        row = self.rows.get(slot)
        if row is None or row.stream != number:
            raise FormatError(f"stream {number} goes on with slot {slot}, which another stream has taken over")
        return row

    def _read_departed(self, bits, slots):
        """Returns the slots that stay."""
        departed = set()
        index = -1
        for _ in range(bits.gamma()):
            index += bits.gamma() + 1
            if index >= len(slots):
                raise FormatError(f"row {index} of {len(slots)} departs")
            departed.add(index)
        self.counts["departed"] += len(departed)
        return [slot for i, slot in enumerate(slots) if i not in departed]

    def _read_arrived(self, bits, number):
        """Returns the new rows by slot."""
        arrived = {}
        for slot, generation in self._read_slots(bits, bits.gamma()):
            row = Row(generation, number)
            for field in self.facet.numbers:
                row.quanta.append(field.check(field.from_raw(bits.bits(field.raw_bits))))
                row.motions.append(0)
            for field in self.facet.texts:
                row.texts.append(self._read_text(bits, field))
            arrived[slot] = row
        return arrived

    def _read_columns(self, bits, layout, rows):
        masked = self._read_mask(bits, len(rows))
        columns = []
        for _, width in layout:
            residuals = [0] * len(rows)
            if masked:
                for position, z in zip(masked, bits.column(len(masked), width)):
                    residuals[position] = unzigzag(z)
            columns.append(residuals)
        for f, (field, (linear, _)) in enumerate(zip(self.facet.numbers, layout)):
            for row, residual in zip(rows, columns[f]):
                old = row.quanta[f]
                predicted = old + row.motions[f] if linear else old
                row.quanta[f] = field.check(field.wrap(predicted + residual))
                row.motions[f] = field.motion(old, row.quanta[f])

    @staticmethod
    def _read_mask(bits, row_count):
        """Returns the positions of the rows that have codes in the columns."""
        mode = bits.bits(2)
        if mode == MASK_NONE:
            return []
        if mode == MASK_ALL:
            return list(range(row_count))
        if mode == MASK_BITMAP:
            return [position for position in range(row_count) if bits.bits(1) == 1]
        count = bits.gamma() + 1
        if count > row_count:
            raise FormatError(f"{count} rows of {row_count} in the mask")
        return list(bits.positions(row_count, count))

    def _read_changed_texts(self, bits, rows):
        if bits.bits(1) == 0:
            return
        position = -1
        for _ in range(bits.gamma() + 1):
            position += bits.gamma() + 1
            if position >= len(rows):
                raise FormatError(f"texts of row {position} of {len(rows)}")
            mask = bits.bits(len(self.facet.texts))
            for t, field in enumerate(self.facet.texts):
                if mask >> t & 1:
                    rows[position].texts[t] = self._read_text(bits, field)
                    self.counts["texts"] += 1

    # --- Keyframe ------------------------------------------------------------

    def _read_keyframe(self, bits, number):
        rows = {}
        for slot, generation in self._read_slots(bits, bits.gamma()):
            rows[slot] = Row(generation, number)
        self.streams[number] = sorted(rows)
        self.rows.update(rows)
        self.counts["keyframe_rows"] += len(rows)
        if not rows:
            return
        for field in self.facet.numbers:
            width = WIDTHS[bits.bits(4)]
            reference = unzigzag(bits.big())
            for row, z in zip(rows.values(), bits.column(len(rows), width)):
                row.quanta.append(field.check(to_int32(reference + z)))
        for _ in self.facet.numbers:
            motions = [0] * len(rows)
            if bits.bits(1) == 1:
                motions = [unzigzag(z) for z in bits.column(len(rows), WIDTHS[bits.bits(4)])]
                self.counts["motions"] += sum(motion != 0 for motion in motions)
            for row, motion in zip(rows.values(), motions):
                row.motions.append(motion)
        for field in self.facet.texts:
            for row in rows.values():
                row.texts.append(self._read_text(bits, field))


class RoomState:
    """All tables of a room."""

    def __init__(self, tables):
        self.tables = tables
        self.counts = Counter()
        #: In the order of their numbers: each table's public one, then its secret one.
        self.facets = [
            FacetState(facet, self.counts)
            for table in tables
            for facet in (table.public, table.secret)
            if facet is not None
        ]
        self.tick = None

    def apply(self, tick, is_keyframe, body):
        """Takes one snapshot body. Raises FormatError, after which the state is of no use."""
        bits = BitReader(body)
        try:
            for facet in self.facets:
                facet.begin(is_keyframe)
            while not bits.at_end:
                self._element(bits)
            for facet in self.facets:
                facet.end()
        except FormatError as error:
            raise FormatError(f"{error} (before {bits.place} of the body's {len(body)} bytes)") from error
        self.tick = tick

    def _element(self, bits):
        number, kind = divmod(bits.varint(), 8)
        if number >= len(self.facets):
            raise FormatError(f"facet {number} of {len(self.facets)}")
        if kind > MOVES:
            raise FormatError(f"element of kind {kind}")
        self.facets[number].element(kind, bits)
        bits.align()
        self.counts[KIND_NAMES[kind]] += 1

    def rows(self, table):
        """Yields (slot, generation, values) by ascending slot; values are quanta, and bytes where the field is text."""
        held = {facet.facet: facet.rows for facet in self.facets}
        secret = held.get(table.secret, {})
        for slot, row in sorted(held[table.public].items()):
            sources = {False: _values(row), True: _values(_same(row, secret.get(slot)))}
            values = [
                next(sources[field.secret][field.is_text], b"" if field.is_text else 0) for field in table.fields
            ]
            yield slot, row.generation, values

    def row_count(self):
        """Rows held in all tables."""
        return sum(1 for table in self.tables for _ in self.rows(table))

    def hash(self):
        """FNV-1a over words: what the room's own hash of the same tick is compared with."""
        value = FNV_OFFSET

        def take(word):
            nonlocal value
            value = ((value ^ (word & 0xFFFFFFFF)) * FNV_PRIME) & 0xFFFFFFFF

        for table in self.tables:
            for slot, generation, values in self.rows(table):
                take(slot)
                take(generation)
                for each in values:
                    if isinstance(each, bytes):
                        take(len(each))
                        for octet in each:
                            take(octet)
                    else:
                        take(each)
            take(TABLE_END)
        return value


def _same(row, other):
    """``other`` if it has the id of ``row``, which is in the same slot."""
    return other if other is not None and other.generation == row.generation else None


def _values(row):
    """What a facet's row holds, to be taken in declared order: by [is_text]. Nothing where there is no row."""
    if row is None:
        return {False: iter(()), True: iter(())}
    return {False: iter(row.quanta), True: iter(row.texts)}
