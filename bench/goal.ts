/** One figure to reach, and whether it was. Built with `atMost`, `atLeast` and `exactly`. */
export interface Goal {
  readonly name: string;
  readonly value: number;
  readonly rule: '<=' | '>=' | '=';
  readonly limit: number;
  readonly met: boolean;
}

// NaN meets nothing: every comparison with it is false.

export function atMost(name: string, value: number, limit: number): Goal {
  return { name, value, rule: '<=', limit, met: value <= limit };
}

export function atLeast(name: string, value: number, limit: number): Goal {
  return { name, value, rule: '>=', limit, met: value >= limit };
}

export function exactly(name: string, value: number, limit: number): Goal {
  return { name, value, rule: '=', limit, met: value === limit };
}
