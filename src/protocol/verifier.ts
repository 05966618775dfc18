/**
 * The FlatBuffers verifier: nothing that came over a network is read before it has passed here, but for inputs in our own
 * spelling, which six comparisons verify (`hasFramePrefix`).
 *
 * The JavaScript FlatBuffers runtime checks no bound, so 64 bytes may claim a vector of 2^31 elements. This walks a
 * frame once from its root along a `TableShape` and checks every word that a generated accessor would follow. What it
 * accepts can be read with the generated code without leaving the frame. Any legal layout passes: it assumes nothing
 * about the order of parts, shared vtables, vtables behind their tables, or fields of later schema versions.
 *
 * Cost: parts of a FlatBuffer may be shared, so a small frame could spell a huge tree (n offsets to one table with n
 * offsets to one string). Every part is therefore charged its bytes each time it is reached. Where nothing is shared
 * the sum is at most the frame's length; over `BUDGET_PER_BYTE` times that the frame is refused. A step of the walk
 * costs a constant and is charged at least 4 bytes, hence O(bytes).
 *
 * The accepted case allocates nothing. The format: https://flatbuffers.dev/internals/
 */
import { readI32, readU16, readU32 } from './little-endian.js';
import { Problem } from './verifier-problems.js';
import { CLIENT_FRAME, SERVER_FRAME } from './verifier-schemas.js';
import { FieldType, type FieldShape, type TableShape } from './verifier-shape.js';
import { isUtf8 } from './verifier-utf8.js';

export { Problem, problemOf, problemText } from './verifier-problems.js';

/** Longest client frame that is looked at. The payload limit of a server is far lower (4 KiB unless configured). */
export const CLIENT_FRAME_BYTES_MAX = 64 * 1024;
/** Longest server frame that is looked at: a keyframe of a room with several full tables stays below. */
export const SERVER_FRAME_BYTES_MAX = 16 * 1024 * 1024;

const FRAME_BYTES_MIN = 8;
const DEPTH_MAX = 8;
// Strings and vtables are shared by real builders. With short names the sum reaches 2 to 3 times the frame.
const BUDGET_PER_BYTE = 8;
// Generated accessors read vtable entries as signed 16-bit words: a greater one would turn negative there.
const INLINE_BYTES_MAX = 0x7fff;

// Field ids that both roots share.
const HEAD = 0;
const BODY = 1;
// 2 is the type of the event.
const EVENT = 3;
const FIELDS_MAX = 16;

const NO_BYTES = new Uint8Array(0);

/**
 * Verifies frames of one root table, one at a time. After `verify` or `walk` returned 0 it tells where the fields of
 * the root and of its union's table lie, until the next call.
 */
export class FrameVerifier {
  /** Byte offset of each root field by its id; 0 where absent. For offset fields, of what they point to. */
  readonly rootFieldAt = new Int32Array(FIELDS_MAX);
  /** The same for the table in the root's union. Of use only while `eventType` is not 0. */
  readonly eventFieldAt = new Int32Array(FIELDS_MAX);
  /** The root union's type, 0 for none. */
  eventType = 0;
  /** After a refusal: the byte at which the problem was found. */
  problemOffset = 0;
  /** Tables, fields and elements looked at and string bytes read by the last walk. */
  steps = 0;

  private bytes: Uint8Array = NO_BYTES;
  private length = 0;
  private budget = 0;

  constructor(
    private readonly root: TableShape,
    private readonly bytesMax: number,
  ) {}

  /** Walks the frame, then asks for exactly one of: head with body, or event. Returns 0 or a problem code. */
  verify(bytes: Uint8Array): number {
    const problem = this.walk(bytes);
    if (problem !== 0) return problem;
    const fieldAt = this.rootFieldAt;
    if (this.eventType !== 0) {
      return (fieldAt[HEAD]! | fieldAt[BODY]!) === 0 ? 0 : this.refuse(Problem.EventBesideBody, 0, fieldAt[EVENT]!);
    }
    if (fieldAt[HEAD] === 0) {
      return this.refuse(fieldAt[BODY] === 0 ? Problem.NothingInside : Problem.HeadMissing, 0, 0);
    }
    return fieldAt[BODY] === 0 ? this.refuse(Problem.BodyMissing, 0, 0) : 0;
  }

