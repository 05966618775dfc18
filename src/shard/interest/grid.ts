/**
 * Interest by place: a room's declaration that clients are sent the rows of a table that are near what they look at.
 *
 * ```
 *   +----+----+----+----+----+      radius       cells that come this near are entered
 *   |    |    |####|    |    |      leaveRadius  cells are left beyond this, so that nobody flickers at a border
 *   +----+----+----+----+----+      rings        cells further out, with fewer snapshots
 *   |    |####|# @ |####|    |
 *   +----+----+----+----+----+      @  the client's focus;  #  cells it is sent
 *   |    |    |####|    |    |
 *   +----+----+----+----+----+
 * ```
 *
 * Rows are encoded once per cell, however many clients see the cell.
 */
import { FieldKind, type Field, type Fields } from '../../state/field.js';
import { Table } from '../../state/table.js';
import { CellGrid } from './cell-grid.js';

/** Cells of one grid at most. Each costs about 20 bytes for each client. */
export const CELLS_MAX = 4096;
const RINGS_MAX = 3;

type NumberNames<F extends Fields> = { [K in keyof F]: F[K] extends Field<number> ? K : never }[keyof F] & string;

export interface GridOptions<F extends Fields> {
  /** The room's table whose rows have a place. */
  readonly table: Table<F>;
  /** Its fields for the place: `fixed`, or a whole number of 8 or 16 bits, so that the world has borders. */
  readonly x: NumberNames<F>;
  readonly y: NumberNames<F>;
  /** Edge of a cell, in the fields' units. About half the radius is a good size. */
  readonly cellSize: number;
  /** A cell is entered when its nearest point is this near to the client's focus. */
  readonly radius: number;
  /** And left when its nearest point is further than this. Default: radius + cellSize / 2. */
  readonly leaveRadius?: number;
  /** Cells further out with fewer snapshots, from the nearest ring to the farthest; at most 3. */
  readonly rings?: readonly { readonly radius: number; /** Snapshots per second. */ readonly rate: number }[];
  /**
   * Most bytes of this table in one client's snapshot; what doesn't fit waits its turn, near cells first. Default: no limit.
   * A single cell that is larger is sent all the same.
   */
  readonly snapshotBytesMax?: number;
}

/** One ring of cells about the focus, the near one included. */
export interface Ring {
  readonly enterRadius: number;
  readonly leaveRadius: number;
  /** It takes every so many-th snapshot. */
  readonly every: number;
}

/** What `grid` returns: to be assigned to the room's `interest`. */
export class GridInterest {
  readonly cells: CellGrid;
  readonly table: Table;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly snapshotBytesMax: number;
  private readonly enterRadius: number;
  private readonly leaveRadius: number;
  private readonly ringOptions: readonly { readonly radius: number; readonly rate: number }[];

  constructor(options: GridOptions<Fields>) {
    const { table, x, y, cellSize, radius } = options;
    const leaveRadius = options.leaveRadius ?? radius + cellSize / 2;
    const rings = options.rings ?? [];
    const snapshotBytesMax = options.snapshotBytesMax ?? Infinity;
    if (!(table instanceof Table)) {
      throw new TypeError('grid: table is not a table of the room; declare `interest` below the table that it names');
    }
    const [minX, maxX] = borders(table, 'x', x);
    const [minY, maxY] = borders(table, 'y', y);
    positive('cellSize', cellSize);
    positive('radius', radius);
    if (!(leaveRadius >= radius)) {
      throw new RangeError(`grid: leaveRadius is ${leaveRadius}; expected at least the radius, ${radius}`);
    }
    if (!(snapshotBytesMax >= 64)) {
      throw new RangeError(`grid: snapshotBytesMax is ${snapshotBytesMax}; expected at least 64`);
    }
    if (rings.length > RINGS_MAX) throw new RangeError(`grid: ${rings.length} rings; expected at most ${RINGS_MAX}`);
    let inner = leaveRadius;
    for (const ring of rings) {
      positive('rings: rate', ring.rate);
      if (!(ring.radius > inner)) {
        throw new RangeError(`grid: a ring's radius is ${ring.radius}; expected more than ${inner}, where the one inside ends`);
      }
      inner = ring.radius + cellSize / 2;
    }
    this.table = table as Table;
    this.x = table.columns[x] as Float64Array;
    this.y = table.columns[y] as Float64Array;
    this.enterRadius = radius;
    this.leaveRadius = leaveRadius;
    this.ringOptions = rings;
    this.snapshotBytesMax = snapshotBytesMax;
    this.cells = new CellGrid(minX, minY, maxX, maxY, cellSize);
    if (this.cells.count > CELLS_MAX) {
      throw new RangeError(
        `grid: ${this.cells.count} cells of ${cellSize}; expected at most ${CELLS_MAX}: make cells larger or the world smaller`,
      );
    }
  }

  /** The rings, the near one first. */
  ringsAt(snapshotRateHz: number): readonly Ring[] {
    const slack = this.cells.cellSize / 2;
    return [
      { enterRadius: this.enterRadius, leaveRadius: this.leaveRadius, every: 1 },
      ...this.ringOptions.map(({ radius, rate }) => ({
        enterRadius: radius,
        leaveRadius: radius + slack,
        every: Math.max(1, Math.round(snapshotRateHz / rate)),
      })),
    ];
  }
}

/**
 * Declares that clients are sent a table's rows by place. Assign it to the room's `interest`, and tell where each client
 * looks with `client.follow(row)` or `client.lookAt(x, y)`; until then a client is sent none of the table's rows.
 *
 * @throws RangeError naming the option, its value and what is expected
 */
export function grid<F extends Fields>(options: GridOptions<F>): GridInterest {
  return new GridInterest(options as unknown as GridOptions<Fields>);
}

function borders(table: Table, option: string, name: string): [number, number] {
  const field = table.schema.fields[name];
  if (field === undefined) throw new RangeError(`grid: ${option} is ${JSON.stringify(name)}; the table has no such field`);
  const { kind, offset, step, quantumMin, quantumMax, secret } = field;
  const isWide = kind === FieldKind.Int32 || kind === FieldKind.Uint32 || kind === FieldKind.Float32;
  if (isWide || kind === FieldKind.Text || kind === FieldKind.Bool || kind === FieldKind.Angle || secret) {
    throw new RangeError(
      `grid: ${option} is field ${name}; expected a public fixed(min, max, step), or an integer of 8 or 16 bits`,
    );
  }
  return [offset + quantumMin * step, offset + quantumMax * step];
}

function positive(name: string, value: number): void {
  if (!(value > 0 && value < Infinity)) throw new RangeError(`grid: ${name} is ${value}; expected a number above 0`);
}
