/**
 * A map whose copy costs next to nothing: many values under keys that stay the same, of which one changes at a time. The keys
 * are shared between copies; iteration is in the order of the keys' first setting.
 */
export class Table<V> implements ReadonlyMap<string, V> {
  #places: Map<string, number>;
  readonly #values: V[];
  /** Nobody else has these keys. */
  #ownPlaces: boolean;

  private constructor(places: Map<string, number>, values: V[], ownPlaces: boolean) {
    this.#places = places;
    this.#values = values;
    this.#ownPlaces = ownPlaces;
  }

  /** A copy that is the caller's own, to be changed by `set` until it is handed on. */
  static of<V>(map: ReadonlyMap<string, V>): Table<V> {
    if (map instanceof Table) return (map as Table<V>).#copy();
    return new Table(new Map([...map.keys()].map((key, place) => [key, place])), [...map.values()], true);
  }

  #copy(): Table<V> {
    this.#ownPlaces = false;
    return new Table(this.#places, this.#values.slice(), false);
  }

  set(key: string, value: V): this {
    const place = this.#places.get(key);
    if (place !== undefined) {
      this.#values[place] = value;
      return this;
    }
    if (!this.#ownPlaces) this.#places = new Map(this.#places);
    this.#ownPlaces = true;
    this.#places.set(key, this.#values.length);
    this.#values.push(value);
    return this;
  }

  get size(): number {
    return this.#values.length;
  }

  get(key: string): V | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values[place];
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  keys(): MapIterator<string> {
    return this.#places.keys();
  }

  values(): ArrayIterator<V> {
    return this.#values.values();
  }

  * entries(): MapIterator<[string, V]> {
    for (const [key, place] of this.#places) yield [key, this.#values[place] as V];
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(each: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this);
  }
}