  /** Walks everything the root reaches. Returns 0 or a problem code. */
  walk(bytes: Uint8Array): number {
    const length = bytes.length;
    this.steps = 0;
    this.eventType = 0;
    if (length < FRAME_BYTES_MIN) return this.refuse(Problem.TooShort, 0, 0);
    if (length > this.bytesMax) return this.refuse(Problem.TooLong, 0, this.bytesMax);
    this.bytes = bytes;
    this.length = length;
    this.budget = length * BUDGET_PER_BYTE;
    const problem = this.walkReference(0, this.root, 1);
    this.bytes = NO_BYTES; // or a socket's last frame would live until its next
    return problem;
  }

  /** The table behind the offset word at `at`. */
  private walkReference(at: number, shape: TableShape, depth: number): number {
    const offset = readU32(this.bytes, at);
    if (offset < 4) return this.refuse(Problem.OffsetNotForward, shape.place, at);
    if (at + offset > this.length - 4) return this.refuse(Problem.TableOutside, shape.place, at);
    return this.walkTable(at + offset, shape, depth);
  }

  /*
   *   vtable:  u16 vtable bytes | u16 table bytes | u16 place of field 0 in its table, 0 = absent | of field 1 | ...
   *   table:   i32 table - vtable | fields, each at a place of its own choice
   *
   * The first 4 bytes of the table are inside.
   */
  private walkTable(at: number, shape: TableShape, depth: number): number {
    const bytes = this.bytes;
    const length = this.length;
    if (depth > DEPTH_MAX) return this.refuse(Problem.TooDeep, shape.place, at);
    if ((at & 3) !== 0) return this.refuse(Problem.Misaligned, shape.place, at);
    const vtable = at - readI32(bytes, at);
    if (vtable < 0 || vtable > length - 4) return this.refuse(Problem.VtableOutside, shape.place, at);
    if ((vtable & 1) !== 0) return this.refuse(Problem.Misaligned, shape.place, at);
    const vtableBytes = readU16(bytes, vtable);
    if (vtableBytes < 4 || (vtableBytes & 1) !== 0 || vtableBytes > length - vtable || vtableBytes > INLINE_BYTES_MAX) {
      return this.refuse(Problem.VtableSize, shape.place, vtable);
    }
    const tableBytes = readU16(bytes, vtable + 2);
    if (tableBytes < 4 || tableBytes > length - at || tableBytes > INLINE_BYTES_MAX) {
      return this.refuse(Problem.TableSize, shape.place, vtable + 2);
    }
    this.budget -= tableBytes;
    if (this.budget < 0) return this.refuse(Problem.OverBudget, shape.place, at);

    // The front reads hot frames from what the walk notes here, and never starts the FlatBuffers runtime for them.
    const fieldAt = depth === 1 ? this.rootFieldAt : depth === 2 ? this.eventFieldAt : null;
    const fields = shape.fields;
    const fieldCount = fields.length;
    this.steps += 1 + fieldCount;
    let unionType = 0;
    for (let id = 0; id < fieldCount; id++) {
      const field = fields[id]!;
      const entry = 4 + 2 * id;
      const place = entry < vtableBytes ? readU16(bytes, vtable + entry) : 0;
      let target = 0;
      if (place === 0) {
        if (field.required) return this.refuse(Problem.RequiredMissing, field.place, at);
        if (field.type === FieldType.Union && unionType !== 0) {
          return this.refuse(Problem.UnionValueMissing, field.place, at);
        }
      } else {
        target = at + place;
        if (place < 4 || place + field.bytes > tableBytes) {
          return this.refuse(Problem.FieldOutside, field.place, vtable + entry);
        }
        if ((target & (field.align - 1)) !== 0) return this.refuse(Problem.Misaligned, field.place, target);
        switch (field.type) {
          case FieldType.Scalar:
            break;
          case FieldType.Enum:
            if (bytes[target + field.valueAt]! > field.valueMax) {
              return this.refuse(Problem.EnumUnknown, field.place, target + field.valueAt);
            }
            break;
          case FieldType.Finite:
            // All eleven exponent bits set: an infinity or NaN.
            if ((readU16(bytes, target + 6) & 0x7ff0) === 0x7ff0) {
              return this.refuse(Problem.NotFinite, field.place, target);
            }
            break;
          case FieldType.UnionType:
            unionType = bytes[target]!;
            if (unionType > field.valueMax) return this.refuse(Problem.UnionTypeUnknown, field.place, target);
            if (depth === 1) this.eventType = unionType;
            break;
          case FieldType.Union: {
            if (unionType === 0) return this.refuse(Problem.UnionTypeMissing, field.place, target);
            const problem = this.walkReference(target, field.tables[unionType - 1]!, depth + 1);
            if (problem !== 0) return problem;
            target += readU32(bytes, target);
            break;
          }
          default: {
            const problem = this.walkVector(target, field, depth);
            if (problem !== 0) return problem;
            target += readU32(bytes, target);
          }
        }
      }
      if (fieldAt !== null) fieldAt[id] = target;
    }
    return 0;
  }

