import { expect } from 'chai';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The project's directory; this runs from dist/test. */
const PROJECT = dirname(createRequire(import.meta.url).resolve('../../package.json'));

describe('the walls of the house', function () {
  // A busy machine takes its time.
  this.timeout(30_000);
  it('every room of lib/ stands in the table of eslint.config.js', async () => {
    const { ROOMS, WIRING } = (await import(pathToFileURL(join(PROJECT, 'eslint.config.js')).href)) as { ROOMS: object; WIRING: readonly string[] };
    const rooms = readdirSync(join(PROJECT, 'lib'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms.map((entry) => entry.name)).to.have.members([...Object.keys(ROOMS), ...WIRING].filter((room) => existsSync(join(PROJECT, 'lib', room))));
    expect(rooms.length).to.be.greaterThan(5);
  });

  it('no import cycle in lib/', () => {
    const graph = importGraph();
    expect(graph.size).to.be.greaterThan(30);
    expect(cycles(graph)).to.deep.equal([]);
  });

  it('a cycle would be found', () => {
    const graph = new Map([['a', ['b']], ['b', ['c', 'd']], ['c', ['a']], ['d', []]]);
    expect(cycles(graph)).to.deep.equal(['a → b → c → a']);
  });

  it('no folder of lib/ has a barrel file', () => {
    const barrels = [...importGraph().keys()].filter((path) => /.\/index\.ts$/.test(path) && path !== 'lib/index.ts');
    expect(barrels).to.deep.equal([]);
  });
});

/** File → the files of lib/ it imports, type-only imports left out: those are gone at run time. */
function importGraph(): Map<string, string[]> {
  const lib = join(PROJECT, 'lib');
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  return new Map(
    files.map((name) => {
      const path = join(lib, name);
      const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
      const imported = [...code.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?['"](\.[^'"]+)['"]/gm)].map((found) => found[1] ?? '');
      return [relative(PROJECT, path), imported.map((to) => relative(PROJECT, join(dirname(path), to)))];
    }),
  );
}

/** Every cycle once, as a readable path. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (at: string, path: readonly string[]): void => {
    const before = path.indexOf(at);
    if (before >= 0) {
      found.push([...path.slice(before), at].join(' → '));
      return;
    }
    if (done.has(at)) return;
    for (const next of graph.get(at) ?? []) walk(next, [...path, at]);
    done.add(at);
  };
  for (const start of graph.keys()) walk(start, []);
  return found;
}
