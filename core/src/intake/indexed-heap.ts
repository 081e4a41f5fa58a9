// A binary heap whose members know their place in it, so that any of them can leave or move in O(log n).
// Not for: members that sit in two heaps at a time.

export interface HeapMember {
  /** The place in the heap, -1 outside. Kept by the heap alone. */
  place: number;
}

export class IndexedHeap<T extends HeapMember> {
  readonly #members: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** @param before whether `a` leaves the heap ahead of `b`; it may change for a member only between `add`, `moved` and `remove`. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#members.length;
  }

  get first(): T | undefined {
    return this.#members[0];
  }

  add(member: T): void {
    this.#rise(member, this.#members.push(member) - 1);
  }

  remove(member: T): void {
    const { place } = member;
    const last = this.#members.pop() as T;
    member.place = -1;
    if (last === member) return;
    last.place = place;
    this.#members[place] = last;
    this.moved(last);
  }

  /** The member's rank has changed. */
  moved(member: T): void {
    this.#sink(member, this.#rise(member, member.place));
  }

  #rise(member: T, from: number): number {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#members[parent] as T;
      if (!this.#before(member, above)) break;
      this.#put(above, place);
      place = parent;
    }
    this.#put(member, place);
    return place;
  }

  #sink(member: T, from: number): void {
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#members.length) break;
      const right = this.#members[child + 1];
      if (right !== undefined && this.#before(right, this.#members[child] as T)) child += 1;
      const below = this.#members[child] as T;
      if (!this.#before(below, member)) break;
      this.#put(below, place);
      place = child;
    }
    this.#put(member, place);
  }

  #put(member: T, place: number): void {
    this.#members[place] = member;
    member.place = place;
  }
}
