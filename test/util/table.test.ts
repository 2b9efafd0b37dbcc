import { expect } from 'chai';
import { Table } from '../../lib/util/table.ts';

describe('Table', () => {
  it('nothing in it', () => {
    const empty = Table.of(new Map<string, number>());
    expect(empty.size).to.equal(0);
    expect(empty.get('a')).to.equal(undefined);
    expect(empty.has('a')).to.equal(false);
    expect([...empty]).to.deep.equal([]);
  });

  it('keys that are names of properties are only keys', () => {
    const table = Table.of(new Map([['__proto__', 1]])).set('constructor', 2);
    expect([...table]).to.deep.equal([['__proto__', 1], ['constructor', 2]]);
    expect(table.has('toString')).to.equal(false);
  });

  it('is the map it was made of, in its order', () => {
    const map = new Map([['b', 1], ['a', 2]]);
    const table = Table.of(map);
    expect([...table]).to.deep.equal([...map]);
    expect([...table.keys()]).to.deep.equal(['b', 'a']);
    expect([...table.values()]).to.deep.equal([1, 2]);
    const seen: [string, number][] = [];
    table.forEach((value, key) => seen.push([key, value]));
    expect(seen).to.deep.equal([...map]);
  });

  it('a copy knows nothing of what is set later in the other, values and keys', () => {
    const first = Table.of(new Map([['a', 1]]));
    const second = Table.of(first).set('a', 2).set('b', 3);
    first.set('c', 4);
    const third = Table.of(second).set('d', 5);
    expect([...first]).to.deep.equal([['a', 1], ['c', 4]]);
    expect([...second]).to.deep.equal([['a', 2], ['b', 3]]);
    expect([...third]).to.deep.equal([['a', 2], ['b', 3], ['d', 5]]);
  });

  it('a value that is undefined is there', () => {
    const table = Table.of(new Map<string, number | undefined>([['a', undefined]]));
    expect(table.has('a')).to.equal(true);
    expect([...table]).to.deep.equal([['a', undefined]]);
  });
});
