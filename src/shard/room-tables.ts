/** The tables that a room declares, with their names for clients. */
import { tableSpecOf } from '../protocol/field-specs.js';
import type { TableSpec } from '../protocol/specs.js';
import { assertName } from '../state/schema.js';
import { Table } from '../state/table.js';

export class RoomTables {
  private readonly tables: Table[] = [];
  private names: readonly string[] = [];

  add(table: Table): void {
    this.tables.push(table);
  }

  /** In the order of their names, once they have them. */
  get list(): readonly Table[] {
    return this.tables;
  }

  /** For the handshake. */
  get specs(): TableSpec[] {
    return this.tables.map((table, t) => tableSpecOf(this.names[t]!, table.schema));
  }

  /**
   * Names them after the public properties of the room that they are assigned to.
   *
   * @throws Error when one is assigned to none
   */
  name(room: object): void {
    const names = new Map<Table, string>();
    for (const [name, value] of Object.entries(room)) {
      if (!(value instanceof Table)) continue;
      assertName('table', name);
      names.set(value, name);
    }
    const nameless = this.tables.filter((table) => !names.has(table)).length;
    if (nameless > 0) {
      throw new Error(
        `${nameless} of the room's tables belong to no property; write \`players = this.table(Player)\` in the class, ` +
          'or assign to a public property in onCreate',
      );
    }
    // By name, so that the order on the wire doesn't depend on how the class happens to be written.
    this.tables.sort((a, b) => (names.get(a)! < names.get(b)! ? -1 : 1));
    this.names = this.tables.map((table) => names.get(table)!);
  }
}
