/** Square cells over a bounded plane, numbered row by row. */
export class CellGrid {
  readonly columns: number;
  readonly rows: number;
  readonly count: number;

  constructor(
    private readonly minX: number,
    private readonly minY: number,
    maxX: number,
    maxY: number,
    readonly cellSize: number,
  ) {
    this.columns = Math.max(1, Math.ceil((maxX - minX) / cellSize));
    this.rows = Math.max(1, Math.ceil((maxY - minY) / cellSize));
    this.count = this.columns * this.rows;
  }

  /** The cell of a place; of one outside of the plane the nearest cell. */
  cellAt(x: number, y: number): number {
    return this.rowAt(y) * this.columns + this.columnAt(x);
  }

  columnAt(x: number): number {
    return clamp(Math.floor((x - this.minX) / this.cellSize), this.columns);
  }

  rowAt(y: number): number {
    return clamp(Math.floor((y - this.minY) / this.cellSize), this.rows);
  }

  /** Distance from x to the nearest point of a column of cells. */
  distanceX(column: number, x: number): number {
    return distance(this.minX + column * this.cellSize, this.cellSize, x);
  }

  /** Distance from y to the nearest point of a row of cells. */
  distanceY(row: number, y: number): number {
    return distance(this.minY + row * this.cellSize, this.cellSize, y);
  }
}

function clamp(index: number, count: number): number {
  return index < 0 ? 0 : index >= count ? count - 1 : index;
}

function distance(from: number, length: number, at: number): number {
  return at < from ? from - at : at > from + length ? at - from - length : 0;
}