  /** The vector or string behind the offset word at `at`: u32 count, then its elements. */
  private walkVector(at: number, field: FieldShape, depth: number): number {
    const bytes = this.bytes;
    const offset = readU32(bytes, at);
    if (offset < 4) return this.refuse(Problem.OffsetNotForward, field.place, at);
    const vector = at + offset;
    if (vector > this.length - 4) return this.refuse(Problem.OffsetOutside, field.place, at);
    if ((vector & 3) !== 0) return this.refuse(Problem.Misaligned, field.place, vector);
    const count = readU32(bytes, vector);
    const start = vector + 4;
    const bytesLeft = this.length - start;
    const elementBytes = field.type === FieldType.Tables ? 4 : 1;
    if (count * elementBytes > bytesLeft) return this.refuse(Problem.VectorTooLong, field.place, vector);
    this.budget -= 4 + count * elementBytes;
    if (this.budget < 0) return this.refuse(Problem.OverBudget, field.place, vector);

    if (field.type === FieldType.Text) {
      const end = start + count;
      if (count === bytesLeft || bytes[end] !== 0) return this.refuse(Problem.StringUnterminated, field.place, end);
      this.steps += count;
      if (!isUtf8(bytes, start, end)) return this.refuse(Problem.StringNotUtf8, field.place, start);
    } else if (field.type === FieldType.Tables) {
      const element = field.tables[0]!;
      this.steps += count;
      for (let i = 0; i < count; i++) {
        const problem = this.walkReference(start + 4 * i, element, depth + 1);
        if (problem !== 0) return problem;
      }
    }
    return 0;
  }

  private refuse(problem: number, place: number, offset: number): number {
    this.problemOffset = offset;
    return problem | (place << 8);
  }
}

/** A verifier for what clients send. Each reader has its own, so two frames can be open at once. */
export const createClientVerifier = (): FrameVerifier => new FrameVerifier(CLIENT_FRAME, CLIENT_FRAME_BYTES_MAX);

/** A verifier for what the server sends. */
export const createServerVerifier = (): FrameVerifier => new FrameVerifier(SERVER_FRAME, SERVER_FRAME_BYTES_MAX);

const clientVerifier = createClientVerifier();
const serverVerifier = createServerVerifier();

/**
 * Checks one whole message from a client. Returns 0 when the generated code may read it, otherwise a code for
 * `problemText`. O(bytes), allocates nothing.
 */
export function verifyClientFrame(bytes: Uint8Array): number {
  return clientVerifier.verify(bytes);
}

/** The same for one whole message from a server, for the client SDK. */
export function verifyServerFrame(bytes: Uint8Array): number {
  return serverVerifier.verify(bytes);
}
