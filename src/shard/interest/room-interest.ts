/** What a room has declared about who may see what: its grids and its rows' audiences. */
import { rowOwner, type Row } from '../../state/row.js';
import type { Table } from '../../state/table.js';
import type { Client } from '../client.js';
import { Audiences, EVERYONE, Group, NOBODY, RowAudiences, type Viewer } from './audience.js';
import { GridInterest } from './grid.js';

/** Who sees the rows of one table, and who its secret fields. */
interface TableAudiences {
  readonly rows: RowAudiences;
  readonly secrets: RowAudiences;
}

type AnyRow = Pick<Row<any>, 'id' | 'index' | 'alive'>;

export class RoomInterest {
  readonly audiences = new Audiences();
  private readonly byTable = new Map<Table, TableAudiences>();
  private grids: readonly GridInterest[] = [];

  addTable(table: Table, visible: boolean): void {
    this.byTable.set(table, {
      rows: new RowAudiences(table.capacity, visible ? EVERYONE : NOBODY),
      secrets: new RowAudiences(table.capacity, NOBODY),
    });
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
    if (new Set(this.grids.map(({ table }) => table)).size < this.grids.length) {
      throw new RangeError("the room's interest has two grids for one table; expected one");
    }
  }

  gridOf(table: Table): GridInterest | null {
    return this.grids.find((each) => each.table === table) ?? null;
  }

  audiencesOf(table: Table, isSecret: boolean): RowAudiences {
    const audiences = this.byTable.get(table)!;
    return isSecret ? audiences.secrets : audiences.rows;
  }

  /** Whether clients may be sent different things. */
  get isSplit(): boolean {
    if (this.grids.length > 0) return true;
    for (const [table, { rows, secrets }] of this.byTable) {
      if (rows.isUsed || rows.defaultId !== EVERYONE || secrets.isUsed) return true;
      if (table.schema.fieldList.some((field) => field.secret)) return true;
    }
    return false;
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
    this.audiences.forget(client);
  }

  /** Ends audiences that no row has any more. Returns their ids. */
  sweep(): readonly number[] {
    const inUse = new Set<number>();
    for (const [table, { rows, secrets }] of this.byTable) {
      for (let slot = 0; slot < table.rowEnd; slot += 1) {
        const generation = table.image.generations[slot]!;
        if (generation === 0) continue;
        inUse.add(rows.of(slot, generation));
        inUse.add(secrets.of(slot, generation));
      }
    }
    return this.audiences.sweep(inUse);
  }

  private change(row: AnyRow, isSecret: boolean, id: number | null, who: readonly Viewer[], shows: boolean): void {
    if (!row.alive) throw new RangeError('the row is despawned; its audience can only be set while it is alive');
    const table = rowOwner(row) as unknown as Table;
    const rows = this.byTable.has(table) ? this.audiencesOf(table, isSecret) : undefined;
    if (rows === undefined) throw new RangeError('the row belongs to no table of this room');
    for (const viewer of who) {
      if (!(viewer instanceof Group) && typeof viewer?.sessionId !== 'string') {
        throw new TypeError(`${String(viewer)} can't be shown anything; expected clients, and groups of this.group()`);
      }
    }
    const slot = row.index;
    const generation = row.id >>> 16;
    if (id !== null) {
      rows.set(slot, generation, id);
      return;
    }
    const present = this.audiences.get(rows.of(slot, generation));
    const next = shows ? this.audiences.with(present, who) : this.audiences.without(present, who);
    rows.set(slot, generation, next.id);
  }
}
