/** What a room has declared about who may see what: its grids and its rows' audiences. */
import { rowOwner, type Row } from '../../state/row.js';
import type { Table } from '../../state/table.js';
import type { Client, Followed } from '../client.js';
import { Audiences, EVERYONE, Group, NOBODY, RowAudiences, type Viewer } from './audience.js';
import { GridInterest } from './grid.js';

/** Who sees the rows of one table, and who its secret fields. */
interface TableAudiences {
  readonly rows: RowAudiences;
  readonly secrets: RowAudiences;
}

type AnyRow = Pick<Row<any>, 'id' | 'index' | 'alive'>;

export class RoomInterest {
  /** Whether clients may be sent different things. Never false again. */
  isSplit = false;
  private readonly byTable = new Map<Table, TableAudiences>();
  private grids: readonly GridInterest[] = [];
  private made: Audiences | null = null;

  /** Made when first asked for: rooms whose clients all see the same have no use for them. */
  get audiences(): Audiences {
    return (this.made ??= new Audiences());
  }

  addTable(table: Table, visible: boolean): void {
    this.byTable.set(table, {
      rows: new RowAudiences(table, visible ? EVERYONE : NOBODY),
      secrets: new RowAudiences(table, NOBODY),
    });
    if (!visible || table.schema.fieldList.some((field) => field.secret)) this.isSplit = true;
  }

  /**
   * Takes the room's `interest` property.
   *
   * @throws TypeError when it is nothing that `grid` returned
   */
  setGrids(interest: unknown): void {
    const list: unknown[] = interest === undefined ? [] : Array.isArray(interest) ? interest : [interest];
    for (const each of list) {
      if (!(each instanceof GridInterest)) {
        throw new TypeError('the room\'s interest is not a grid; write `interest = grid({ table: this.…, x: …, y: …, … })`');
      }
    }
    this.grids = list as GridInterest[];
    if (list.length > 0) this.isSplit = true;
    for (const { table } of this.grids) {
      if (!this.byTable.has(table)) throw new RangeError("the room's interest has a grid for a table that isn't the room's");
    }
    if (new Set(this.grids.map(({ table }) => table)).size < this.grids.length) {
      throw new RangeError("the room's interest has two grids for one table; expected one");
    }
  }

  gridOf(table: Table): GridInterest | null {
    return this.grids.find((each) => each.table === table) ?? null;
  }

  /**
   * A row that a client's view is to follow.
   *
   * @throws RangeError when it isn't a living row of a table with a grid
   */
  followed(row: object): Followed {
    const table = (row === undefined || row === null ? undefined : rowOwner(row)) as unknown as Table;
    const grid = this.gridOf(table);
    if (grid === null) throw new RangeError('client.follow(row): expected a row of a table that the room has a grid for');
    if (!(row as Followed['row']).alive) throw new RangeError('client.follow(row): the row is despawned');
    return { row: row as Followed['row'], x: grid.x, y: grid.y };
  }

  audiencesOf(table: Table, isSecret: boolean): RowAudiences {
    const audiences = this.byTable.get(table)!;
    return isSecret ? audiences.secrets : audiences.rows;
  }

  group(): Group {
    return this.audiences.group();
  }

  show(row: AnyRow, who: readonly Viewer[]): void {
    this.change(row, false, who.length === 0 ? EVERYONE : null, who, true);
  }

  hide(row: AnyRow, who: readonly Viewer[]): void {
    this.change(row, false, who.length === 0 ? NOBODY : null, who, false);
  }

  reveal(row: AnyRow, who: readonly Viewer[]): void {
    this.change(row, true, who.length === 0 ? EVERYONE : null, who, true);
  }

  conceal(row: AnyRow, who: readonly Viewer[]): void {
    this.change(row, true, who.length === 0 ? NOBODY : null, who, false);
  }

  /** The client has left the room. */
  forget(client: Client): void {
    this.made?.forget(client);
  }

  /** Ends audiences that no row has any more. Returns their ids. */
  sweep(): readonly number[] {
    const inUse = new Set<number>();
    for (const [table, { rows, secrets }] of this.byTable) {
      for (let slot = 0; slot < table.rowEnd; slot += 1) {
        if (table.alive[slot] === 0) continue;
        const row = rows.of(slot);
        const secret = secrets.of(slot);
        inUse.add(row).add(secret).add(this.audiences.bothOf(secret, row));
      }
    }
    return this.audiences.sweep(inUse);
  }

  private change(row: AnyRow, isSecret: boolean, id: number | null, who: readonly Viewer[], shows: boolean): void {
    const table = (row === undefined || row === null ? undefined : rowOwner(row)) as unknown as Table;
    if (!this.byTable.has(table)) throw new RangeError('expected a row of one of the room\'s tables, as spawn() returns it');
    if (!row.alive) throw new RangeError('the row is despawned; who sees it can only be said while it lives');
    for (const viewer of who) this.assertViewer(viewer);
    const rows = this.audiencesOf(table, isSecret);
    const slot = row.index;
    this.isSplit = true;
    if (id !== null) {
      rows.set(slot, id);
      return;
    }
    const present = this.audiences.get(rows.of(slot));
    const next = shows ? this.audiences.with(present, who) : this.audiences.without(present, who);
    rows.set(slot, next.id);
  }

  private assertViewer(viewer: Viewer): void {
    const isOurs = viewer instanceof Group ? viewer.audiences === this.audiences : typeof viewer?.sessionId === 'string';
    if (!isOurs) throw new TypeError("expected clients, and groups that this room's group() made, to say who sees a row");
  }
}
