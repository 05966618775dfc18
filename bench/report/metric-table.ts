/**
 * All metrics of a report as tables. A measure that was taken at several sizes is one row with a column for each: arena has
 * some 200 metrics, and nobody compares `escapementRssMiBAt32` and `escapementRssMiBAt64` across 40 lines.
 */
import { markup, type Markup } from './markup.js';
import { fullNumber, inWords, sizedName, unitOf } from './metric-name.js';

type Metrics = Readonly<Record<string, number>>;

/** Measures that were taken at sizes of one kind. */
interface Family {
  /** What the sizes are of, as far as names say: `at … two cores`. */
  readonly kind: string;
  readonly sizes: Set<number>;
  /** By stem, the names by size. */
  readonly rows: Map<string, Map<number, string>>;
}

export function metricTables(metrics: Metrics): Markup {
  const families = familiesOf(Object.keys(metrics));
  const ofFamilies = new Set(families.flatMap(({ rows }) => [...rows.values()].flatMap((names) => [...names.values()])));
  const single = Object.entries(metrics).filter(([name]) => !ofFamilies.has(name));
  return markup`${single.length === 0 ? undefined : singleTable(single)}${families.map((each) => familyTable(each, metrics))}`;
}

function familiesOf(names: readonly string[]): Family[] {
  const families = new Map<string, Family>();
  for (const name of names) {
    const sized = sizedName(name);
    if (sized === undefined) continue;
    const { stem, relation, size, tail } = sized;
    const kind = inWords(`${relation} … ${tail}`).trim();
    let family = families.get(kind);
    if (family === undefined) families.set(kind, (family = { kind, sizes: new Set(), rows: new Map() }));
    family.sizes.add(size);
    let row = family.rows.get(stem);
    if (row === undefined) family.rows.set(stem, (row = new Map()));
    row.set(size, name);
  }
  // One size only is an ordinary name with digits in it.
  return [...families.values()].filter(({ sizes }) => sizes.size > 1);
}

function singleTable(metrics: readonly (readonly [string, number])[]): Markup {
  const rows = metrics.map(([name, value]) => markup`
<tr><th scope="row"><code>${name}</code></th><td class="number">${fullNumber(value)}</td><td>${unitOf(name)}</td></tr>`);
  return markup`<div class="wide"><table>
<thead><tr><th>metric</th><th class="number">value</th><th>unit</th></tr></thead>
<tbody>${rows}
</tbody></table></div>
`;
}

function familyTable({ kind, sizes, rows }: Family, metrics: Metrics): Markup {
  const columns = [...sizes].sort((a, b) => a - b);
  const heads = columns.map((size) => markup`<th class="number">${kind.replace('…', size.toLocaleString('en-US'))}</th>`);
  const lines = [...rows].map(([stem, names]) => {
    const cells = columns.map((size) => {
      const name = names.get(size);
      if (name === undefined) return markup`<td class="number muted">–</td>`;
      return markup`<td class="number" title="${name}">${fullNumber(metrics[name]!)}</td>`;
    });
    return markup`
<tr><th scope="row"><code>${stem}</code></th>${cells}<td>${unitOf(stem)}</td></tr>`;
  });
  return markup`<div class="wide"><table>
<thead><tr><th>metric</th>${heads}<th>unit</th></tr></thead>
<tbody>${lines}
</tbody></table></div>
`;
}
